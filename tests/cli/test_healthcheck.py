"""`bmw2mqtt healthcheck`."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bmw2mqtt import health
from bmw2mqtt.cli.main import main
from bmw2mqtt.health import STALE_S
from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.daemon import Daemon, settings_for
from tests.mosquitto import Mosquitto, free_port, wait_until

Output = pytest.CaptureFixture[str]


def test_healthcheck(
    launch: Callable[..., Daemon], bmw: MyBmwSimulator, tmp_path: Path, capsys: Output
) -> None:
    data_dir, port = tmp_path / "data", free_port()
    check = ["healthcheck", "--option", f"data_dir={data_dir}"]
    assert main(check) == 1
    assert "bmw2mqtt is not running" in capsys.readouterr().err

    process = launch(settings_for(bmw, port, data_dir))
    process.wait_log("mqtt_unreachable")
    beat = data_dir / "health.json"
    wait_until(lambda: beat.exists() and beat.stat().st_size)
    assert main(check) == 1
    assert capsys.readouterr().err == "bmw2mqtt is not connected to the MQTT broker\n"
    assert main([*check, "--alive"]) == 0

    with Mosquitto(tmp_path, port=port):
        wait_until(lambda: main(check) == 0, what="healthy")
        assert main(["healthcheck", "--config", str(process.config)]) == 0
        capsys.readouterr()
        old = time.time() - STALE_S - 1
        os.utime(data_dir / "health.json", (old, old))
        assert main(check) == 1
        assert "has not responded for 6" in capsys.readouterr().err
        assert main([*check, "--alive"]) == 1
        assert process.stop() == 0
    assert main(check) == 1
    assert "bmw2mqtt is not running" in capsys.readouterr().err


def test_a_data_dir_that_cannot_be_written_is_no_reason_to_kill_the_daemon(
    launch: Callable[..., Daemon], bmw: MyBmwSimulator, tmp_path: Path
) -> None:
    """Root may write everywhere, so a folder is in the way."""
    data_dir = tmp_path / "data"
    (data_dir / "health.json").mkdir(parents=True)
    check = ["healthcheck", "--alive", "--option", f"data_dir={data_dir}"]
    process = launch(settings_for(bmw, free_port(), data_dir))
    assert "health.json" in process.wait_log("health_not_saved")["reason"]
    wait_until(lambda: main(check) == 0, what="alive")
    assert process.stop() == 0
    assert main(check) == 1
    assert len([e for e in process.log() if e["event"] == "health_not_saved"]) == 1


def test_the_newest_sign_of_life_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr(health, "IN_MEMORY", (tmp_path / "missing", memory))
    heartbeat = health.Heartbeat(tmp_path)
    assert heartbeat.beat(is_connected=True) is None
    assert not list(memory.iterdir())
    (tmp_path / "health.json").unlink()
    (tmp_path / "health.json").mkdir()
    os.utime(tmp_path / "health.json", (0, 0))
    for _ in range(2):
        assert heartbeat.beat(is_connected=True) is not None
    assert health.problem(tmp_path) is None
    (tmp_path / "health.json").rmdir()
    assert heartbeat.beat(is_connected=False) is None
    os.utime(next(memory.iterdir()), (0, 0))
    assert health.problem(tmp_path) == "bmw2mqtt is not connected to the MQTT broker"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [", "is not valid YAML"),
        (b"- a\n", "does not contain settings"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"a: \x01", "is not valid YAML"),
        (b"a: !!python/none x", "is not valid YAML"),
    ],
)
def test_healthcheck_with_a_broken_file(content: bytes, said: str, capsys: Output) -> None:
    Path("config.yaml").write_bytes(content)
    assert main(["healthcheck"]) == 1
    out = capsys.readouterr()
    assert out.err.startswith(f"config.yaml: {said}; ")
    assert len(out.err.splitlines()) == 1


def test_healthcheck_finds_the_folder_like_the_daemon(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path
) -> None:
    assert main(["healthcheck"]) == 1
    assert capsys.readouterr().err == "bmw2mqtt is not running (data_dir: data)\n"
    Path("config.yaml").write_text("data_dir: from_file\n")
    assert main(["healthcheck"]) == 1
    assert capsys.readouterr().err == "bmw2mqtt is not running (data_dir: from_file)\n"
    monkeypatch.setenv("BMW2MQTT_DATA_DIR", str(tmp_path / "from_variable"))
    (tmp_path / "from_variable").mkdir()
    beat = tmp_path / "from_variable" / "health.json"
    beat.write_text(json.dumps({"mqtt_connected": True}))
    assert main(["healthcheck"]) == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "bmw2mqtt is running and connected to the MQTT broker\n"),
        (["--alive"], "bmw2mqtt is running\n"),
    ],
)
def test_a_person_is_told_that_all_is_well(
    more: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    health.Heartbeat(tmp_path).beat(is_connected=True)
    arguments = ["healthcheck", "--option", f"data_dir={tmp_path}", *more]
    assert main(arguments) == 0
    assert capsys.readouterr().out == "", "Docker keeps what a health check prints"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main(arguments) == 0
    assert capsys.readouterr().out == said
