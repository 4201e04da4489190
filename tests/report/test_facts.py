"""What was deployed is told fact by fact, with where each comes from."""

from datetime import datetime, timezone

from dora_deployments.report.facts import facts
from tests.report.accounts import SHA, fact, pull_request, resolved, services


def test_every_fact_has_its_label_its_value_and_its_source():
    known = resolved(
        *services("shop", "cart"),
        success=fact(False, "the input `success`"),
        version=fact("v1.2", "release.tag_name"),
        pull_requests=(pull_request(7), pull_request(12)),
        started_at=fact(datetime(2026, 5, 11, 9, 30, 12, 250_000, tzinfo=timezone.utc), "x"),
    )

    assert list(facts(known)) == [
        ("commit", SHA, "deployment.sha"),
        ("repository", "acme/shop", "repository.full_name"),
        ("environment", "production", "deployment.environment"),
        ("services", "shop, cart", "the repository's name"),
        ("started at", "2026-05-11T09:30:12.250000Z", "x"),
        ("finished at", "2026-05-11T09:34:40Z", "deployment_status.created_at"),
        ("outcome", "failure", "the input `success`"),
        ("version", "v1.2", "release.tag_name"),
        ("attribution", "commit", "the default"),
        ("pull request", "#7", "the merge by 0000000"),
        ("pull request", "#12", "the merge by 0000000"),
    ]


def test_what_is_not_known_is_left_out():
    assert list(facts(resolved())) == [
        ("commit", SHA, "deployment.sha"),
        ("repository", "acme/shop", "repository.full_name"),
        ("environment", "production", "deployment.environment"),
        ("services", "shop", "the repository's name"),
        ("started at", "2026-05-11T09:30:12Z", "deployment.created_at"),
        ("finished at", "2026-05-11T09:34:40Z", "deployment_status.created_at"),
        ("outcome", "success", "deployment_status.state"),
        ("attribution", "commit", "the default"),
    ]
