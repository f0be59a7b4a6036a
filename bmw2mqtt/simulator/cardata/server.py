"""The server of the simulated BMW CarData: login, REST API and stream."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bmw2mqtt.simulator.clock import utc_now
from bmw2mqtt.simulator.https import HttpsServer

from .authorizer import RestAuthorizer
from .containers import ContainerRoutes
from .oauth import DeviceCodeFlow
from .page import LinkPage
from .portal import PortalRoutes
from .quota import Quota, counting
from .rest import RestVehicleRoutes
from .stream import StreamBroker, StreamData
from .users import CLIENT_ID, Lifetimes, UserRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from bmw2mqtt.simulator.tls import Certificates

    from .cars import CarDataCar
    from .users import CarDataUser


class CarDataSimulator(HttpsServer):
    """Simulates BMW CarData with the given users and their cars.

    Point a client to `auth_url`, `api_url` and `stream_host`:`stream_port`, and let it trust
    `ca_file`. `faults` are the answers over HTTPS instead of the normal ones; `oauth`, `vehicles`,
    `containers`, `portal`, `quota`, `registry` and `stream` have settings of their own.
    """

    def __init__(
        self,
        users: Iterable[CarDataUser] = (),
        *,
        certificates: Certificates | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        stream_port: int = 0,
        lifetimes: Lifetimes | None = None,
        approve_after_s: float | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.registry = UserRegistry([], clock, lifetimes or Lifetimes())
        self.quota = Quota(clock)
        self.oauth = DeviceCodeFlow(self.registry, approve_after_s=approve_after_s)
        authorizer = RestAuthorizer(self.registry)
        self.vehicles = RestVehicleRoutes(authorizer)
        self.containers = ContainerRoutes(authorizer, clock)
        self.portal = PortalRoutes(self.registry)
        super().__init__(
            (self.oauth, LinkPage(self.oauth), self.portal, self.vehicles, self.containers),
            certificates=certificates,
            host=host,
            port=port,
            clock=clock,
            middlewares=(counting(self.quota, self.registry),),
        )
        self.stream = StreamBroker(
            self.registry,
            certificates=self.certificates,
            clock=clock,
            host=host,
            port=stream_port,
        )
        self._is_running = False
        self.tick_s = 1.0
        """How often driving cars report."""
        self._ticking: asyncio.Task[None] | None = None
        for user in users:
            self.add_user(user)

    def add_user(self, user: CarDataUser) -> None:
        """Add a user."""
        self.registry.users.append(user)
        for car in user.cars:
            car.subscribe(self.stream.report)
        self._start_ticking()

    def add_car(self, user: CarDataUser, car: CarDataCar) -> None:
        """Add a car to a user."""
        user.cars.append(car)
        car.subscribe(self.stream.report)
        self._start_ticking()

    @property
    def users(self) -> list[CarDataUser]:
        """All users."""
        return self.registry.users

    def account_settings(self) -> dict[str, Any]:
        """Return the settings of an account of bmw2mqtt at this BMW."""
        return {
            "backend": "cardata",
            "client_id": CLIENT_ID,
            "auth_url": self.auth_url,
            "api_url": self.api_url,
            "stream_host": self.stream_host,
            "stream_port": self.stream_port,
            "ca_file": str(self.ca_file),
        }

    @property
    def auth_url(self) -> str:
        """The base URL of the login."""
        return f"https://{self.address}"

    @property
    def api_url(self) -> str:
        """The base URL of the REST API."""
        return f"https://{self.address}"

    @property
    def stream_host(self) -> str:
        """The host of the stream."""
        return self.stream.host

    @property
    def stream_port(self) -> int:
        """The port of the stream."""
        return self.stream.port

    def approve(self, user_code: str) -> None:
        """Approve a login; raises `UnknownCodeError` if none with this code is pending."""
        self.oauth.approve(user_code)

    def decline(self, user_code: str) -> None:
        """Decline a login; raises `UnknownCodeError` if none with this code is pending."""
        self.oauth.decline(user_code)

    def publish(self, vin: str, data: StreamData) -> bool:
        """Stream readings of a car in one message; return whether a client received it."""
        return self.stream.publish(vin, data)

    def publish_raw(self, vin: str, payload: bytes) -> bool:
        """Stream any payload as a message of a car; return whether a client received it."""
        return self.stream.publish_raw(vin, payload)

    async def start(self) -> None:
        """Start the server; port 0 selects a free port, which a restart uses again."""
        await super().start()
        await self.stream.start()
        self._is_running = True
        self._start_ticking()

    async def stop(self) -> None:
        """Stop the server; users, cars and tokens are kept for the next `start`."""
        self._is_running = False
        if self._ticking is not None:
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking
            self._ticking = None
        await self.stream.stop()
        await super().stop()

    async def _tick(self) -> None:
        """Advance the driving cars every `tick_s`, until there are none."""
        while driving := self._driving_cars():
            for car in driving:
                car.tick()
            await asyncio.sleep(self.tick_s)

    def _driving_cars(self) -> list[CarDataCar]:
        return [car for user in self.users for car in user.cars if car.needs_ticks]

    def _start_ticking(self) -> None:
        is_ticking = self._ticking is not None and not self._ticking.done()
        if self._is_running and self._driving_cars() and not is_ticking:
            self._ticking = asyncio.create_task(self._tick())
