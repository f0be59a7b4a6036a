"""The base of the simulated servers: HTTPS, recorded requests and faults."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from aiohttp import web

from .clock import utc_now
from .faults import Faults
from .ports import reserve_port
from .recording import RECORDED_HEADERS, RecordedRequest, recorder
from .tls import Certificates

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    from aiohttp.typedefs import Handler, Middleware

SHUTDOWN_TIMEOUT_S: Final = 0.5


class Refusal(Exception):  # noqa: N818 - an answer, not an accident
    """Ends a request with a response."""

    def __init__(self, response: web.Response) -> None:
        super().__init__(response.status)
        self.response = response


class Routes(Protocol):
    """A group of a server's addresses."""

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add them to a router."""


class HttpsServer:
    """Base of the simulated servers: HTTPS on loopback, with recorded requests and planned faults.

    `faults` are what it answers instead of its routes' answers; `requests` are those received so
    far, oldest first. Without `certificates` it creates its own authority; others may be set, and
    are used from the next `start` on. `middlewares` run after a request was recorded and before a
    fault applies.
    """

    def __init__(
        self,
        routes: Iterable[Routes],
        *,
        certificates: Certificates | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], datetime] = utc_now,
        middlewares: Iterable[Middleware] = (),
    ) -> None:
        self.faults = Faults()
        self.requests: deque[RecordedRequest] = recorder()
        self._routes = tuple(routes)
        self.certificates = certificates or Certificates.throw_away(self)
        self._host = host
        self._port = port
        self._clock = clock
        self._middlewares = [self._record, _refuse, *middlewares, self._play_fault]
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        """The address of the server, as host:port."""
        return f"{self._host}:{self._port}"

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority that clients must trust."""
        return self.certificates.ca_file

    async def start(self) -> None:
        """Start the server; port 0 selects a free port, which a restart uses again."""
        app = web.Application(middlewares=self._middlewares)
        for routes in self._routes:
            routes.add_routes(app.router)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await self._runner.setup()
        context = self.certificates.server_context()
        self._port = self._port or reserve_port(self, self._host)
        await web.TCPSite(self._runner, self._host, self._port, ssl_context=context).start()

    async def stop(self) -> None:
        """Stop the server; users, cars and tokens are kept for the next `start`."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @web.middleware
    async def _record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        at, body = self._clock(), await request.read()
        response = await handler(request)
        transport = request.transport
        self.requests.append(
            RecordedRequest(
                at=at,
                method=request.method,
                path=request.path,
                query=dict(request.query),
                vin=vin_of(request),
                headers={
                    name: request.headers[name]
                    for name in RECORDED_HEADERS
                    if name in request.headers
                },
                body=body,
                status=0 if transport is None or transport.is_closing() else response.status,
            )
        )
        return response

    @web.middleware
    async def _play_fault(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = self.faults.consume(request.method, request.path, vin_of(request))
        if fault is None:
            return await handler(request)
        if fault.delay_s > 0:
            await asyncio.sleep(fault.delay_s)
        if fault.hold is not None:
            await fault.hold()
        response: web.StreamResponse | None = fault.response()
        if response is None and (fault.is_processed or not fault.drop):
            response = await handler(request)
        if fault.on_hit is not None:
            fault.on_hit()
        if fault.drop and request.transport is not None:
            request.transport.abort()
        return response or web.Response()


def vin_of(request: web.Request) -> str | None:
    """Return the VIN in a request's header or path."""
    return request.headers.get("bmw-vin") or request.match_info.get("vin")


async def form_body(request: web.Request) -> dict[str, str]:
    """Return the text fields of a form in a request's body."""
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


async def json_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in a request's body.

    Raises:
        ValueError: the body is something else.
    """
    body: Any = json.loads(await request.read() or b"{}")
    if not isinstance(body, dict):
        raise ValueError("A JSON object is expected.")  # noqa: TRY004 - as for malformed JSON
    return body


@web.middleware
async def _refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Respond to a request that a handler refused."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.response
    except web.HTTPException as error:
        body = {"statusCode": error.status, "message": error.reason}
        return web.json_response(body, status=error.status)
