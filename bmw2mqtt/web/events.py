"""The status document as Server-Sent Events."""

import asyncio
import time
from collections.abc import Callable

from aiohttp import web

UPDATE_S = 1.0
HEARTBEAT_S = 10.0
"""After three missed heartbeats the page polls `/api/state` instead."""
MAX_CLIENTS = 32
WRITE_TIMEOUT_S = 10.0
"""A client that does not read for this long is disconnected."""


class Events:
    """Builds the document at most once a second for all clients, and only while there are any."""

    def __init__(self, build: Callable[[], bytes]) -> None:
        """Prepare; `build` returns the document as JSON on one line."""
        self._build = build
        self._document = b""
        self._built_at_s = float("-inf")
        self._clients = 0
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Disconnect all clients."""
        self._stopped.set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Send the document now and whenever it changes, until the client disconnects."""
        if self._clients >= MAX_CLIENTS:
            raise web.HTTPServiceUnavailable(
                text="Too many pages are open; close some.", headers={"Retry-After": "10"}
            )
        self._clients += 1
        try:
            return await self._send(request)
        finally:
            self._clients -= 1

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
                elif time.monotonic() - sent_at_s >= HEARTBEAT_S:
                    await _write(response, b"event: heartbeat\ndata: 1\n\n")
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
        if now_s - self._built_at_s >= UPDATE_S:
            self._document, self._built_at_s = self._build(), now_s
        return self._document

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(UPDATE_S):
                await self._stopped.wait()
        except TimeoutError:
            return


async def _write(response: web.StreamResponse, event: bytes) -> None:
    async with asyncio.timeout(WRITE_TIMEOUT_S):
        await response.write(event)
