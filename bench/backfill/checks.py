"""What must be true of a backfill: as the live path, nothing twice, nothing missing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.backfill import runs
from bench.backfill.live import Finish, Reported
from bench.backfill.runs import Ran
from tests.end_to_end.receivers import Dx, Received


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How many deployments were compared with the live path, by kind, and what differs.

    `ordered` counts those whose pull requests are the same in another order, which means nothing:
    wrong clocks leave it open.
    """

    kinds: Counter[str]
    pulls: int
    ordered: int
    differences: tuple[str, ...]


def compared(ran: Ran, of_live: Sequence[tuple[Finish, Reported | str]]) -> Compared:
    """Compare a backfill's files with what the live path reported."""
    rows = runs.rows(ran.csv)
    lines = {line["id"]: line for line in runs.lines(ran.output)}
    known = {each.body["reference_id"] for _, each in of_live if isinstance(each, Reported)}
    more: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for line in lines.values():
        if line["id"] not in known:
            more[line["finished_at"], line["commit_sha"], line["success"]].append(line["service"])
    differences = [
        f"{finish.kind} {finish.deployment.id}, {finish.state}: {difference}"
        for finish, reported in of_live
        for difference in (
            *_differences(reported, rows, lines),
            *(f"{service} too many" for service in more[_known_by(finish)]),
        )
    ]
    if rows.keys() != lines.keys():
        differences.append("the CSV file and the lines have other ids")
    ordered = sum(
        isinstance(reported, Reported)
        and (line := lines.get(reported.body["reference_id"])) is not None
        and [*reported.pulls] != (numbers := [each["number"] for each in line["pull_requests"]])
        and sorted(reported.pulls) == sorted(numbers)
        for _, reported in of_live
    )
    return Compared(
        kinds=Counter(finish.kind for finish, _ in of_live),
        ordered=ordered,
        pulls=sum(len(each.pulls) for _, each in of_live if isinstance(each, Reported)),
        differences=tuple(differences),
    )


def _differences(
    live: Reported | str, rows: Mapping[str, Mapping[str, Any]], lines: Mapping[str, dict[str, Any]]
) -> Iterator[str]:
    if isinstance(live, str):
        return
    id_ = live.body["reference_id"]
    row, line = rows.get(id_), lines.get(id_)
    if row is None or line is None:
        yield f"{id_} is not in the files"
        return
    # DX is told of the success only where there is none.
    row = {name: value for name, value in row.items() if (name, value) != ("success", True)}
    for name in sorted(row.keys() | live.body.keys()):
        yield from _difference(name, row.get(name), live.body.get(name))
    pulls = tuple(each["number"] for each in line["pull_requests"])
    yield from _difference("pull requests", pulls, live.pulls)
    yield from _difference("previous SHA", line["previous_sha"] or "", live.previous_sha)
    yield from _difference("rollback", line["rollback"], live.is_rollback)
    yield from _difference("attribution", line["attribution"], live.attribution)


def _difference(name: str, ours: Any, live: Any) -> Iterator[str]:
    if ours == live:
        return
    if isinstance(ours, list | tuple) and isinstance(live, list | tuple):
        missing, more = Counter(live) - Counter(ours), Counter(ours) - Counter(live)
        if missing or more:
            yield f"{name}: {missing.total()} missing, {more.total()} too many, of {len(live)}"
    else:
        yield f"{name}: {ours!r}, by the live path {live!r}"


def of_all(ran: Ran, finishes: Sequence[Finish]) -> tuple[str, ...]:
    """Return what is wrong with the files: each finish is there, once, and in order of time."""
    lines = list(runs.lines(ran.output))
    times = [line["finished_at"] for line in lines]
    found = Counter((line["finished_at"], line["commit_sha"], line["success"]) for line in lines)
    wanted = Counter(map(_known_by, finishes))
    complaints = []
    if found != wanted:
        missing, more = wanted - found, found - wanted
        complaints.append(f"{missing.total()} deployments are missing, {more.total()} too many")
    if times != sorted(times):
        complaints.append("the deployments are not in order of time")
    if [line["id"] for line in lines] != list(runs.rows(ran.csv)):
        complaints.append("the CSV file and the lines differ")
    return tuple(complaints)


def _known_by(finish: Finish) -> tuple[str, str, bool]:
    return runs.iso(finish.at), finish.deployment.sha, finish.state == "success"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What reached DX; `again` counts those that came twice, with the same bytes."""

    reports: int
    again: int
    complaints: tuple[str, ...]


def arrived(dx: Dx, content: bytes) -> Arrived:
    """Compare what reached DX with the CSV file."""
    rows = runs.rows(content)
    taken: dict[str, list[Received]] = {}
    complaints = []
    for each in dx.received:
        if each.status != 200:
            complaints.append(f"DX refused {each.body!r} with {each.status}")
        else:
            taken.setdefault(each.json["reference_id"], []).append(each)
    if missing := rows.keys() - taken.keys():
        complaints.append(f"{len(missing)} of {len(rows)} never arrived")
    if unknown := taken.keys() - rows.keys():
        complaints.append(f"{len(unknown)} arrived that the CSV file does not have")
    for id_, received in taken.items():
        if len({each.body for each in received}) > 1:
            complaints.append(f"{id_} arrived with different bytes")
        body = {name: value for name, value in rows.get(id_, {}).items() if value is not True}
        if received[0].json != body:
            complaints.append(f"{id_} has another body than its row")
    first = [received[0].json["deployed_at"] for received in taken.values()]
    if first != sorted(first):
        complaints.append("they did not arrive in order of time")
    return Arrived(
        reports=len(taken),
        again=sum(len(received) - 1 for received in taken.values()),
        complaints=tuple(complaints),
    )
