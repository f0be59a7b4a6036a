"""`bmw2mqtt cleanup` deletes nothing under a running bridge, unless it is told to."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from bmw2mqtt.cli.main import main
from bmw2mqtt.simulator.mybmw import RecordedCar
from tests.daemon import Daemon
from tests.fixture_cars import two_cars
from tests.mosquitto import Mosquitto, Observer, retained

STATUS = "bmw2mqtt/account/home/sensor/status"
Output = pytest.CaptureFixture[str]


@pytest.fixture
def cars() -> list[RecordedCar]:
    return two_cars()


@pytest.fixture
def process(daemon: Callable[..., Daemon], observer: Observer) -> Daemon:
    """A bridge that has published everything."""
    started = daemon(account={"poll_interval": 3600})
    observer.wait_for(STATUS, "ok")
    observer.quiet(2.0)
    return started


@pytest.fixture
def elsewhere(process: Daemon, tmp_path: Path) -> Path:
    """The same configuration on another machine: the lock of `data_dir` is not seen there."""
    settings = yaml.safe_load(process.config.read_text())
    settings["data_dir"] = str(tmp_path / "another")
    path = tmp_path / "elsewhere.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def test_it_refuses_beside_a_running_bridge(
    process: Daemon, elsewhere: Path, broker: Mosquitto, capsys: Output, tmp_path: Path
) -> None:
    before = retained(broker.port)
    for config, sign in (
        (process.config, f"it uses {tmp_path / 'data'}"),
        (elsewhere, "bmw2mqtt/bridge/availability is online"),
    ):
        assert main(["cleanup", "--config", str(config)]) == 1
        printed = capsys.readouterr()
        assert printed.err.startswith(f"bmw2mqtt is running ({sign}). Stop it first.")
        assert "--force" in printed.err
        assert printed.out == ""
    assert retained(broker.port) == before
    assert not (tmp_path / "another").exists()


def test_a_dry_run_prints_what_would_be_deleted(
    process: Daemon, broker: Mosquitto, capsys: Output
) -> None:
    before = retained(broker.port)
    for _ in ("beside a running bridge", "without one"):
        assert main(["cleanup", "--dry-run", "--config", str(process.config)]) == 0
        *topics, summary = capsys.readouterr().out.splitlines()
        assert set(topics) == set(before)
        assert summary == f"{len(before)} retained topics would be deleted"
        process.stop()
    assert retained(broker.port).keys() == before.keys()


def test_it_deletes_beside_a_running_bridge_when_it_is_forced_to(
    process: Daemon, broker: Mosquitto, observer: Observer, capsys: Output
) -> None:
    before = retained(broker.port)
    assert main(["cleanup", "--force", "--config", str(process.config)]) == 0
    assert capsys.readouterr().out == f"{len(before)} retained topics deleted\n"
    assert retained(broker.port) == {}
    assert len([m for m in observer.messages if not m.payload]) >= len(before)


def test_a_bridge_that_was_killed_is_not_running(
    process: Daemon, observer: Observer, capsys: Output
) -> None:
    process.__exit__()
    observer.wait_for("bmw2mqtt/bridge/availability", "offline")
    assert main(["cleanup", "--config", str(process.config)]) == 0
    assert "retained topics deleted" in capsys.readouterr().out


def test_what_it_may_not_delete_is_named(tmp_path: Path, process: Daemon, capsys: Output) -> None:
    process.stop()
    acl = tmp_path / "acl"
    acl.write_text("topic read bmw2mqtt/#\nuser admin\ntopic readwrite #\n")
    options = (f"acl_file {acl}", "max_queued_messages 1000")
    with Mosquitto(tmp_path, *options) as broker:
        settings = yaml.safe_load(process.config.read_text())
        settings["mqtt"]["port"] = broker.port
        process.config.write_text(yaml.safe_dump(settings))
        with Observer(broker.port, username="admin") as admin:
            admin.publish("bmw2mqtt/bridge/info", "{}", retain=True)
        assert main(["cleanup", "--config", str(process.config)]) == 1
    assert "does not allow deleting 1 of 1 topics, for example bmw2mqtt/bridge/info" in (
        capsys.readouterr().err
    )


def test_somebody_who_publishes_without_end_does_not_hold_it_up(
    process: Daemon, broker: Mosquitto, capsys: Output
) -> None:
    process.stop()
    done = threading.Event()

    def publish() -> None:
        with Observer(broker.port, "none") as noisy:
            while not done.wait(0.1):
                noisy.publish("bmw2mqtt/chatter/a/b", "x")

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        assert main(["cleanup", "--config", str(process.config)]) == 0
    finally:
        done.set()
        thread.join()
    assert "retained topics deleted" in capsys.readouterr().out
