"""Credentials and inputs: rows 56 to 70 of the fault matrix."""

from functools import partial
from typing import Final

from tests.messages.case import API_KEY, DATADOG, DX, DX_TOKEN, USUAL, Case, payload

MERGED: Final = payload("pull_request.closed.merged")
OTHER_KEY: Final = "fedcba9876543210fedcba9876543210fedcba98"


def _case(
    row: int, name: str, given: str, base: dict[str, str], /, *hidden: str, **inputs: str
) -> Case:
    named = {key.replace("_", "-"): value for key, value in inputs.items()}
    return Case(
        rows=(row,),
        name=name,
        given=given,
        content=MERGED,
        inputs={**base, **named},
        hidden=(API_KEY, DX_TOKEN, *hidden),
    )


def _without_secrets(
    name: str, given: str, event: str, case: str, actor: str = "", **inputs: str
) -> Case:
    """Return a case whose secrets are empty, as GitHub gives them where there are none."""
    named = {key.replace("_", "-"): value for key, value in inputs.items()}
    return Case(
        rows=(56,),
        name=name,
        given=given,
        event=event,
        content=payload(case),
        inputs={"datadog-api-key": "", "dx-token": "", **named},
        variables={"GITHUB_ACTOR": actor} if actor else {},
    )


_site = partial(_case, 61)
_instance = partial(_case, 62)

CREDENTIALS: Final = (
    _without_secrets(
        "no-secrets-on-a-fork",
        "a merged pull request of a fork, to which GitHub gives no secrets",
        "pull_request",
        "pull_request.closed.merged.fork",
    ),
    _without_secrets(
        "no-secrets-of-dependabot",
        "a pull request that Dependabot merged, to whom GitHub gives no secrets",
        "pull_request",
        "pull_request.closed.merged.dependabot",
        dx_instance="acme",
    ),
    _without_secrets(
        "no-secrets-of-dependabots-push",
        "a push by Dependabot, to whom GitHub gives no secrets",
        "push",
        "push.branch",
        "dependabot[bot]",
    ),
    _without_secrets("no-secrets-set", "a push, and no secret is set", "push", "push.branch"),
    _without_secrets(
        "no-secrets-though-none-are-kept-back",
        "a fork's pull request on pull_request_target, which has secrets, but none is set",
        "pull_request_target",
        "pull_request.closed.merged.fork",
    ),
    _case(
        56,
        "half-of-dx",
        "`dx-token` is set and `dx-instance` is empty",
        {"dx-token": DX_TOKEN},
    ),
    _case(
        56,
        "other-half-of-dx",
        "`dx-instance` is set and `dx-token` is empty",
        {"dx-instance": "acme"},
    ),
    _case(
        57,
        "key-with-a-line-break-behind",
        "an API key with a line break behind it",
        DATADOG,
        datadog_api_key=f"{API_KEY}\n",
    ),
    _case(
        57,
        "token-with-spaces-and-a-carriage-return",
        "a DX token between a space and CR LF",
        DX,
        dx_token=f" {DX_TOKEN}\r\n",
    ),
    _case(
        58,
        "key-with-a-line-break-within",
        "an API key with a line break in its middle",
        DATADOG,
        OTHER_KEY[:16],
        OTHER_KEY[16:],
        datadog_api_key=f"{OTHER_KEY[:16]}\n{OTHER_KEY[16:]}",
    ),
    _case(
        58,
        "key-with-a-nul",
        "an API key with a NUL in it",
        DATADOG,
        datadog_api_key=f"{API_KEY}\x00a",
    ),
    _case(
        58,
        "key-outside-ascii",
        "an API key with a letter outside ASCII",
        DATADOG,
        datadog_api_key=f"{API_KEY}é",
    ),
    _case(58, "key-in-quotes", "an API key in quotes", DATADOG, datadog_api_key=f'"{API_KEY}"'),
    _case(
        58,
        "token-behind-bearer",
        "a DX token with Bearer before it",
        DX,
        dx_token=f"Bearer {DX_TOKEN}",
    ),
    _case(
        58,
        "bearer-alone",
        "the word Bearer before a DX token that does not exist",
        {"dx-instance": "acme"},
        dx_token="Bearer ",
    ),
    _case(
        58,
        "key-behind-its-header",
        "an API key with its header's name before it",
        DATADOG,
        datadog_api_key=f"DD-API-KEY: {API_KEY}",
    ),
    _case(
        58,
        "key-that-is-not-utf-8",
        "an API key with a byte that is not UTF-8",
        DATADOG,
        datadog_api_key=f"{API_KEY}\udce9",
    ),
    _case(
        59,
        "expression-not-evaluated",
        "the text of an expression instead of the secret",
        DATADOG,
        "SHOP_KEY",
        datadog_api_key="${{ secrets.SHOP_KEY }}",
    ),
    _case(
        59,
        "expression-without-the-dollar",
        "an expression that lost its dollar sign",
        DATADOG,
        "SHOP_KEY",
        datadog_api_key="{{ secrets.SHOP_KEY }}",
    ),
    _case(59, "asterisks", "`***`, copied from a log", DX, dx_token="***"),
    _case(
        60,
        "same-secret-for-both",
        "one secret for both backends",
        {**DATADOG, "dx-instance": "acme"},
        dx_token=API_KEY,
    ),
    _case(
        60,
        "application-key",
        "an application key of 40 hex digits instead of the API key",
        DATADOG,
        OTHER_KEY,
        datadog_api_key=OTHER_KEY,
    ),
    _case(60, "secret-in-another-input", "the DX token in `service`", DX, service=DX_TOKEN),
)

HOSTS: Final = (
    _site(
        "site-as-the-browser-shows-it",
        "`datadog-site: https://app.datadoghq.eu/`",
        DATADOG,
        datadog_site="https://app.datadoghq.eu/",
    ),
    _site("site-by-its-alias", "`datadog-site: EU`", DATADOG, datadog_site="EU"),
    _site("site-by-its-short-name", "`datadog-site: us3`", DATADOG, datadog_site="us3"),
    _site(
        "site-of-the-web-pages",
        "`datadog-site: app.datadoghq.com`",
        DATADOG,
        datadog_site="app.datadoghq.com",
    ),
    _site(
        "unknown-datadog-site",
        "`datadog-site: datadoghq.de`, which does not exist",
        DATADOG,
        datadog_site="datadoghq.de",
    ),
    _site(
        "look-alike-of-a-datadog-site",
        "`datadog-site: https://datadoghq.com.evil.example`",
        DATADOG,
        datadog_site="https://datadoghq.com.evil.example",
    ),
    _site("government-site", "`datadog-site: ddog-gov.com`", DATADOG, datadog_site="ddog-gov.com"),
    _instance(
        "dx-instance-with-scheme-and-slash",
        "`dx-instance: https://acme.getdx.net/`",
        DX,
        dx_instance="https://acme.getdx.net/",
    ),
    _instance(
        "dx-instance-with-a-path",
        "`dx-instance: acme.getdx.net/api`",
        DX,
        dx_instance="acme.getdx.net/api",
    ),
    _instance(
        "dx-instance-with-an-odd-path",
        "`dx-instance: https://acme.example.com/../api`",
        DX,
        dx_instance="https://acme.example.com/../api",
    ),
    _instance(
        "dx-instance-with-a-port",
        "`dx-instance: acme.getdx.net:443`",
        DX,
        dx_instance="acme.getdx.net:443",
    ),
    _instance(
        "dx-instance-with-user-info",
        "`dx-instance` with a user name and a password",
        DX,
        "s3same-open",
        dx_instance="https://ada:s3same-open@acme.getdx.net",
    ),
    _instance(
        "dx-instance-before-an-at-sign",
        "`dx-instance: acme.getdx.net@evil.example`",
        DX,
        dx_instance="acme.getdx.net@evil.example",
    ),
    _instance(
        "dx-instance-by-ip-address",
        "`dx-instance: https://192.0.2.7`",
        DX,
        dx_instance="https://192.0.2.7",
    ),
    _instance("dx-instance-localhost", "`dx-instance: localhost`", DX, dx_instance="localhost"),
    _instance(
        "dx-instance-in-unicode",
        "`dx-instance: acme`, but with a Cyrillic letter for the a",
        DX,
        dx_instance="\u0430cme",
    ),
    _instance(
        "dx-instance-with-a-trailing-dot",
        "`dx-instance: acme.getdx.net.`",
        DX,
        dx_instance="acme.getdx.net.",
    ),
    _instance(
        "dx-instance-by-http",
        "`dx-instance: http://acme.getdx.net`",
        DX,
        dx_instance="http://acme.getdx.net",
    ),
    _instance(
        "dx-instance-of-a-domain-of-its-own",
        "`dx-instance: dx.example.com`, without https://",
        DX,
        dx_instance="dx.example.com",
    ),
    _instance(
        "dx-instance-of-a-domain-on-purpose",
        "`dx-instance: https://dx.example.com`",
        DX,
        dx_instance="https://dx.example.com",
    ),
    _instance(
        "dx-instance-with-a-query",
        "`dx-instance` with a query behind it",
        DX,
        "t0ken-in-the-query",
        dx_instance="https://acme.getdx.net/?key=t0ken-in-the-query",
    ),
)

VALUES: Final = (
    _case(
        63,
        "misspelt-input",
        "`enviroment: staging`, which is no input: nobody can tell, so the default counts",
        DATADOG,
        enviroment="staging",
    ),
    _case(64, "boolean-in-capitals", "`dry-run: True`", DATADOG, dry_run="True"),
    _case(64, "boolean-yes", "`dry-run: yes`", DATADOG, dry_run="yes"),
    _case(64, "boolean-one", "`dry-run: 1`", DATADOG, dry_run="1"),
    _case(64, "boolean-on-in-quotes", '`dry-run: "on"` with the quotes', DATADOG, dry_run='"on"'),
    _case(64, "number-with-a-unit", "`timeout: 60s`", DATADOG, timeout="60s"),
    _case(64, "number-out-of-bounds", "`timeout: 3600`", DATADOG, timeout="3600"),
    _case(64, "word-of-no-list", "`fail-on: always`", DATADOG, fail_on="always"),
    _case(
        64,
        "five-at-once",
        "five bad inputs at once",
        USUAL,
        commit_sha="HEAD",
        timeout="soon",
        tags="team",
        success="ok",
        source_url="ftp://ci.example.com",
    ),
    _case(
        64,
        "of-one-deployment-for-many",
        "`mode: backfill`, and inputs that are of one deployment",
        USUAL,
        mode="backfill",
        commit_sha="5a47c3f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6",
        version="v1.12.0",
        success="failure",
    ),
    _case(65, "metadata-array", "`metadata` is a JSON array", DX, metadata='["eu-west-1"]'),
    _case(
        65,
        "metadata-cut-off",
        "`metadata` is JSON that ends too early",
        DX,
        "eu-west",
        metadata='{\n  "region": "eu-west-1",\n  "cell": ',
    ),
    _case(
        65,
        "metadata-key-twice",
        "`metadata` has a key twice",
        DX,
        "eu-west",
        metadata='{"region": "eu-west-1", "region": 2}',
    ),
    _case(65, "metadata-nan", "`metadata` has NaN", DX, metadata='{"ratio": NaN}'),
    _case(65, "metadata-infinity", "`metadata` has 1e999", DX, metadata='{"ratio": 1e999}'),
    _case(
        65,
        "metadata-byte-order-mark",
        "`metadata` starts with a byte order mark",
        DX,
        metadata='\ufeff{"region": "eu-west-1"}',
    ),
    _case(
        65,
        "metadata-of-1-mb",
        "`metadata` is 1 MB long",
        DX,
        metadata=f'{{"text": "{"x" * 1_000_000}"}}',
    ),
    _case(
        65,
        "metadata-too-deep",
        "`metadata` is nested a thousand levels deep",
        DX,
        metadata='{"a":' * 1_000 + "1" + "}" * 1_000,
    ),
    _case(
        66,
        "services-as-a-list",
        "`service` with commas, CR LF, blank entries and one of them twice",
        DATADOG,
        service=" checkout=Checkout,,\r\n\r\n search ,checkout=Checkout\r\n",
    ),
    _case(
        66,
        "merge-commits-of-which-one-is-bad",
        "`merge-commit-shas` by line, one of them a branch",
        DX,
        merge_commit_shas="7fd0709f3ed45ac797fbcf901f219c36cfe2b36a\nmain",
    ),
    _case(
        66,
        "merge-commits-as-bad-json",
        "`merge-commit-shas` as a JSON array of numbers",
        DX,
        merge_commit_shas="[1, 2]",
    ),
    _case(66, "branches-of-none", "`branches` with nothing but commas", DX, branches=", ,"),
    _case(
        66,
        "environment-map-without-an-equals-sign",
        "`environment-map` with a line that is no rule",
        DX,
        environment_map="live",
    ),
    _case(67, "tag-without-a-colon", "`tags: payments`", DATADOG, tags="payments"),
    _case(
        67,
        "tags-with-several-bad-ones",
        "`tags` whose second and third have no colon",
        DATADOG,
        tags="team:payments\nblue\ngreen",
    ),
    _case(
        67,
        "tags-more-than-a-hundred",
        "101 tags",
        DATADOG,
        tags="\n".join(f"number:{number}" for number in range(101)),
    ),
    _case(
        67, "tag-of-201-characters", "a tag of 201 characters", DATADOG, tags=f"text:{'x' * 196}"
    ),
    _case(
        68,
        "time-without-a-zone",
        "`started-at: 2026-05-11T09:30:00`",
        DATADOG,
        started_at="2026-05-11T09:30:00",
    ),
    _case(68, "time-without-a-time", "`started-at: 2026-05-11`", DATADOG, started_at="2026-05-11"),
    _case(
        68,
        "times-in-seconds-and-milliseconds",
        "times in Unix seconds and milliseconds",
        DATADOG,
        started_at="1778491812",
        finished_at="1778492080250",
    ),
    _case(
        68,
        "times-in-microseconds-and-nanoseconds",
        "times in Unix microseconds and nanoseconds",
        DATADOG,
        started_at="1778491812000250",
        finished_at="1778492080000250000",
    ),
    _case(
        68,
        "time-in-the-future",
        "`finished-at: 4102444800`, in the year 2100",
        DATADOG,
        finished_at="4102444800",
    ),
    _case(68, "time-before-2000", "`finished-at: 0`", DATADOG, finished_at="0"),
    _case(
        68, "time-that-is-negative", "`started-at: -1778491812`", DATADOG, started_at="-1778491812"
    ),
    _case(
        68,
        "start-after-the-finish",
        "`started-at` an hour later than `finished-at`",
        DATADOG,
        started_at="2026-05-11T10:30:00Z",
        finished_at="2026-05-11T11:30:00+02:00",
    ),
    _case(69, "service-without-a-name", "`service` with nothing but a comma", DATADOG, service=","),
    _case(
        69,
        "service-blank",
        "`service` of spaces alone, which is as good as none",
        DATADOG,
        service="   ",
    ),
    _case(
        69,
        "service-with-emoji",
        "`service` with letters and signs of many scripts",
        DATADOG,
        service="Warenkorb \u00fc \u5e97 \U0001f6d2",
    ),
    _case(69, "service-of-4-kb", "`service` of 4,096 letters", DATADOG, service="s" * 4096),
    _case(
        69,
        "service-with-a-control-character",
        "`service` with an escape sequence",
        DATADOG,
        service="shop\x1b[31m",
    ),
    _case(
        69,
        "service-twice",
        "`service` with one identifier and two names",
        DATADOG,
        service="shop=Shop, shop=Store",
    ),
)

CASES: Final = (*CREDENTIALS, *HOSTS, *VALUES)
