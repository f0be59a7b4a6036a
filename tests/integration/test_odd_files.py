"""What somebody put into `data_dir` in a file's place neither hangs nor ends the daemon."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.daemon import Daemon, settings_for
from tests.fixture_cars import fixture_car
from tests.mosquitto import Mosquitto, Observer

pytestmark = pytest.mark.no_cover

VIN = "WBA00000000DEMO03"
STATUS = "bmw2mqtt/account/home/sensor/status"
FILES = [
    "tokens-home.json",
    ".tokens-home.json.new",
    "account-home.json",
    "identity.json",
    "owners.json",
    "health.json",
    f"images/{VIN}.png",
]


@pytest.fixture
def cars() -> list[Any]:
    return [fixture_car(VIN)]


def put_fifo(path: Path) -> None:
    os.mkfifo(path)


def put_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def put_nested(path: Path) -> None:
    path.write_text('{"client_id": ' + "[" * 200_000 + "]" * 200_000 + "}")


def put_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(600 * 1024 * 1024)


@pytest.mark.parametrize("put", [put_fifo, put_device, put_nested, put_huge])
def test_the_daemon_starts_works_and_stops(
    put: Callable[[Path], None],
    tmp_path: Path,
    broker: Mosquitto,
    bmw: MyBmwSimulator,
    observer: Observer,
) -> None:
    data_dir = tmp_path / "data"
    (data_dir / "images").mkdir(parents=True)
    for name in FILES:
        put(data_dir / name)
    settings = settings_for(bmw, broker.port, data_dir)
    with Daemon(tmp_path / "daemon", settings) as daemon:
        observer.wait_for(STATUS, "ok")
        observer.wait_for(f"bmw2mqtt/{VIN}/availability", "online")
        assert daemon.stop() == 0
        assert json.loads((data_dir / "tokens-home.json").read_bytes())["refresh_token"]
        lines = [json.loads(line) for line in daemon.log_file.read_text().splitlines()]
    damaged = [Path(line["file"]).name for line in lines if line["event"] == "file_damaged"]
    assert sorted(damaged) == sorted(set(damaged)), "each is named once"
    assert {"tokens-home.json", "account-home.json", "identity.json"} <= set(damaged)
    assert not {line["event"] for line in lines} & {"bug", "daemon_crashed"}


def test_a_fifo_in_the_locks_place_is_named(
    tmp_path: Path, broker: Mosquitto, bmw: MyBmwSimulator
) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    os.mkfifo(data_dir / "lock")
    with Daemon(tmp_path / "daemon", settings_for(bmw, broker.port, data_dir)) as daemon:
        assert daemon.wait(30) == 2
        assert "lock cannot be used: it is a FIFO" in daemon.log_file.read_text()
