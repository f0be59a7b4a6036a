"""Logging in without and beside a running daemon."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bmw2mqtt.simulator.mybmw import MyBmwSimulator, RecordedCar
from tests import forked_process
from tests.daemon import Daemon
from tests.fixture_cars import two_cars
from tests.mosquitto import Mosquitto, Observer, wait_until

pytestmark = pytest.mark.no_cover

STATUS = "bmw2mqtt/account/home/sensor/status"
LOGIN = "bmw2mqtt/account/home/login/set"
WITHOUT = {"captcha_token": None, "poll_interval": 3600}
SECRET = "P1_captcha-planted-4711"


@pytest.fixture
def cars() -> list[RecordedCar]:
    return two_cars()


def log_in(config: Path, typed: str) -> subprocess.CompletedProcess[str]:
    return forked_process.run("login", "home", "--config", str(config), typed=typed)


def test_over_mqtt(daemon: Callable[..., Daemon], observer: Observer, bmw: MyBmwSimulator) -> None:
    process = daemon(account=WITHOUT)
    observer.wait_for(STATUS, "login_required")
    assert not bmw.requests, "not a single request without a captcha"
    problem = "bmw2mqtt/account/home/binary_sensor/login_required"
    observer.wait_for(problem, "ON")
    for topic in (STATUS, problem):  # the attributes come after the value
        wait_until(
            lambda topic=topic: (  # type: ignore[misc]
                b"captcha/rest_of_world.html" in observer.current().get(f"{topic}/attributes", b"")
            )
        )
    observer.publish(LOGIN, "")
    process.wait_log("command_refused")
    observer.publish(LOGIN, SECRET)
    observer.wait_for(STATUS, "ok")
    observer.wait_for(problem, "OFF")
    assert SECRET not in process.log_file.read_text()
    said = [m for topic, m in observer.current().items() if topic != LOGIN]
    assert not any(SECRET.encode() in payload for payload in said)


def test_a_retained_token_is_refused_and_removed(
    daemon: Callable[..., Daemon], observer: Observer, bmw: MyBmwSimulator
) -> None:
    observer.publish(LOGIN, SECRET, retain=True)
    process = daemon(account=WITHOUT)
    assert process.wait_log("command_refused")["reason"] == "retained"
    observer.wait_for(STATUS, "login_required")
    wait_until(lambda: LOGIN not in observer.current(), what="the secret is gone")
    assert not bmw.requests
    assert SECRET not in process.log_file.read_text()


def test_on_the_terminal_beside_the_daemon(
    daemon: Callable[..., Daemon], observer: Observer
) -> None:
    process = daemon(account=WITHOUT)
    observer.wait_for(STATUS, "login_required")
    done = log_in(process.config, f"{SECRET}\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "captcha/rest_of_world.html" in done.stdout
    assert "logged in" in done.stdout
    observer.wait_for(STATUS, "ok")


def test_on_the_terminal_without_a_daemon(
    daemon: Callable[..., Daemon],
    observer: Observer,
    bmw: MyBmwSimulator,
    broker: Mosquitto,  # noqa: ARG001
) -> None:
    process = daemon(account=WITHOUT)
    observer.wait_for(STATUS, "login_required")
    assert process.stop() == 0
    nothing = log_in(process.config, "\n")
    assert (nothing.returncode, bmw.requests.maxlen is None or len(bmw.requests)) == (1, 0)
    done = log_in(process.config, f"{SECRET}\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 cars" in done.stdout
    daemon(account=WITHOUT)
    observer.wait_for(STATUS, "ok")
    used_again = log_in(process.config, "x\n")
    assert used_again.returncode == 0


def test_a_refused_login_survives_a_restart_without_a_request(
    daemon: Callable[..., Daemon], observer: Observer, bmw: MyBmwSimulator
) -> None:
    wrong = {"password": "wrong", "poll_interval": 3600}
    first = daemon(account=wrong)
    observer.wait_for(STATUS, "login_required")
    assert first.stop() == 0
    asked = len(bmw.requests)
    second = daemon(account=wrong)
    second.wait_log("mqtt_connected")
    wait_until(lambda: len(observer.on(STATUS)) >= 3)
    observer.wait_for(STATUS, "login_required")
    observer.quiet(0.5)
    assert len(bmw.requests) == asked
    assert second.stop() == 0
    daemon(account={"poll_interval": 3600, "captcha_token": "another"})
    observer.wait_for(STATUS, "ok")
