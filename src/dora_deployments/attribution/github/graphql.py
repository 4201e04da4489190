"""GraphQL queries through PyGithub's requester, and what their errors mean.

Every text here is checked against GitHub's public schema by the tests.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.github.api import rate_limited, until
from dora_deployments.attribution.look_ups import LookUpError

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

# What a server that has no time for a query answers, a hundred being too many at times.
_BUSY: Final = frozenset({408, 500, 502, 503, 504})
# A server that gave up on a query says so without a type ("Something went wrong").
_TOO_LARGE: Final = frozenset(
    {"", "MAX_NODE_LIMIT_EXCEEDED", "TIMEOUT", "RESOURCE_LIMITS_EXCEEDED"}
)

# Documented is the former, answered the latter.
_RATE_LIMIT: Final = frozenset({"RATE_LIMITED", "RATE_LIMIT"})

PAST: Final = """
query Past(
  $owner: String!, $name: String!, $environments: [String!]!, $after: String,
  $commit: GitObjectID!, $runCommit: GitObjectID!,
  $deployments: Boolean!, $names: Boolean!, $releases: Boolean!, $tags: Boolean!
) {
  repository(owner: $owner, name: $name) {
    object(oid: $commit) { ... on Commit { committedDate } }
    deployments(
      environments: $environments, first: 100, after: $after,
      orderBy: {field: CREATED_AT, direction: DESC}
    ) @include(if: $deployments) {
      pageInfo { hasNextPage endCursor }
      nodes { ...Record }
    }
    ofRun: object(oid: $runCommit) @include(if: $names) {
      ... on Commit {
        deployments(first: 30, orderBy: {field: CREATED_AT, direction: DESC}) {
          nodes { ...Record }
        }
      }
    }
    newest: deployments(
      first: 100, orderBy: {field: CREATED_AT, direction: DESC}
    ) @include(if: $names) {
      pageInfo { hasNextPage endCursor }
      nodes { environment }
    }
    releases(first: 100, orderBy: {field: CREATED_AT, direction: DESC}) @include(if: $releases) {
      nodes { tagName isDraft isPrerelease tagCommit { oid } }
    }
    refs(
      refPrefix: "refs/tags/", first: 100, orderBy: {field: TAG_COMMIT_DATE, direction: DESC}
    ) @include(if: $tags) {
      nodes { name target { oid ... on Tag { target { oid } } } }
    }
  }
}
fragment Record on Deployment {
  id commitOid createdAt task environment payload
  creator { __typename login }
  statuses(first: 100) {
    pageInfo { hasNextPage }
    nodes { state createdAt logUrl environmentUrl }
  }
}
"""

NAMES: Final = """
query Names($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    newest: deployments(
      first: 100, after: $after, orderBy: {field: CREATED_AT, direction: DESC}
    ) {
      pageInfo { hasNextPage endCursor }
      nodes { environment }
    }
  }
}
"""

# The first success of a deployment with more than a hundred statuses may be among the oldest.
OTHER_STATUSES: Final = """
query OtherStatuses($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on Deployment {
      statuses(last: 100) { totalCount nodes { state createdAt logUrl environmentUrl } }
    }
  }
}
"""

# A run is found by the address of its page alone; its ids have outgrown the schema's numbers.
_WORKFLOWS: Final = """
query Workflows {
  %s
}
fragment Started on UniformResourceLocatable {
  ... on WorkflowRun { event workflow { databaseId } }
}
"""

_LANDINGS: Final = """
query PullsByCommit($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) {
    nameWithOwner
    %s
  }
}
fragment Landed on Commit {
  associatedPullRequests(first: %d) {
    pageInfo { hasNextPage }
    nodes {
      number title merged mergedAt baseRefName
      mergeCommit { oid }
      baseRepository { nameWithOwner }
    }
  }
}
"""

# A point is a hundred connections, however long they are ("Rate limits and query limits for the
# GraphQL API"): a hundred pull requests cost one, or two with their files.
_DETAILS: Final = """
query Details($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) {
    %s
  }
}
fragment Detailed on PullRequest {
  headRefName isCrossRepository
  commits(first: 100) {
    totalCount nodes { commit { oid authoredDate messageHeadline committedViaWeb } }
  }
%s}
"""
_OF_FILES: Final = """\
  files(first: 100) { pageInfo { hasNextPage } nodes { path changeType } }
"""


# GitHub has one open pull request at most of a branch into another one, so that these come in the
# order of their merges ("Creating a pull request").
_BRANCHES: Final = """
query Branches($owner: String!, $name: String!, %s) {
  repository(owner: $owner, name: $name) {
    %s
  }
}
fragment Merged on PullRequestConnection {
  pageInfo { hasNextPage }
  nodes { number title mergedAt updatedAt baseRefName mergeCommit { oid } }
}
"""
_BRANCH: Final = """\
into%(index)s: pullRequests(
      baseRefName: $head%(index)s, states: [MERGED], first: 100,
      orderBy: {field: UPDATED_AT, direction: DESC}
    ) { ...Merged }
    onward%(index)s: pullRequests(
      headRefName: $head%(index)s, baseRefName: $base%(index)s, states: [MERGED], first: 100,
      orderBy: {field: CREATED_AT, direction: DESC}
    ) { nodes { mergedAt isCrossRepository } }"""

STATUSES: Final = """
query Statuses($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on Deployment {
      ref { prefix }
      statuses(first: 100) {
        pageInfo { hasNextPage }
        nodes { state createdAt environment logUrl environmentUrl }
      }
    }
  }
}
"""

RELEASES: Final = """
query Releases($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    releases(first: 100, after: $after, orderBy: {field: CREATED_AT, direction: DESC}) {
      pageInfo { hasNextPage endCursor }
      nodes { databaseId tagName isDraft isPrerelease publishedAt tagCommit { oid } }
    }
  }
}
"""

PULLS: Final = """
query Pulls($owner: String!, $name: String!, $first: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequests(
      states: [MERGED], first: $first, after: $after,
      orderBy: {field: UPDATED_AT, direction: DESC}
    ) {
      pageInfo { hasNextPage endCursor }
      nodes {
        fullDatabaseId number baseRefName mergedAt updatedAt
        mergeCommit { oid }
        headRefName isCrossRepository
        commits(first: 100) {
          totalCount nodes { commit { oid authoredDate messageHeadline committedViaWeb } }
        }
      }
    }
  }
}
"""

_ANCESTORS: Final = """
query Ancestors($owner: String!, $name: String!, $deep: Int!, $parents: Int!) {
  repository(owner: $owner, name: $name) {
    %s
  }
}
fragment Before on Commit {
  history(first: $deep) {
    nodes {
      oid committedDate
      parents(first: $parents) { pageInfo { hasNextPage } nodes { oid } }
    }
  }
}
"""


class TooLargeError(LookUpError):
    """The server gave up on a query, or was not heard in time; a smaller one may do."""

    def __init__(self) -> None:
        super().__init__("GitHub gave up on the query", wait=0.0)


class ForbiddenError(LookUpError):
    """The token may not read something that was asked for, so that nothing was answered."""

    def __init__(self) -> None:
        super().__init__("`github-token` may not read all that was asked for")


def landings(commit_shas: Sequence[str], first: int) -> str:
    """Return the query for the pull requests of commits, answered as `c0`, `c1` and so on."""
    aliases = (
        f'c{index}: object(oid: "{sha}") {{ ...Landed }}' for index, sha in enumerate(commit_shas)
    )
    return _LANDINGS % ("\n    ".join(aliases), first)


def details(pulls: Sequence[int], *, files: bool) -> str:
    """Return the query for details of pull requests, answered as `p0`, `p1` and so on."""
    aliases = (
        f"p{index}: pullRequest(number: {number}) {{ ...Detailed }}"
        for index, number in enumerate(pulls)
    )
    return _DETAILS % ("\n    ".join(aliases), _OF_FILES if files else "")


def branches(count: int) -> str:
    """Return the query about so many branches, named by `$head0`, `$base0` and so on.

    What was merged into each is answered as `into0`, what merged it as `onward0`, and so on.
    """
    variables = (f"$head{index}: String!, $base{index}: String!" for index in range(count))
    aliases = (_BRANCH % {"index": index} for index in range(count))
    return _BRANCHES % (", ".join(variables), "\n    ".join(aliases))


def workflows(run_urls: Sequence[str]) -> str:
    """Return the query for the workflows of runs, answered as `r0`, `r1` and so on."""
    aliases = (
        f"r{index}: resource(url: {json.dumps(url)}) {{ ...Started }}"
        for index, url in enumerate(run_urls)
    )
    return _WORKFLOWS % "\n  ".join(aliases)


def ancestors(commit_shas: Sequence[str]) -> str:
    """Return the query for what came before commits, answered as `c0`, `c1` and so on."""
    aliases = (
        f'c{index}: object(oid: "{sha}") {{ ...Before }}' for index, sha in enumerate(commit_shas)
    )
    return _ANCESTORS % "\n    ".join(aliases)


def ask(
    client: "Client", query: str, repository: str, **variables: object
) -> tuple[Payload, frozenset[str]]:
    """Return the `repository` of the answer, and the types of the errors beside it.

    Raises `TooLargeError` where the server gave up on the query, `ForbiddenError` or another
    `LookUpError` where it refused all of it, and whatever PyGithub raises for another status.
    """
    owner, name = repository.split("/")
    found, types = _asked(client, query, {"owner": owner, "name": name, **variables})
    if not isinstance(found.get("data.repository"), dict):
        if types - {"NOT_FOUND"}:
            raise _refused(types)
        raise LookUpError("GitHub knows no such repository, or `github-token` may not see it")
    return Payload(found.get("data.repository")), types


def ask_root(client: "Client", query: str) -> Payload:
    """Return the `data` of the answer; what the token may not see there is null.

    Raises as `ask` does.
    """
    found, types = _asked(client, query, {})
    if not isinstance(found.get("data"), dict):
        raise _refused(types)
    return Payload(found.get("data"))


def ask_nodes(client: "Client", query: str, ids: Sequence[str]) -> list[Payload | None]:
    """Return what the query says about the objects with these ids, None for those that are gone.

    Raises as `ask` does.
    """
    found, types = _asked(client, query, {"ids": list(ids)})
    listed = found.get("data.nodes")
    if types - {"NOT_FOUND"}:
        raise _refused(types)
    if not isinstance(listed, list) or len(listed) != len(ids):
        raise LookUpError("GitHub's answer to a query could not be read")
    return [None if item is None else Payload(item) for item in listed]


def _asked(
    client: "Client", query: str, variables: dict[str, object]
) -> tuple[Payload, frozenset[str]]:
    """Return the whole answer, and the types of its errors."""
    from github import GithubException

    given = {"query": query, "variables": variables}
    client.limits.take("points for queries")
    try:
        headers, answer = client.requestJsonAndCheck("POST", client.graphql_url, input=given)
    except GithubException as error:
        if error.status in _BUSY:
            raise TooLargeError from None
        raise
    except OSError:  # all of requests' own errors are: a wait that was too long, or cut off
        raise TooLargeError from None
    found = Payload(answer)
    types = _types(found.get("errors"))
    if not isinstance(found.get("data"), dict) and not types:
        raise LookUpError("GitHub's answer to a query could not be read")
    if types & _RATE_LIMIT:
        raise LookUpError(
            f"the rate limit of `github-token` for queries is used up{until(headers)}",
            wait=rate_limited(headers),
        )
    if types & _TOO_LARGE:
        raise TooLargeError
    return found, types


def _refused(types: frozenset[str]) -> LookUpError:
    if "FORBIDDEN" in types:
        return ForbiddenError()
    return LookUpError("GitHub refused the query; its version may be too old for it")


def nodes(connection: object, what: str) -> list[Any]:
    """Return the nodes of a connection; `what` they are is named by the error if there are none.

    A connection that is empty has an empty list. Raises `LookUpError` for anything else.
    """
    found = connection.get("nodes") if isinstance(connection, dict) else None
    if not isinstance(found, list):
        raise LookUpError(f"GitHub's answer to a query has no {what}")
    return found


def _types(errors: object) -> frozenset[str]:
    """Return the types of the errors; those of the server's own making have none."""
    if not isinstance(errors, list):
        return frozenset()
    found = map(Payload, errors)
    return frozenset(error.text("type") or error.text("extensions.code") or "" for error in found)
