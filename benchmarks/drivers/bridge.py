"""The whole bridge as a process that does things when told: `… benchmarks.drivers.bridge CONFIG`.

It is configured to poll once and then only on request.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from bimmer_connected.vehicle import remote_services

from benchmarks.child import Request, serve
from bmw2mqtt import log
from bmw2mqtt.accounts.mybmw.account import MyBmwAccount
from bmw2mqtt.accounts.mybmw.library.request_hook import count_requests
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import load_settings
from bmw2mqtt.vehicle.account import AccountStatus


class Driver:
    """One bridge."""

    def __init__(self, config: Path) -> None:
        self.bridge = Bridge(load_settings(config))
        self._connected_at = 0.0
        self._receive_maximum = 0
        self._polling: asyncio.Task[None] | None = None
        self._is_polling = False
        self._note_connects()

    def _note_connects(self) -> None:
        session = self.bridge._session
        set_connected = session._set_connected

        def noted(client: Any) -> None:
            self._connected_at = time.monotonic()
            self._receive_maximum = client.receive_maximum
            set_connected(client)

        session._set_connected = noted  # type: ignore[method-assign]

    async def first_poll(self) -> None:
        """Wait until everything is known and published."""
        while not self._has_polled:  # noqa: ASYNC110 - the bridge has no event for it
            await asyncio.sleep(0.05)
        count_requests(self._account.requests.add)
        await self.bridge.publisher.drained()

    @property
    def _has_polled(self) -> bool:
        accounts = self.bridge._accounts
        return bool(accounts) and self._account.state.status is not AccountStatus.STARTING

    @property
    def _account(self) -> MyBmwAccount:
        account = self.bridge._accounts["home"]
        assert isinstance(account, MyBmwAccount)
        return account

    async def answer(self, request: Request) -> dict[str, Any]:
        """Do what the name of a method says."""
        started, cpu = time.monotonic(), time.process_time()
        await getattr(self, request["what"])(request)
        statistics = self.bridge.publisher.statistics
        return {
            "started_at": started,
            "cpu_s": time.process_time() - cpu,
            "connected_at": self._connected_at,
            "receive_maximum": self._receive_maximum,
            "most_in_flight": statistics.most_in_flight,
        }

    async def poll(self, request: Request) -> None:
        """Ask BMW as often as told, and tell how it went, as the account's clock does."""
        for _ in range(request["times"]):
            await self._poll()
        await self.bridge.publisher.drained()

    async def _poll(self) -> None:
        await self._account._poll()
        self._account._record_poll(None)

    async def start_polling(self, _: Request) -> None:
        """Ask BMW again and again."""
        self._is_polling = True
        self._polling = asyncio.create_task(self._keep_polling())

    async def stop_polling(self, _: Request) -> None:
        """Finish the poll that is under way, and rest."""
        self._is_polling = False
        if self._polling is not None:
            await self._polling

    async def _keep_polling(self) -> None:
        while self._is_polling:
            await self._poll()

    async def follow_at_once(self, _: Request) -> None:
        """Ask what became of a command without a pause, so that the next can follow."""
        remote_services._POLLING_CYCLE = 0

    async def status(self, _: Request) -> None:
        """Do nothing."""

    async def take_cars_away(self, _: Request) -> None:
        """Let all cars have left the account."""
        self.bridge._registry.vehicles_listed("home", frozenset(), is_complete=True)
        await self.bridge.publisher.drained()

    async def bring_cars_back(self, _: Request) -> None:
        """Let the cars be new in the account."""
        registry, cars = self.bridge._registry, self._account._poller.vehicles
        registry.vehicles_listed("home", frozenset(cars), is_complete=True)
        for car in cars.values():
            assert car.snapshot is not None
            registry.vehicle_changed("home", car.snapshot)
        await self.bridge.publisher.drained()


async def main() -> None:
    log.set_up("info", "json")
    driver = Driver(Path(sys.argv[1]))
    stop = asyncio.Event()
    running = asyncio.create_task(driver.bridge.run(stop))
    await driver.first_poll()
    await serve(driver.answer)
    stop.set()
    await running


if __name__ == "__main__":
    asyncio.run(main())
