"""The objects of GitHub's GraphQL API, as far as they are modelled.

Each class has the name of its type in the schema, and each public member answers the field of its
name: `merged_at` is `mergedAt`. One that answers a connection returns all of its nodes; `queries`
picks the page. `needs` says which permission a field wants.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from graphql import GraphQLError

from tests.end_to_end.github import history as kept
from tests.end_to_end.github.git import ChangedFile, File
from tests.end_to_end.github.hosted import FORBIDDEN, WEB, Hosted, blob_sha, iso, repository_node_id

_Order = Mapping[str, str]
# Above it GitHub cuts the text; the schema has the flag, no page has the number.
_TEXT_LIMIT: Final = 512_000
_MOST_NODES: Final = 100
# As GitHub's own pages do it, and answers that people show; it is on no page of the documentation.
_HEADLINE_LIMIT: Final = 72
_CHANGE_TYPES: Final = {
    "added": "ADDED",
    "modified": "MODIFIED",
    "removed": "DELETED",
    "renamed": "RENAMED",
    "changed": "CHANGED",
}


class Refused(GraphQLError):  # noqa: N818 - it is no mistake of ours
    """An error of a type that GitHub documents or is known to answer with."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message, extensions={"type": kind})


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """The budget of the GraphQL API, in points, as it is after this query."""

    cost: int
    node_count: int
    limit: int
    remaining: int
    used: int
    reset_at: str


class Node:
    """What the objects share: the repository that they belong to."""

    needs: ClassVar[Mapping[str, str]] = {}

    def __init__(self, hosted: Hosted) -> None:
        self._hosted = hosted
        self._history = hosted.history

    def permit(self, member: str) -> None:
        """Raise Refused if the token may not read this member."""
        if member in self.needs and not self._hosted.may(self.needs[member]):
            raise Refused("FORBIDDEN", FORBIDDEN)


class Query(Node):
    """The root."""

    def __init__(self, hosted: Hosted, rate_limit: RateLimit) -> None:
        super().__init__(hosted)
        self._rate_limit = rate_limit

    def repository(self, owner: str, name: str, *, follow_renames: bool = True) -> Repository:
        slug = f"{owner}/{name}"
        if self._hosted.is_named(slug) or (follow_renames and self._hosted.was_named(slug)):
            return Repository(self._hosted)
        raise Refused("NOT_FOUND", f"Could not resolve to a Repository with the name '{slug}'.")

    def nodes(self, ids: Sequence[str]) -> Sequence[Deployment | Refused]:
        """Find deployments alone; each that cannot be had is null, with an error of its own."""
        known = {
            self._hosted.node_id("DE", each.id): each for each in self._history.deployments.values()
        }
        if len(ids) > _MOST_NODES:
            raise Refused(
                "ARGUMENT_LIMIT",
                f"You may not provide more than {_MOST_NODES} node ids; you provided {len(ids)}.",
            )
        if not self._hosted.may("deployments"):
            return [Refused("FORBIDDEN", FORBIDDEN) for _ in ids]
        return [
            Deployment(self._hosted, known[each])
            if each in known
            else Refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{each}'")
            for each in ids
        ]

    def resource(self, url: str) -> WorkflowRun | None:
        """Find a workflow run alone, by its page; the page of a job or an attempt is no resource.

        Which permission the token needs is on no page: REST wants `actions` for the same.
        """
        # Whatever the host: a server of a company's own has another one.
        found = re.fullmatch(r"https://[^/]+/([^/]+/[^/]+)/actions/runs/([0-9]+)(/.*)?", url)
        if found is None:
            raise GraphQLError(f"resource(url: {url}) is not modelled by this stand-in")
        if not self._hosted.may("actions"):
            raise Refused("FORBIDDEN", FORBIDDEN)
        slug, run_id, below = found.groups()
        if below:
            return None
        ours = self._hosted.is_named(slug) or self._hosted.was_named(slug)
        if not ours or int(run_id) not in self._history.runs:
            raise Refused("NOT_FOUND", f"Could not resolve to a resource with the URL of '{url}'.")
        return WorkflowRun(self._hosted, self._history.runs[int(run_id)])

    def rate_limit(self, *, dry_run: bool = False) -> RateLimit:
        if dry_run:
            raise GraphQLError("rateLimit(dryRun: true) is not modelled by this stand-in")
        return self._rate_limit


class NamedRepository(Node):
    """What is known of any repository, ours or another one of its fork network."""

    def __init__(self, hosted: Hosted, slug: str | None = None) -> None:
        super().__init__(hosted)
        self.name_with_owner = slug or hosted.slug
        self.name = self.name_with_owner.partition("/")[2]
        self.database_id = hosted.id_of(self.name_with_owner)
        self.id = repository_node_id(self.database_id)
        self.url = f"{WEB}/{self.name_with_owner}"
        self.is_fork = slug is not None and not hosted.is_named(slug)


class Repository(NamedRepository):
    """Ours."""

    needs: ClassVar = {
        "default_branch_ref": "contents",
        "object": "contents",
        "ref": "contents",
        "refs": "contents",
        "releases": "contents",
        "latest_release": "contents",
        "deployments": "deployments",
        # GitHub REST API documentation, "Permissions required for GitHub Apps": "Actions".
        "environments": "actions",
        "pull_request": "pull-requests",
        "pull_requests": "pull-requests",
    }

    def is_private(self) -> bool:
        return self._hosted.private

    def default_branch_ref(self) -> Ref | None:
        return self.ref(f"refs/heads/{self._history.default_branch}")

    def object(self, oid: str | None = None, expression: str | None = None) -> GitObject | None:
        if oid is not None:
            return git_object(self._hosted, oid) if len(oid) == 40 else None
        name, colon, path = (expression or "").partition(":")
        sha = self._history.find(name)
        if sha is None:
            return None
        if not colon:
            return git_object(self._hosted, sha)
        return entry(self._hosted, self._history.commits[self._history.peeled(sha)], path)

    def ref(self, qualified_name: str) -> Ref | None:
        """Find a ref by its full name first, and else by its short one."""
        for prefix, names in self._refs().items():
            name = qualified_name.removeprefix(prefix)
            if name != qualified_name and name in names:
                return Ref(self._hosted, prefix, name, names[name])
        for prefix, names in self._refs().items():
            if qualified_name in names:
                return Ref(self._hosted, prefix, qualified_name, names[qualified_name])
        return None

    def refs(
        self,
        ref_prefix: str,
        order_by: _Order | None = None,
        direction: str = "ASC",
    ) -> Sequence[Ref]:
        names = self._refs().get(ref_prefix, {})
        refs = [Ref(self._hosted, ref_prefix, name, names[name]) for name in sorted(names)]
        if order_by and order_by["field"] == "TAG_COMMIT_DATE":
            refs.sort(key=Ref.moment)
        descending = (order_by["direction"] if order_by else direction) == "DESC"
        return refs[::-1] if descending else refs

    def releases(self, order_by: _Order | None = None) -> Sequence[Release]:
        order = order_by or {"field": "CREATED_AT", "direction": "DESC"}
        named = order["field"] == "NAME"
        releases = sorted(
            (each for each in self._history.releases.values() if not each.draft),
            key=lambda each: (each.name if named else iso(each.created_at), each.id),
            reverse=order["direction"] == "DESC",
        )
        return [Release(self._hosted, each) for each in releases]

    def latest_release(self) -> Release | None:
        full = (each for each in self.releases() if not each.is_prerelease)
        return next(full, None)

    def deployments(
        self, environments: Sequence[str] | None = None, order_by: _Order | None = None
    ) -> Sequence[Deployment]:
        return _deployments(self._hosted, environments, order_by)

    def environments(
        self,
        names: Sequence[str] = (),
        order_by: _Order | None = None,
        pinned_environment_filter: str = "ALL",
    ) -> Sequence[Environment]:
        order = order_by or {"field": "NAME", "direction": "ASC"}
        if order["field"] != "NAME" or pinned_environment_filter == "ONLY":
            raise GraphQLError("pinned environments are not modelled by this stand-in")
        found = {each.environment for each in self._history.deployments.values()}
        return [
            Environment(self._hosted, name)
            for name in sorted(found, reverse=order["direction"] == "DESC")
            if not names or name in names
        ]

    def pull_request(self, number: int) -> PullRequest:
        pull = self._history.pull(number)
        if pull is None:
            message = f"Could not resolve to a PullRequest with the number of {number}."
            raise Refused("NOT_FOUND", message)
        return PullRequest(self._hosted, pull)

    def pull_requests(
        self,
        states: Sequence[str] | None = None,
        order_by: _Order | None = None,
        base_ref_name: str | None = None,
        head_ref_name: str | None = None,
    ) -> Sequence[PullRequest]:
        """Find our own; `headRefName` is a name alone, whichever repository has the branch."""
        order = order_by or {"field": "CREATED_AT", "direction": "ASC"}
        if order["field"] == "COMMENTS":
            raise GraphQLError("comments are not modelled by this stand-in")
        history = self._history

        def moment(pull: kept.PullRequest) -> Any:
            at = history.updated(pull) if order["field"] == "UPDATED_AT" else pull.created_at
            return at, pull.id

        listed = sorted(history.pulls(), key=moment, reverse=order["direction"] == "DESC")
        found = [PullRequest(self._hosted, pull) for pull in listed]
        return [
            each
            for each in found
            if (states is None or each.state in states)
            and base_ref_name in {None, each.base_ref_name}
            and head_ref_name in {None, each.head_ref_name}
        ]

    def _refs(self) -> Mapping[str, Mapping[str, str]]:
        return {"refs/heads/": self._history.branches, "refs/tags/": self._history.tags}


class Ref(Node):
    """A branch or a tag."""

    def __init__(self, hosted: Hosted, prefix: str, name: str, sha: str) -> None:
        super().__init__(hosted)
        self.id = hosted.git_node_id("REF", prefix + name)
        self.prefix = prefix
        self.name = name
        self._sha = sha

    def target(self) -> GitObject | None:
        return git_object(self._hosted, self._sha)

    def repository(self) -> Repository:
        return Repository(self._hosted)

    def compare(self, head_ref: str) -> Comparison | None:
        head = self._history.find(head_ref)
        if head is None:
            return None
        base = self._history.peeled(self._sha)
        return Comparison(self._hosted, base, self._history.peeled(head))

    def moment(self) -> str:
        """When what it points to was made; for sorting."""
        tag = self._history.tag_objects.get(self._sha)
        return iso(tag.tagged if tag else self._history.commits[self._sha].committed)


class Comparison(Node):
    """Two commits, and what each has that the other has not."""

    def __init__(self, hosted: Hosted, base: str, head: str) -> None:
        super().__init__(hosted)
        self.id = hosted.git_node_id("CMP", f"{base}...{head}")
        self.base_target = Commit(hosted, hosted.history.commits[base])
        self.head_target = Commit(hosted, hosted.history.commits[head])
        self._ahead = hosted.history.between(base, head)
        self.ahead_by = len(self._ahead)
        self.behind_by = len(hosted.history.between(head, base))
        self.status = _COMPARED[bool(self.ahead_by), bool(self.behind_by)]

    def commits(self) -> Sequence[Commit]:
        return [Commit(self._hosted, self._history.commits[sha]) for sha in self._ahead]


_COMPARED: Final = {
    (False, False): "IDENTICAL",
    (True, False): "AHEAD",
    (False, True): "BEHIND",
    (True, True): "DIVERGED",
}


class GitObject(Node):
    """What git keeps under a SHA."""

    def __init__(self, hosted: Hosted, kind: str, sha: str) -> None:
        super().__init__(hosted)
        self._kind = kind
        self.oid = sha

    def id(self) -> str:
        return self._hosted.git_node_id(self._kind, self.oid)

    def abbreviated_oid(self) -> str:
        return self.oid[:7]

    def commit_url(self) -> str:
        return f"{self._hosted.url}/commit/{self.oid}"

    def repository(self) -> Repository:
        return Repository(self._hosted)


class Commit(GitObject):
    """A commit."""

    needs: ClassVar = {"associated_pull_requests": "pull-requests", "deployments": "deployments"}

    def __init__(self, hosted: Hosted, commit: kept.Commit) -> None:
        super().__init__(hosted, "C", commit.sha)
        self._commit = commit
        self.message = commit.message
        self.message_headline = commit.headline
        if len(commit.headline) > _HEADLINE_LIMIT:
            self.message_headline = (
                commit.headline[: _HEADLINE_LIMIT - 3] + "\N{HORIZONTAL ELLIPSIS}"
            )

    def committed_via_web(self) -> bool:
        """Say so of what the merges of pull requests made."""
        sha = self._commit.sha
        pulls = self._history.associated_pulls(sha)
        return any(sha in pull.landed and sha not in pull.commits for pull in pulls)

    def committed_date(self) -> str:
        return iso(self._commit.committed)

    def authored_date(self) -> str:
        return iso(self._commit.authored)

    def message_body(self) -> str:
        return self.message.partition("\n")[2].strip()

    def url(self) -> str:
        return self.commit_url()

    def parents(self) -> Sequence[Commit]:
        return [Commit(self._hosted, self._history.commits[sha]) for sha in self._commit.parents]

    def history(self) -> Sequence[Commit]:
        return [
            Commit(self._hosted, self._history.commits[sha]) for sha in self._history.log(self.oid)
        ]

    def associated_pull_requests(self, order_by: _Order | None = None) -> Sequence[PullRequest]:
        order = order_by or {"field": "CREATED_AT", "direction": "ASC"}
        pulls = self._history.associated_pulls(self.oid)
        if order["field"] == "UPDATED_AT":
            pulls.sort(key=lambda pull: pull.merged_at or pull.created_at)
        if order["direction"] == "DESC":
            pulls.reverse()
        return [PullRequest(self._hosted, pull) for pull in pulls]

    def deployments(
        self, environments: Sequence[str] | None = None, order_by: _Order | None = None
    ) -> Sequence[Deployment]:
        return [
            each
            for each in _deployments(self._hosted, environments, order_by)
            if each.commit_oid == self.oid
        ]

    def tree(self) -> Tree:
        return Tree(self._hosted, self._commit, "")

    def changed_files_if_available(self) -> int:
        return len(self._history.commit_files(self.oid))


class Tag(GitObject):
    """An annotated tag's object."""

    def __init__(self, hosted: Hosted, tag: kept.Tag) -> None:
        super().__init__(hosted, "TA", tag.sha)
        self.name = tag.name
        self.message = tag.message
        self._target = tag.target

    def target(self) -> GitObject | None:
        return git_object(self._hosted, self._target)


class Blob(GitObject):
    """A file's content."""

    def __init__(self, hosted: Hosted, file: File) -> None:
        self._content = file.text.encode()
        super().__init__(hosted, "B", blob_sha(self._content))
        self.byte_size = len(self._content)
        self.is_binary = b"\0" in self._content
        self.is_truncated = self.byte_size > _TEXT_LIMIT

    def text(self) -> str | None:
        return None if self.is_binary else self._content[:_TEXT_LIMIT].decode(errors="ignore")


class Tree(GitObject):
    """A folder."""

    def __init__(self, hosted: Hosted, commit: kept.Commit, path: str) -> None:
        sha = hosted.history.git.object_sha(f"{commit.sha}:{path}")
        assert sha is not None
        super().__init__(hosted, "T", sha)
        self._commit = commit
        self._prefix = f"{path}/" if path else ""

    def entries(self) -> Sequence[TreeEntry]:
        names = {
            path.removeprefix(self._prefix).partition("/")[0]
            for path in self._commit.files
            if path.startswith(self._prefix)
        }
        return [
            TreeEntry(self._hosted, self._commit, self._prefix + name) for name in sorted(names)
        ]


class TreeEntry(Node):
    """A file or folder in its folder."""

    def __init__(self, hosted: Hosted, commit: kept.Commit, path: str) -> None:
        super().__init__(hosted)
        self._commit = commit
        self.path = path
        self.name = path.rpartition("/")[2]
        self.type = "blob" if path in commit.files else "tree"
        mode = commit.files[path].mode if path in commit.files else "040000"
        self.mode = int(mode, 8)

    def object(self) -> GitObject | None:
        return entry(self._hosted, self._commit, self.path)


class User(Node):
    """Who did it. All but deployments are always the same one's."""

    def __init__(self, hosted: Hosted, login: str = "grace") -> None:
        super().__init__(hosted)
        self.login = login
        self.url = f"{WEB}/{login}"


class Bot(Node):
    """An app. Its login is the app's own name, to which REST adds `[bot]`."""

    def __init__(self, hosted: Hosted, login: str) -> None:
        super().__init__(hosted)
        self.login = login.removesuffix("[bot]")
        self.url = f"{WEB}/apps/{self.login}"


class Environment(Node):
    """An environment, which is there as soon as it was deployed to."""

    def __init__(self, hosted: Hosted, name: str) -> None:
        super().__init__(hosted)
        self.id = hosted.git_node_id("EN", name)
        self.name = name


class Workflow(Node):
    """A workflow."""

    def __init__(self, hosted: Hosted, workflow: kept.Workflow) -> None:
        super().__init__(hosted)
        self.id = hosted.node_id("W", workflow.id)
        self.database_id = workflow.id
        self.name = workflow.name
        self.resource_path = f"/{hosted.slug}/actions/workflows/{workflow.path.rpartition('/')[2]}"
        self.url = WEB + self.resource_path
        self.state = "ACTIVE"


class WorkflowRun(Node):
    """A run of a workflow. Its `databaseId` is an Int, into which today's ids do not fit."""

    def __init__(self, hosted: Hosted, run: kept.Run) -> None:
        super().__init__(hosted)
        self._run = run
        self.id = hosted.git_node_id("WFR", str(run.id))
        self.database_id = run.id
        self.run_number = run.number
        self.event = run.event
        self.created_at = iso(run.created_at)
        self.updated_at = iso(run.updated_at)
        self.url = hosted.run_url(run.id)
        self.resource_path = self.url.removeprefix(WEB)

    def workflow(self) -> Workflow:
        return Workflow(self._hosted, self._history.workflows[self._run.workflow])


class PullRequest(Node):
    """A pull request, of whatever repository."""

    is_draft = False

    def __init__(self, hosted: Hosted, pull: kept.PullRequest) -> None:
        super().__init__(hosted)
        self._pull = pull
        self.database_id = pull.id
        self.full_database_id = str(pull.id)
        self.number = pull.number
        self.title = pull.title
        self.merged = self.closed = pull.merged_at is not None
        self.state = "MERGED" if self.merged else "OPEN"
        self.base_ref_name = pull.base
        self.base_ref_oid = pull.base_sha
        self.head_ref_name = pull.fork_branch or pull.head
        self.head_ref_oid = pull.head_sha
        self.is_cross_repository = pull.fork_branch is not None

    def id(self) -> str:
        return self._hosted.node_id("PR", self._pull.id)

    def url(self) -> str:
        return f"{WEB}/{self._hosted.slug_of(self._pull)}/pull/{self.number}"

    permalink = url

    def created_at(self) -> str:
        return iso(self._pull.created_at)

    def merged_at(self) -> str | None:
        return iso(self._pull.merged_at) if self._pull.merged_at else None

    def closed_at(self) -> str | None:
        return self.merged_at()

    def updated_at(self) -> str:
        return iso(self._history.updated(self._pull))

    def merge_commit(self) -> Commit | None:
        shown = self.merged and self._history.shows_merge_commit(self._pull)
        return self._merge() if shown else None

    def potential_merge_commit(self) -> Commit | None:
        return None if self.merged else self._merge()

    def base_repository(self) -> NamedRepository:
        if self._pull.repository is None:
            return Repository(self._hosted)
        return NamedRepository(self._hosted, self._pull.repository)

    repository = base_repository
    head_repository = base_repository

    def author(self) -> User:
        return User(self._hosted)

    def changed_files(self) -> int:
        return len(self._history.pull_files(self._pull))

    def files(self) -> Sequence[PullRequestChangedFile]:
        return [PullRequestChangedFile(file) for file in self._history.pull_files(self._pull)]

    def commits(self) -> Sequence[PullRequestCommit]:
        return [PullRequestCommit(self._hosted, self, sha) for sha in self._pull.commits]

    def _merge(self) -> Commit:
        return Commit(self._hosted, self._history.commits[self._pull.merge_commit_sha])


class PullRequestCommit(Node):
    """One of a pull request's commits."""

    def __init__(self, hosted: Hosted, pull: PullRequest, sha: str) -> None:
        super().__init__(hosted)
        self.pull_request = pull
        self.commit = Commit(hosted, hosted.history.commits[sha])
        self.url = f"{pull.url()}/commits/{sha}"


class PullRequestChangedFile:
    """One of a pull request's files. Where a renamed one was before, GraphQL does not tell."""

    def __init__(self, file: ChangedFile) -> None:
        self.path = file.path
        self.change_type = _CHANGE_TYPES[file.status]
        self.additions = file.additions
        self.deletions = file.deletions


class Deployment(Node):
    """A deployment."""

    def __init__(self, hosted: Hosted, deployment: kept.Deployment) -> None:
        super().__init__(hosted)
        self._deployment = deployment
        self.database_id = deployment.id
        self.commit_oid = deployment.sha
        self.environment = deployment.environment
        self.latest_environment = deployment.environment
        self.original_environment = deployment.environment
        self.payload = None if deployment.payload is None else json.dumps(deployment.payload)
        self.task = deployment.task
        self.created_at = iso(deployment.created_at)
        self.updated_at = iso(deployment.updated_at)

    def id(self) -> str:
        return self._hosted.node_id("DE", self.database_id)

    def commit(self) -> Commit:
        return Commit(self._hosted, self._history.commits[self.commit_oid])

    def creator(self) -> User | Bot:
        login = self._deployment.creator
        return (Bot if login.endswith("[bot]") else User)(self._hosted, login)

    def state(self) -> str:
        """Say `ACTIVE` where the status says `SUCCESS`."""
        if not self._deployment.statuses:
            return "PENDING"
        state = self._deployment.statuses[-1].state.upper()
        return "ACTIVE" if state == "SUCCESS" else state

    def ref(self) -> Ref | None:
        repository = Repository(self._hosted)
        name = self._deployment.ref
        return repository.ref(f"refs/heads/{name}") or repository.ref(f"refs/tags/{name}")

    def statuses(self) -> Sequence[DeploymentStatus]:
        """The latest first."""
        return [
            DeploymentStatus(self._hosted, self, status)
            for status in reversed(self._deployment.statuses)
        ]

    def latest_status(self) -> DeploymentStatus | None:
        return next(iter(self.statuses()), None)


class DeploymentStatus(Node):
    """One status of a deployment."""

    def __init__(self, hosted: Hosted, deployment: Deployment, status: kept.Status) -> None:
        super().__init__(hosted)
        self.id = hosted.node_id("DES", status.id % 2**32)
        self.deployment = deployment
        self.environment = deployment.environment
        self.state = status.state.upper()
        self.created_at = self.updated_at = iso(status.created_at)
        self.log_url = status.log_url or None
        self.environment_url = status.environment_url or None


class Release(Node):
    """A release that is published."""

    is_draft = False

    def __init__(self, hosted: Hosted, release: kept.Release) -> None:
        super().__init__(hosted)
        self._release = release
        self.id = hosted.node_id("RE", release.id)
        self.database_id = release.id
        self.tag_name = release.tag
        self.name = release.name
        self.is_prerelease = release.prerelease
        self.created_at = iso(release.created_at)
        self.published_at = iso(release.published_at) if release.published_at else None
        self.url = f"{hosted.url}/releases/tag/{release.tag}"

    def tag(self) -> Ref | None:
        return Repository(self._hosted).ref(f"refs/tags/{self.tag_name}")

    def tag_commit(self) -> Commit:
        return Commit(self._hosted, self._history.commits[self._history.resolve(self.tag_name)])


def git_object(hosted: Hosted, sha: str) -> GitObject | None:
    """Return the commit or tag object of a full SHA."""
    if sha in hosted.history.commits:
        return Commit(hosted, hosted.history.commits[sha])
    if sha in hosted.history.tag_objects:
        return Tag(hosted, hosted.history.tag_objects[sha])
    return None


def entry(hosted: Hosted, commit: kept.Commit, path: str) -> GitObject | None:
    """Return the file or folder at a path of a commit."""
    if path in commit.files:
        return Blob(hosted, commit.files[path])
    folder = path.rstrip("/")
    if not folder or any(each.startswith(f"{folder}/") for each in commit.files):
        return Tree(hosted, commit, folder)
    return None


def _deployments(
    hosted: Hosted, environments: Sequence[str] | None, order_by: Mapping[str, Any] | None
) -> Sequence[Deployment]:
    """Return the deployments to these environments, the oldest first unless asked otherwise."""
    found = sorted(
        (
            each
            for each in hosted.history.deployments.values()
            if environments is None or each.environment in environments
        ),
        key=lambda each: (each.created_at, each.id),
        reverse=order_by is not None and order_by["direction"] == "DESC",
    )
    return [Deployment(hosted, each) for each in found]
