"""Servers on loopback whose TLS is good, bad or none at all."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import warnings
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from typing_extensions import Self

Handle = Callable[[socket.socket], None]

CA = trustme.CA()
STRANGER = trustme.CA()


class Server:
    """Hands each connection to a function, one after the other."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # It wakes `accept` where closing alone would not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(5)
            with connection, contextlib.suppress(OSError):
                self._handle(connection)


class Https(Server):
    """Answers `{"ok": true}` under a certificate; `requests` holds what arrived.

    `worsen` may change its context.
    """

    def __init__(
        self,
        certificate: trustme.LeafCert | trustme.CA,
        worsen: Callable[[ssl.SSLContext], None] | None = None,
    ) -> None:
        super().__init__(self._converse)
        self.requests: list[bytes] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if isinstance(certificate, trustme.LeafCert):
            certificate.configure_cert(self._context)
        else:  # signed by itself
            pem = certificate.private_key_pem.bytes() + certificate.cert_pem.bytes()
            with trustme.Blob(pem).tempfile() as path:
                self._context.load_cert_chain(path)
        if worsen is not None:
            worsen(self._context)

    def _converse(self, connection: socket.socket) -> None:
        with self._context.wrap_socket(connection, server_side=True) as secure:
            request = secure.recv(65_536)
            while b"}" not in request:
                request += secure.recv(65_536)
            self.requests.append(request)
            secure.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"ok": true}')


class Damaged(Https):
    """Reads a request, and answers with bytes that are no TLS, as of a broken way back."""

    def __init__(self, certificate: trustme.LeafCert, records: bytes) -> None:
        super().__init__(certificate)
        self._records = records

    def _converse(self, connection: socket.socket) -> None:
        below = connection.dup()
        with below, self._context.wrap_socket(connection, server_side=True) as secure:
            request = secure.recv(65_536)
            while b"}" not in request:
                request += secure.recv(65_536)
            self.requests.append(request)
            below.sendall(self._records)
            below.shutdown(socket.SHUT_RDWR)


def good() -> trustme.LeafCert:
    return CA.issue_cert("localhost", "127.0.0.1")


def expired() -> trustme.LeafCert:
    return CA.issue_cert(
        "localhost",
        not_before=datetime(2020, 1, 1, tzinfo=timezone.utc),
        not_after=datetime(2021, 1, 1, tzinfo=timezone.utc),
    )


def not_yet_valid() -> trustme.LeafCert:
    return CA.issue_cert("localhost", not_before=datetime(2037, 1, 1, tzinfo=timezone.utc))


def of_another_host() -> trustme.LeafCert:
    return CA.issue_cert("api.datadoghq.com", "10.0.0.1")


def of_a_stranger() -> trustme.LeafCert:
    return STRANGER.issue_cert("localhost")


def speak_old_versions_alone(context: ssl.SSLContext) -> None:
    """Speak TLS 1.0 and 1.1, and no later one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")


def know_no_such_host(context: ssl.SSLContext) -> None:
    """Refuse the name of every host that a client asks for."""
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


def plain_http(connection: socket.socket) -> None:
    """Answer in plain HTTP to whoever begins with TLS."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def hang_up(connection: socket.socket) -> None:
    """Close in the middle of the handshake."""
    connection.recv(65_536)


def reset(connection: socket.socket) -> None:
    """Reset the connection in the middle of the handshake."""
    connection.recv(65_536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def say_nothing(connection: socket.socket) -> None:
    """Take the handshake's first message and leave it at that."""
    while connection.recv(65_536):
        pass
