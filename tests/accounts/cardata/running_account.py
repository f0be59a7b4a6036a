"""A whole CarData account in this process, and what the bridge publishes of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from bmw2mqtt.accounts.cardata.account import CarDataAccount
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from tests.accounts.cardata.account_parts import VIN, AccountParts
from tests.accounts.waiting import TIMEOUT_S, until

MILEAGE = "vehicle.vehicle.travelledDistance"
REST = "/customers/"
"""What is in the path of each request to REST."""


def warnings(logs: list[Any]) -> list[str]:
    """Return the events of captured lines that somebody should read."""
    return [entry["event"] for entry in logs if entry["log_level"] in {"warning", "error"}]


class RunningAccount:
    """One run of the bridge's BMW side: account and fleet, with a publisher and no broker."""

    def __init__(self, parts: AccountParts, **settings: Any) -> None:
        self.bmw, self.user, self.clock = parts.bmw, parts.user, parts.clock
        self.store = Store(parts.folder)
        account = self.bmw.account_settings()
        self.settings = Settings.model_validate({"accounts": {"eu": account | settings}})
        topics = Topics("bmw2mqtt", "homeassistant")
        self.publisher = Publisher()
        self.fleet = DeviceRegistry(self.settings, topics, self.publisher, RetainedScan(topics))
        self.account = CarDataAccount(
            "eu",
            self.settings.accounts["eu"],  # type: ignore[arg-type]
            store=self.store,
            listener=self.fleet,
            tls=client_context("eu", self.bmw.ca_file),
        )
        self.fleet.attach({"eu": self.account})

    @asynccontextmanager
    async def running(self) -> AsyncIterator["RunningAccount"]:
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

    def is_just_now(self, moment: datetime | None) -> bool:
        """Whether something happened while the test waited for it."""
        return moment is not None and timedelta() <= self.clock.now - moment < timedelta(seconds=2)

    def car(self, name: str, vin: str = VIN) -> str | None:
        return self.topic(f"{vin}/{name}")

    def relayed(self) -> list[tuple[str, bytes]]:
        return [
            (message.topic, message.payload) for message in self.publisher._relays.messages.values()
        ]

    # What BMW and a person do

    async def is_status(self, status: str, words: str = "", *, within_s: float = TIMEOUT_S) -> None:
        try:
            await until(lambda: self.status == status and words in self.message, within_s=within_s)
        except AssertionError as error:
            found = f"{self.status} {self.message}"
            raise AssertionError(f"not {status} {words}, but {found}") from error

    async def log_in(self) -> None:
        code = await until(lambda: self.attributes.get("user_code"))
        self.bmw.approve(code)
        await self.is_ok()

    async def refresh(self) -> None:
        """Ask for what has grown old enough to be asked for again."""
        await self.clock.forward(minutes=10)
        self.account.refresh()

    async def is_ok(self) -> None:
        """Wait until it is logged in, connected, and has read what REST tells."""
        await until(lambda: self.bmw.stream.is_subscribed(self.user.gcid))
        await self.is_status("ok")
        await until(lambda: self.car("sensor/mileage") not in {None, "None"})
        await until(lambda: self.moment("sensor/next_update"), "the first round is over")

    async def drive(self, mileage: int) -> None:
        """Let the car stream another mileage, and wait until it is shown."""
        await self.clock.forward(seconds=1)  # an answer of REST on its way is an older one
        self.user.cars[0].store({MILEAGE: mileage})
        await until(lambda: self.bmw.publish(VIN, {MILEAGE: mileage}))
        await until(lambda: self.car("sensor/mileage") == str(mileage))

    async def has_relayed(self, count: int) -> None:
        """Wait until so many messages have come, over whichever connection."""
        await until(lambda: len(self.relayed()) == count, f"{count} messages")

    async def renew(self) -> None:
        """Let most of an hour pass: the login is renewed, and the stream begun anew with it."""
        connects = len(self.bmw.stream.connects)
        await self.clock.forward(minutes=51)
        assert len(self.bmw.stream.connects) == connects + 1, "a new connection"
        assert self.bmw.stream.is_subscribed(self.user.gcid)

    def asked(self, path: str = REST) -> int:
        return sum(path in request.path for request in self.bmw.requests)
