"""Whatever texts a run's account has, its files say just that, and nothing of their own."""

import contextlib
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_deployments.backends.datadog import Datadog
from dora_deployments.backends.dx import Dx
from dora_deployments.catalogue import BAD_INPUT, INCOMPLETE, Note
from dora_deployments.delivery import deliver
from dora_deployments.report import files
from dora_deployments.report.account import Account
from dora_deployments.report.log import Log
from dora_deployments.report.text import Scrubber, neutral
from tests.report import markdown, runner
from tests.report.accounts import (
    BASE,
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
BACKENDS = (Datadog(url="https://api.datadoghq.com", api_key=KEY), Dx(url="https://x/", token=KEY))
EARLIER = "earlier<<EOF\nvalue\nEOF\n"
TEXTS = TEXT | st.builds("{}{}{}".format, TEXT, st.just(KEY), TEXT)
STATUSES = st.sampled_from(
    ["delivered", "partial", "rejected", "undelivered", "skipped", "dry-run"]
)
OUTCOMES = st.lists(
    st.tuples(
        st.sampled_from(["delivered", "duplicate", "rejected", "undelivered", "skipped"]),
        st.sampled_from(["Datadog", "DX"]),
        TEXTS,
        TEXTS,
        st.none() | st.integers(100, 999),
        st.integers(0, 4),
    ),
    max_size=4,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


def written(folder, account):
    """Return both files as they are after a step before this one and this one."""
    names = {"GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "summary"}
    (folder / "output").write_bytes(EARLIER.encode())
    (folder / "summary").write_bytes(b"")
    environ = {variable: str(folder / name) for variable, name in names.items()}
    log = io.StringIO()
    with contextlib.redirect_stdout(log):
        scrub = Scrubber((KEY,))
        files.write(environ, account, scrub, Log(log, scrub))
    assert log.getvalue() == ""
    return [(folder / name).read_bytes().decode() for name in names.values()]


def plain_json(value):
    return json.dumps(value, separators=(",", ":"))


def safe(text):
    return re.sub(r"[^A-Za-z0-9 _./:@+-]", "_", text.replace(KEY, "***"))


def is_same(text, shown):
    """Return whether `shown` has `text`, less what breaks links apart and the key."""
    return neutral(text.replace(KEY, "***")).replace("\u200b", "") in shown


@pytest.mark.fault(84, 102)
@pytest.mark.threat(7, 8, 9, 19)
@given(
    status=STATUSES,
    words=st.tuples(TEXTS, TEXTS, TEXTS, TEXTS),
    identifiers=st.lists(TEXTS, min_size=1, max_size=4, unique=True),
    titles=st.lists(TEXTS, max_size=3),
    ended=OUTCOMES,
)
def test_any_texts_come_back_from_both_files_as_they_are(
    folder, status, words, identifiers, titles, ended
):
    one, environment, version, source = words
    deployments = services(*identifiers)
    pulls = tuple(pull_request(number, title=title) for number, title in enumerate(titles, 1))
    outcomes = tuple(
        outcome(
            each_status,
            service=identifiers[index % len(identifiers)],
            backend=backend,
            message=message,
            detail=detail,
            http_status=http_status,
            attempts=attempts,
        )
        for index, (each_status, backend, message, detail, http_status, attempts) in enumerate(
            ended
        )
    )
    account = Account(
        status=status,
        headline=one,
        problems=(Note(text=one, topic=BAD_INPUT), Note(text=source, topic=BAD_INPUT)),
        warnings=(Note(text=source, topic=INCOMPLETE),),
        off=(source,),
        resolved=resolved(
            *deployments,
            repository=fact("acme/shop", source),
            environment=fact(environment, one),
            version=fact(version, one),
            services=carried(*identifiers, pulls=pulls),
            attributions=tuple(fact("commit", source) for _ in deployments),
            shipped=shipped(*pulls),
            merge_commit_shas=tuple(pull.merge_commit_sha for pull in pulls),
        ),
        outcomes=outcomes,
        # Names that inputs and payloads let pass, so that bodies can be built of them.
        deliveries=deliver.prepare(services(f"s{neutral(identifiers[0])}"), BACKENDS),
    )

    output, summary = written(folder, account)

    assert KEY not in summary
    found = runner.outputs(output)
    assert found == runner.outputs(output, windows=True)
    names = json.loads(found["services"])
    assert len(names) == len({*names}) == len(identifiers)
    for name, identifier in zip(names, identifiers, strict=True):
        assert re.fullmatch(rf"{re.escape(safe(identifier))}(_\d+)?", name)
    results = json.loads(found["results"])
    messages = [result.pop("message") for result in results]
    assert all(re.fullmatch("[A-Za-z0-9 _./:@+,-]*", message) for message in messages)
    assert found == {
        "earlier": "value",
        "status": status,
        "reason": "",
        "repository": "acme/shop",
        "commit-sha": SHA,
        "previous-sha": BASE,
        "environment": safe(environment),
        "rollback": "false",
        "services": found["services"],
        "merge-commit-shas": plain_json([pull.merge_commit_sha for pull in pulls]),
        "pull-requests": plain_json([pull.number for pull in pulls]),
        "deployment-ids": plain_json({name: f"id-{at:016}" for at, name in enumerate(names)}),
        "results": found["results"],
        "undelivered-path": "",
    }
    assert results == [
        {
            "backend": each.backend.lower(),
            "service": names[identifiers.index(each.service)],
            "status": each.status,
            "id": each.id,
            "http_status": each.http_status,
            "attempts": each.attempts,
        }
        for each in outcomes
    ]

    shown, fences = markdown.read(summary)
    shown = shown.replace("\u200b", "")
    exact = [environment, version, *titles, *(each.service for each in outcomes)]
    for text in exact:
        assert is_same(text[:200], shown)
    # Backticks in a sentence mark names.
    plain = shown.replace("`", "")
    for text in (one, source, *(each.message for each in outcomes)):
        assert is_same(text.replace("`", ""), plain)
    assert [json.loads(fence) for fence in fences] == [
        json.loads(each.requests[0].body.decode().replace(KEY, "***"))
        for each in account.deliveries
    ]
