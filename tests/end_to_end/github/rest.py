"""Answer GitHub's REST API: what the documentation promises to readers of a repository.

Source: GitHub REST API documentation, "Repositories", "Commits", "Pull requests", "Deployments",
"Releases", "Git database", "Repository contents" and "Using pagination in the REST API".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import unquote, urlencode

from tests.end_to_end.github.git import ChangedFile, File
from tests.end_to_end.github.history import (
    Commit,
    Deployment,
    History,
    PullRequest,
    Release,
    Run,
    Status,
    Workflow,
)
from tests.end_to_end.github.hosted import (
    FORBIDDEN,
    Hosted,
    blob_sha,
    iso,
    repository_node_id,
)

DOCUMENTATION: Final = "https://docs.github.com/rest"
_JSON: Final = "application/json; charset=utf-8"
_MEGABYTE: Final = 1024 * 1024
_LINK_MODE: Final = "120000"
# "it includes up to 300 changed files for the entire comparison", "up to a limit of 3000 files"
_FILES_AT_ONCE: Final = 300
_FILES: Final = 3000
_COMMITS_WITHOUT_PAGES: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; `body` is written as JSON unless it is bytes."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = _JSON


class Problem(Exception):  # noqa: N818 - it is no mistake of ours
    """End with an error that GitHub documents."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.reply = problem(status, message)


def problem(status: int, message: str, **more: Any) -> Reply:
    """Return an error as GitHub words it."""
    body = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
    return Reply(status=status, body=body | more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request below a repository's address; `names` are what its path has in places of names."""

    hosted: Hosted
    url: str
    query: Mapping[str, str]
    accept: str
    names: tuple[str, ...] = ()

    def number(self, name: str, otherwise: int) -> int:
        """Return a whole number of the query that is 1 at least."""
        value = self.query.get(name, "")
        return max(1, int(value)) if re.fullmatch("[0-9]{1,9}", value) else otherwise

    @property
    def per_page(self) -> int:
        """How many to bring at once: 100 at most, 30 if nothing is said."""
        return min(100, self.number("per_page", 30))

    def only(self, *names: str) -> None:
        """Refuse what the documentation does not name; GitHub would pass over it."""
        if unknown := self.query.keys() - {"page", "per_page", *names}:
            raise Problem(400, f"Unknown parameters: {', '.join(sorted(unknown))}")

    def page(
        self, items: Sequence[Any], size: int | None = None
    ) -> tuple[list[Any], Mapping[str, str]]:
        """Return the page that is asked for, and the header with the links to others."""
        size = size or self.per_page
        page, last = self.number("page", 1), max(1, -(-len(items) // size))
        links: dict[str, int] = {}
        if page > 1:
            links |= {"prev": min(page - 1, last), "first": 1}
        if page < last:
            links |= {"next": page + 1, "last": last}
        written = ", ".join(
            f'<{self.url}?{urlencode({**self.query, "page": n})}>; rel="{rel}"'
            for rel, n in links.items()
        )
        shown = list(items[(page - 1) * size : page * size])
        return shown, {"Link": written} if links else {}

    def listed(self, items: Sequence[Any], write: Callable[[Hosted, Any], Any]) -> Reply:
        """Return one page of a list, each item as `write` writes it."""
        shown, headers = self.page(items)
        return Reply(body=[write(self.hosted, item) for item in shown], headers=headers)


def answer(ask: Ask, path: str) -> Reply:
    """Answer a GET of a path below the repository's own, quoted as it came."""
    for pattern, permission, route in _ROUTES:
        found = pattern.fullmatch(path)
        if found is None:
            continue
        if permission and not ask.hosted.may(permission):
            return problem(403, FORBIDDEN)
        try:
            names = tuple(unquote(each, errors="strict") for each in found.groups())
            return route(replace(ask, names=names))
        except UnicodeDecodeError:
            return problem(400, "Problems parsing the request")
        except Problem as refused:
            return refused.reply
    return problem(404, "Not Found")


# --- commits


def _repository(ask: Ask) -> Reply:
    hosted = ask.hosted
    more = {
        "default_branch": hosted.history.default_branch,
        "visibility": "private" if hosted.private else "public",
    }
    return Reply(body=_written_repository(hosted) | more)


def _commit(ask: Ask) -> Reply:
    commit = _named(ask, ask.names[0])
    files = ask.hosted.history.commit_files(commit.sha)[:_FILES]
    size = ask.per_page if "per_page" in ask.query else _FILES_AT_ONCE
    shown, headers = ask.page(files, size)
    body = _written_commit(ask.hosted, commit) | {
        "stats": _stats(files),
        "files": [_written_file(file) for file in shown],
    }
    return Reply(body=body, headers=headers)


def _commits(ask: Ask) -> Reply:
    ask.only("sha", "path", "author", "committer", "since", "until")
    history = _not_empty(ask)
    sha = history.find(ask.query.get("sha", history.default_branch))
    if sha is None:
        raise Problem(404, "Not Found")
    listed = [*history.log(history.peeled(sha))]
    return ask.listed(listed, lambda hosted, each: _written_commit(hosted, history.commits[each]))


def _not_empty(ask: Ask) -> History:
    if not ask.hosted.history.commits:
        raise Problem(409, "Git Repository is empty.")
    return ask.hosted.history


def _named(ask: Ask, name: str) -> Commit:
    history = _not_empty(ask)
    sha = history.find(name)
    if sha is None:
        raise Problem(422, f"No commit found for SHA: {name}")
    return history.commits[history.peeled(sha)]


def _compare(ask: Ask) -> Reply:
    hosted, history = ask.hosted, ask.hosted.history
    base, head = (history.find(name) for name in ask.names)
    if base is None or head is None:
        raise Problem(404, "Not Found")
    base, head = history.peeled(base), history.peeled(head)
    common = history.merge_base(base, head)
    if common is None:
        raise Problem(404, f"No common ancestor between {ask.names[0]} and {ask.names[1]}.")
    ahead, behind = history.between(base, head), history.between(head, base)
    paged = bool({"page", "per_page"} & ask.query.keys())
    # Without pages "the last commit in the list is the most recent of the entire comparison".
    shown, headers = ask.page(ahead) if paged else (ahead[-_COMMITS_WITHOUT_PAGES:], {})
    body = {
        "base_commit": _written_commit(hosted, history.commits[base]),
        "merge_base_commit": _written_commit(hosted, history.commits[common]),
        "status": _COMPARED[bool(ahead), bool(behind)],
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [_written_commit(hosted, history.commits[sha]) for sha in shown],
    }
    if ask.number("page", 1) == 1:
        files = history.git.changes(common, head)[:_FILES_AT_ONCE]
        body["files"] = [_written_file(file) for file in files]
    return Reply(body=body, headers=headers)


_COMPARED: Final = {
    (False, False): "identical",
    (True, False): "ahead",
    (False, True): "behind",
    (True, True): "diverged",
}


def _commit_pulls(ask: Ask) -> Reply:
    sha = _named(ask, ask.names[0]).sha
    return ask.listed(ask.hosted.history.associated_pulls(sha), _written_pull)


# --- pull requests


def _pull(ask: Ask) -> Reply:
    hosted, pull = ask.hosted, _numbered(ask)
    files = hosted.history.pull_files(pull)
    more = {
        "merged": pull.merged_at is not None,
        "mergeable": None if pull.merged_at else True,
        "commits": len(pull.commits),
        "changed_files": len(files),
        "additions": sum(file.additions for file in files),
        "deletions": sum(file.deletions for file in files),
    }
    return Reply(body=_written_pull(hosted, pull) | more)


def _pull_files(ask: Ask) -> Reply:
    files = ask.hosted.history.pull_files(_numbered(ask))[:_FILES]
    return ask.listed(files, lambda _, file: _written_file(file))


def _numbered(ask: Ask) -> PullRequest:
    pull = ask.hosted.history.pull(int(ask.names[0]))
    if pull is None:
        raise Problem(404, "Not Found")
    return pull


# --- deployments, releases, tags


def _deployments(ask: Ask) -> Reply:
    found = [
        each
        for each in ask.hosted.history.deployments.values()
        if all(
            ask.query.get(name, value) == value
            for name, value in (
                ("sha", each.sha),
                ("ref", each.ref),
                ("task", each.task),
                ("environment", each.environment),
            )
        )
    ]
    found.sort(key=lambda each: (each.created_at, each.id), reverse=True)
    return ask.listed(found, _written_deployment)


def _deployment(ask: Ask) -> Reply:
    return Reply(body=_written_deployment(ask.hosted, _deployed(ask)))


def _statuses(ask: Ask) -> Reply:
    deployment = _deployed(ask)
    return ask.listed(
        deployment.statuses[::-1],
        lambda _, status: _written_status(deployment, status),
    )


def _deployed(ask: Ask) -> Deployment:
    deployment = ask.hosted.history.deployments.get(int(ask.names[0]))
    if deployment is None:
        raise Problem(404, "Not Found")
    return deployment


def _workflows(ask: Ask) -> Reply:
    ask.only()
    workflows = [*ask.hosted.history.workflows.values()]
    shown, headers = ask.page([_written_workflow(each) for each in workflows])
    body = {"total_count": len(workflows), "workflows": shown}
    return Reply(body=body, headers=headers)


def _runs(ask: Ask) -> Reply:
    ask.only("actor", "branch", "event", "status", "created", "head_sha")
    if ask.query.keys() - {"page", "per_page"}:
        raise Problem(400, "Filters are not modelled by this stand-in")
    history, name = ask.hosted.history, ask.names[0]
    fitting = [
        each.id
        for each in history.workflows.values()
        if name in {str(each.id), each.path.rpartition("/")[2]}
    ]
    if not fitting:
        raise Problem(404, "Not Found")
    runs = [each for each in history.runs.values() if each.workflow == fitting[0]]
    runs.sort(key=lambda run: (run.created_at, run.id), reverse=True)
    shown, headers = ask.page(runs)
    written = [_written_run(ask.hosted, run) for run in shown]
    body = {"total_count": len(runs), "workflow_runs": written}
    return Reply(body=body, headers=headers)


def _run(ask: Ask) -> Reply:
    """Answer with a run as its latest attempt has left it, or with one of its attempts."""
    run = ask.hosted.history.runs.get(int(ask.names[0]))
    attempt = int(ask.names[1]) if len(ask.names) > 1 else None
    if run is None or (attempt is not None and not 1 <= attempt <= len(run.attempts)):
        raise Problem(404, "Not Found")
    return Reply(body=_written_run(ask.hosted, run, attempt))


def _published(ask: Ask) -> list[Release]:
    """Return the releases, the newest first; "only users with push access" see drafts."""
    releases = (each for each in ask.hosted.history.releases.values() if not each.draft)
    return sorted(releases, key=lambda each: (each.created_at, each.id), reverse=True)


def _releases(ask: Ask) -> Reply:
    return ask.listed(_published(ask), _written_release)


def _latest_release(ask: Ask) -> Reply:
    return _one_release(ask, lambda release: not release.prerelease)


def _release_by_tag(ask: Ask) -> Reply:
    return _one_release(ask, lambda release: release.tag == ask.names[0])


def _one_release(ask: Ask, fits: Callable[[Release], bool]) -> Reply:
    for release in _published(ask):
        if fits(release):
            return Reply(body=_written_release(ask.hosted, release))
    raise Problem(404, "Not Found")


def _tags(ask: Ask) -> Reply:
    history = ask.hosted.history
    return ask.listed(
        sorted(history.tags, reverse=True),
        lambda _, name: {"name": name, "commit": {"sha": history.peeled(history.tags[name])}},
    )


def _ref(ask: Ask) -> Reply:
    kind, name = ask.names
    history = ask.hosted.history
    known = {"heads": history.branches, "tags": history.tags}[kind]
    if name not in known:
        raise Problem(404, "Not Found")
    body = {
        "ref": f"refs/{kind}/{name}",
        "node_id": ask.hosted.git_node_id("REF", f"refs/{kind}/{name}"),
        "object": _target(ask.hosted, known[name]),
    }
    return Reply(body=body)


def _tag_object(ask: Ask) -> Reply:
    tag = ask.hosted.history.tag_objects.get(ask.names[0])
    if tag is None:
        raise Problem(404, "Not Found")
    body = {
        "sha": tag.sha,
        "tag": tag.name,
        "message": tag.message,
        "tagger": {"name": "Grace Hopper", "date": iso(tag.tagged)},
        "object": _target(ask.hosted, tag.target),
    }
    return Reply(body=body)


def _target(hosted: Hosted, sha: str) -> dict[str, str]:
    return {"sha": sha, "type": "tag" if sha in hosted.history.tag_objects else "commit"}


# --- contents


def _contents(ask: Ask) -> Reply:
    history = ask.hosted.history
    ref = ask.query.get("ref", history.default_branch)
    sha = history.find(ref)
    if sha is None:
        raise Problem(404, f"No commit found for the ref {ref}")
    files = history.commits[history.peeled(sha)].files
    path = ask.names[0].strip("/")
    folder = f"{path}/" if path else ""
    if path not in files:
        return Reply(body=_folder(files, folder))
    file = files[path]
    if file.mode == _LINK_MODE:
        target = _behind(files, path)
        if target is None:
            return Reply(body=_named_file(path, file) | {"type": "symlink", "target": file.text})
        file = target
    if re.search(r"application/vnd\.github\.(v3\.)?raw", ask.accept):
        media_type = "application/vnd.github.raw+json; charset=utf-8"
        return Reply(body=file.text.encode(), media_type=media_type)
    content = file.text.encode()
    written = _named_file(path, file) | {"type": "file", "encoding": "base64", "content": ""}
    if len(content) > _MEGABYTE:  # "the content field will be an empty string"
        return Reply(body=written | {"encoding": "none"})
    # In lines of 60 characters, as git's own mail format has them.
    return Reply(body=written | {"content": _in_lines(base64.b64encode(content).decode())})


def _folder(files: Mapping[str, File], folder: str) -> list[dict[str, Any]]:
    inside = [path for path in files if path.startswith(folder)]
    if not inside:
        raise Problem(404, "Not Found")
    names = sorted({path.removeprefix(folder).partition("/")[0] for path in inside})
    return [
        _named_file(folder + name, files[folder + name])
        | {"type": "symlink" if files[folder + name].mode == _LINK_MODE else "file"}
        if folder + name in files
        else {"type": "dir", "size": 0, "name": name, "path": folder + name}
        for name in names
    ]


def _behind(files: Mapping[str, File], path: str) -> File | None:
    """Return the file that a link is of: GitHub answers with it if it is a plain one of ours."""
    parts = path.split("/")[:-1]
    for step in files[path].text.split("/"):
        if step == "..":
            del parts[-1:]
        elif step != ".":
            parts.append(step)
    target = files.get("/".join(parts))
    return target if target and target.mode != _LINK_MODE else None


def _named_file(path: str, file: File) -> dict[str, Any]:
    content = file.text.encode()
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": blob_sha(content),
        "size": len(content),
    }


def _in_lines(text: str) -> str:
    return "".join(f"{text[start : start + 60]}\n" for start in range(0, len(text), 60))


# --- how things are written


def _written_repository(hosted: Hosted, slug: str | None = None) -> dict[str, Any]:
    slug = slug or hosted.slug
    database_id = hosted.id_of(slug)
    owner, _, name = slug.partition("/")
    return {
        "id": database_id,
        "node_id": repository_node_id(database_id),
        "name": name,
        "full_name": slug,
        "private": hosted.private,
        "owner": {"login": owner},
        "html_url": f"https://github.com/{slug}",
        "fork": not hosted.is_named(slug),
    }


def _written_commit(hosted: Hosted, commit: Commit) -> dict[str, Any]:
    who = {"name": "Grace Hopper", "email": "grace@acme.example"}
    return {
        "sha": commit.sha,
        "node_id": hosted.git_node_id("C", commit.sha),
        "commit": {
            "author": who | {"date": iso(commit.authored)},
            "committer": who | {"date": iso(commit.committed)},
            "message": commit.message,
        },
        "html_url": f"{hosted.url}/commit/{commit.sha}",
        "parents": [{"sha": sha} for sha in commit.parents],
    }


def _written_file(file: ChangedFile) -> dict[str, Any]:
    written = {
        "sha": file.sha,
        "filename": file.path,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
    }
    return written | ({"previous_filename": file.previous} if file.previous else {})


def _stats(files: Sequence[ChangedFile]) -> dict[str, int]:
    additions, deletions = sum(f.additions for f in files), sum(f.deletions for f in files)
    return {"additions": additions, "deletions": deletions, "total": additions + deletions}


def _written_pull(hosted: Hosted, pull: PullRequest) -> dict[str, Any]:
    slug = hosted.slug_of(pull)
    merged_at = pull.merged_at and iso(pull.merged_at)
    repository = _written_repository(hosted, slug)
    return {
        "id": pull.id,
        "node_id": hosted.node_id("PR", pull.id),
        "number": pull.number,
        "title": pull.title,
        "state": "closed" if pull.merged_at else "open",
        "draft": False,
        "user": {"login": "grace"},
        "html_url": f"https://github.com/{slug}/pull/{pull.number}",
        "created_at": iso(pull.created_at),
        "closed_at": merged_at,
        "merged_at": merged_at,
        "merge_commit_sha": pull.merge_commit_sha
        if hosted.history.shows_merge_commit(pull)
        else None,
        "base": {"ref": pull.base, "sha": pull.base_sha, "repo": repository},
        "head": {"ref": pull.head, "sha": pull.head_sha, "repo": repository},
    }


def _written_deployment(hosted: Hosted, deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.id,
        "node_id": hosted.node_id("DE", deployment.id),
        "sha": deployment.sha,
        "ref": deployment.ref,
        "task": deployment.task,
        "payload": {} if deployment.payload is None else deployment.payload,
        "environment": deployment.environment,
        "original_environment": deployment.environment,
        "description": None,
        "creator": {"login": deployment.creator},
        "created_at": iso(deployment.created_at),
        "updated_at": iso(deployment.updated_at),
        "production_environment": deployment.environment == "production",
        "transient_environment": deployment.transient,
    }


def _written_status(deployment: Deployment, status: Status) -> dict[str, Any]:
    return {
        "id": status.id,
        "state": status.state,
        "environment": deployment.environment,
        "description": "",
        # The older name of the same URL, which GitHub still sends.
        "target_url": status.log_url,
        "log_url": status.log_url,
        "environment_url": status.environment_url,
        "created_at": iso(status.created_at),
        "updated_at": iso(status.created_at),
        "creator": {"login": deployment.creator},
    }


def _written_workflow(workflow: Workflow) -> dict[str, Any]:
    return {
        "id": workflow.id,
        "name": workflow.name,
        "path": workflow.path,
        "state": "active",
    }


def _written_run(hosted: Hosted, run: Run, attempt: int | None = None) -> dict[str, Any]:
    attempt = attempt or len(run.attempts)
    return {
        "id": run.id,
        "run_number": run.number,
        "html_url": hosted.run_url(run.id),
        "name": hosted.history.workflows[run.workflow].name,
        "workflow_id": run.workflow,
        "path": hosted.history.workflows[run.workflow].path,
        "event": run.event,
        "head_sha": run.sha,
        "head_branch": run.branch,
        "status": "completed" if run.conclusion else "in_progress",
        "conclusion": run.conclusion,
        "run_attempt": attempt,
        "run_started_at": iso(run.attempts[attempt - 1]),
        "created_at": iso(run.created_at),
        "updated_at": iso(run.updated_at),
        "repository": _written_repository(hosted),
        "head_repository": _written_repository(hosted, run.repository),
    }


def _written_release(hosted: Hosted, release: Release) -> dict[str, Any]:
    return {
        "id": release.id,
        "node_id": hosted.node_id("RE", release.id),
        "tag_name": release.tag,
        "target_commitish": hosted.history.default_branch,
        "name": release.name,
        "draft": release.draft,
        "prerelease": release.prerelease,
        "created_at": iso(release.created_at),
        "published_at": release.published_at and iso(release.published_at),
        "html_url": f"{hosted.url}/releases/tag/{release.tag}",
    }


_ROUTES: Final = tuple(
    (re.compile(pattern), permission, route)
    for pattern, permission, route in (
        (r"", None, _repository),
        (r"/commits", "contents", _commits),
        (r"/commits/([^/]+)/pulls", "pull-requests", _commit_pulls),
        (r"/commits/(.+)", "contents", _commit),
        (r"/compare/(.+?)\.\.\.(.+)", "contents", _compare),
        (r"/pulls/([0-9]{1,9})", "pull-requests", _pull),
        (r"/pulls/([0-9]{1,9})/files", "pull-requests", _pull_files),
        (r"/deployments", "deployments", _deployments),
        (r"/deployments/([0-9]{1,15})", "deployments", _deployment),
        (r"/deployments/([0-9]{1,15})/statuses", "deployments", _statuses),
        (r"/actions/runs/([0-9]{1,15})", "actions", _run),
        (r"/actions/runs/([0-9]{1,15})/attempts/([0-9]{1,9})", "actions", _run),
        (r"/actions/workflows", "actions", _workflows),
        (r"/actions/workflows/([^/]+)/runs", "actions", _runs),
        (r"/releases", "contents", _releases),
        (r"/releases/latest", "contents", _latest_release),
        (r"/releases/tags/(.+)", "contents", _release_by_tag),
        (r"/tags", "contents", _tags),
        (r"/git/ref/(heads|tags)/(.+)", "contents", _ref),
        (r"/git/tags/([^/]+)", "contents", _tag_object),
        (r"/contents/?(.*)", "contents", _contents),
    )
)
