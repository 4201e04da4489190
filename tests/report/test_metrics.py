"""The metrics are shown as a table that one can read, and as charts that Mermaid can."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_deployments.actions.run import DOCS
from dora_deployments.backfill.metrics import Metrics, Record, Row, Spans, Week, metrics
from dora_deployments.report.metrics import deployments, lead_times, sections
from dora_deployments.report.text import Scrubber
from tests.backfill.test_metrics import table
from tests.backfill.worked import RECORDS, SINCE, UNTIL
from tests.report import markdown
from tests.report.hostile import TEXT

MONDAY = date(2026, 3, 2)
HOUR = timedelta(hours=1)
KEY = "fedcba9876543210fedcba9876543210"
EXAMPLE = metrics(iter(RECORDS), SINCE, UNTIL)
PLAIN = Row(
    environment="production",
    service="shop",
    succeeded=1,
    failed=0,
    days=1,
    a_week=1.0,
    lead_time=None,
    from_first_commit=None,
    failure_rate=0.0,
    recovery=None,
    unrecovered=0,
)


def written(found):
    return "\n".join(sections(found, Scrubber(()), DOCS))


def weeks(*numbers):
    """Return a week for each triple: how many succeeded and failed, and a lead time."""
    return [
        Week(
            monday=MONDAY + timedelta(weeks=at), succeeded=succeeded, failed=failed, lead_time=lead
        )
        for at, (succeeded, failed, lead) in enumerate(numbers)
    ]


def of(*rows, by_week=()):
    return Metrics(
        since=SINCE,
        until=UNTIL,
        rows=rows,
        environment=rows[0].environment,
        weeks=tuple(by_week) or EXAMPLE.weeks,
    )


def cells(row):
    """Return the cells of a row as a person reads them, with a comma for the end of a line."""
    html = next(sections(of(row), Scrubber(()), DOCS))
    found = re.findall("<td>(.*?)</td>", html)
    return [markdown.read(f"<p>{cell}</p>")[0].strip() for cell in plain(found)]


def plain(found):
    return [cell.replace("<br>", ", ").replace("&nbsp;", " ") for cell in found]


def test_the_example_is_shown_as_a_table_and_two_charts():
    assert (
        written(EXAMPLE)
        == """\
<h4>The four DORA metrics, 2026-03-02 00:00 to 2026-03-16 00:00 UTC</h4>
<table>
<tr><th>Service</th><th>Deployments</th><th>Lead time</th><th>From first commit</th>\
<th>Change failure rate</th><th>Recovery time</th></tr>
<tr><td><code>checkout</code><br>to&nbsp;<code>production</code></td>\
<td>4&nbsp;a&nbsp;week<br>8&nbsp;on&nbsp;6&nbsp;days</td>\
<td>3&nbsp;h&nbsp;30&nbsp;min<br>90&nbsp;%:&nbsp;2&nbsp;d&nbsp;16&nbsp;h<br>8&nbsp;changes</td>\
<td>1&nbsp;d&nbsp;0&nbsp;h<br>90&nbsp;%:&nbsp;3&nbsp;d&nbsp;7&nbsp;h<br>7&nbsp;changes</td>\
<td>33.3&nbsp;%<br>4&nbsp;of&nbsp;12</td>\
<td>1&nbsp;h&nbsp;10&nbsp;min<br>90&nbsp;%:&nbsp;1&nbsp;h&nbsp;50&nbsp;min<br>2&nbsp;times<br>\
1&nbsp;not&nbsp;recovered</td></tr>
</table>
<p>Times are the median, then what 90 % of them stay within. \
<a href="https://github.com/acme/dora-deployments/blob/v1/docs/metrics.md#how-each-is-counted">\
Read more</a></p>

```mermaid
---
config:
  xyChart:
    width: 900
    height: 300
  themeVariables:
    xyChart:
      plotColorPalette: "#218bff, #cf222e"
---
xychart-beta
title "Deployments by week"
x-axis ["2026-03-02", "2026-03-09"]
y-axis 0 --> 8
bar "succeeded" [8, 4]
bar "failed" [2, 2]
```
<p>Each bar is a week of <code>production</code>, named by its Monday, in UTC: blue is what \
succeeded, red what failed. The first and the last week may not be whole.</p>

```mermaid
---
config:
  xyChart:
    width: 900
    height: 300
  themeVariables:
    xyChart:
      plotColorPalette: "#218bff"
---
xychart-beta
title "Median lead time by week, in days"
x-axis ["2026-03-02", "2026-03-09"]
y-axis 0 --> 3
bar [0.1, 2.5]
```
<p>From merge to deployment, of what each week shipped.</p>
"""
    )


def test_the_page_shows_what_the_summary_of_its_example_does():
    heads = re.findall("<th>(.*?)</th>", written(EXAMPLE))[1:]
    shown = cells(EXAMPLE.rows[0])[1:]
    on_page = {metric: summary for metric, _, summary in table("metric | by hand")}
    assert on_page == {head.lower(): cell for head, cell in zip(heads, shown, strict=True)}


def test_the_page_has_the_weeks_of_its_example():
    assert table("week of") == [
        ["03-02", "6", "2", "3 h 0 min"],
        ["03-09", "2", "2", "2 d 12 h"],
    ]
    assert EXAMPLE.weeks == tuple(weeks((6, 2, 3 * HOUR), (2, 2, 60 * HOUR)))


def test_where_nothing_was_deployed_nothing_is_shown():
    assert list(sections(metrics(iter(()), SINCE, UNTIL), Scrubber(()), DOCS)) == []


def test_what_there_is_nothing_of_is_said_in_words():
    assert cells(PLAIN) == [
        "shop, to production",
        "1 a week, 1 on 1 day",
        "no change known",
        "no change known",
        "0 %, 0 of 1",
        "nothing failed",
    ]


def test_of_one_length_of_time_there_is_no_percentile():
    one = Spans(number=1, median=HOUR, ninetieth=HOUR)
    *_, lead_time, _, _, recovery = cells(replace(PLAIN, lead_time=one, recovery=one))
    assert (lead_time, recovery) == ("1 h 0 min, 1 change", "1 h 0 min, 1 time")


def test_large_numbers_are_parted_by_commas():
    many = Spans(number=45_678, median=HOUR, ninetieth=2 * HOUR)
    row = replace(
        PLAIN,
        succeeded=12_000,
        failed=3_000,
        days=1_234,
        lead_time=many,
        failure_rate=0.2,
        recovery=many,
        unrecovered=1_000,
    )
    _, deployed, lead_time, _, rate, recovery = cells(row)
    assert deployed == "1 a week, 12,000 on 1,234 days"
    assert lead_time == "1 h 0 min, 90 %: 2 h 0 min, 45,678 changes"
    assert rate == "20 %, 3,000 of 15,000"
    assert recovery == "1 h 0 min, 90 %: 2 h 0 min, 45,678 times, 1,000 not recovered"


def test_what_has_never_recovered_has_no_time():
    row = replace(PLAIN, succeeded=0, failed=3, days=0, a_week=0.0, failure_rate=1.0, unrecovered=1)
    _, deployed, *_, rate, recovery = cells(row)
    assert (deployed, rate, recovery) == (
        "0 a week, 0 on 0 days",
        "100 %, 3 of 3",
        "1 not recovered",
    )


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0.0191, "0.0191"),
        (1 / 3, "0.333"),
        (12.25, "12.2"),
        (99.44, "99.4"),
        (99.96, "100"),
        (999.6, "1,000"),
        (1234.5, "1,234"),
    ],
)
def test_how_many_a_week_has_three_digits(number, shown):
    assert cells(replace(PLAIN, a_week=number))[1] == f"{shown} a week, 1 on 1 day"


def test_long_names_are_cut():
    row = replace(PLAIN, service="s" * 61, environment="e" * 61)
    service, environment = "s" * 59 + "…", "e" * 59 + "…"
    assert cells(row)[0] == f"{service}, to {environment}"
    assert f"Each bar is a week of <code>{environment}</code>" in written(of(row))
    assert cells(replace(PLAIN, service="s" * 60))[0] == "s" * 60 + ", to production"


def test_all_services_are_named_in_words_and_it_is_said_how_they_add_up():
    html = next(sections(of(replace(PLAIN, service=None), PLAIN), Scrubber(()), DOCS))
    assert "<td>all services<br>to&nbsp;<code>production</code></td>" in html
    assert "A deployment of several services counts once for each of them." in html


def test_a_thousand_services_with_long_names_take_little_room():
    rows = [
        replace(PLAIN, service=f"{at}" + "🛒" * 200, environment="<" * 200) for at in range(1_000)
    ]
    shown = list(
        sections(of(*rows, by_week=weeks(*[(10**6, 10**6, 10**4 * HOUR)] * 53)), Scrubber(()), DOCS)
    )
    assert sum(len(section.encode()) for section in shown) < 20_000
    assert re.search(r'<td colspan="6">and 9\d\d more</td>', shown[0])
    assert len(shown) == 3


# --- the charts


def test_no_bar_is_drawn_for_nothing():
    """A number so far below zero that Mermaid's bar, which starts below it, has no height."""
    lines = deployments(weeks((0, 0, None), (50, 0, None), (0, 1, None), (49, 1, None)))
    assert lines[-3:] == [
        "y-axis 0 --> 50",
        'bar "succeeded" [-3.00, 50, 1, 50]',
        'bar "failed" [-3.00, -3.00, 1, 1]',
    ]


def test_a_few_deployments_do_not_fill_the_chart():
    assert deployments(weeks((1, 0, None)))[-3:] == [
        "y-axis 0 --> 8",
        'bar "succeeded" [1]',
        'bar "failed" [-0.48]',
    ]


@pytest.mark.parametrize(
    ("longest", "unit", "numbers"),
    [
        (timedelta(minutes=1), "minutes", "0 --> 1\nbar [0.5, 1.0]"),
        (timedelta(minutes=3), "minutes", "0 --> 3\nbar [1.5, 3.0]"),
        (timedelta(minutes=119), "minutes", "0 --> 119\nbar [59.5, 119.0]"),
        (timedelta(hours=2), "hours", "0 --> 2\nbar [1.0, 2.0]"),
        (timedelta(hours=47.5), "hours", "0 --> 48\nbar [23.8, 47.5]"),
        (timedelta(days=2), "days", "0 --> 2\nbar [1.0, 2.0]"),
        (timedelta(days=300), "days", "0 --> 300\nbar [150.0, 300.0]"),
    ],
)
def test_the_unit_of_the_lead_times_is_that_of_the_longest(longest, unit, numbers):
    lines = lead_times(weeks((1, 0, longest / 2), (1, 0, longest)))
    assert 'title "Median lead time by week, in ' + unit + '"' in lines
    assert "\n".join(lines).endswith(f"y-axis {numbers}")


def test_a_week_that_shipped_nothing_has_no_bar():
    lines = lead_times(weeks((1, 0, HOUR), (1, 0, None), (1, 0, 9 * HOUR), (1, 0, 0 * HOUR)))
    assert lines[-1] == "bar [1.0, -0.54, 9.0, -0.54]"


@pytest.mark.parametrize(
    ("last", "shown"), [(None, 1), (0 * HOUR, 1), (HOUR / 60.1, 1), (HOUR / 60, 2)]
)
def test_without_lead_times_that_can_be_seen_only_deployments_are_drawn(last, shown):
    html = written(of(PLAIN, by_week=weeks((1, 0, None), (1, 0, last))))
    assert html.count("```mermaid") == shown


@pytest.mark.parametrize(
    ("number", "named"), [(1, 1), (9, 9), (10, 5), (13, 7), (26, 9), (27, 9), (53, 9)]
)
def test_few_weeks_are_named_at_even_steps_and_no_two_alike(number, named):
    (axis,) = (
        line for line in deployments(weeks(*[(1, 0, None)] * number)) if line.startswith("x-axis")
    )
    names = re.findall('"(.*?)"', axis)
    shown = [at for at, name in enumerate(names) if name.isascii()]

    assert (len(names), len({*names}), len(shown)) == (number, number, named)
    assert names[0] == "2026-03-02"
    assert len({later - earlier for earlier, later in pairwise(shown)}) <= 1
    assert {*"".join(name for name in names if not name.isascii())} <= {"\u200b", "\u200c"}


def test_of_many_weeks_the_last_are_drawn():
    html = written(of(PLAIN, by_week=weeks((7, 0, None), *[(1, 1, HOUR)] * 53)))
    assert "Of 54 weeks the last 53 are drawn." in html
    assert "2026-03-02" not in html.partition("```mermaid")[2]
    for line in re.findall(r"^bar .*", html, re.MULTILINE):
        assert line.count(",") == 52


def test_all_of_a_year_are_drawn():
    html = written(of(PLAIN, by_week=weeks(*[(1, 1, HOUR)] * 53)))
    assert "are drawn" not in html


@pytest.mark.parametrize(
    ("ours", "foreign"),
    [
        ("Deployments by week", "Deployments of acme by week"),
        ('"2026-03-02"', '"checkout"'),
        ('"succeeded"', '"shop"'),
        ("[8, 4]", "[8, four]"),
        ("width: 900", "width: 900\n    theme: dark"),
    ],
)
def test_a_chart_that_says_anything_else_would_be_noticed(ours, foreign):
    chart = "\n".join(deployments(EXAMPLE.weeks))
    assert markdown.is_chart(chart)
    assert not markdown.is_chart(chart.replace(ours, foreign))


# --- whatever was deployed


MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(timezone.utc))  # noqa: DTZ001 - they get one
DEPLOYED = st.builds(
    Record,
    environment=TEXT | st.just("production") | st.just(KEY),
    service=TEXT | st.just(KEY),
    finished_at=MOMENTS,
    success=st.booleans(),
    merged_at=st.lists(MOMENTS, max_size=2).map(tuple),
    first_commit_at=st.lists(MOMENTS, max_size=2).map(tuple),
)


@pytest.mark.threat(7, 9)
@given(st.lists(DEPLOYED, min_size=1, max_size=12))
def test_whatever_names_there_are_they_are_text_and_nothing_else(records):
    ordered = sorted(records, key=lambda each: each.finished_at)
    until = ordered[-1].finished_at + timedelta(seconds=1)
    found = metrics(iter(ordered), ordered[0].finished_at, until)
    shown = list(sections(found, Scrubber((KEY,)), DOCS))

    text, fences = markdown.read("\n".join(shown))
    assert KEY not in text
    assert fences == []
    assert sum(len(section.encode()) for section in shown) < 20_000
