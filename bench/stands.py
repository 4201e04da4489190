"""The servers of the benchmark, all on 127.0.0.1."""

from __future__ import annotations

import contextlib
import functools
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import trustme

from tests.end_to_end.github.apart import Apart, serving
from tests.end_to_end.github.history import History
from tests.end_to_end.github.hosted import iso
from tests.end_to_end.receivers import Datadog, Dx
from tests.payloads import payload_file

SITE = "datadog.invalid"  # a name that leads nowhere, should the proxy ever be passed over
API_KEY = "0123456789abcdef0123456789abcdef"
DX_TOKEN = "a-made-up-dx-token"  # noqa: S105 - a token for a receiver in this very process
GITHUB_TOKEN = "token-of-the-tests"  # noqa: S105 - what the stand-in for GitHub takes


def taken(receiver: Datadog | Dx) -> int:
    """Return how many requests a receiver has taken so far, refused ones left out."""
    return sum(200 <= each.status < 300 for each in receiver.received)


class SecureDatadog(Datadog):
    """The strict receiver behind TLS, reached directly or as a proxy for `api.SITE`.

    datadog-ci takes no address but `https://api.` and a site, so that a proxy is the only way.
    `authority` is the file of the certificate authority alone, `bundle` has the public ones too.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(api_key=API_KEY)
        own = trustme.CA()
        self.authority, self.bundle = folder / "ca.pem", folder / "bundle.pem"
        own.cert_pem.write_to_path(str(self.authority))
        self.bundle.write_bytes(Path(certifi.where()).read_bytes() + own.cert_pem.bytes())
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own.issue_cert("127.0.0.1", f"api.{SITE}").configure_cert(self._context)

    @property
    def secure_url(self) -> str:
        """Where to send requests without a proxy."""
        return self.url.replace("http:", "https:")

    def _handle(self, connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) == b"C":  # CONNECT; a TLS handshake begins with 22
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += connection.recv(1)
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with self._context.wrap_socket(connection, server_side=True) as secure:
            super()._handle(secure)


@contextlib.contextmanager
def github(folder: Path, commits: int, latency: float) -> Iterator[tuple[Apart, dict[str, Any]]]:
    """Serve a repository in which so many pull requests landed since the deployment before.

    Yields the stand-in, a process of its own, and the event of the deployment that ships them.
    """
    folder.mkdir(parents=True)
    made = functools.partial(shop, commits=commits)
    # GitHub's limit for an hour is enough for each run, yet not for all rounds.
    with serving(made, folder / "shop.git", latency=latency, limit=1_000_000) as served:
        yield served, json.loads((folder / "event.json").read_bytes())


def shop(folder: Path, *, commits: int) -> History:
    """Make the history in `folder` and write the event beside it."""
    history = History(folder)
    history.deploy(history.commit())
    for number in range(commits):
        branch = f"change-{number}"
        history.branch(branch)
        history.commit(branch)
        history.merge_pull(history.open_pull(branch), "squash")
    event = payload_file("deployment_status.success")
    sha = history.branches["main"]
    id_ = history.deploy(sha, event["deployment"]["environment"], states=("success",))
    created_at = iso(history.deployments[id_].created_at)
    event["deployment"].update(id=id_, sha=sha, created_at=created_at)
    event["deployment_status"].update(created_at=created_at)
    (folder.parent / "event.json").write_text(json.dumps(event), "utf-8")
    return history
