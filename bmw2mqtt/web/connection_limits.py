"""Lets visitors in: not too many, and none who says nothing."""

import asyncio
import weakref
from typing import Final

from aiohttp import web

MAX_CONNECTIONS: Final = 128
"""Files that are open for visitors must not keep the bridge from its broker."""
MAX_OF_ONE: Final = 64
"""Many, for behind a proxy everybody has one address; yet nobody takes the page from all others."""
ASK_WITHIN_S: Final = 10
"""How long a visitor may take for the head of the first request."""


class ConnectionLimits:
    """Makes the protocol of each new connection."""

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._silent: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()

    def __call__(self) -> asyncio.BaseProtocol:
        """Return what a visitor meets first."""
        return _Visitor(self)

    def heard(self, request: web.Request) -> None:
        """Take it that a visitor has asked something."""
        if request.transport is not None:
            self._silent.discard(request.transport)

    def enter(self, transport: asyncio.Transport) -> None:
        """Hand a visitor over to the server, or send them away."""
        addresses = [_address(handler.transport) for handler in self._server.connections]
        of_one = addresses.count(_address(transport))
        if len(addresses) >= MAX_CONNECTIONS or of_one >= MAX_OF_ONE:
            transport.abort()
            return
        self._silent.add(transport)
        loop = asyncio.get_running_loop()
        loop.call_later(ASK_WITHIN_S, self._lose_patience, weakref.ref(transport))
        handler = self._server()
        transport.set_protocol(handler)
        handler.connection_made(transport)

    def _lose_patience(self, reference: weakref.ref[asyncio.Transport]) -> None:
        transport = reference()
        if transport is not None and transport in self._silent:
            transport.abort()


class _Visitor(asyncio.Protocol):
    def __init__(self, door: ConnectionLimits) -> None:
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._door.enter(transport)


def _address(transport: asyncio.BaseTransport | None) -> str:
    peer = transport.get_extra_info("peername") if transport else None
    return str(peer[0]) if peer else ""
