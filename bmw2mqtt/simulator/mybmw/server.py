"""BMW's app API as one HTTPS server on loopback."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from aiohttp import web

from bmw2mqtt.simulator.tls import Certificates

from .answers import Refusal, vin_of
from .clock import utc_now
from .commands import CommandRoutes, PlannedOutcomes
from .faults import Faults
from .login import GcdmLogin
from .login_china import ChinaLogin
from .recording import RECORDED_HEADERS, RecordedRequest, recorder
from .users import Accounts
from .vehicles import Garage, VehicleRoutes

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    from aiohttp.typedefs import Handler

    from .users import SimulatedUser

ACCESS_TOKEN_LIFETIME_S: Final = 28_799.0
SHUTDOWN_TIMEOUT_S: Final = 0.5


class MyBmwSimulator:
    """BMW's servers of all three regions, with the given users and their cars.

    Point the library to `server` and let it trust `ca_file`. `captcha_tokens` are the tokens a
    login accepts, each once; without them any token that was not used before is good. A used
    refresh token works for `refresh_grace_s` more; nobody knows what BMW does.
    """

    def __init__(
        self,
        users: Iterable[SimulatedUser] = (),
        *,
        certificates: Certificates | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        captcha_tokens: Collection[str] | None = None,
        access_token_lifetime_s: float = ACCESS_TOKEN_LIFETIME_S,
        refresh_grace_s: float = 0.0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.accounts = Accounts.of(
            users,
            clock=clock,
            access_token_lifetime_s=access_token_lifetime_s,
            refresh_grace_s=refresh_grace_s,
        )
        self.faults = Faults()
        self.requests: deque[RecordedRequest] = recorder()
        self._clock = clock
        self._host = host
        self._port = port
        if certificates is None:
            directory = Path(tempfile.mkdtemp(prefix="bmw2mqtt-simulator-"))
            weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
            certificates = Certificates.create(directory)
        self.certificates = certificates
        garage = Garage(self.accounts)
        self._login = GcdmLogin(
            self.accounts, None if captcha_tokens is None else set(captcha_tokens)
        )
        self._login_china = ChinaLogin(self.accounts)
        self._vehicles = VehicleRoutes(garage)
        self._commands = CommandRoutes(garage, clock)
        self._runner: web.AppRunner | None = None

    @property
    def outcomes(self) -> PlannedOutcomes:
        """What will become of commands."""
        return self._commands.outcomes

    @property
    def server(self) -> str:
        """Where it is served, as host:port."""
        return f"{self._host}:{self._port}"

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority to trust."""
        return self.certificates.ca_file

    async def start(self) -> None:
        """Start to serve; with port 0 on any free port, and on the same one after a restart."""
        app = web.Application(middlewares=[self._record, self._play_fault, _refuse])
        for routes in (self._login, self._login_china, self._vehicles, self._commands):
            routes.add_routes(app.router)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner,
            self._host,
            self._port,
            ssl_context=self.certificates.server_context(),
        )
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop to serve; users, cars and tokens are kept, so that `start` goes on with them."""
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
        fault = self.faults.take(request.method, request.path, vin_of(request))
        if fault is None:
            return await handler(request)
        if fault.delay_s > 0:
            await asyncio.sleep(fault.delay_s)
        response: web.StreamResponse | None = fault.response()
        if response is None and (fault.is_processed or not fault.drop):
            response = await handler(request)
        if fault.on_hit is not None:
            fault.on_hit()
        if fault.drop and request.transport is not None:
            request.transport.abort()
        return response or web.Response()


@web.middleware
async def _refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a request that a handler refused."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.response
    except web.HTTPException as error:
        body = {"statusCode": error.status, "message": error.reason}
        return web.json_response(body, status=error.status)
