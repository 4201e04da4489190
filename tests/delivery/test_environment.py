"""What certificates, proxies and a planted `.netrc` do to a delivery, in another process.

The environment of this one is left alone: what it holds differs from machine to machine.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dora_deployments.catalogue import (
    CA_FILE,
    CERTIFICATE,
    NO_CONNECTION,
    PROXY,
    STEP_ENDED,
    Topic,
)
from dora_deployments.deployment import Outcome
from tests.delivery import tls
from tests.delivery.wire import KEY, TOKEN, UNCERTAIN, closed_port, of_datadog, of_dx
from tests.end_to_end import receivers
from tests.end_to_end.receivers import Faulty, answer, drip

ROOT = Path(__file__).parent.parent.parent
THE_CERTIFICATE = "DX: the certificate of the server "
UNKNOWN = f"{THE_CERTIFICATE}is of an unknown authority"
OTHER_HOST = f"{THE_CERTIFICATE}is for another host"
NO_TLS = "DX: no TLS connection is possible with this server"
UNUSABLE = "its URL, or that of the proxy in HTTPS_PROXY, is unusable"


def case(url, backend="dx", *, seconds=20, hasty=False, **environment):
    return {
        "url": url,
        "backend": backend,
        "seconds": seconds,
        "hasty": hasty,
        "environment": environment,
    }


def sent(*cases, home=ROOT, within=()):
    """Return the outcomes of `cases`, sent by a process that knows nothing of this one.

    `within` is the start of a command that runs the rest of it.
    """
    finished = subprocess.run(
        [*within, sys.executable, "-m", "tests.delivery.sender"],
        input=json.dumps(cases),
        capture_output=True,
        check=False,
        cwd=ROOT,
        encoding="utf-8",
        env={
            **{name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ},
            "HOME": str(home),
            "USERPROFILE": str(home),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        },
        timeout=120,
    )
    assert finished.stderr == ""
    assert KEY not in finished.stdout
    assert TOKEN not in finished.stdout
    return tuple(
        Outcome(**{**outcome, "topic": outcome["topic"] and Topic(**outcome["topic"])})
        for outcome in json.loads(finished.stdout)
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("certificates") / "ca.pem"
    tls.CA.cert_pem.write_to_path(path)
    return str(path)


@pytest.mark.fault(4, 5)
@pytest.mark.threat(14)
def test_tls_that_is_not_as_it_must_be_is_refused_with_what_is_wrong_and_no_key_is_sent(
    bundle, tmp_path
):
    damaged = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"
    files = {"empty.pem": "", "garbage.pem": "not a certificate", "damaged.pem": damaged}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    trusted = {"REQUESTS_CA_BUNDLE": bundle}
    with (
        tls.Https(tls.good()) as good,
        tls.Https(tls.expired()) as expired,
        tls.Https(tls.not_yet_valid()) as not_yet_valid,
        tls.Https(tls.of_another_host()) as other_host,
        tls.Https(tls.of_a_stranger()) as stranger,
        tls.Https(tls.STRANGER) as self_signed,
        tls.Https(tls.good(), tls.speak_old_versions_alone) as old,
        tls.Https(tls.good(), tls.know_no_such_host) as nameless,
        tls.Server(tls.plain_http) as plain,
        tls.Server(tls.hang_up) as hanging_up,
        tls.Server(tls.say_nothing) as silent,
    ):
        taken = sent(
            case(f"https://localhost:{good.port}", **trusted),
            case(f"https://127.0.0.1:{good.port}", **trusted),
            case(f"https://localhost:{expired.port}", **trusted),
            case(f"https://localhost:{not_yet_valid.port}", **trusted),
            case(f"https://localhost:{other_host.port}", **trusted),
            case(f"https://127.0.0.1:{other_host.port}", **trusted),
            case(f"https://localhost:{stranger.port}", **trusted),
            case(f"https://localhost:{self_signed.port}", **trusted),
            case(f"https://localhost:{good.port}"),
            case(f"https://localhost:{old.port}", **trusted),
            case(f"https://localhost:{nameless.port}", **trusted),
            case(f"https://localhost:{plain.port}", **trusted),
            case(f"https://localhost:{hanging_up.port}", **trusted),
            case(f"https://localhost:{silent.port}", hasty=True, **trusted),
            case(f"https://localhost:{good.port}", REQUESTS_CA_BUNDLE="/nowhere/ca.pem"),
            *(
                case(f"https://localhost:{good.port}", REQUESTS_CA_BUNDLE=str(tmp_path / name))
                for name in files
            ),
        )
        servers = (
            *(good, expired, not_yet_valid, other_host, stranger, self_signed),
            *(old, nameless),
        )
        arrived = [len(server.requests) for server in servers]

    assert taken == (
        of_dx("delivered", "recorded", http_status=200, attempts=1),
        of_dx("delivered", "recorded", http_status=200, attempts=1),
        of_dx(
            "rejected",
            f"{THE_CERTIFICATE}has expired, or the clock of the runner is fast",
            CERTIFICATE,
            attempts=1,
        ),
        of_dx(
            "rejected",
            f"{THE_CERTIFICATE}is not valid yet, or the clock of the runner is slow",
            CERTIFICATE,
            attempts=1,
        ),
        of_dx("rejected", OTHER_HOST, CERTIFICATE, attempts=1),
        of_dx("rejected", OTHER_HOST, CERTIFICATE, attempts=1),
        of_dx("rejected", UNKNOWN, CERTIFICATE, attempts=1),
        of_dx("rejected", UNKNOWN, CERTIFICATE, attempts=1),
        of_dx("rejected", UNKNOWN, CERTIFICATE, attempts=1),
        *[of_dx("rejected", NO_TLS, CERTIFICATE, attempts=1)] * 3,
        of_dx(
            "undelivered",
            "DX: the connection broke off before it was secure",
            NO_CONNECTION,
            attempts=4,
        ),
        of_dx(
            "undelivered",
            "DX: no connection could be made in time",
            NO_CONNECTION,
            attempts=4,
        ),
        of_dx(
            "rejected",
            "DX: a file with certificates cannot be read",
            CA_FILE,
            attempts=1,
        ),
        *[
            of_dx(
                "rejected",
                "DX: a file with certificates holds none, or is damaged",
                CA_FILE,
                attempts=1,
            )
        ]
        * 3,
    )
    assert arrived == [2, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.fault(6, 103)
def test_proxies_are_used_named_when_they_fail_and_never_shown(tmp_path):
    refused = "the proxy in HTTPS_PROXY refused, or cannot be reached"
    with (
        Faulty(answer(407)) as refusing,
        Faulty(answer(200, {"ok": True})) as forwarding,
        receivers.Dx(token=TOKEN) as direct,
        closed_port() as closed,
    ):
        proxy = refusing.url.replace("http://", "http://grace:hopper@")
        taken = sent(
            case("https://dx.test", HTTPS_PROXY=proxy),
            case("https://datadog.test", "datadog", HTTPS_PROXY=proxy),
            case("https://dx.test", HTTPS_PROXY=closed),
            case("https://dx.test", HTTPS_PROXY="socks5://127.0.0.1:1"),
            case("https://dx.test", HTTPS_PROXY="gopher://127.0.0.1:1"),
            case("https://dx.test", HTTPS_PROXY="http://"),
            case("https://dx.test", HTTPS_PROXY="http://[::1"),
            case("https://dx.test", HTTPS_PROXY="http://acme..test"),
            case("https://dx.test", HTTPS_PROXY="http://\u0161:x@127.0.0.1:1"),
            case("https://dx.test", ALL_PROXY="socks5h://127.0.0.1:1"),
            case("https://dx.test", all_proxy=closed, HTTP_PROXY=proxy),
            case("https://dx.test", ALL_PROXY="socks5h://127.0.0.1:1", https_proxy=closed),
            case("http://dx.test", HTTP_PROXY=closed),
            case("http://dx.test", HTTP_PROXY=forwarding.url),
            # What is meant for this machine goes there, whatever the variables say.
            case(direct.url, HTTP_PROXY=proxy),
            case(direct.url.replace("127.0.0.1", "localhost"), ALL_PROXY=proxy),
            home=tmp_path,
        )

    assert taken == (
        of_dx("undelivered", f"DX: {refused}", PROXY, attempts=4),
        of_datadog("undelivered", f"Datadog: {refused}", PROXY, attempts=4),
        of_dx("undelivered", f"DX: {refused}", PROXY, attempts=4),
        of_dx(
            "rejected",
            "DX: the proxy in HTTPS_PROXY is of a kind that is not known",
            PROXY,
            attempts=1,
        ),
        *[of_dx("rejected", f"DX: {UNUSABLE}", PROXY, attempts=1)] * 5,
        of_dx(
            "rejected",
            "DX: the proxy in ALL_PROXY is of a kind that is not known",
            PROXY,
            attempts=1,
        ),
        *[
            of_dx(
                "undelivered",
                f"DX: the proxy in {variable} refused, or cannot be reached",
                PROXY,
                attempts=4,
            )
            for variable in ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")
        ],
        *[of_dx("delivered", "recorded", http_status=200, attempts=1)] * 3,
    )
    assert len(forwarding.requests) == 1
    assert len(direct.received) == 2
    assert [request.rpartition(b" HTTP/1.")[0] for request in refusing.requests] == [
        *[b"CONNECT dx.test:443"] * 4,
        *[b"CONNECT datadog.test:443"] * 4,
    ]
    assert KEY.encode() not in b"".join(refusing.requests)
    assert TOKEN.encode() not in b"".join(refusing.requests)


@pytest.mark.parametrize("variable", ["HOME", "NETRC"])
@pytest.mark.fault(103)
@pytest.mark.threat(3)
def test_a_planted_netrc_neither_replaces_nor_adds_a_credential(tmp_path, variable):
    planted = tmp_path / (".netrc" if variable == "HOME" else "planted")
    planted.write_text(
        "machine 127.0.0.1 login mallory password swordfish\n"
        "machine localhost login mallory password swordfish\n"
        "default login mallory password swordfish\n"
    )
    planted.chmod(0o600)
    environment = {"NETRC": str(planted)} if variable == "NETRC" else {}
    with (
        receivers.Dx(token=TOKEN) as of_token,
        receivers.Datadog(api_key=KEY, status=200) as of_key,
        Faulty(answer(302, b"", [("Location", "http://localhost:1/")])) as leading_on,
    ):
        taken = sent(
            case(of_token.url, **environment),
            case(of_key.url, "datadog", **environment),
            case(leading_on.url, "datadog", **environment),
            home=tmp_path,
        )

    assert [outcome.status for outcome in taken] == ["delivered", "delivered", "rejected"]
    assert of_token.received[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert of_key.received[0].headers["dd-api-key"] == KEY
    assert "authorization" not in of_key.received[0].headers
    assert b"authorization" not in leading_on.requests[0].lower()


@pytest.mark.fault(10)
@pytest.mark.threat(13)
def test_the_process_ends_although_a_server_still_drips():
    with Faulty(drip(b"HTTP/1.1 200 OK\r\nX-Y: ", 0.05, [b"Z"] * 100_000)) as server:
        taken = sent(case(server.url, seconds=0.5))

    assert taken == (
        of_dx(
            "undelivered",
            f"no answer before the step had to end{UNCERTAIN}",
            STEP_ENDED,
            attempts=1,
        ),
    )


# --- names that resolve oddly


@pytest.fixture(scope="module")
def with_file():
    """Return what runs a command with a file of the system replaced, for that command alone."""

    def command(replacement, file):
        script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
        run = ("unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh")
        return (*run, str(replacement), file)

    try:
        possible = subprocess.run(
            [*command("/dev/null", "/etc/hosts"), "true"], capture_output=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("needs the command unshare")
    if possible.returncode:
        pytest.skip(f"needs a mount namespace of its own: {possible.stderr!r}")
    return command


@pytest.mark.fault(20)
def test_a_host_with_two_addresses_of_which_one_is_dead_is_reached_by_the_other(
    with_file, tmp_path
):
    hosts = tmp_path / "hosts"
    hosts.write_text("::1 both.test\n127.0.0.1 both.test\n::1 dead.test\n")
    with receivers.Dx(token=TOKEN) as dx, receivers.Datadog(api_key=KEY, status=200) as datadog:
        # Nothing listens there under ::1.
        taken = sent(
            case(dx.url.replace("127.0.0.1", "both.test")),
            case(datadog.url.replace("127.0.0.1", "both.test"), "datadog"),
            case(dx.url.replace("127.0.0.1", "dead.test")),
            within=with_file(hosts, "/etc/hosts"),
        )
        arrived = (len(dx.received), len(datadog.received))

    assert taken == (
        of_dx("delivered", "recorded", http_status=200, attempts=1),
        of_datadog("delivered", "recorded", http_status=200, attempts=1),
        of_dx(
            "undelivered",
            "DX: the connection was refused, or no way leads to the host",
            NO_CONNECTION,
            attempts=4,
        ),
    )
    assert arrived == (1, 1)


@pytest.mark.fault(1)
@pytest.mark.threat(13)
def test_a_name_server_that_never_answers_holds_up_neither_the_budget_nor_the_process(
    with_file, tmp_path
):
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 127.53.53.53\n")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent,
        receivers.Dx(token=TOKEN) as dx,
    ):
        try:
            silent.bind(("127.53.53.53", 53))
        except OSError as error:
            pytest.skip(f"needs the port of name servers: {error.strerror}")
        taken = sent(
            case("http://stalled.test", seconds=0.5),
            case(dx.url),
            within=with_file(resolver, "/etc/resolv.conf"),
        )
        silent.settimeout(5)
        asked = silent.recv(512)

    assert taken == (
        of_dx(
            "undelivered",
            "no connection could be made before the step had to end",
            STEP_ENDED,
            attempts=1,
        ),
        of_dx("delivered", "recorded", http_status=200, attempts=1),
    )
    assert b"\x07stalled\x04test" in asked
