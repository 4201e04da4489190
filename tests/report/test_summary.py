"""The summary shows everything, and no text in it is anything but text."""

import html
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dora_deployments.backends.datadog import Datadog
from dora_deployments.backends.dx import Dx
from dora_deployments.delivery import deliver
from dora_deployments.report.account import Account
from dora_deployments.report.summary import LIMIT, summary
from dora_deployments.report.text import Scrubber, neutral
from tests.builders import deployment
from tests.report import markdown
from tests.report.accounts import (
    BASE,
    FINISHED,
    ID,
    SHA,
    carried,
    fact,
    outcome,
    pull_request,
    resolved,
    services,
    shipped,
)
from tests.report.hostile import TEXT

KEY = "fedcba9876543210fedcba9876543210"
NOTHING = Scrubber(())
MORE = "<p>More did not fit here; the log of the step has it all.</p>\n"
DATADOG = Datadog(url="https://api.datadoghq.com", api_key=KEY)
DX = Dx(url="https://acme.getdx.net/api", token=KEY)


def lines(*texts):
    return "".join(f"{text}\n" for text in texts)


# --- whole summaries


def test_a_delivery_is_shown_whole():
    shop = deployment()
    account = Account(
        status="partial",
        headline="Recorded in part only; DX lacks <shop>",
        advice="Mend `dx-token`, then run <this> again",
        resolved=resolved(
            shop,
            version=fact("v1.2", "release.tag_name, as `version` is empty"),
            shipped=shipped(
                pull_request(5, title="Fix <b> & `x`, @grace"), pull_request(30, merged_at=None)
            ),
        ),
        warnings=("`team` is odd; see https://x.test",),
        deliveries=deliver.prepare([shop], [DX]),
        outcomes=(
            outcome(),
            outcome(
                "rejected",
                backend="DX",
                message="DX answered 403: the token may not do this; check the scopes of"
                " `dx-token`",
                detail="forbidden <b>",
                http_status=403,
                attempts=2,
            ),
        ),
    )

    assert summary(account, NOTHING) == lines(
        "<h3>\u26a0\ufe0f Recorded in part only; DX lacks &lt;shop&gt;</h3>",
        "",
        "<p>Mend <code>dx-token</code>, then run &lt;this&gt; again.</p>",
        "",
        "<table>",
        "<tr><th>Backend</th><th>Service</th><th>Status</th><th>Attempts</th>"
        "<th>Message</th><th>Id</th></tr>",
        "<tr><td>DX</td><td><code>shop</code></td><td>\u274c rejected</td>"
        "<td>2</td><td>DX answered 403: the token may not do this; check the scopes of"
        " <code>dx-token</code><br>It said: <code>forbidden &lt;b&gt;</code></td>"
        f"<td><code>{ID}</code></td></tr>",
        "<tr><td>Datadog</td><td><code>shop</code></td><td>\u2705 delivered</td>"
        f"<td>1</td><td>recorded</td><td><code>{ID}</code></td></tr>",
        "</table>",
        "",
        "<h4>Warnings</h4>",
        "<ul>",
        "<li><code>team</code> is odd; see https://\u200bx.test</li>",
        "</ul>",
        "",
        "<h4>Shipped changes: 2, median lead time 5 h 0 min</h4>",
        "<table>",
        "<tr><th>Change</th><th>Title</th><th>Merged at</th><th>Lead time</th></tr>",
        '<tr><td><a href="https://github.com/acme/shop/pull/5">#5</a></td>'
        "<td>Fix &lt;b&gt; &amp; `x`, @\u200bgrace</td>"
        "<td>2026-05-11 04:34 UTC</td><td>5 h 0 min</td></tr>",
        '<tr><td><a href="https://github.com/acme/shop/pull/30">#30</a></td>'
        "<td>Change 30</td><td></td><td></td></tr>",
        "</table>",
        f'<p>Compared: <a href="https://github.com/acme/shop/compare/{BASE}...{SHA}">'
        "31c4933...7fd0709</a></p>",
        "",
        "<table>",
        "<tr><th>What</th><th>Value</th><th>From</th></tr>",
        f"<tr><td>commit</td><td><code>{SHA}</code></td><td>deployment.sha</td></tr>",
        "<tr><td>repository</td><td><code>acme/shop</code></td><td>repository.full_name</td></tr>",
        "<tr><td>environment</td><td><code>production</code></td>"
        "<td>deployment.environment</td></tr>",
        "<tr><td>services</td><td><code>shop</code></td><td>the repository&#x27;s name</td></tr>",
        "<tr><td>started at</td><td><code>2026-05-11T09:30:12Z</code></td>"
        "<td>deployment.created_at</td></tr>",
        "<tr><td>finished at</td><td><code>2026-05-11T09:34:40Z</code></td>"
        "<td>deployment_status.created_at</td></tr>",
        "<tr><td>outcome</td><td><code>success</code></td><td>deployment_status.state</td></tr>",
        "<tr><td>version</td><td><code>v1.2</code></td>"
        "<td>release.tag_name, as <code>version</code> is empty</td></tr>",
        "<tr><td>attribution</td><td><code>commit</code></td><td>the default</td></tr>",
        f"<tr><td>commit before</td><td><code>{BASE}</code></td>"
        "<td>the last successful deployment to &#x27;production&#x27; before</td></tr>",
        "<tr><td>changes</td><td><code>2 pull requests in 3 commits</code></td>"
        "<td>the commits 31c4933..7fd0709</td></tr>",
        "</table>",
        "",
        "<details><summary>Request body for DX, <code>shop</code>: POST"
        " <code>https://acme.getdx.net/api/deployments.create</code></summary>",
        "",
        "```json",
        "{",
        f'  "reference_id": "{ID}",',
        '  "deployed_at": "2026-05-11T09:34:40Z",',
        '  "service": {',
        '    "identifier": "shop"',
        "  },",
        '  "environment": "production",',
        '  "repository": "acme/shop",',
        f'  "commit_sha": "{SHA}",',
        '  "source_url": "https://github.com/acme/shop/actions/runs/8412399001",',
        '  "source_name": "GitHub Actions"',
        "}",
        "```",
        "",
        "</details>",
        "",
    )


def test_a_refused_run_shows_what_to_change_and_nothing_else():
    account = Account(
        status="rejected",
        headline="Bad input: nothing was sent",
        problems=("`timeout` is 'x'; write a number", "`mode` is odd"),
    )

    assert summary(account, NOTHING) == lines(
        "<h3>\u274c Bad input: nothing was sent</h3>",
        "",
        "<h4>What to change</h4>",
        "<ul>",
        "<li><code>timeout</code> is &#x27;x&#x27;; write a number</li>",
        "<li><code>mode</code> is odd</li>",
        "</ul>",
        "",
    )


def test_backends_that_are_off_are_named_below_outcomes_and_warnings():
    account = Account(
        headline="Recorded",
        off=("DX is off, since `dx-token` is empty", "So is <another>"),
        outcomes=(outcome(),),
        warnings=("odd",),
    )

    *_, odd, _, _, off, _ = summary(account, NOTHING).splitlines()

    assert off == ("<p>DX is off, since <code>dx-token</code> is empty. So is &lt;another&gt;.</p>")
    assert odd == "<li>odd</li>"


@pytest.mark.parametrize(
    ("status", "icon"),
    [
        ("delivered", "\u2705"),
        ("partial", "\u26a0\ufe0f"),
        ("rejected", "\u274c"),
        ("undelivered", "\u26a0\ufe0f"),
        ("skipped", "\u23ed\ufe0f"),
        ("dry-run", "\U0001f50d"),
    ],
)
@pytest.mark.parametrize("exit_code", [0, 1, 2, 143])
def test_every_status_of_a_run_has_its_icon_and_a_failed_step_has_that_of_a_failure(
    status, icon, exit_code
):
    account = Account(status=status, headline="So it ended", exit_code=exit_code)

    shown = "\u274c" if exit_code else icon
    assert summary(account, NOTHING) == f"<h3>{shown} So it ended</h3>\n\n"


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("delivered", "\u2705 delivered"),
        ("duplicate", "\u2705 duplicate"),
        ("rejected", "\u274c rejected"),
        ("undelivered", "\u26a0\ufe0f undelivered"),
        ("skipped", "\u23ed\ufe0f skipped"),
    ],
)
def test_every_status_of_a_delivery_has_its_icon(status, shown):
    account = Account(outcomes=(outcome(status),))

    assert f"<td>{shown}</td>" in summary(account, NOTHING)


def test_each_request_of_each_delivery_has_its_body():
    deployments = services("shop", "cart")
    account = Account(deliveries=deliver.prepare(deployments, [DATADOG, DX]))

    _, fences = markdown.read(summary(account, NOTHING))

    sent = [json.loads(request.body) for each in account.deliveries for request in each.requests]
    assert [json.loads(fence) for fence in fences] == sent
    assert len(sent) == 4


def test_what_is_not_sent_has_no_body():
    account = Account(deliveries=deliver.prepare([deployment(success=False)], [DATADOG]))

    assert summary(account, NOTHING) == "<h3>\u26a0\ufe0f </h3>\n\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`a` b `c`", "<code>a</code> b <code>c</code>"),
        ("a", "a"),
        ("``", "<code></code>"),
        ("`a", "`a"),
        ("`a` `b", "`a` `b"),
        ("`<a>` <b>", "<code>&lt;a&gt;</code> &lt;b&gt;"),
        ("`@a` @b", "<code>@a</code> @\u200bb"),
    ],
)
def test_names_in_our_sentences_are_code(text, shown):
    assert summary(Account(headline=text), NOTHING) == f"<h3>\u26a0\ufe0f {shown}</h3>\n\n"


# --- shipped changes


HEADS = "<table>\n<tr><th>Change</th><th>Title</th><th>Merged at</th><th>Lead time</th></tr>\n"


def changes_of(known):
    """Return the part of a summary between its headline and the facts."""
    shown = summary(Account(resolved=known), NOTHING)
    before, _, _ = shown.partition("<table>\n<tr><th>What</th>")
    return before.removeprefix("<h3>\u26a0\ufe0f </h3>\n\n").strip("\n")


def test_where_nothing_is_known_to_be_shipped_no_changes_are_shown():
    assert changes_of(resolved()) == ""


def test_a_range_without_pull_requests_is_still_linked_to():
    assert changes_of(resolved(shipped=shipped())) == (
        f'<p>Compared: <a href="https://github.com/acme/shop/compare/{BASE}...{SHA}">'
        "31c4933...7fd0709</a></p>"
    )


def test_changes_that_may_not_be_all_are_told_as_such():
    known = shipped(pull_request(1), since={"missing": "one could not be looked up"})
    assert changes_of(resolved(shipped=known)).startswith(
        "<h4>Shipped changes, as far as known: 1, median lead time 1 h 0 min</h4>\n"
    )
    assert changes_of(resolved(shipped=replace(known, pulls=()))).startswith("<p>Compared: ")


def test_a_merge_is_shown_without_a_range():
    assert changes_of(resolved(pulls=(pull_request(1, merged_at=FINISHED),))) == (
        "<h4>Shipped changes: 1, median lead time under 1 min</h4>\n"
        f"{HEADS}"
        '<tr><td><a href="https://github.com/acme/shop/pull/1">#1</a></td><td>Change 1</td>'
        "<td>2026-05-11 09:34 UTC</td><td>under 1 min</td></tr>\n"
        "</table>"
    )


def test_without_a_time_of_merging_there_is_no_lead_time():
    known = resolved(pulls=(pull_request(1, merged_at=None, title=""),))
    assert changes_of(known) == (
        "<h4>Shipped changes: 1</h4>\n"
        f"{HEADS}"
        '<tr><td><a href="https://github.com/acme/shop/pull/1">#1</a></td><td></td><td></td>'
        "<td></td></tr>\n"
        "</table>"
    )


def test_changes_are_linked_on_the_server_of_the_run():
    url = "https://github.acme.example:8443/acme/shop"
    known = resolved(pulls=(pull_request(9),), shipped=shipped(pull_request(9)), repository_url=url)
    shown = changes_of(known)
    assert f'<a href="{url}/pull/9">#9</a>' in shown
    assert f'<a href="{url}/compare/{BASE}...{SHA}">31c4933...7fd0709</a>' in shown


@pytest.mark.parametrize(("count", "more"), [(100, ""), (101, "1"), (5_000, "4900")])
def test_100_changes_are_shown_and_the_others_counted(count, more):
    pulls = tuple(pull_request(number) for number in range(1, count + 1))
    shown = changes_of(resolved(pulls=pulls))
    assert shown.startswith(f"<h4>Shipped changes: {count}, median lead time ")
    assert shown.count("/pull/") == 100
    assert shown.endswith(
        f'<tr><td colspan="4">and {more} more</td></tr>\n</table>' if more else "</tr>\n</table>"
    )


@pytest.mark.threat(9)
@pytest.mark.parametrize(
    ("title", "cell"),
    [
        ("</td></tr></table><script>", "&lt;/td&gt;&lt;/tr&gt;&lt;/table&gt;&lt;script&gt;"),
        ("[x](https://x.test) `a` @grace", "[x](https://\u200bx.test) `a` @\u200bgrace"),
        ("a\n\n# b\n```json", "a\\n\\n# b\\n```json"),
        ("\u202eexe.gpj\0", "\\u202eexe.gpj\\x00"),
        ("##[error]x", "## [error]x"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 299 + "\u2026"),
        ("<" * 301, "&lt;" * 299 + "\u2026"),
    ],
)
def test_a_title_is_text_and_nothing_else(title, cell):
    known = resolved(pulls=(pull_request(1, title=title),))
    shown = summary(Account(resolved=known), NOTHING)
    markdown.read(shown)
    assert f"#1</a></td><td>{cell}</td><td>" in shown


@pytest.mark.threat(9)
@pytest.mark.parametrize("name", ["<img src=x>", "a</td>", "&lt;b&gt;", KEY])
def test_a_service_that_a_config_file_names_is_text_and_nothing_else(name):
    known = resolved(services=carried(name), attributions=(fact("commit", "the default"),))
    shown = summary(Account(resolved=known), Scrubber((KEY,)))
    text, _ = markdown.read(shown)
    assert f"attribution of {name.replace(KEY, '***')}" in text.replace("\u200b", "")


@pytest.mark.threat(4)
def test_a_secret_is_taken_out_of_a_title_before_it_is_cut():
    known = resolved(pulls=(pull_request(1, title="x" * 290 + KEY),))
    shown = summary(Account(resolved=known), Scrubber((KEY,)))
    assert f"<td>{'x' * 290}***</td>" in shown
    assert KEY[:6] not in shown


# --- secrets


@pytest.mark.fault(53)
@pytest.mark.threat(4)
def test_a_secret_is_taken_out_everywhere_and_before_anything_is_cut():
    text = "x" * 190 + KEY
    secret = resolved(
        deployment(source_name=f"key {KEY}"),
        environment=fact("x" * 290 + KEY, f"a `{KEY}`"),
        services=fact((), KEY),
    )
    account = Account(
        headline=f"{KEY} <",
        problems=(KEY,),
        warnings=(KEY,),
        resolved=secret,
        outcomes=(outcome(service=KEY, message=KEY, detail=text),),
        deliveries=deliver.prepare(secret.deployments, [replace(DX, url=f"https://x/{KEY}")]),
    )

    shown = summary(account, Scrubber((KEY,)))

    assert KEY[:6] not in shown
    hidden = "(not shown, since a part of a key is in it)"
    assert f"<td>***<br>It said: <code>{hidden}</code></td>" in shown
    assert f"<code>{'x' * 290}***</code></td><td>a <code>***</code></td>" in shown
    assert "<h3>\u26a0\ufe0f *** &lt;</h3>" in shown
    assert '"source_name": "key ***"' in shown
    assert "<code>https://x/***/deployments.create</code>" in shown


@pytest.mark.fault(52)
@pytest.mark.parametrize(("length", "shown"), [(200, "x" * 200), (201, "x" * 199 + "\u2026")])
def test_the_words_of_a_server_are_cut_at_200(length, shown):
    account = Account(outcomes=(outcome(detail="x" * length),))

    assert f"It said: <code>{shown}</code>" in summary(account, NOTHING)


@pytest.mark.parametrize(("length", "shown"), [(300, "x" * 300), (301, "x" * 299 + "\u2026")])
def test_a_value_is_cut_at_300(length, shown):
    account = Account(resolved=resolved(environment=fact("x" * length)))

    assert f"<td><code>{shown}</code></td>" in summary(account, NOTHING)


# --- hostile text


@pytest.mark.threat(9)
@settings(deadline=None)
@given(TEXT, TEXT, TEXT, st.integers(0, 1))
def test_whatever_a_text_says_it_stays_text(one, other, service, count):
    # Names that inputs and payloads let pass, so that a body can be built of them.
    name = f"s{neutral(service)}"
    (of_service,) = services(name)
    account = Account(
        headline=one,
        problems=(one, other) * count,
        warnings=(other,) * count,
        off=(other,) * count,
        resolved=resolved(
            of_service,
            repository=fact(one, other),
            environment=fact(other, one),
            version=fact(one, other),
            services=carried("shop", "cart", pulls=(pull_request(1),)),
            attributions=(fact("commit", one), fact("pull-requests", other)),
            shipped=shipped(
                pull_request(1, title=one), pull_request(2, title=other), previous=fact(SHA, one)
            ),
        ),
        outcomes=(outcome(service=one, message=other, detail=one, id=other),),
        deliveries=deliver.prepare([of_service], [DATADOG, DX]),
    )

    text, fences = markdown.read(summary(account, NOTHING))

    text = text.replace("\u200b", "")
    for hostile in (one, other):
        assert neutral(hostile).replace("`", "") in text.replace("`", "")
    assert [json.loads(fence) for fence in fences] == [
        json.loads(each.requests[0].body) for each in account.deliveries
    ]


# --- size


@pytest.mark.fault(102)
def test_500_services_fit_with_the_failures_first():
    names = [f"service-{number:03}" for number in range(500)]
    deployments = services(*names)
    outcomes = [outcome(service=name) for name in names]
    outcomes[498] = outcome("undelivered", service=names[498])
    outcomes[499] = outcome("rejected", service=names[499])
    account = Account(
        headline="Recorded in part only",
        resolved=resolved(
            *deployments,
            services=carried(*names),
            attributions=tuple(fact("commit", "the default") for _ in names),
            shipped=shipped(*(pull_request(number) for number in range(500))),
        ),
        outcomes=tuple(outcomes),
        deliveries=deliver.prepare(deployments, [DATADOG, DX]),
    )

    shown = summary(account, NOTHING)

    text, fences = markdown.read(shown)
    assert len(shown.encode()) <= LIMIT
    assert shown.endswith(MORE)
    table = shown.partition("</table>")[0].splitlines()
    rows = [row for row in table if row.startswith("<tr><td>")]
    end = f"<td>1</td><td>recorded</td><td><code>{ID}</code></td></tr>"
    assert rows == [
        f"<tr><td>Datadog</td><td><code>{name}</code></td><td>{status}</td>{end}"
        for name, status in (
            ("service-498", "\u26a0\ufe0f undelivered"),
            ("service-499", "\u274c rejected"),
            *((name, "\u2705 delivered") for name in names[:98]),
        )
    ]
    assert table[-1] == '<tr><td colspan="6">and 400 more</td></tr>'
    assert '<tr><td colspan="4">and 400 more</td></tr>' in shown
    # Of 509 facts, 500 are about the attribution of a service.
    assert '<tr><td colspan="3">and 409 more</td></tr>' in shown
    assert "More did not fit here" in text
    assert 50 < len(fences) < 1_000


@pytest.mark.parametrize(("count", "more"), [(99, None), (100, None), (101, 1), (150, 50)])
def test_a_table_has_100_rows_and_says_how_many_more_there_are(count, more):
    account = Account(outcomes=tuple(outcome() for _ in range(count)))

    shown = summary(account, NOTHING)

    assert shown.count("\u2705 delivered") == min(count, 100)
    assert (f">and {more} more<" in shown) == (more is not None)
    assert ("more" in shown) == (more is not None)


def test_a_list_has_100_points():
    account = Account(problems=tuple(f"p{number}" for number in range(150)))

    shown = summary(account, NOTHING)

    assert "<li>p99</li>\n</ul>" in shown


@pytest.mark.parametrize("fill", ["\U0001f6d2", "\0", '"', "\U000e0041", "`", "\n"])
@pytest.mark.fault(102)
def test_hostile_text_at_full_length_fits_as_well(fill):
    long = fill * 500
    deployments = services(*(f"s{number}" for number in range(200)))
    account = Account(
        headline=long,
        problems=(long,) * 200,
        warnings=(long,) * 200,
        resolved=resolved(
            *deployments,
            environment=fact(long, long),
            services=carried(*(each.service.identifier for each in deployments)),
            attributions=tuple(fact("commit", long) for _ in deployments),
            shipped=shipped(*(pull_request(number, title=long) for number in range(200))),
        ),
        outcomes=tuple(
            outcome("rejected", service=long, message=long, detail=long) for _ in range(200)
        ),
        deliveries=deliver.prepare(deployments, [DX]),
    )

    shown = summary(account, NOTHING)

    markdown.read(shown)
    assert len(shown.encode()) <= LIMIT
    assert shown.endswith(MORE)


def body_of(size):
    """Return a delivery whose section in the summary has so many bytes."""
    prepared = deliver.prepare([deployment(metadata={"x": ""})], [DX])[0]
    empty = len(summary(Account(deliveries=(prepared,)), NOTHING).encode())
    empty -= len(summary(Account(), NOTHING).encode())
    return deliver.prepare([deployment(metadata={"x": "y" * (size - empty)})], [DX])[0]


def test_what_fits_to_the_last_byte_is_shown_and_one_byte_more_is_left_out():
    room = LIMIT - len(MORE) - len(summary(Account(), NOTHING).encode())
    fitting = summary(Account(deliveries=(body_of(room),)), NOTHING)
    too_long = summary(Account(deliveries=(body_of(room + 1),)), NOTHING)

    assert len(fitting.encode()) == LIMIT - len(MORE)
    assert too_long == f"<h3>\u26a0\ufe0f </h3>\n\n{MORE}"


def test_what_is_small_is_shown_although_something_before_it_did_not_fit():
    account = Account(deliveries=(body_of(LIMIT), body_of(1_000), body_of(LIMIT), body_of(1_000)))

    shown = summary(account, NOTHING)

    _, fences = markdown.read(shown)
    assert len(fences) == 2
    assert shown.endswith(f"</details>\n\n{MORE}")
    assert shown.count(MORE) == 1


def test_the_limit_is_counted_in_bytes():
    assert LIMIT == 100_000
    account = Account(headline="\u5e97" * (LIMIT // 2))

    assert summary(account, NOTHING) == MORE


def test_escaped_text_is_read_back_as_it_was():
    text, _ = markdown.read(summary(Account(headline="<a> &amp; \"b\" 'c'"), NOTHING))

    assert text.strip() == "\u26a0\ufe0f <a> &amp; \"b\" 'c'"
    assert html.escape("'") == "&#x27;"
