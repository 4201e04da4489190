"""A long work says every ten seconds how far it is."""

import pytest

from dora_deployments.backfill.progress import Progress, sentence, span


class Clock:
    def __init__(self):
        self.seconds = 1_000.0

    def __call__(self):
        return self.seconds


def test_it_says_something_every_ten_seconds_at_most():
    clock = Clock()
    progress = Progress("DX: sent", clock)
    said = []
    for done in range(1, 61):
        clock.seconds += 1
        if line := progress.line(done * 15, 9_000):
            said.append(line)
    assert said == [
        "DX: sent 150 of 9,000, 15.0 a second, about 9 min 50 s left",
        "DX: sent 300 of 9,000, 15.0 a second, about 9 min 40 s left",
        "DX: sent 450 of 9,000, 15.0 a second, about 9 min 30 s left",
        "DX: sent 600 of 9,000, 15.0 a second, about 9 min 20 s left",
        "DX: sent 750 of 9,000, 15.0 a second, about 9 min 10 s left",
        "DX: sent 900 of 9,000, 15.0 a second, about 9 min 0 s left",
    ]


def test_after_a_long_wait_the_next_line_is_not_late():
    clock = Clock()
    progress = Progress("Read", clock)
    clock.seconds += 100
    assert progress.line(50, remark="pages") == "Read 50 pages, 30.0 a minute"
    clock.seconds += 9
    assert progress.line(60) is None
    clock.seconds += 1
    assert progress.line(110, 220, "pages") == (
        "Read 110 of 220 pages, 1.0 a second, about 1 min 50 s left"
    )


@pytest.mark.parametrize(
    ("done", "total", "seconds", "words"),
    [
        (0, None, 10, "Read 0"),
        (0, 5, 10, "Read 0 of 5"),
        (5, 5, 10, "Read 5 of 5, 30.0 a minute, about 0 s left"),
        (1_200, 10_000, 80.5, "Read 1,200 of 10,000, 14.9 a second, about 9 min 50 s left"),
        (19, None, 20, "Read 19, 0.9 a second"),
        (25_000, None, 10, "Read 25,000, 2,500.0 a second"),
        (1, 2, 3_600, "Read 1 of 2, 1.0 an hour, about 1 h 0 min left"),
        (2, 3, 7_199, "Read 2 of 3, 1.0 an hour, about 1 h 0 min left"),
    ],
)
def test_a_line_has_the_rate_and_the_time_that_is_left(done, total, seconds, words):
    assert sentence("Read", done, total, "", seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3_599.4, "59 min 59 s"),
        (3_599.6, "1 h 0 min"),
        (10_000, "2 h 46 min"),
        (100_000, "27 h 46 min"),
    ],
)
def test_a_span_has_its_two_largest_units(seconds, words):
    assert span(seconds) == words
