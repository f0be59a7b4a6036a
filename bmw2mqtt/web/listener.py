"""The page's front door: listens, and builds the page when somebody knocks for the first time.

The libraries for it take 12 MiB and a quarter of a second: a daemon at which nobody looks has
neither.
"""

import asyncio
import socket
from typing import Protocol

import structlog

from bmw2mqtt.config import Http
from bmw2mqtt.web.context import PageContext

log = structlog.get_logger(__name__)

RETRY_S = 10
"""How often an address that is in use is tried again."""
BACKLOG = 64


class Site(Protocol):
    """The page, once it is built."""

    async def serve(self, sockets: list[socket.socket]) -> None:
        """Answer whoever comes, until cancelled; closes the sockets."""


class WebListener:
    """One page at one address."""

    def __init__(self, settings: Http, sources: PageContext) -> None:
        self._settings = settings
        self._sources = sources

    async def run(self) -> None:
        """Serve until cancelled; may be called again after a bug."""
        if not self._settings.enabled:
            return
        sockets = await self._listen()
        try:
            await _knock(sockets)
            site = await asyncio.to_thread(self._build)
            await site.serve(sockets)
        finally:
            for listener in sockets:
                listener.close()

    async def _listen(self) -> list[socket.socket]:
        """Take the address; wait for it if somebody else has it."""
        host, port = self._settings.host, self._settings.port
        has_failed = False
        while True:
            try:
                sockets = await _open(host, port)
            except (OSError, UnicodeError) as error:
                if not has_failed:
                    log.error(  # noqa: TRY400 - the sentence is all there is to say
                        "page_unavailable",
                        host=host,
                        port=port,
                        reason=getattr(error, "strerror", None) or str(error),
                        remedy="free the port or set another http.host or http.port; the rest of"
                        " the bridge works without the page, and it is tried again",
                    )
                has_failed = True
                await asyncio.sleep(RETRY_S)
            else:
                shown = f"[{host}]" if ":" in host else host
                log.info("page_listening", url=f"http://{shown}:{port}/")
                return sockets

    def _build(self) -> Site:
        from bmw2mqtt.web.application import WebApplication  # noqa: PLC0415 - heavy

        return WebApplication(self._settings, self._sources)


async def _open(host: str, port: int) -> list[socket.socket]:
    """Listen on every address that the name stands for."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((entry[0], entry[4]) for entry in found):
            sockets.append(socket.create_server(address, family=family, backlog=BACKLOG))
            sockets[-1].settimeout(0)
    except OSError:
        for listener in sockets:
            listener.close()
        raise
    return sockets


async def _knock(sockets: list[socket.socket]) -> None:
    """Wait for the first visitor, who stays in the queue of the kernel."""
    loop = asyncio.get_running_loop()
    knocked = asyncio.Event()
    for listener in sockets:
        loop.add_reader(listener, knocked.set)
    try:
        await knocked.wait()
    finally:
        for listener in sockets:
            loop.remove_reader(listener)
