"""The benchmark's arithmetic and its tables."""

from bench import page
from bench.measurements import Goal, Row, Sample, Title, faster, ratio


def row(name, *walls, **given):
    samples = tuple(
        Sample(wall=wall, cpu=wall / 2, peak=round(wall * 1e8), requests=1) for wall in walls
    )
    return Row(title=Title(name, name, f"does {name}"), samples=samples, **given)


def test_a_row_tells_medians_and_quartiles_that_no_outlier_moves():
    measured = row("ours", 0.4, 0.1, 0.3, 0.2, 90.0)
    assert (measured.wall, measured.cpu, measured.peak) == (0.3, 0.15, 3e7)
    assert (measured.spread, measured.requests) == ((0.2, 0.4), (1, 1))
    assert row("ours", 0.4).spread == (0.4, 0.4)


def test_a_ratio_needs_both_rows():
    slow, quick, missing = row("slow", 0.4), row("quick", 0.1), row("missing", not_run="no npm")
    assert faster([slow, missing, quick]) is quick
    assert faster([missing]) is None
    assert ratio(quick, slow, lambda each: each.wall) == 0.25
    assert ratio(quick, missing, lambda each: each.wall) is None
    assert ratio(missing, slow, lambda each: each.wall) is None
    assert ratio(quick, None, lambda each: each.wall) is None


def test_a_table_tells_what_was_not_run():
    rows = [row("ours", 0.25, 0.25), row("theirs", 1.0), row("other", not_run="there is no `jq`")]
    assert page.table(rows, rows[1]).splitlines()[2:] == [
        "| ours | 250 ms | 250 ms to 250 ms | 0.25 | 125 ms | 25 MB | 0.25 | 1 |",
        "| theirs | 1,000 ms | 1,000 ms to 1,000 ms | 1.00 | 500 ms | 100 MB | 1.00 | 1 |",
        "| other | not run: there is no `jq` | | | | | | |",
    ]
    assert page.table([row("slow", 75.0)], None).splitlines()[2:] == [
        "| slow | 75.0 s | 75.0 s to 75.0 s |  | 37.5 s | 7500 MB |  | 1 |"
    ]


def test_a_goal_is_met_missed_or_not_measured():
    measured = [0.4, 0.41, None]
    goals = [Goal(text="wall time", limit=0.4, unit=" s", measured=each) for each in measured]
    assert page.goals(goals).splitlines()[2:] == [
        "| wall time | 0.40 s | 0.40 s | met |",
        "| wall time | 0.40 s | 0.41 s | **missed** |",
        "| wall time | 0.40 s |  | not measured |",
    ]


def test_rows_that_do_the_same_share_a_note():
    same = Title("more", "more", "does ours")
    rows = [row("ours", 1.0), row("theirs", 1.0), Row(title=same, not_run="there is no `jq`")]
    assert page.notes(rows) == "- **ours**; **more**: does ours\n- **theirs**: does theirs"
