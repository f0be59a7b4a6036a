"""The sign of life: nothing in a file's place hangs the daemon or the health check."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bmw2mqtt import health
from bmw2mqtt.health import Heartbeat, problem


@pytest.fixture(autouse=True)
def _in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(health, "IN_MEMORY", (tmp_path / "memory",))


def fifo(path: Path) -> None:
    os.mkfifo(path)


def link(path: Path) -> None:
    (path.parent / "outside").write_text("not ours")
    path.symlink_to(path.parent / "outside")


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [fifo, link, folder])
def test_what_is_no_plain_file_is_left_alone_and_another_place_is_used(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    data_dir = tmp_path / "data"
    make(data_dir / "health.json")
    assert problem(data_dir) == f"bmw2mqtt is not running (data_dir: {data_dir})"
    heartbeat = Heartbeat(data_dir)
    for _ in range(2):
        assert isinstance(heartbeat.beat(is_connected=True), OSError)
    assert problem(data_dir) is None
    assert not (data_dir / "outside").exists() or "not ours" in (data_dir / "outside").read_text()


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "content", ["[]", "7", "[" * 1000 + "]" * 1000, "x" * 2000, '{"mqtt_connected": true'], ids=len
)
def test_a_damaged_sign_is_none(tmp_path: Path, content: str) -> None:
    data_dir = tmp_path / "data"
    (data_dir / "health.json").write_text(content)
    assert problem(data_dir) == f"bmw2mqtt is not running (data_dir: {data_dir})"


def test_a_sign_is_renewed_and_changes(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    heartbeat = Heartbeat(data_dir)
    assert heartbeat.beat(is_connected=True) is None
    os.utime(data_dir / "health.json", (0, 0))
    assert "has not responded for" in (problem(data_dir) or "")
    assert heartbeat.beat(is_connected=True) is None
    assert problem(data_dir) is None
    assert heartbeat.beat(is_connected=False) is None
    assert problem(data_dir) == "bmw2mqtt is not connected to the MQTT broker"
    assert json.loads((data_dir / "health.json").read_text()) == {"mqtt_connected": False}
    heartbeat.stop()
    assert problem(data_dir) == f"bmw2mqtt is not running (data_dir: {data_dir})"
