"""A data folder that cannot be written: the account goes on with what it has in memory."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.store import Store
from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.vehicle.errors import StoreInUse
from tests.fixture_cars import fixture_car


def refuse(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_a_full_disk_stops_no_poll_and_no_login(
    watch: Callable[..., Any], near_bmw: MyBmwSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = await watch(fixture_car("WBA00000000DEMO02"))
    assert (await watched.poll()).status is AccountStatus.OK
    monkeypatch.setattr(os, "fsync", refuse)
    near_bmw.accounts.expire_access_tokens()
    with capture_logs() as lines:
        assert (await watched.poll()).status is AccountStatus.OK
        near_bmw.accounts.expire_access_tokens()
        assert (await watched.poll()).status is AccountStatus.OK, "the new tokens are in memory"
    complaint = next(line for line in lines if line["event"] == "tokens_not_saved")
    assert "No space left" in complaint["reason"]
    assert "tokens-" in complaint["reason"]


def test_a_read_only_folder_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Store(tmp_path)
    before.open()
    before.save("tokens-home", {"refresh_token": "r"})
    before.close()
    opened = Path.open

    def read_only(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if "w" in mode:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", read_only)
    store = Store(tmp_path)
    with capture_logs() as lines:
        store.open()
    assert [line["event"] for line in lines] == ["data_dir_not_writable"]
    assert store.load("tokens-home") == {"refresh_token": "r"}
    with pytest.raises(StoreInUse):
        Store(tmp_path).open()
    store.close()
