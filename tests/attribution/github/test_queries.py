"""Every query is one that GitHub's public schema allows, without any deprecated field."""

import pytest
from graphql import (
    GraphQLEnumType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    parse,
    validate,
    visit,
)

from dora_deployments.attribution.github import batches, graphql, pulls
from tests.end_to_end.github.queries import NODE_LIMIT, cost, prepared
from tests.end_to_end.github.schema import schema

SHAS = [f"{number:040x}" for number in range(1, 101)]
RUN = "https://github.com/acme/shop/actions/runs/8412399001"
QUERIES = {
    "past": graphql.PAST,
    "workflows of one": graphql.workflows([RUN]),
    "workflows of a hundred": graphql.workflows([RUN] * 100),
    "landings of one": graphql.landings(SHAS[:1], 100),
    "landings of a hundred": graphql.landings(SHAS, 10),
    "landings of a crowded hundred": graphql.landings(SHAS, 100),
    "landings of SHA-256": graphql.landings(["a" * 64], 10),
    "details of one": graphql.details([1], files=False),
    "details of a hundred": graphql.details([*range(1, 101)], files=False),
    "details of a hundred with files": graphql.details([*range(1, 101)], files=True),
    "statuses": graphql.STATUSES,
    "other statuses": graphql.OTHER_STATUSES,
    "names": graphql.NAMES,
    "releases": graphql.RELEASES,
    "pulls": graphql.PULLS,
    "branches of one": graphql.branches(1),
    "branches of 25": graphql.branches(25),
    "ancestors of one": graphql.ancestors(SHAS[:1]),
    "ancestors of ten": graphql.ancestors(SHAS[:10]),
    "ancestors of a hundred": graphql.ancestors(SHAS),
}


class Deprecated(Visitor):
    """Lists the deprecated fields, arguments and enum values that a query uses."""

    def __init__(self, info):
        super().__init__()
        self.info = info
        self.found = []

    def enter_field(self, node, *_):
        self._note(node.name.value, self.info.get_field_def())

    def enter_argument(self, node, *_):
        self._note(node.name.value, self.info.get_argument())

    def enter_object_field(self, node, *_):
        fields = get_named_type(self.info.get_parent_input_type()).fields
        self._note(node.name.value, fields[node.name.value])

    def enter_enum_value(self, node, *_):
        kind = get_named_type(self.info.get_input_type())
        assert isinstance(kind, GraphQLEnumType)
        self._note(node.value, kind.values[node.value])

    def _note(self, name, definition):
        if definition.deprecation_reason is not None:
            self.found.append(name)


def deprecated(text):
    info = TypeInfo(schema())
    visitor = Deprecated(info)
    visit(parse(text), TypeInfoVisitor(info, visitor))
    return visitor.found


def errors(text):
    return [error.message for error in validate(schema(), parse(text))]


@pytest.mark.parametrize("text", QUERIES.values(), ids=QUERIES)
def test_every_query_is_valid_and_uses_nothing_deprecated(text):
    assert errors(text) == []
    assert deprecated(text) == []


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("past", 1),
        ("landings of a hundred", 1),
        ("landings of a crowded hundred", 1),
        ("details of a hundred", 1),
        ("details of a hundred with files", 2),
        ("branches of one", 1),
        ("branches of 25", 1),
    ],
)
def test_every_query_is_within_githubs_limits_and_costs_little(name, points):
    query = prepared(QUERIES[name])
    variables = {"releases": True, "tags": True}
    spent = cost(query, query.operation(None), variables)
    assert spent.nodes < NODE_LIMIT / 20
    assert spent.points == points


@pytest.mark.parametrize(
    ("name", "variables", "points", "nodes"),
    [
        ("statuses", {}, 1, 100),
        ("releases", {}, 1, 100),
        ("pulls", {"first": 100}, 1, 10_100),
        ("ancestors of one", {"deep": 100, "parents": 20}, 1, 2_100),
        ("ancestors of one", {"deep": 100, "parents": 100}, 1, 10_100),
        ("ancestors of ten", {"deep": 100, "parents": 20}, 10, 21_000),
        ("ancestors of a hundred", {"deep": 10, "parents": 20}, 11, 21_000),
        ("ancestors of a hundred", {"deep": 1, "parents": 100}, 2, 10_100),
    ],
)
def test_a_query_in_bulk_costs_what_its_reader_says(name, variables, points, nodes):
    query = prepared(QUERIES[name])
    spent = cost(query, query.operation(None), variables)
    assert (spent.points, spent.nodes) == (points, nodes)


@pytest.mark.parametrize(
    ("text", "good", "bad", "message"),
    [
        (graphql.PAST, "commitOid", "commitOids",
         ("Cannot query field 'commitOids' on type 'Deployment'. Did you mean 'commitOid' or"
         " 'commit'?")),
        (graphql.PAST, "TAG_COMMIT_DATE", "TAG_DATE",
         "Value 'TAG_DATE' does not exist in 'RefOrderField' enum."),
        (graphql.PAST, "$releases: Boolean!, ", "$releases: String!, ",
         "Variable '$releases' of type 'String!' used in position expecting type 'Boolean!'."),
        (graphql.landings(SHAS[:2], 10), "mergeCommit", "merge_commit",
         "Cannot query field 'merge_commit' on type 'PullRequest'. Did you mean 'mergeCommit'?"),
        (graphql.details([1], files=True), "changeType", "status",
         "Cannot query field 'status' on type 'PullRequestChangedFile'."),
        (graphql.STATUSES, "environmentUrl", "transientEnvironment",
         ("Cannot query field 'transientEnvironment' on type 'DeploymentStatus'. Did you mean"
          " 'environment'?")),
        (graphql.PULLS, "UPDATED_AT", "MERGED_AT",
         ("Value 'MERGED_AT' does not exist in 'IssueOrderField' enum. Did you mean the enum value"
          " 'CREATED_AT'?")),
    ],
)  # fmt: skip
def test_a_broken_query_would_be_seen(text, good, bad, message):
    assert good in text
    assert message in errors(text.replace(good, bad))


def test_a_deprecated_field_would_be_seen():
    old = 'query {repository(owner: "a", name: "b") {pullRequest(number: 1) {databaseId}}}'
    assert errors(old) == []
    assert deprecated(old) == ["databaseId"]


def test_the_sizes_that_are_asked_are_those_that_are_checked():
    assert batches.SIZES[0] == len(SHAS)
    assert (pulls._PULLS, pulls._MOST_PULLS) == (10, 100)


def test_the_queries_say_by_what_names_they_are_answered():
    assert (
        '    c0: object(oid: "a") { ...Landed }\n    c1: object(oid: "b") { ...Landed }\n'
        in graphql.landings(["a", "b"], 7)
    )
    assert "associatedPullRequests(first: 7)" in graphql.landings(["a"], 7)
    assert (
        "    p0: pullRequest(number: 5) { ...Detailed }\n"
        "    p1: pullRequest(number: 3) { ...Detailed }\n"
    ) in graphql.details([5, 3], files=False)
    assert (
        '    c0: object(oid: "a") { ...Before }\n    c1: object(oid: "b") { ...Before }\n'
        in graphql.ancestors(["a", "b"])
    )
