"""Which authorities requests trusts, by the variables that name them."""

from pathlib import Path

import certifi
import pytest

from dora_deployments.budget import Budget
from dora_deployments.packages.authorities import trusting_ssl_cert_file


def trusted(environ):
    """Return the environment that a run goes on with, and what was provided."""
    environ, provided = dict(environ), []
    provide = trusting_ssl_cert_file(lambda lock, *_: provided.append(lock), environ)
    for lock in ("first.txt", "second.txt"):
        provide(lock, Budget.of(1), lambda _: None)
    assert provided == ["first.txt", "second.txt"]
    return environ


@pytest.fixture
def company(tmp_path):
    file = tmp_path / "company.pem"
    file.write_text("the company's")
    return str(file)


def test_a_new_file_holds_the_authorities_of_ssl_cert_file_and_all_others(company, tmp_path):
    before = {"SSL_CERT_FILE": company, "RUNNER_TEMP": str(tmp_path), "REQUESTS_CA_BUNDLE": ""}
    environ = trusted(before)
    bundle = Path(environ.pop("REQUESTS_CA_BUNDLE"))
    assert environ == {"SSL_CERT_FILE": company, "RUNNER_TEMP": str(tmp_path)}
    assert bundle.read_text("utf-8") == f"{Path(certifi.where()).read_text('utf-8')}\nthe company's"
    assert bundle.parent.parent == tmp_path
    assert bundle.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"SSL_CERT_FILE": ""},
        {"SSL_CERT_FILE": "/nowhere/ca.pem"},
        {"SSL_CERT_FILE": certifi.where(), "RUNNER_TEMP": "/nowhere"},
        {"SSL_CERT_FILE": certifi.where(), "REQUESTS_CA_BUNDLE": "/etc/ca.pem"},
        {"SSL_CERT_FILE": certifi.where(), "CURL_CA_BUNDLE": "/etc/ca.pem"},
    ],
)
def test_nothing_changes_without_such_a_file_or_where_requests_has_one_of_its_own(environ):
    assert trusted(environ) == environ
