"""The answer behind those that only announce it, for the sessions of `requests`.

Importing this module imports requests.
"""

import http.client
from typing import Any, cast

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection


class FinalResponse(http.client.HTTPResponse):
    """The answer behind those that only announce it.

    `http.client` skips 100 alone; a server may send others first, such as 103 Early Hints
    (RFC 9110, "Informational 1xx"). 101 is final: nobody asked for another protocol.
    """

    def begin(self) -> None:
        """Read the head of the answer."""
        super().begin()
        while 100 < self.status < 200 and self.status != 101:
            cast("Any", self).headers = None  # as before the first one
            super().begin()


class FinalConnection(HTTPConnection):
    """A connection whose answers are final."""

    response_class = FinalResponse


class FinalAdapter(HTTPAdapter):
    """Gives a session connections whose answers are final."""

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        """Return the pool of connections for a request, all of them of our kind."""
        pool = cast("Any", super().get_connection_with_tls_context(*args, **options))
        if not issubclass(pool.ConnectionCls, FinalConnection):
            pool.ConnectionCls = self.connection_class(pool.ConnectionCls)
        return pool

    def connection_class(self, known: type) -> type:
        """Return the class of connections to use in the place of a `known` one of urllib3."""
        return type("_Connection", (FinalConnection, known), {})
