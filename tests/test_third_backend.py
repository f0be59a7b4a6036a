"""A third backend is one object: this file adds one, and changes nothing of the product."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest
import yaml

from bmw2mqtt.accounts import backends
from bmw2mqtt.accounts.account import Account, AccountListener
from bmw2mqtt.accounts.backend import Backend
from bmw2mqtt.accounts.request_counter import RequestCounter
from bmw2mqtt.accounts.scheduler import PollScheduler
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.status import StatusReporter
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.cli.main import main
from bmw2mqtt.config import AccountSettings, Settings, load_settings
from bmw2mqtt.config.accounts import ACCOUNT_SETTINGS
from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.vehicle.account import AccountState, AccountStatus, BackendTraits, LoginKind
from bmw2mqtt.vehicle.errors import AccountError, ConfigError
from bmw2mqtt.vehicle.snapshot import Capabilities, Vehicle
from tests.accounts.waiting import until
from tests.mosquitto import Mosquitto, Observer, free_port

STATE: Any = {"capabilities": Capabilities(state_reports=True)}
VIN = "WBATOY00000000001"
TRAITS = BackendTraits(name="toy", title="Toy box", login=LoginKind.DEVICE_CODE)


class ToySettings(AccountSettings):
    """Where the toy car stands."""

    summary = "a box of toy cars"

    backend: Literal["toy"]
    shelf: int


class ToyAccount:
    """An account with one car that stands still."""

    executor = None
    stale_after: timedelta | None = None

    def __init__(
        self, name: str, settings: ToySettings, *, store: Store, listener: AccountListener
    ) -> None:
        self.name = name
        memory = StateFile(store, name)
        self.requests = RequestCounter(memory)
        self.polling = PollScheduler(0, self._poll, lambda _: None, memory)
        self._vehicle = Vehicle(
            vin=VIN, model="Toy", brand="BMW", mileage_km=settings.shelf, **STATE
        )
        self._listener = listener
        self._status = StatusReporter(
            AccountState(name=name, backend=TRAITS), listener.account_changed
        )

    @property
    def state(self) -> AccountState:
        return self._status.state

    async def run(self) -> None:
        await self._poll()
        await asyncio.Event().wait()

    async def _poll(self) -> None:
        self._listener.vehicles_listed(self.name, frozenset({VIN}), is_complete=True)
        self._listener.vehicle_changed(self.name, self._vehicle)
        self._listener.vehicle_seen(self.name, VIN)
        self._status.update(status=AccountStatus.OK)

    def refresh(self) -> None:
        """Do nothing: a toy never changes."""

    def set_polling(self, *, is_polling: bool) -> None:
        """Do nothing: a toy is not asked."""

    def log_in(self, captcha_token: str | None) -> None:
        """Do nothing: the box is open."""


def _make_account(
    name: str,
    settings: ToySettings,
    *,
    store: Store,
    listener: AccountListener,
    tls: ssl.SSLContext,  # noqa: ARG001
) -> Account:
    return ToyAccount(name, settings, store=store, listener=listener)


async def _try_login(_: str, settings: ToySettings, *__: Any) -> str:
    if settings.shelf > 9:
        raise AccountError("there is no such shelf")
    return f"found shelf {settings.shelf}"


TOY = Backend(
    traits=TRAITS,
    settings=ToySettings,
    entities=lambda: VEHICLE_ENTITIES,
    make_account=_make_account,
    try_login=_try_login,
    log_in=_try_login,
)


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    backends.register(TOY)
    yield
    del backends.BACKENDS["toy"], ACCOUNT_SETTINGS["toy"]
    Settings.model_rebuild(force=True)


@pytest.fixture
def config(tmp_path: Path, broker: Mosquitto) -> Path:
    file = tmp_path / "config.yaml"
    settings = {
        "mqtt": {"host": "127.0.0.1", "port": broker.port},
        "accounts": {"kids": {"backend": "toy", "shelf": 3}},
        "data_dir": str(tmp_path / "data"),
        "http": {"port": free_port()},
    }
    file.write_text(yaml.safe_dump(settings))
    return file


async def test_its_car_is_on_the_broker_and_its_account_on_the_page(
    config: Path, observer: Observer
) -> None:
    settings = load_settings(config, environ={}, secrets_dir=config.parent / "none")
    stop = asyncio.Event()
    task = asyncio.create_task(Bridge(settings).run(stop))
    try:
        root = f"bmw2mqtt/{VIN}"
        await until(lambda: [m.text for m in observer.on(f"{root}/sensor/mileage")] == ["3"])
        await until(lambda: observer.on(f"{root}/availability"))
        device = "homeassistant/device/bmw2mqtt_account_kids/config"
        await until(lambda: "Toy box account" in observer.on(device)[-1].text)
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{settings.http.port}/api/state"
            async with session.get(url) as answer:
                document = await answer.json()
        (account,) = document["accounts"]
        assert account["backend_title"] == "Toy box"
        assert (account["status"], account["login"]) == ("ok", "device_code")
        assert document["cars"][0]["values"]["sensor/mileage"]["value"] == 3
        observer.publish(f"{root}/lock/lock/set", "UNLOCK")
        await until(lambda: observer.on(f"{root}/event/command"))
        assert '"reason":"unsupported"' in observer.on(f"{root}/event/command")[0].text
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task


@pytest.mark.parametrize(
    ("shelf", "status", "result"), [(3, 0, "found shelf 3"), (12, 2, "there is no such shelf")]
)
def test_its_login_is_checked(
    config: Path, capsys: pytest.CaptureFixture[str], shelf: int, status: int, result: str
) -> None:
    option = f"accounts.kids.shelf={shelf}"
    assert main(["check", "--connect", "--config", str(config), "--option", option]) == status
    assert f"Account kids (toy): {result}" in capsys.readouterr().out


def test_its_settings_are_validated(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "accounts: {kids: {backend: toy}, more: {backend: toy, shelf: 1, region: china}, "
        "other: {backend: tin, shelf: 1}}"
    )
    with pytest.raises(ConfigError) as error:
        load_settings(file, environ={}, secrets_dir=tmp_path)
    *problems, unknown = error.value.problems
    assert problems == [
        f"{file}: accounts.kids.shelf: missing; add it",
        f"{file}: accounts.more.region: belongs to backend mybmw; remove it or set backend: mybmw",
    ]
    assert unknown.startswith(f'{file}: accounts.other.backend: "tin"')
    assert unknown.endswith("use mybmw or cardata or toy")
