"""The page in this process, with an account and a broker that do as the test says."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.config import Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.mqtt.commands import Commands
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.account import AccountState, AccountStatus
from bmw2mqtt.vehicle.snapshot import Vehicle
from bmw2mqtt.web.context import PageContext
from bmw2mqtt.web.listener import WebListener
from tests.mosquitto import free_port

MYBMW = {"backend": "mybmw", "username": "me@example.com", "password": "pw"}
CARDATA = {"backend": "cardata", "client_id": "00000000-0000-0000-0000-000000000000"}
FORM = "https://captcha.example/form.html"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


class ToldAccount:
    """An account that writes down what it is told."""

    executor = None
    stale_after: timedelta | None = None

    def __init__(self, state: AccountState, fleet: DeviceRegistry) -> None:
        self.name = state.name
        self.told: list[Any] = []
        self.polling = SimpleNamespace(outcomes=Counter({"ok": 3, "unreachable": 1}))
        self.requests = SimpleNamespace(totals=Counter({"2xx": 12, "none": 2}))
        self._fleet = fleet
        self.state = state
        self.change()

    def change(self, **changes: Any) -> None:
        """Stand otherwise from now on."""
        self.state = replace(self.state, **changes)
        self._fleet.account_changed(self.state)

    def refresh(self) -> None:
        self.told.append("refresh")

    def set_polling(self, *, is_polling: bool) -> None:
        self.told.append(is_polling)
        self.change(is_polling=is_polling)

    def log_in(self, captcha_token: str | None) -> None:
        self.told.append(("log in", captcha_token))


@dataclass
class Inside:
    """A page that is served."""

    port: int
    fleet: DeviceRegistry
    commands: Commands
    publisher: Publisher
    accounts: dict[str, Any]
    sources: PageContext
    page: WebListener
    is_connected: list[bool] = field(default_factory=lambda: [True])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_car(self, vin: str, account: str = "home", **facts: Any) -> None:
        """Let a car be reported."""
        vehicle = Vehicle(**{"vin": vin, "model": "iX", "brand": "BMW", "image": PNG} | facts)
        self.fleet.vehicles_listed(account, frozenset({vin}), is_complete=False)
        self.fleet.vehicle_changed(account, vehicle)


def make(port: int, accounts: dict[str, Any] | None = None, **http: Any) -> Inside:
    """Build a page that is not served yet."""
    settings = Settings(
        accounts=accounts or {"home": MYBMW, "office": MYBMW},
        http={"port": port, **http},
    )
    topics = Topics("bmw2mqtt", "homeassistant")
    publisher = Publisher()
    fleet = DeviceRegistry(settings, topics, publisher, RetainedScan(topics))
    made: dict[str, Any] = {}
    fleet.attach(made)
    for name, account in settings.accounts.items():
        state = AccountState(
            name=name, backend=BACKENDS[account.backend].traits, status=AccountStatus.OK
        )
        made[name] = ToldAccount(state, fleet)
    is_connected = [True]
    commands = Commands(fleet, topics, publisher)
    sources = PageContext(
        accounts=made,
        fleet=fleet,
        commands=commands,
        statistics=publisher.statistics,
        broker="broker.example:1883",
        is_connected=lambda: is_connected[0],
    )
    page = WebListener(settings.http, sources)
    return Inside(port, fleet, commands, publisher, made, sources, page, is_connected)


@asynccontextmanager
async def served(accounts: dict[str, Any] | None = None, **http: Any) -> AsyncIterator[Inside]:
    """Serve a page on a free port."""
    inside = make(http.pop("port", None) or free_port(), accounts, **http)
    task = asyncio.create_task(inside.page.run())
    await eventually(lambda: is_open(inside.port))
    yield inside
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def is_open(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def eventually(condition: Callable[[], Any]) -> None:
    """Wait for a condition with a limit, and let the page do its work."""
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - it is about anything
            await asyncio.sleep(0.01)
