"""Any texts in the inputs are values or one `InputError`, and no secret is ever told."""

import json
from dataclasses import fields

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dora_deployments.actions.inputs import SECRETS, Inputs, masks
from dora_deployments.actions.text import has_controls
from dora_deployments.errors import InputError
from tests.builders import NOW
from tests.report.hostile import TEXT

NAMES = [field.name.replace("_", "-") for field in fields(Inputs) if field.name != "warnings"]
PUBLIC = [name for name in NAMES if name not in SECRETS]
SHA = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"
GOOD = {
    "mode": ["Pull-Services", "deployment", "backfill"],
    "service": ["shop", "shop, cart=The = cart\r\nshop", "a=b=c", "\u5e97=\U0001f6d2"],
    "environment": ["PRODUCTION", "Staging EU", "a/b"],
    "environment-map": ["live-*=Production\npr-*=", "a=b=c", "[!x]?*=*"],
    "branches": ["main, release/**", "!dev\n**", "v[0-9]+", "\\*"],
    "repository": ["acme/shop", "https://github.com/Acme/shop.git/", "a/b.c-d_e"],
    "commit-sha": [SHA, SHA[:7].upper(), "a" * 64],
    "previous-sha": ["0" * 40, SHA],
    "merge-commit-shas": [f"{SHA}, {SHA[:9]}", f'["{SHA}", "{SHA.upper()}"]', "[]"],
    "attribution": ["pull-requests", "Commit", "repository"],
    "integration-branch": ["main", "\u5e97"],
    "version": ["v1.2.3", "%0A::error::"],
    "team": ["payments"],
    "tags": ["region:eu\na:b:c", "k:v"],
    "metadata": ['{"a": [1, 2.5, null, {"b": "\\u5e97"}]}', "{}"],
    "started-at": ["2026-06-15T11:00:00+02:00", "1769861109", "1769861109001"],
    "finished-at": ["2026-06-15T11:30:00.25Z", "1769861109000000001"],
    "success": ["true", "Failure", "skipped"],
    "deployment-id": ["deploy-1234567890", "A" * 128],
    "source-url": ["https://ci.example.com/1?a=b#c"],
    "source-name": ["Deployer \U0001f680", "`x`"],
    "config-file": [".github/dora.yml", "a b/c.yaml"],
    "datadog-site": ["EU", "app.datadoghq.com", "https://proxy.example.com:8443/dd/"],
    "dx-instance": ["acme", "api.getdx.com", "http://127.0.0.1:9001/api"],
    "fail-on": ["NEVER", "any"],
    "timeout": ["5", "300", "060", "21600"],
    "dry-run": ["True", "false"],
    "replay-path": ["saved"],
    "since": ["30d", "2026-01-31", "1769861109", "0"],
    "until": ["1", "2026-06-16"],
    "backfill-source": ["workflow-runs:Deploy: EU", "releases"],
    "output-path": ["out/x"],
}
ANY = TEXT | st.text(st.characters(exclude_categories=()), max_size=20)
MARKED = st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), min_size=4)


def texts(name):
    """Draw a value for the input of that name: good, good with something in it, or any text."""
    good = st.sampled_from(GOOD[name])
    spoilt = st.builds(
        lambda text, at, inside: text[:at] + inside + text[at:], good, st.integers(0, 40), ANY
    )
    return good | spoilt | ANY


VALUES = st.fixed_dictionaries({}, optional={name: texts(name) for name in PUBLIC})
FEW = st.lists(st.sampled_from(PUBLIC), max_size=6, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: texts(name) for name in names})
)
ALL_GOOD = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(texts) for name, texts in GOOD.items()}
)
# Each begins with what no message of ours has in it by chance.
SECRET_TEXTS = st.builds(
    "{}k3Y~{}{}".format,
    st.sampled_from(["", "", "", "Bearer ", "bearer\t", '"', " ", "DD-API-KEY: ", "${{ "]),
    MARKED,
    st.sampled_from(["", "", "", "\n", " \u5e97", "\r\nx", "'", "\x00", "\ud800"]),
)


def environ(given_texts, *, hyphen="-"):
    return {
        f"INPUT_{name.upper().replace('-', hyphen)}": text for name, text in given_texts.items()
    }


def read(variables):
    """Return the inputs, or the problems with them."""
    try:
        return Inputs.from_environ(variables, NOW)
    except InputError as error:
        return error.problems


def messages(found):
    return tuple(each.text for each in found.warnings) if isinstance(found, Inputs) else found


@pytest.mark.fault(63, 64, 65, 66, 67, 68, 69)
@given(given_texts=VALUES | FEW)
def test_any_texts_are_inputs_or_one_error_that_names_each_bad_one(given_texts):
    found = read(environ(given_texts))

    assert read(environ(given_texts, hyphen="_")) == found
    for message in messages(found):
        assert message.split("`")[1] in NAMES
        assert message.startswith("`")
        assert not has_controls(message)
        message.encode()
    if not isinstance(found, Inputs):
        assert found
        blamed = [message.split("`")[1] for message in found]
        assert len(blamed) == len(set(blamed))
        assert {*blamed} <= {*given_texts, "since"}
        # Those that were good by themselves are good without the others.
        good = {name: text for name, text in given_texts.items() if name not in blamed}
        assert isinstance(read(environ(good)), Inputs)


@pytest.mark.fault(57, 58, 59)
@pytest.mark.threat(4)
@given(
    given_texts=FEW,
    secrets=st.fixed_dictionaries({}, optional=dict.fromkeys(SECRETS, SECRET_TEXTS)),
    strays=st.lists(st.tuples(st.sampled_from(PUBLIC), st.sampled_from(SECRETS), ANY), max_size=2),
)
def test_no_message_holds_a_secret_wherever_it_was_written(given_texts, secrets, strays):
    given_texts = {**given_texts, **secrets}
    for name, secret, before in strays:
        # Up to the length at which it is taken for no more than a word, half of one could be
        # shown where a message is cut; so these strays are longer.
        if len(secrets.get(secret, "").strip()) >= 30:
            given_texts[name] = before + secrets[secret]

    found = read(environ(given_texts))

    told = "\n".join((*messages(found), str(InputError(*messages(found)))))
    if isinstance(found, Inputs):
        told += repr(found)
    for form in masks(environ(secrets)):
        assert len(form) < 8 or form not in told


def written_again(found):
    """Return the texts that say what `found` holds, in the words of `with:`."""
    texts_of = {
        "mode": found.mode,
        "service": "\n".join(
            f"{service.identifier}={service.name or ''}" for service in found.service
        ),
        "environment": found.environment,
        "environment-map": "\n".join(f"{rule.glob}={rule.name}" for rule in found.environment_map),
        "branches": "\n".join(found.branches.patterns) if found.branches else None,
        "repository": found.repository,
        "commit-sha": found.commit_sha,
        "previous-sha": found.previous_sha,
        "merge-commit-shas": json.dumps(found.merge_commit_shas),
        "attribution": found.attribution,
        "integration-branch": found.integration_branch,
        "version": found.version,
        "team": found.team,
        "tags": "\n".join(found.tags),
        "metadata": json.dumps(found.metadata),
        "started-at": found.started_at and found.started_at.isoformat(),
        "finished-at": found.finished_at and found.finished_at.isoformat(),
        "success": found.success,
        "deployment-id": found.deployment_id,
        "source-url": found.source_url,
        "source-name": found.source_name,
        "config-file": found.config_file,
        "datadog-site": found.datadog_site,
        "dx-instance": found.dx_instance,
        "fail-on": found.fail_on,
        "timeout": str(found.timeout),
        "dry-run": str(found.dry_run),
        "replay-path": found.replay_path,
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "backfill-source": found.backfill_source,
        "output-path": found.output_path,
    }
    assert [*texts_of] == PUBLIC
    return {name: text for name, text in texts_of.items() if text}


@given(given_texts=ALL_GOOD | FEW)
@example(given_texts={name: good[0] for name, good in GOOD.items()})
def test_inputs_that_are_written_again_are_the_same(given_texts):
    found = read(environ(given_texts))

    if isinstance(found, Inputs):
        assert read(environ(written_again(found))) == found
