"""A whole CarData account in this process, and what the bridge publishes of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from bmw2mqtt.accounts import scheduler as polling
from bmw2mqtt.accounts.cardata import account as account_module
from bmw2mqtt.accounts.cardata import check
from bmw2mqtt.accounts.cardata.account import CarDataAccount
from bmw2mqtt.accounts.cardata.auth import manager as keeper
from bmw2mqtt.accounts.cardata.auth.device_login import DeviceLogin
from bmw2mqtt.accounts.cardata.stream import connection as stream
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.simulator.cardata import CLIENT_ID
from tests.accounts.cardata_bench import VIN, Bench
from tests.accounts.waiting import TIMEOUT_S, a_while, until

MILEAGE = "vehicle.vehicle.travelledDistance"
_LOOK_EVERY_S = 0.01


def warnings(logs: list[Any]) -> list[str]:
    """Return the events of captured lines that somebody should read."""
    return [entry["event"] for entry in logs if entry["log_level"] in {"warning", "error"}]


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything look at the stepped clock all the time, and no login wait for real."""

    async def wait_a_moment(_: float) -> None:
        await asyncio.sleep(0.005)

    monkeypatch.setattr(account_module, "LOOK_EVERY_S", _LOOK_EVERY_S)
    for module in (keeper, polling, stream):
        monkeypatch.setattr(module, "CHECK_EVERY_S", _LOOK_EVERY_S)
    monkeypatch.setattr(stream, "GAP_S", 0.05)
    monkeypatch.setattr(keeper, "RETRY_S", 0.05)
    for module in (account_module, check):
        monkeypatch.setattr(module, "DeviceLogin", partial(DeviceLogin, sleep=wait_a_moment))


class Home:
    """One run of the bridge's BMW side: account and fleet, with a publisher and no broker."""

    def __init__(self, bench: Bench, **settings: Any) -> None:
        self.bmw, self.user, self.clock = bench.bmw, bench.user, bench.clock
        self.bmw.oauth.interval_s = 0
        self.store = Store(bench.folder)
        account = {
            "backend": "cardata",
            "client_id": CLIENT_ID,
            "auth_url": self.bmw.auth_url,
            "api_url": self.bmw.api_url,
            "stream_host": self.bmw.stream_host,
            "stream_port": self.bmw.stream_port,
            "ca_file": str(self.bmw.ca_file),
        }
        self.settings = Settings.model_validate({"accounts": {"eu": account | settings}})
        topics = Topics("bmw2mqtt", "homeassistant")
        self.publisher = Publisher()
        self.fleet = DeviceRegistry(
            self.settings, topics, self.publisher, RetainedScan(topics), now=self.clock
        )
        self.account = CarDataAccount(
            "eu",
            self.settings.accounts["eu"],  # type: ignore[arg-type]
            store=self.store,
            listener=self.fleet,
            tls=client_context("eu", self.bmw.ca_file),
            now=self.clock,
        )
        self.fleet.attach({"eu": self.account})

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Home"]:
        self.store.open()
        task = asyncio.create_task(self.account.run())
        try:
            yield self
            assert not task.done(), "nothing that BMW does ends it"
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self.store.close()

    # What is published

    def topic(self, name: str) -> str | None:
        payload = self.publisher._retained.get(f"bmw2mqtt/{name}")
        return None if payload is None else payload.decode()

    def entity(self, name: str) -> str | None:
        """Return the value of one of the account's own entities."""
        return self.topic(f"account/eu/{name}")

    @property
    def status(self) -> str | None:
        return self.entity("sensor/status")

    @property
    def attributes(self) -> dict[str, Any]:
        attributes: dict[str, Any] = json.loads(self.entity("sensor/status/attributes") or "{}")
        return attributes

    @property
    def message(self) -> str:
        return self.attributes.get("message") or ""

    def moment(self, name: str) -> datetime | None:
        text = self.entity(name)
        return None if text in {None, "None"} else datetime.fromisoformat(str(text))

    def car(self, name: str, vin: str = VIN) -> str | None:
        return self.topic(f"{vin}/{name}")

    def relayed(self) -> list[tuple[str, bytes]]:
        return [(message.topic, message.payload) for message in self.publisher._relays.values()]

    # What BMW and a person do

    async def is_status(self, status: str, words: str = "") -> None:
        await until(
            lambda: self.status == status and words in self.message,
            f"{status} {words}, but it is {self.status} {self.message}",
        )

    async def log_in(self) -> None:
        code = await until(lambda: self.attributes.get("user_code"))
        self.bmw.approve(code)
        await self.is_ok()

    def refresh(self) -> None:
        """Ask for what has grown old enough to be asked for again."""
        self.clock.forward(minutes=10)
        self.account.refresh()

    async def is_ok(self) -> None:
        """Wait until it is logged in, connected, and has read what REST tells."""
        await until(lambda: self.bmw.stream.is_subscribed(self.user.gcid))
        await self.is_status("ok")
        await until(lambda: self.car("sensor/mileage") not in {None, "None"})
        await until(lambda: self.moment("sensor/next_update"), "the first round is over")

    async def drive(self, mileage: int) -> None:
        """Let the car stream another mileage, and wait until it is shown."""
        self.clock.forward(seconds=1)  # so an answer of REST that is on its way is an older one
        self.user.cars[0].store({MILEAGE: mileage})
        async with asyncio.timeout(TIMEOUT_S):
            while not self.bmw.publish(VIN, {MILEAGE: mileage}):
                await self.after(seconds=60)  # a leap in time may have cost it its connection
        await until(lambda: self.car("sensor/mileage") == str(mileage))

    async def after(self, **delta: float) -> None:
        """Let time pass, and give everything the time to notice."""
        self.clock.forward(**delta)
        await a_while()

    async def has_relayed(self, count: int) -> None:
        """Wait until so many messages have come, over whichever connection."""
        await until(lambda: len(self.relayed()) == count, f"{count} messages")

    async def live_until(self, condition: Callable[[], bool]) -> None:
        """Let minutes pass until something is so; a clock that stood still would end no pause."""
        for _ in range(100):
            if condition():
                return
            await self.after(minutes=1)
        raise AssertionError(f"not within 100 minutes; it is {self.status} {self.message}")

    async def renew(self) -> None:
        """Let most of an hour pass: the login is renewed, and the stream begun anew with it."""
        connects = len(self.bmw.stream.connects)
        self.clock.forward(minutes=51)
        await until(lambda: len(self.bmw.stream.connects) > connects, "a new connection")
        await until(lambda: self.bmw.stream.is_subscribed(self.user.gcid), "it has subscribed")

    def asked(self, path: str = "/customers/") -> int:
        return sum(path in request.path for request in self.bmw.requests)
