"""The summary shows everything, and no text in it is anything but text."""

import html
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dora_deployments.backends.datadog import Datadog
from dora_deployments.backends.dx import Dx
from dora_deployments.catalogue import (
    BAD_INPUT,
    DX_403,
    NO_CREDENTIALS_ON_FORK,
    Note,
)
from dora_deployments.delivery import deliver, dispatch
from dora_deployments.report import ending
from dora_deployments.report.account import Account
from dora_deployments.report.log import Log
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


DOCS = "https://github.com/acme/dora-deployments/blob/v1/docs"
URL = "https://github.com/acme/shop"
# The line below the headline of what `resolved` returns.
LINE = (
    f'<p>Commit <a href="{URL}/commit/{SHA}"><code>7fd0709</code></a> of'
    f' <a href="{URL}">acme/shop</a>. Started 2026-05-11 09:30 UTC and took 4 min.</p>'
)


def lines(*texts):
    return "".join(f"{text}\n" for text in texts)


def notes(*texts):
    return tuple(Note(text=text, topic=BAD_INPUT, input="team") for text in texts)


def read_more(page):
    return f'<a href="{DOCS}/{page}">Read more</a>'


# --- whole summaries


def test_a_delivery_is_shown_whole():
    shop = deployment()
    account = Account(
        status="partial",
        headline="2 changes in shop reached production, but DX lacks <it>",
        advice="Fix `dx-token`, then run <this> again",
        resolved=resolved(
            shop,
            version=fact("v1.2", "release.tag_name, as `version` is empty"),
            shipped=shipped(
                pull_request(5, title="Fix <b> & `x`, @grace"), pull_request(30, merged_at=None)
            ),
        ),
        off=("Another is off, since `x` is <empty>", "So is a third"),
        warnings=notes("`team` is odd; see https://x.test"),
        deliveries=deliver.prepare([shop], [DX]),
        outcomes=(
            outcome(),
            outcome(
                "rejected",
                backend="DX",
                message="DX answered 403: the token may not do this; check the scopes of"
                " `dx-token`",
                detail="forbidden <b>",
                topic=DX_403,
                http_status=403,
                attempts=2,
            ),
        ),
    )

    assert summary(account, NOTHING) == lines(
        "<h3>\u26a0\ufe0f 2 changes in shop reached production, but DX lacks &lt;it&gt;</h3>",
        "",
        LINE.replace("</a>. Started", "</a>, version <code>v1.2</code>. Started"),
        "",
        "<table>",
        "<tr><th>Backend</th><th>Service</th><th>Status</th><th>Message</th><th>Attempts</th></tr>",
        "<tr><td>DX</td><td><code>shop</code></td><td>\u274c&nbsp;rejected</td>"
        "<td>DX answered 403: the token may not do this; check the scopes of"
        f" <code>dx-token</code>. {read_more('troubleshooting.md#dx-403')}"
        "<br>It said: <code>forbidden &lt;b&gt;</code></td><td>2</td></tr>",
        "<tr><td>Datadog</td><td><code>shop</code></td><td>\u2705&nbsp;delivered</td>"
        "<td>recorded</td><td>1</td></tr>",
        "</table>",
        "",
        "<p>Another is off, since <code>x</code> is &lt;empty&gt;. So is a third.</p>",
        "",
        "<p>Fix <code>dx-token</code>, then run &lt;this&gt; again.</p>",
        "",
        "<h4>Warnings</h4>",
        "<ul>",
        "<li><code>team</code> is odd; see https://\u200bx.test."
        f" {read_more('inputs.md#team')}</li>",
        "</ul>",
        "",
        "<h4>Shipped changes: 2, median lead time 5 h 0 min</h4>",
        "<table>",
        "<tr><th>Change</th><th>Title</th><th>Merged at</th><th>Lead time</th></tr>",
        f'<tr><td><a href="{URL}/pull/5">#5</a></td>'
        "<td>Fix &lt;b&gt; &amp; `x`, @\u200bgrace</td>"
        "<td>2026-05-11 04:34 UTC</td><td>5 h 0 min</td></tr>",
        f'<tr><td><a href="{URL}/pull/30">#30</a></td><td>Change 30</td><td></td><td></td></tr>',
        "</table>",
        f'<p>Compared: <a href="{URL}/compare/{BASE}...{SHA}">31c4933...7fd0709</a></p>',
        "",
        "```mermaid",
        "gantt",
        "title From merge to deployment, in UTC",
        "dateFormat YYYY-MM-DD HH:mm",
        "axisFormat %m-%d %H:%M",
        "tickInterval 1hour",
        "todayMarker off",
        "#35;5, 5 h 0 min :2026-05-11 04:34, 2026-05-11 09:34",
        "deployed :milestone, 2026-05-11 09:34, 0m",
        "```",
        "<p>And 1 more, not drawn.</p>",
        "",
        "<h4>Facts, and where each comes from</h4>",
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
        f"<tr><td>previous commit</td><td><code>{BASE}</code></td>"
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
        topic=BAD_INPUT,
        problems=(
            *notes("`timeout` is 'x'; write a number"),
            Note(text="<b> is odd", topic=BAD_INPUT),  # which is told once, below
        ),
    )

    assert summary(account, NOTHING) == lines(
        "<h3>\u274c Bad input: nothing was sent</h3>",
        "",
        "<h4>What to change</h4>",
        "<ul>",
        "<li><code>timeout</code> is &#x27;x&#x27;; write a number."
        f" {read_more('inputs.md#team')}</li>",
        "<li>&lt;b&gt; is odd.</li>",
        "</ul>",
        "",
        "<p>Nothing was sent, since a guess could be a wrong report."
        f" {read_more('troubleshooting.md#bad-input')}</p>",
        "",
    )


def test_a_run_that_ended_early_shows_what_that_means_and_no_changes():
    account = Account(
        status="skipped",
        headline="Not reported: a fork",
        topic=NO_CREDENTIALS_ON_FORK,
        resolved=resolved(shipped=shipped(pull_request(5))),
    )

    shown = summary(account, NOTHING)

    assert shown.startswith(
        lines(
            "<h3>\u23ed\ufe0f Not reported: a fork</h3>",
            "",
            LINE,
            "",
            "<p>GitHub gives such a run no secrets, and without a key no backend can be reached."
            " Report merges from a workflow on <code>push</code>; if Dependabot merges by itself,"
            " store the keys as Dependabot secrets too."
            f" {read_more('troubleshooting.md#no-credentials-on-fork')}</p>",
            "",
            "<h4>Facts, and where each comes from</h4>",
            "<table>",
        )
    )
    assert shown.endswith("</table>\n\n")


def test_in_mode_pull_services_nothing_was_deployed_at_any_time():
    known = replace(
        resolved(shipped=shipped(pull_request(5), merged=pull_request(5))), deployments=()
    )
    account = Account(
        headline="It touches shop", resolved=known, outcomes=(outcome(),), status="delivered"
    )
    shown = summary(account, NOTHING)
    assert shown.startswith(
        lines(
            "<h3>\u2705 It touches shop</h3>",
            "",
            f"{LINE.partition('. Started')[0]}.</p>",
            "",
            "<table>",
        )
    )
    assert "Shipped changes" not in shown


def test_problems_of_a_run_that_went_on_are_shown_with_where_to_read_more():
    account = Account(problems=notes("`a` was not sent"))
    assert f"<li><code>a</code> was not sent. {read_more('inputs.md#team')}</li>" in (
        summary(account, NOTHING)
    )


def test_a_run_that_no_backend_can_be_told_of_says_why_once():
    long = deployment(commit_sha="5" * 64)
    prepared = deliver.prepare([long], [DX])
    account = Account(
        resolved=resolved(long), deliveries=prepared, outcomes=dispatch.unsupported(prepared)
    )
    ending.finish(account, Log(io.StringIO(), NOTHING, debug=False))

    shown = summary(account, NOTHING)

    means = "DX takes commit SHAs of 7 to 40 digits, and this repository has longer ones"
    change = "set <code>attribution</code> to repository to report without them"
    more = read_more("troubleshooting.md#dx-long-sha")
    assert shown.startswith(
        lines(
            "<h3>\u23ed\ufe0f Commit 7fd0709 of shop reached production, its changes unknown; no"
            " backend takes it</h3>",
            "",
            LINE,
            "",
            "<table>",
            "<tr><th>Backend</th><th>Service</th><th>Status</th><th>Message</th>"
            "<th>Attempts</th></tr>",
            "<tr><td>DX</td><td><code>shop</code></td><td>\u23ed\ufe0f&nbsp;skipped</td>"
            f"<td>{means}; {change}. {more}</td><td>0</td></tr>",
            "</table>",
        )
    )
    assert shown.count(means) == 1
    assert "Datadog" not in shown


def test_a_message_that_does_not_say_what_to_change_is_shown_with_it():
    refused = outcome("rejected", message="refused", topic=DX_403)
    shown = summary(Account(outcomes=(refused,)), NOTHING)
    assert "<td>refused; check the scopes of <code>dx-token</code>. <a href=" in shown


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
    ("status", "exit_code", "icon"),
    [
        ("delivered", 0, "\u26a0\ufe0f"),
        ("delivered", 1, "\u274c"),
        ("skipped", 0, "\u23ed\ufe0f"),
        ("dry-run", 0, "\U0001f50d"),
    ],
)
def test_a_failed_deployment_that_was_reported_does_not_look_good(status, exit_code, icon):
    failed = resolved(success=fact(False))
    account = Account(status=status, headline="It failed", exit_code=exit_code, resolved=failed)
    assert summary(account, NOTHING).startswith(f"<h3>{icon} It failed</h3>\n")


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("delivered", "\u2705&nbsp;delivered"),
        ("duplicate", "\u2705&nbsp;duplicate"),
        ("rejected", "\u274c&nbsp;rejected"),
        ("undelivered", "\u26a0\ufe0f&nbsp;undelivered"),
        ("skipped", "\u23ed\ufe0f&nbsp;skipped"),
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

    assert "Request body" not in summary(account, NOTHING)


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
    """Return the part of a summary between the line below its headline and the facts."""
    _, _, shown = summary(Account(resolved=known), NOTHING).partition("</p>\n\n")
    return shown.partition("<h4>Facts")[0].strip("\n")


def bar(number, start, lead, step, end="deployed"):
    """Return the chart of one change."""
    return (
        lines(
            "",
            "```mermaid",
            "gantt",
            "title From merge to deployment, in UTC",
            "dateFormat YYYY-MM-DD HH:mm",
            "axisFormat %m-%d %H:%M",
            f"tickInterval {step}",
            "todayMarker off",
            f"#35;{number}, {lead} :2026-05-11 {start}, 2026-05-11 09:34",
            f"{end} :milestone, 2026-05-11 09:34, 0m",
        )
        + "```"
    )


def test_where_nothing_is_known_to_be_shipped_no_changes_are_shown():
    assert changes_of(resolved()) == ""


def test_a_range_without_pull_requests_is_still_linked_to():
    assert changes_of(resolved(shipped=shipped())) == (
        f'<p>Compared: <a href="{URL}/compare/{BASE}...{SHA}">31c4933...7fd0709</a></p>'
    )


def test_a_rollback_links_to_what_it_takes_back():
    known = resolved(shipped=shipped(relation="behind"))
    assert changes_of(known) == (
        f'<p>Taken back: <a href="{URL}/compare/{SHA}...{BASE}">7fd0709...31c4933</a></p>'
    )


def test_a_rollback_that_failed_took_nothing_back():
    known = resolved(shipped=shipped(relation="behind"), success=fact(False))
    assert changes_of(known).startswith('<p>To be taken back: <a href="')


def test_a_redeployment_has_nothing_to_compare():
    assert changes_of(resolved(shipped=shipped(relation="identical"))) == ""


def test_changes_of_a_failed_deployment_are_not_shipped():
    known = resolved(shipped=shipped(pull_request(1), range=None), success=fact(False))
    assert changes_of(known) == (
        "<h4>Changes that were to be shipped: 1</h4>\n"
        f"{HEADS.replace('Lead time', 'Waited')}"
        f'<tr><td><a href="{URL}/pull/1">#1</a></td><td>Change 1</td>'
        "<td>2026-05-11 08:34 UTC</td><td>1 h 0 min</td></tr>\n"
        f"</table>\n{bar(1, '08:34', '1 h 0 min', '15minute', 'deployment failed')}"
    )


def test_changes_that_may_not_be_all_are_told_as_such():
    known = shipped(pull_request(1), since={"missing": "one could not be looked up"})
    assert changes_of(resolved(shipped=known)).startswith(
        "<h4>Shipped changes, as far as known: 1, lead time 1 h 0 min</h4>\n"
    )
    assert changes_of(resolved(shipped=replace(known, pulls=()))).startswith("<p>Compared: ")


def test_a_merge_is_shown_without_a_range():
    assert changes_of(resolved(pulls=(pull_request(1, merged_at=FINISHED),))) == (
        "<h4>Shipped changes: 1, lead time under 1 min</h4>\n"
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
    end = f'<tr><td colspan="4">and {more} more</td></tr>\n</table>' if more else "</tr>\n</table>"
    assert f"{end}\n\n```mermaid\n" in shown
    assert shown.endswith(f"```\n<p>And {count - 15} more, not drawn.</p>")


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
        repository=fact("x" * 290 + KEY),
        environment=fact("x" * 290 + KEY, f"a `{KEY}`"),
        services=replace(carried(KEY), source=KEY),
        version=fact("x" * 290 + KEY),
    )
    account = Account(
        headline=f"{KEY} reached {'x' * 290}{KEY}",
        problems=notes(KEY),
        warnings=notes(KEY),
        resolved=secret,
        outcomes=(outcome(service=KEY, message=KEY, detail=text),),
        deliveries=deliver.prepare(secret.deployments, [replace(DX, url=f"https://x/{KEY}")]),
    )

    shown = summary(account, Scrubber((KEY,)))

    assert KEY[:6] not in shown
    hidden = "(not shown, since a part of a key is in it)"
    assert f"<td>***<br>It said: <code>{hidden}</code></td>" in shown
    assert f">{'x' * 290}***</a>, version <code>{'x' * 290}***</code>. Started" in shown
    assert f"<code>{'x' * 290}***</code></td><td>a <code>***</code></td>" in shown
    assert f" *** reached {'x' * 290}***</h3>" in shown
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
        problems=notes(one, other) * count,
        warnings=notes(other) * count,
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
        headline="Most of it is there",
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
    end = "<td>recorded</td><td>1</td></tr>"
    assert rows == [
        f"<tr><td>Datadog</td><td><code>{name}</code></td><td>{status}</td>{end}"
        for name, status in (
            ("service-498", "\u26a0\ufe0f&nbsp;undelivered"),
            ("service-499", "\u274c&nbsp;rejected"),
            *((name, "\u2705&nbsp;delivered") for name in names[:98]),
        )
    ]
    assert table[-1] == '<tr><td colspan="5">and 400 more</td></tr>'
    assert '<tr><td colspan="4">and 400 more</td></tr>' in shown
    # Of 509 facts, 500 are about the attribution of a service.
    assert '<tr><td colspan="3">and 409 more</td></tr>' in shown
    assert "More did not fit here" in text
    assert 50 < len(fences) < 1_000


@pytest.mark.parametrize(("count", "more"), [(99, None), (100, None), (101, 1), (150, 50)])
def test_a_table_has_100_rows_and_says_how_many_more_there_are(count, more):
    account = Account(outcomes=tuple(outcome() for _ in range(count)))

    shown = summary(account, NOTHING)

    assert shown.count("\u2705&nbsp;delivered") == min(count, 100)
    assert (f">and {more} more<" in shown) == (more is not None)
    assert ("more" in shown) == (more is not None)


def test_a_list_has_100_points():
    account = Account(problems=notes(*(f"p{number}" for number in range(150))))

    shown = summary(account, NOTHING)

    assert f"<li>P99. {read_more('inputs.md#team')}</li>\n<li>and 50 more</li>\n</ul>" in shown


@pytest.mark.parametrize("fill", ["\U0001f6d2", "\0", '"', "\U000e0041", "`", "\n"])
@pytest.mark.fault(102)
def test_hostile_text_at_full_length_fits_as_well(fill):
    long = fill * 500
    deployments = services(*(f"s{number}" for number in range(200)))
    account = Account(
        headline=long,
        problems=notes(long) * 200,
        warnings=notes(long) * 200,
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
    assert "\u274c&nbsp;rejected" in shown


AGAIN = summary(
    Account(deliveries=deliver.prepare([deployment(success=False)], [DATADOG])), NOTHING
)


def body_of(size):
    """Return a delivery whose section in the summary has so many bytes."""
    prepared = deliver.prepare([deployment(metadata={"x": ""})], [DX])[0]
    empty = len(summary(Account(deliveries=(prepared,)), NOTHING).encode()) - len(AGAIN.encode())
    return deliver.prepare([deployment(metadata={"x": "y" * (size - empty)})], [DX])[0]


def test_what_fits_to_the_last_byte_is_shown_and_one_byte_more_is_left_out():
    room = LIMIT - len(MORE) - len(AGAIN.encode())
    fitting = summary(Account(deliveries=(body_of(room),)), NOTHING)
    too_long = summary(Account(deliveries=(body_of(room + 1),)), NOTHING)

    assert len(fitting.encode()) == LIMIT - len(MORE)
    assert too_long == f"{AGAIN}{MORE}"


def test_what_is_small_is_shown_although_something_before_it_did_not_fit():
    account = Account(deliveries=(body_of(LIMIT), body_of(1_000), body_of(LIMIT), body_of(1_000)))

    shown = summary(account, NOTHING)

    _, fences = markdown.read(shown)
    assert len(fences) == 2
    assert shown.endswith(f"</details>\n\n{MORE}")
    assert shown.count(MORE) == 1


def test_the_limit_is_counted_in_bytes():
    assert LIMIT == 100_000
    half = LIMIT // 2

    assert summary(Account(advice="X" * half), NOTHING) == f"{AGAIN}<p>{'X' * half}.</p>\n\n"
    assert summary(Account(advice="\u5e97" * half), NOTHING) == f"{AGAIN}{MORE}"


def test_a_headline_is_cut_at_1000():
    assert summary(Account(headline="x" * 1_001), NOTHING) == (
        f"<h3>\u26a0\ufe0f {'x' * 1_000}</h3>\n\n"
    )


def test_escaped_text_is_read_back_as_it_was():
    text, _ = markdown.read(summary(Account(headline="<a> &amp; \"b\" 'c'"), NOTHING))

    assert text.strip() == "\u26a0\ufe0f <a> &amp; \"b\" 'c'"
    assert html.escape("'") == "&#x27;"
