"""Connection limits: total, per address, and a deadline for the first request."""

import asyncio
import weakref
from typing import Final

from aiohttp import web

MAX_CONNECTIONS: Final = 128
"""Open sockets of the page must not use up the file descriptors that the broker needs."""
MAX_PER_ADDRESS: Final = 64
"""Many, because behind a proxy all clients have one address; yet one client cannot use up all."""
FIRST_REQUEST_S: Final = 10
"""Time within which the head of the first request must arrive."""


class ConnectionLimits:
    """Protocol factory: checks the limits before it hands a connection to the HTTP server."""

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._without_request: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()

    def __call__(self) -> asyncio.BaseProtocol:
        """Return the protocol of a new connection."""
        return _NewConnection(self)

    def request_received(self, request: web.Request) -> None:
        """Record that a connection has sent its first request."""
        if request.transport is not None:
            self._without_request.discard(request.transport)

    def accept(self, transport: asyncio.Transport) -> None:
        """Hand a connection over to the HTTP server, or close it if a limit is reached."""
        addresses = [_address(handler.transport) for handler in self._server.connections]
        of_address = addresses.count(_address(transport))
        if len(addresses) >= MAX_CONNECTIONS or of_address >= MAX_PER_ADDRESS:
            transport.abort()
            return
        self._without_request.add(transport)
        loop = asyncio.get_running_loop()
        reference = weakref.ref(transport)  # the timer must keep nothing of an ended server
        loop.call_later(FIRST_REQUEST_S, _close_if_silent, reference, self._without_request)
        handler = self._server()
        transport.set_protocol(handler)
        handler.connection_made(transport)


def _close_if_silent(
    reference: weakref.ref[asyncio.Transport],
    without_request: weakref.WeakSet[asyncio.BaseTransport],
) -> None:
    transport = reference()
    if transport is not None and transport in without_request:
        transport.abort()


class _NewConnection(asyncio.Protocol):
    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._limits.accept(transport)


def _address(transport: asyncio.BaseTransport | None) -> str:
    peer = transport.get_extra_info("peername") if transport else None
    return str(peer[0]) if peer else ""
