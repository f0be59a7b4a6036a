"""Listens on the page's address, and imports the web application with the first connection.

Its libraries need 12 MiB and a quarter of a second; a daemon whose page is never opened saves both.
"""

import asyncio
import socket
from typing import TYPE_CHECKING

import structlog

from bmw2mqtt.config import Http
from bmw2mqtt.web.context import PageContext
from bmw2mqtt.web.setup.start_link import in_other_networks, page_urls

if TYPE_CHECKING:
    from bmw2mqtt.web.application import WebApplication

log = structlog.get_logger(__name__)

RETRY_S = 10
"""Seconds between two tries to listen on an address that is in use."""
BACKLOG = 64


class WebListener:
    """Serves the page at one address."""

    def __init__(self, settings: Http, context: PageContext) -> None:
        self._settings = settings
        self._context = context
        self._setup = context.setup

    async def run(self) -> None:
        """Serve until cancelled; may be called again after a bug."""
        if not self._settings.enabled:
            return
        sockets = await self._listen()
        try:
            await _wait_for_connection(sockets)
            application = await asyncio.to_thread(self._import_application)
            await application.serve(sockets)
        finally:
            for listener in sockets:
                listener.close()

    async def _listen(self) -> list[socket.socket]:
        """Listen on the address; while another program uses it, try again."""
        host, port = self._settings.host, self._settings.port
        has_failed = False
        while True:
            try:
                sockets = await _open(host, port)
            except (OSError, UnicodeError) as error:
                if not has_failed:
                    log.error(  # noqa: TRY400 - the sentence is all there is to say
                        "page_listen_failed",
                        host=host,
                        port=port,
                        reason=getattr(error, "strerror", None) or str(error),
                        remedy="free the port, or set another http.host or http.port; "
                        + (
                            "the setup needs the page"
                            if self._setup is not None and self._setup.is_waiting
                            else "everything else works without the page"
                        )
                        + ", and bmw2mqtt keeps trying",
                    )
                has_failed = True
                await asyncio.sleep(RETRY_S)
            else:
                self._announce()
                return sockets

    def _announce(self) -> None:
        if self._setup is not None and self._setup.needs_link:
            self._setup.announce()
        else:
            urls = page_urls(self._settings)
            log.info("page_opened", url=urls[0], **in_other_networks(urls))

    def _import_application(self) -> "WebApplication":
        from bmw2mqtt.web.application import WebApplication  # noqa: PLC0415 - heavy

        return WebApplication(self._settings, self._context)


async def _open(host: str, port: int) -> list[socket.socket]:
    """Listen on every address that the host resolves to."""
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


async def _wait_for_connection(sockets: list[socket.socket]) -> None:
    """Wait for the first connection, and leave it in the kernel's queue."""
    loop = asyncio.get_running_loop()
    has_connection = asyncio.Event()
    for listener in sockets:
        loop.add_reader(listener, has_connection.set)
    try:
        await has_connection.wait()
    finally:
        for listener in sockets:
            loop.remove_reader(listener)
