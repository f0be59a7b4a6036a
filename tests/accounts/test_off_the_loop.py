"""Nothing that may block on the disk runs in the event loop's thread."""

import asyncio
import os
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.accounts.cardata.telemetry.database import ReadingDatabase
from bmw2mqtt.accounts.mybmw.auth.account import make_account
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import MyBmwSettings
from bmw2mqtt.log import hidden
from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from bmw2mqtt.vehicle.account import AccountStatus
from tests.accounts.cardata.account_parts import AccountParts
from tests.accounts.cardata.running_account import RunningAccount
from tests.fixture_cars import fixture_car


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> set[threading.Thread]:
    """Which threads have waited for the disk."""
    seen: set[threading.Thread] = set()

    def watch(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def watched(*arguments: Any) -> Any:
            seen.add(threading.current_thread())
            return real(*arguments)

        monkeypatch.setattr(owner, name, watched)

    watch(os, "fsync")
    for name in ("open", "save", "remove", "close"):
        watch(ReadingDatabase, name)
    return seen


async def test_mybmw(
    watch: Callable[..., Any], near_bmw: MyBmwSimulator, threads: set[threading.Thread]
) -> None:
    watched = await watch(fixture_car("WBA00000000DEMO02"))
    threads.clear()  # accounts are made in a thread, but not by this test
    assert (await watched.poll()).status is AccountStatus.OK
    near_bmw.accounts.expire_access_tokens()
    assert (await watched.poll()).status is AccountStatus.OK
    watched.account.set_polling(is_polling=True)
    assert threads
    assert threading.main_thread() not in threads


async def test_cardata(parts: AccountParts, threads: set[threading.Thread]) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        await home.drive(70_000)
        await home.refresh()
        await home.renew()
    await asyncio.sleep(0)
    assert threads
    assert threading.main_thread() not in threads


def test_one_accounts_captcha_leaves_anothers_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hidden, "_hidden", hidden._HiddenWords())
    both = []
    for name in ("home", "other"):
        settings = MyBmwSettings.model_validate(
            {
                "backend": "mybmw",
                "username": name,
                "password": "p",
                "captcha_token": f"captcha-of-{name}",
            }
        )
        memory = StateFile(Store(tmp_path), name)
        both.append(make_account(settings, ssl.create_default_context(), memory)[1])
    for number in range(5):
        both[0].set_captcha(f"another-{number}")
    assert "captcha-of-other" in hidden._hidden.words
