"""The document, live: Server-Sent Events while somebody listens."""

import asyncio
import time
from collections.abc import Callable

from aiohttp import web

LOOK_EVERY_S = 1.0
BEAT_EVERY_S = 10.0
"""The page takes it for lost, and asks by itself, when it hears nothing for three times as long."""
MAX_LISTENERS = 32
WRITE_WITHIN_S = 10.0
"""Whoever does not read for so long is sent away."""


class Events:
    """Makes the document at most once a second for all who listen, and never for nobody."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        """Prepare; `make` makes the document, JSON on one line."""
        self._make = make
        self._made = b""
        self._made_at_s = float("-inf")
        self._listeners = 0
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Send everybody away."""
        self._stopped.set()

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """Send the document, and again whenever it changes, until the visitor leaves."""
        if self._listeners >= MAX_LISTENERS:
            raise web.HTTPServiceUnavailable(
                text="Too many pages are open; close some.", headers={"Retry-After": "10"}
            )
        self._listeners += 1
        try:
            return await self._send(request)
        finally:
            self._listeners -= 1

    async def _send(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"X-Accel-Buffering": "no"})
        response.content_type = "text/event-stream"
        await response.prepare(request)
        sent, sent_at_s = b"", 0.0
        try:
            while not self._stopped.is_set():
                document = self._current()
                if document != sent:
                    await _write(response, b"event: state\ndata: " + document + b"\n\n")
                elif time.monotonic() - sent_at_s >= BEAT_EVERY_S:
                    await _write(response, b"event: beat\ndata: 1\n\n")
                else:
                    await self._pause()
                    continue
                sent, sent_at_s = document, time.monotonic()
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
        return response

    def _current(self) -> bytes:
        now_s = time.monotonic()
        if now_s - self._made_at_s >= LOOK_EVERY_S:
            self._made, self._made_at_s = self._make(), now_s
        return self._made

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._stopped.wait()
        except TimeoutError:
            return


async def _write(response: web.StreamResponse, event: bytes) -> None:
    async with asyncio.timeout(WRITE_WITHIN_S):
        await response.write(event)
