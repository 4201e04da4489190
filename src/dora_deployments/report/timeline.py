"""The shipped changes drawn: a Mermaid chart with a bar for each, from its merge to the deployment.

Of all that is shown this alone is read as a language, so nothing foreign stands in it: it is
made of numbers, times and our own words.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from dora_deployments.deployment import PullRequest
from dora_deployments.report.changes import lead_time, span

Ended = Literal["deployed", "deployment failed"]
_MOST: Final = 15  # bars
_SHORTEST: Final = timedelta(minutes=1)  # that can be seen in a chart of whole minutes
_STEPS: Final = (  # of the axis, in Mermaid's words
    ("1minute", timedelta(minutes=1)),
    ("5minute", timedelta(minutes=5)),
    ("15minute", timedelta(minutes=15)),
    ("1hour", timedelta(hours=1)),
    ("3hour", timedelta(hours=3)),
    ("6hour", timedelta(hours=6)),
    ("12hour", timedelta(hours=12)),
    ("1day", timedelta(days=1)),
    ("2day", timedelta(days=2)),
    ("1week", timedelta(weeks=1)),
    ("1month", timedelta(days=30)),
    ("3month", timedelta(days=91)),
)
_MOST_STEPS: Final = 8
_YEAR: Final = ("12month", timedelta(days=366))


def drawn(pulls: Sequence[PullRequest], finished_at: datetime) -> list[tuple[int, timedelta]]:
    """Return number and lead time of those to draw: the first whose time of merging is known.

    There are none where nothing would be seen of them.
    """
    known = ((pull.number, lead_time(pull, finished_at)) for pull in pulls)
    bars = [(number, lead) for number, lead in known if lead is not None][:_MOST]
    return bars if any(lead >= _SHORTEST for _, lead in bars) else []


def chart(bars: Sequence[tuple[int, timedelta]], finished_at: datetime, ended: Ended) -> list[str]:
    """Return the lines of the chart that has `bars`, as `drawn` returns them.

    Its times are in UTC wherever it is looked at: they name no zone, so Mermaid shows them as
    they are written. A `#` is written by its number, since it would begin a comment.
    """
    longest = max(lead for _, lead in bars)
    step, length = next((each for each in _STEPS if longest / each[1] <= _MOST_STEPS), _YEAR)
    end = _plain(finished_at)
    return [
        "gantt",
        "title From merge to deployment, in UTC",
        "dateFormat YYYY-MM-DD HH:mm",
        f"axisFormat {'%m-%d %H:%M' if length < timedelta(days=1) else '%Y-%m-%d'}",
        f"tickInterval {step}",
        "todayMarker off",
        *(
            f"#35;{number}, {span(lead)} :{_plain(finished_at - lead)}, {end}"
            for number, lead in bars
        ),
        f"{ended} :milestone, {end}, 0m",
    ]


def _plain(moment: datetime) -> str:
    return moment.isoformat(" ", "minutes").removesuffix("+00:00")
