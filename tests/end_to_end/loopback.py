"""The wire that all stand-ins share: a server on 127.0.0.1 that ends with its context."""

from __future__ import annotations

import abc
import contextlib
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

_HOST = "127.0.0.1"


class _Server(socketserver.ThreadingTCPServer):
    """Hand every connection to a function, each in a thread of its own, until `stop`.

    `http.server.ThreadingHTTPServer` would add a DNS look-up of the machine's name, which takes
    seconds on some machines and serves no purpose here.
    """

    request_queue_size = 128  # socketserver's 5 would make clients that come at once wait

    def __init__(self, handle: Callable[[socket.socket], None]) -> None:
        super().__init__((_HOST, 0), socketserver.BaseRequestHandler)
        self._handle = handle
        self._connections: list[tuple[socket.socket, threading.Thread]] = []
        # The short interval is what `stop` has to wait for.
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True
        )

    def start(self) -> None:
        """Serve in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more connections, end the open ones, and wait for their threads."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection, thread in self._connections:
            with contextlib.suppress(OSError):  # closed already
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=1)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the connection's thread and remember both, so that `stop` can end them."""
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        self._connections.append((request, thread))
        thread.start()

    def finish_request(self, request: Any, _client_address: Any) -> None:
        """Serve the connection; socketserver closes it afterwards."""
        sys.settrace(None)  # nothing here is to be covered, and to measure doubles the time
        self._handle(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that went away; anything else is a mistake of ours and shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Local(abc.ABC):
    """Listen on a free port of 127.0.0.1 for as long as the context lasts."""

    url: str
    """Where to send requests, without a trailing slash; set when the context is entered."""

    def __enter__(self) -> Self:
        self._server = _Server(self._handle)
        self.url = f"http://{_HOST}:{self._server.server_address[1]}"
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @abc.abstractmethod
    def _handle(self, connection: socket.socket) -> None:
        """Serve one connection to its end."""
