"""A repository's past in bulk, a hundred at a time; what was read is kept, and not asked again."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from dora_deployments.actions.payload import Payload
from dora_deployments.actions.text import shown
from dora_deployments.attribution.github import graphql, trimmed
from dora_deployments.attribution.github.api import WIDTH, get, get_links
from dora_deployments.attribution.github.pages import PAGE, Loops, Pages, Reader, good
from dora_deployments.attribution.github.patient import Patient
from dora_deployments.attribution.look_ups import LookUpError

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

T = TypeVar("T")

_CONTENTS: Final = "contents: read"
_DEPLOYMENTS: Final = "deployments: read"
_PULLS: Final = "pull-requests: read"
_ACTIONS: Final = "actions: read"

# How many are asked for at once where a hundred are too many for the server.
_SIZES: Final = (100, 50, 25)
# A query walks to each ancestor, and gives up after ten seconds.
_MOST_ANCESTORS: Final = 1_000
_FEW_PARENTS: Final = 20
_MOST_PARENTS: Final = 100
_MOST_NAMED: Final = 20
# What people call the items of an answer, by the beginning of its name; the front of the pull
# requests, which is read again under other names, is not counted again.
_NOUNS: Final = {
    "deployments": "GitHub deployments",
    "statuses": "statuses of GitHub deployments",
    "releases": "releases",
    "workflows": "workflows",
    "runs": "workflow runs",
    "pulls": "merged pull requests",
    "commits": "commits",
}
_FILE: Final = re.compile(r"(?:.*/)?([^/]+\.ya?ml)", re.IGNORECASE)


class GitHubHistory:
    """What GitHub knows of a repository's past; every question may raise `LookUpError`.

    The iterators are lazy, newest first, and read ahead: whoever has enough stops. What is
    added while they read is not told twice; where something is deleted meanwhile, one that
    moved up in its place may be missed.

    Costs: a page of REST is a request of its limit. Queries have a limit of their own, in
    points, a hundredth of the connections that they open ("Rate limits and query limits for
    the GraphQL API"): one point for a page of statuses, of releases or of pull requests, and
    `(1 + deep) / 100` points for the ancestors of each commit.
    """

    def __init__(self, api: Patient, repository: str, pages: Pages) -> None:
        self._api = api
        self._slug = repository
        self._pages = pages
        self._reader = Reader(api, pages)
        self._one_by_one = False
        self._cut: list[str] = []

    @property
    def cut(self) -> list[str]:
        """Sentences on what is missing from all that was read, for the reader of the log."""
        odd = Counter[str]()
        for name, count in self._reader.odd.items():
            odd[name.partition(":")[0]] += count
        return self._cut + [
            f"{odd[kind]:,} of the {noun} could not be read and"
            f" {'is' if odd[kind] == 1 else 'are'} left out"
            for kind, noun in _NOUNS.items()
            if odd[kind]
        ]

    # --- single answers

    def repository(self) -> dict[str, Any]:
        """Return `full_name`, which is the new one of a renamed repository, `id`, `default_branch`.

        It is the first question of all: of an old name, GitHub redirects no page but the first.
        """
        path = f"/repos/{self._slug}"
        found: dict[str, Any] = self._reader.one(
            _CONTENTS, "repository", lambda client: trimmed.repository(get(client, path))
        )
        return found

    def tip(self, branch: str) -> str:
        """Return the SHA of the commit that the branch ends with."""
        path = f"{self._path()}/commits/{quote(branch, safe='')}"
        found: str = self._reader.one(
            _CONTENTS, f"tip:{branch}", lambda client: trimmed.tip(get(client, path, per_page=1))
        )
        return found

    # --- what may have been a deployment

    def deployments(self) -> Iterator[dict[str, Any]]:
        """Yield each `deployment` with its `statuses`, oldest first, in the words of REST.

        `is_tag` says whether its ref is that of a tag. A query tells it and the statuses of a
        whole page, but not which environments are transient.
        """
        path = f"{self._path()}/deployments"
        seen: set[int] = set()
        for first, batch in self._reader.batches(
            _DEPLOYMENTS, "deployments", path, trimmed.deployments
        ):
            pages = {f"statuses:{first + n}": page["items"] for n, page in enumerate(batch)}
            for listed, answer in zip(pages.values(), self._statuses(pages), strict=True):
                statuses = good(answer)["items"]
                for each in listed:
                    known = statuses.get(str(each["id"]))
                    if known is not None and each["id"] not in seen:
                        yield {"deployment": each, **known}
                    seen.add(each["id"])

    def releases(self) -> Iterator[dict[str, Any]]:
        """Yield each `release` with the `commit` of its tag, or None where that is gone."""
        slug = self._name()

        def ask(after: str | None, client: "Client") -> dict[str, Any]:
            found, errors = graphql.ask(client, graphql.RELEASES, slug, after=after)
            return trimmed.page(_whole(found, errors).get("releases"), trimmed.release)

        seen: set[int] = set()
        for items in self._reader.cursors(_CONTENTS, "releases", ask):
            for each in items:
                if each["release"]["id"] not in seen:
                    yield each
                seen.add(each["release"]["id"])

    def runs(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the runs of the workflow of that name, or in the file of that name.

        They are read without a filter, with which GitHub lists a thousand at most.
        """
        file = _FILE.fullmatch(name)
        workflow = file[1] if file else str(self._workflow(name))
        path = f"{self._path()}/actions/workflows/{quote(workflow, safe='')}/runs"
        seen: set[int] = set()
        total = 0
        try:
            for _, batch in self._reader.batches(_ACTIONS, f"runs:{workflow}", path, trimmed.runs):
                for page in batch:
                    total = total or page["total"]  # later ones count what came since
                    for run in page["items"]:
                        if run["id"] not in seen:
                            yield run
                        seen.add(run["id"])
        except LookUpError as error:
            if file and error.absent:
                raise self._no_workflow(name) from None
            raise
        if len(seen) < total:
            self._cut.append(f"GitHub listed only {len(seen):,} of the workflow's {total:,} runs")

    def merged_pulls(self, floor: datetime) -> Iterator[dict[str, Any]]:
        """Yield the merged pull requests that were updated at `floor` or later, each once.

        Of some, GitHub does not name the merge commit, which is None then.

        One that is updated while others are read moves to the front, where it would be missed;
        so the front is read again, down to where it began, until that is on a single page or
        nothing newer has come.
        """
        slug = self._name()

        def ask(after: str | None, client: "Client") -> dict[str, Any]:
            return _page_of_pulls(client, slug, after)

        seen: set[int] = set()
        newest, name = floor, "pulls"
        while True:
            down_to, sizes = newest, list[int]()
            for items in self._reader.cursors(_PULLS, name, ask):
                sizes.append(len(items))
                updated = [trimmed.moment(pull["updated_at"]) for pull in items]
                for pull, moment in zip(items, updated, strict=True):
                    if moment >= down_to and pull["number"] not in seen:
                        seen.add(pull["number"])
                        yield pull
                newest = max([newest, *updated])
                if updated and updated[-1] < down_to:
                    break
            if len(sizes) == 1 or newest == down_to:
                return
            # Where more was read than by an earlier run, the front is not as that one kept it.
            name = f"{name}.{len(sizes)}"

    # --- commits

    def commits(self, tip: str) -> Iterator[list[list[Any]]]:
        """Yield pages of `[SHA, committer date, [parents]]`, of all that the commit `tip` is made.

        The order is GitHub's, which is git's own: by date.
        """
        path = f"{self._path()}/commits"
        for _, batch in self._reader.batches(
            _CONTENTS, f"commits:{tip}", path, trimmed.commits, sha=tip
        ):
            for page in batch:
                yield page["items"]

    def ancestors(
        self, commit_shas: Sequence[str], deep: int = 100
    ) -> dict[str, list[list[Any]] | None]:
        """Return up to `deep` commits of each one's history, itself first, as `commits` has them.

        None stands for a commit that GitHub does not know.
        """
        slug = self._name()
        names = {sha: f"ancestors:{deep}:{sha}" for sha in commit_shas}
        found: dict[str, Any] = {sha: self._pages.get(name) for sha, name in names.items()}
        missing = [sha for sha, kept in found.items() if kept is None]
        size = max(1, min(PAGE, _MOST_ANCESTORS // deep))
        for batches in _cut(_cut(missing, size), WIDTH):
            answers = self._api.ask_all(
                _CONTENTS, [partial(_ancestors, slug, batch, deep) for batch in batches]
            )
            for answer in answers:
                for sha, kept in {} if isinstance(answer, LookUpError) else answer.items():
                    self._pages.put(names[sha], kept)
                    found[sha] = kept
            for answer in answers:
                good(answer)
        return {sha: kept["history"] for sha, kept in found.items()}

    # --- the repository's address

    def _name(self) -> str:
        name: str = self.repository()["full_name"]
        return name

    def _path(self) -> str:
        return f"/repos/{self._name()}"

    # --- statuses

    def _statuses(self, pages: Mapping[str, Sequence[dict[str, Any]]]) -> list[Any]:
        """Return for each page the `items` by deployment, or the failure; none of those gone."""
        path = f"{self._path()}/deployments"
        if not self._one_by_one:
            questions = {name: partial(_queried, path, page) for name, page in pages.items()}
            answers = self._reader.all(_DEPLOYMENTS, questions)
            for answer in answers:
                if isinstance(answer, LookUpError) and answer.wait is None and not answer.outage:
                    self._api.say(f"{answer}; so the statuses of each deployment are read alone")
                    self._one_by_one = True
                    break
            else:
                return answers
        return [self._by_rest(path, name, page) for name, page in pages.items()]

    def _by_rest(self, path: str, name: str, page: Sequence[dict[str, Any]]) -> Any:
        """Return the statuses of a page's deployments by ids, with a request for each of them."""
        kept = self._pages.get(name)
        if kept is not None:
            return kept
        found: dict[str, Any] = {"items": {}, "odd": 0}
        questions = [partial(_listed, f"{path}/{each['id']}/statuses") for each in page]
        for each, answer in zip(page, self._api.ask_all(_DEPLOYMENTS, questions), strict=True):
            if not isinstance(answer, LookUpError):
                statuses, odd = answer
                found["items"][str(each["id"])] = {
                    "statuses": statuses,
                    "is_tag": False,
                }  # not told
                found["odd"] += odd
            elif not answer.absent:
                return answer
        self._pages.put(name, found)
        self._reader.count(name, found)
        return found

    # --- workflows

    def _workflow(self, name: str) -> int:
        """Return the id of the one workflow of that name."""
        fitting = [each["id"] for each in self._workflows() if each["name"] == name]
        if len(fitting) != 1:
            raise self._no_workflow(name, len(fitting))
        number: int = fitting[0]
        return number

    def _workflows(self) -> list[dict[str, Any]]:
        path = f"{self._path()}/actions/workflows"
        batches = self._reader.batches(_ACTIONS, "workflows", path, trimmed.workflows)
        return [each for _, batch in batches for page in batch for each in page["items"]]

    def _no_workflow(self, name: str, fitting: int = 0) -> LookUpError:
        known = [f"{shown(each['path'])} ({shown(each['name'])})" for each in self._workflows()]
        many = f"{fitting} workflows are named {shown(name)}; write the file of one"
        listed = ", ".join(known[:_MOST_NAMED]) + (" and others" if known[_MOST_NAMED:] else "")
        return LookUpError(
            f"{many if fitting else f'no workflow is named {shown(name)}'};"
            f" the repository has {listed or 'none'}",
            absent=True,
        )


def _queried(path: str, page: Sequence[dict[str, Any]], client: "Client") -> dict[str, Any]:
    """Return the same as `_by_rest` by one query, or more if they are too many."""

    def ask(size: int) -> list[Payload | None]:
        batches = _cut([each["node_id"] for each in page], size)
        return [
            node for ids in batches for node in graphql.ask_nodes(client, graphql.STATUSES, ids)
        ]

    found: dict[str, Any] = {"items": {}, "odd": 0}
    for each, node in zip(page, _smaller(ask), strict=True):
        if node is None:
            continue
        has_more = node.flag("statuses.pageInfo.hasNextPage")
        if has_more is None:
            raise trimmed.unreadable("the statuses of a deployment")
        if has_more:
            statuses, odd = _listed(f"{path}/{each['id']}/statuses", client)
        else:
            told = trimmed.queried_statuses(node.get("statuses"))
            statuses, odd = trimmed.oldest_first(told["items"]), told["odd"]
        is_tag = node.text("ref.prefix") == "refs/tags/"
        found["items"][str(each["id"])] = {"statuses": statuses, "is_tag": is_tag}
        found["odd"] += odd
    return found


def _listed(path: str, client: "Client") -> tuple[list[dict[str, Any]], int]:
    """Return all statuses of a deployment, page by page, and how many could not be read."""
    found: list[dict[str, Any]] = []
    odd, number, more = 0, 1, True
    loops = Loops()
    while more:
        answer, links = get_links(client, path, per_page=PAGE, page=number)
        page = trimmed.statuses(answer)
        loops.look(page["items"])
        found += page["items"]
        odd += page["odd"]
        number, more = number + 1, bool(answer) and 'rel="next"' in links
    return trimmed.oldest_first(found), odd


def _page_of_pulls(client: "Client", slug: str, after: str | None) -> dict[str, Any]:
    def ask(size: int) -> Payload:
        return _whole(*graphql.ask(client, graphql.PULLS, slug, first=size, after=after))

    return trimmed.page(_smaller(ask).get("pullRequests"), trimmed.pull)


def _ancestors(
    slug: str, commit_shas: Sequence[str], deep: int, client: "Client"
) -> dict[str, dict[str, Any]]:
    """Return the `history` of each commit, None of an unknown one."""

    def ask(shas: Sequence[str], parents: int) -> dict[str, dict[str, Any]]:
        text = graphql.ancestors(shas)
        found = _whole(*graphql.ask(client, text, slug, deep=deep, parents=parents))
        histories: dict[str, dict[str, Any]] = {}
        for index, sha in enumerate(shas):
            told = found.get(f"c{index}.history")
            listed = Payload(told).get("nodes")
            if parents == _FEW_PARENTS and any(
                Payload(node).flag("parents.pageInfo.hasNextPage")
                for node in (listed if isinstance(listed, list) else ())
            ):
                histories.update(ask([sha], _MOST_PARENTS))
            else:
                known = isinstance(found.get(f"c{index}"), dict) and told is not None
                histories[sha] = {"history": trimmed.history(told) if known else None}
        return histories

    try:
        return ask(commit_shas, _FEW_PARENTS)
    except graphql.TooLargeError:
        if len(commit_shas) == 1:
            raise
        return {
            sha: kept for each in commit_shas for sha, kept in ask([each], _FEW_PARENTS).items()
        }


def _smaller(ask: "Callable[[int], T]", sizes: Sequence[int] = _SIZES) -> T:
    """Return the answer to a question of the largest size that the server has time for."""
    try:
        return ask(sizes[0])
    except graphql.TooLargeError:
        if len(sizes) == 1:
            raise
    return _smaller(ask, sizes[1:])


def _whole(found: Payload, errors: frozenset[str]) -> Payload:
    """Return the answer to a query, unless something is missing from it."""
    if errors:
        raise LookUpError("GitHub refused a part of the query")
    return found


def _cut(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
