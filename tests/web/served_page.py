"""The page served in the test's process, with accounts and a broker that the test controls."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.config import Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.history.recorder.options import RecorderOptions
from bmw2mqtt.history.service import History
from bmw2mqtt.mqtt.commands import Commands
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.account import AccountState, AccountStatus, StreamedData
from bmw2mqtt.vehicle.snapshot import Vehicle
from bmw2mqtt.web.context import PageContext
from bmw2mqtt.web.listener import WebListener
from bmw2mqtt.web.setup.service import Setup
from tests.mosquitto import free_port

MYBMW = {"backend": "mybmw", "username": "me@example.com", "password": "pw"}
CARDATA = {"backend": "cardata", "client_id": "00000000-0000-0000-0000-000000000000"}
FORM = "https://captcha.example/form.html"
NO_BROKER = 1
"""A port that nobody listens on; there may be a broker on the usual one."""
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


class RecordingAccount:
    """An account that records the calls it gets."""

    executor = None
    stale_after: timedelta | None = None

    def __init__(self, state: AccountState, devices: DeviceRegistry) -> None:
        self.name = state.name
        self.calls: list[Any] = []
        self.streams: dict[str, StreamedData] = {}
        self.polling = SimpleNamespace(outcomes=Counter({"ok": 3, "unreachable": 1}))
        self.requests = SimpleNamespace(totals=Counter({"2xx": 12, "none": 2}))
        self._devices = devices
        self.state = state
        self.change()

    def change(self, **changes: Any) -> None:
        """Change the account's state."""
        self.state = replace(self.state, **changes)
        self._devices.account_changed(self.state)

    def refresh(self) -> None:
        self.calls.append("refresh")

    def set_polling(self, *, is_polling: bool) -> None:
        self.calls.append(is_polling)
        self.change(is_polling=is_polling)

    def streamed(self, vin: str) -> StreamedData | None:
        return self.streams.get(vin)

    def log_in(self, captcha_token: str | None) -> None:
        self.calls.append(("log in", captcha_token))


@dataclass
class ServedPage:
    """A page and the parts of the daemon behind it."""

    port: int
    devices: DeviceRegistry
    commands: Commands
    publisher: Publisher
    accounts: dict[str, Any]
    context: PageContext
    listener: WebListener
    is_connected: list[bool] = field(default_factory=lambda: [True])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_car(self, vin: str, account: str = "home", **facts: Any) -> None:
        """Add a car, as an account does."""
        vehicle = Vehicle(**{"vin": vin, "model": "iX", "brand": "BMW", "image": PNG} | facts)
        self.devices.vehicles_listed(account, frozenset({vin}), is_complete=False)
        self.devices.vehicle_changed(account, vehicle)


def make(
    port: int,
    accounts: dict[str, Any] | None = None,
    history_file: Path | None = None,
    setup: Setup | None = None,
    history: History | None = None,
    **http: Any,
) -> ServedPage:
    """Build a page that is not served yet."""
    settings = Settings(
        mqtt={"port": NO_BROKER},
        accounts=accounts or {"home": MYBMW, "office": MYBMW},
        http={"port": port, **http},
        metrics={"vehicles": True},
    )
    topics = Topics("bmw2mqtt", "homeassistant")
    publisher = Publisher()
    devices = DeviceRegistry(settings, topics, publisher, RetainedScan(topics))
    made: dict[str, Any] = {}
    devices.attach(made)
    for name, account in settings.accounts.items():
        state = AccountState(
            name=name, backend=BACKENDS[account.backend].traits, status=AccountStatus.OK
        )
        made[name] = RecordingAccount(state, devices)
    is_connected = [True]
    commands = Commands(devices, topics, publisher)
    context = PageContext(
        accounts=made,
        devices=devices,
        topics=topics,
        commands=commands,
        statistics=publisher.statistics,
        settings=settings,
        is_connected=lambda: is_connected[0],
        history_file=history_file,
        setup=setup,
        history=history,
        retained=publisher.retained_payload,
    )
    listener = WebListener(settings.http, context)
    return ServedPage(port, devices, commands, publisher, made, context, listener, is_connected)


@asynccontextmanager
async def recording(file: Path, **options: Any) -> AsyncIterator[History]:
    """Record into a file, as the daemon does."""
    history = History(
        file,
        RecorderOptions(**options),
        publish=lambda *_: None,
        send=lambda *_: None,
        now=lambda: datetime.now(UTC),
    )
    task = asyncio.create_task(history.run())
    await history.is_ready.wait()
    yield history
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def served(accounts: dict[str, Any] | None = None, **http: Any) -> AsyncIterator[ServedPage]:
    """Serve a page on a free port."""
    page = make(http.pop("port", None) or free_port(), accounts, **http)
    task = asyncio.create_task(page.listener.run())
    await eventually(lambda: is_open(page.port))
    yield page
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def is_open(port: int) -> bool:
    """Return whether the port accepts connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def eventually(condition: Callable[[], Any]) -> None:
    """Wait until a condition holds, with a time limit."""
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - it is about anything
            await asyncio.sleep(0.01)
