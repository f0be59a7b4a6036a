"""The whole daemon in this process, without a broker: one part's bug never touches another."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt import guard
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import Settings
from bmw2mqtt.health import Heartbeat
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, SimulatedUser
from bmw2mqtt.simulator.tls import Certificates
from bmw2mqtt.web.listener import WebListener
from tests.accounts.waiting import until
from tests.fixture_cars import fixture_car
from tests.mosquitto import free_port

VIN, OTHER_VIN = "WBA00000000DEMO02", "WBA00000000DEMO03"
SENTENCE = "internal error (ZeroDivisionError); please report it"


def stumble(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError


class Running:
    """A bridge with two accounts, `bad` and `good`."""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge

    def status(self, account: str) -> str:
        topic = f"bmw2mqtt/account/{account}/sensor/status"
        return self.bridge.publisher._retained[topic].decode()

    def message(self, account: str) -> str | None:
        states = {state.name: state for state in self.bridge._registry.account_states()}
        return states[account].message

    async def is_good(self) -> None:
        await until(lambda: self.status("good") == "ok")
        await until(lambda: f"bmw2mqtt/{VIN}/availability" in self.bridge.publisher._retained)


@pytest.fixture
async def run(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[], Any]]:
    monkeypatch.setattr(guard, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(guard, "LONGEST_RETRY_S", 0.02)
    monkeypatch.setattr(guard, "STABLE_AFTER_S", 0.1)
    certificates = Certificates.create(tmp_path_factory.mktemp("ca"))
    users = [
        SimulatedUser(username=f"{name}@example.com", password="p", cars=cars)
        for name, cars in (("bad", [fixture_car(OTHER_VIN)]), ("good", [fixture_car(VIN)]))
    ]

    async with MyBmwSimulator(users, certificates=certificates) as bmw:

        @asynccontextmanager
        async def run() -> AsyncIterator[Running]:
            accounts = {
                user.username.partition("@")[0]: {
                    "backend": "mybmw",
                    "username": user.username,
                    "password": "p",
                    "region": user.region,
                    "captcha_token": user.username,
                    "server": bmw.server,
                    "ca_file": str(bmw.ca_file),
                }
                for user in users
            }
            settings = Settings.model_validate(
                {
                    "mqtt": {"host": "127.0.0.1", "port": free_port()},
                    "accounts": accounts,
                    "data_dir": str(tmp_path),
                    "http": {"port": free_port()},
                }
            )
            stop = asyncio.Event()
            bridge = Bridge(settings)
            task = asyncio.create_task(bridge.run(stop))
            try:
                yield Running(bridge)
                assert not task.done(), "nothing but a signal ends it"
            finally:
                stop.set()
                async with asyncio.timeout(5):
                    await task

        yield run


@pytest.mark.parametrize("name", ["_make_account", "run"])
async def test_one_account_cannot_be_made_or_run(
    run: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = Bridge._make_account

    def make(bridge: Bridge, account: str) -> Any:
        if account == "bad" and name == "_make_account":
            raise ZeroDivisionError
        found = made(bridge, account)
        if account == "bad":
            monkeypatch.setattr(found, "run", stumble)
        return found

    with capture_logs() as logs, monkeypatch.context() as patch:
        patch.setattr(Bridge, "_make_account", make)
        async with run() as running:
            await until(lambda: running.status("bad") == "error")
            assert running.message("bad") == SENTENCE
            await running.is_good()
            await asyncio.sleep(0.2)
            patch.undo()
            if name == "_make_account":
                await until(lambda: running.status("bad") == "ok")
    assert [entry["task"] for entry in logs if entry.get("exc_info")] == ["account bad"]


@pytest.mark.parametrize(
    ("owner", "name"),
    [(WebListener, "_listen"), (Heartbeat, "beat"), (Bridge, "_check_availability")],
)
async def test_a_bug_beside_the_accounts(
    run: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    monkeypatch.setattr(owner, name, stumble)
    with capture_logs() as logs:
        async with run() as running:
            await running.is_good()
            assert running.status("bad") == "ok"
    assert sum(bool(entry.get("exc_info")) for entry in logs) == 1
