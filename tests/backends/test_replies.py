"""What any reply can be asked."""

import pytest

from dora_deployments.backends import replies
from dora_deployments.deployment import Reply


def of(body):
    return Reply(status=400, body=body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", ""),
        (b" \r\n ", ""),
        (b"one\r\ntwo\t three\n", "one two three"),
        (b"<p>No</p>", "<p>No</p>"),
        (b"caf\xc3\xa9", "caf\u00e9"),
        (b"\xff\xfea", "\ufffd\ufffda"),
        ("a key".encode("utf-16-le"), ""),
        (b"x" * replies.MAX_BODY, "x" * replies.MAX_BODY),
        (b"x" * (replies.MAX_BODY + 1), ""),
    ],
)
def test_an_excerpt_is_the_whole_body_on_one_line_unless_the_body_was_cut(body, words):
    assert replies.excerpt(of(body)) == words


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b' {"a": {"b": []}} ', {"a": {"b": []}}),
        (b"{}", {}),
        (b"[1]", {}),
        (b'"a"', {}),
        (b"", {}),
        (b'{"a": 1}'.ljust(replies.MAX_BODY), {"a": 1}),
        (b'{"a": 1}'.ljust(replies.MAX_BODY + 1), {}),
    ],
)
def test_only_an_object_that_fits_is_read_from_a_body(body, value):
    assert replies.json_object(of(body)) == value


def test_the_limit_of_a_body_is_64_kib():
    assert replies.MAX_BODY == 65_536


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "the answer is empty or broke off"),
        (b" ", "the answer is not the documented JSON"),
        (b"x" * 65_536, "the answer is not the documented JSON"),
        (b"<" * 65_537, "the answer is too long"),
        (b" <", "the answer is a web page, as of a proxy or a log-in"),
        (b"a<", "the answer is not the documented JSON"),
    ],
)
def test_a_body_that_is_not_the_documented_one_is_told_in_our_own_words(body, kind):
    assert replies.kind(of(body)) == kind
