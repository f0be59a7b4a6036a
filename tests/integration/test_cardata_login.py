"""Logging in to CarData: over MQTT, and on a terminal beside the daemon and without one."""

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.daemon import Daemon
from tests.forked_process import ForkedPopen, run
from tests.integration.cardata_owner import (
    ACCOUNT,
    MILEAGE_TOPIC,
    STATUS,
    VIN,
    CarDataOwner,
    attributes,
    wait_code,
)
from tests.mosquitto import Observer, wait_until

pytestmark = pytest.mark.no_cover


class Terminal:
    """`bmw2mqtt login eu`, with somebody in front of it."""

    def __init__(self, config: Path) -> None:
        self._process = ForkedPopen(
            ["bmw2mqtt", "login", "eu", "--config", str(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self._lines.extend(self._process.stdout)

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def end(self) -> tuple[int, str]:
        """Wait for its end; return the exit status and what it complained of."""
        status = self._process.wait(30)
        self._reader.join()
        assert self._process.stderr is not None
        assert self._process.stdout is not None
        with self._process.stderr as stderr, self._process.stdout:
            return status, stderr.read()


def test_the_first_login_over_mqtt(
    customer: CarDataOwner, observer: Observer, launch: Callable[..., Daemon]
) -> None:
    process = launch(customer.settings())
    observer.wait_for(STATUS, "login_required")
    code = wait_code(observer)
    assert attributes(observer)["login_url"].endswith(code)
    observer.wait_for(f"{ACCOUNT}/binary_sensor/login_required", "ON")
    for _ in range(100):
        observer.publish(f"{ACCOUNT}/button/login/press", "PRESS")
    waiting = Terminal(process.config)
    wait_until(lambda: code in waiting.output, what="the code that waits is shown")
    assert customer.asked("device/code") == 1
    customer.approve(code)
    assert waiting.end() == (0, "")
    observer.wait_for(STATUS, "ok")
    observer.wait_for(f"{ACCOUNT}/binary_sensor/login_required", "OFF")
    observer.wait_for(MILEAGE_TOPIC, "1000")
    observer.wait_for(f"bmw2mqtt/{VIN}/availability", "online")
    customer.stream(customer.message(1234))
    observer.wait_for(MILEAGE_TOPIC, "1234")
    observer.wait_for(f"{ACCOUNT}/sensor/requests_left")
    _check_discovery(observer)
    _check_refusal(observer)
    events = [event["event"] for event in process.complaints()]
    assert events.count("login_code_issued") == 1
    assert set(events) <= {"account_status", "login_code_issued", "command_finished"}
    tokens = json.loads((customer.folder / "tokens-eu.json").read_bytes())
    assert not any(tokens[n] in process.log_file.read_text() for n in ("id_token", "gcid"))


def _check_discovery(observer: Observer) -> None:
    account, car = (
        json.loads(observer.wait_for(f"homeassistant/device/bmw2mqtt_{name}/config").payload)
        for name in ("account_eu", VIN)
    )
    components = account["components"]
    assert {"button_login", "button_refresh", "sensor_requests_left", "switch_polling"} <= set(
        components
    )
    assert components["button_login"]["command_topic"].endswith("/account/eu/button/login/press")
    assert car["device"]["via_device"] == "bmw2mqtt_account_eu"
    assert car["device"]["name"] == "i4 eDrive40"
    assert {c["platform"] for c in car["components"].values()} <= {
        "sensor",
        "binary_sensor",
        "device_tracker",
        "event",
        "image",
    }, "nothing to command"


def _check_refusal(observer: Observer) -> None:
    observer.publish(f"bmw2mqtt/{VIN}/lock/lock/set", "LOCK")
    topic = f"bmw2mqtt/{VIN}/event/command"
    event = json.loads(observer.wait_for(topic).payload)
    assert (event["event_type"], event["reason"]) == ("rejected", "unsupported")
    observer.quiet(0.3)
    assert len(observer.on(topic)) == 1


def test_on_the_terminal_beside_the_daemon(
    customer: CarDataOwner, observer: Observer, launch: Callable[..., Daemon]
) -> None:
    process = launch(customer.settings())
    customer.decline(wait_code(observer))
    wait_until(lambda: "declined" in str(attributes(observer).get("message")))
    declined = Terminal(process.config)
    customer.decline(wait_code(observer))
    status, complaint = declined.end()
    assert status == 1
    assert "declined" in complaint
    approved = Terminal(process.config)
    code = wait_code(observer)
    customer.approve(code)
    assert approved.end() == (0, "")
    assert f"user_code={code}" in approved.output
    assert "the running daemon is logged in" in approved.output
    observer.wait_for(STATUS, "ok")
    again = Terminal(process.config)
    customer.approve(wait_code(observer))
    assert again.end() == (0, ""), "a new login beside a good one"
    declined = Terminal(process.config)
    customer.decline(wait_code(observer))
    status, complaint = declined.end()
    assert status == 1
    assert "declined" in complaint, "although the account is ok"
    observer.publish(f"{ACCOUNT}/switch/polling/set", "OFF")
    observer.wait_for(STATUS, "paused")
    paused = Terminal(process.config)
    customer.approve(wait_code(observer))
    assert paused.end() == (0, "")
    assert "logged in; the account is paused" in paused.output
    customer.user.client_ids.clear()
    status, complaint = Terminal(process.config).end()
    assert status == 1
    assert "check client_id" in complaint, "it is said although there was no code"


def test_on_the_terminal_without_a_daemon(
    customer: CarDataOwner, observer: Observer, launch: Callable[..., Daemon], tmp_path: Path
) -> None:
    before = Daemon(tmp_path / "terminal", customer.settings())
    checked = _check(before.config)
    assert checked.returncode == 2
    assert "login" in checked.stdout + checked.stderr
    terminal = Terminal(before.config)
    customer.approve(wait_until(lambda: customer.bmw.oauth.user_codes)[0])
    assert terminal.end() == (0, "")
    assert "the tokens are in" in terminal.output
    assert _check(before.config).returncode == 0
    assert customer.asked("/customers/") == 0, "checking costs no request"
    process = launch(customer.settings())
    observer.wait_for(STATUS, "ok")
    observer.wait_for(MILEAGE_TOPIC, "1000")
    assert customer.asked("device/code") == 1
    assert process.complaints() == []


def _check(config: Path) -> subprocess.CompletedProcess[str]:
    return run("check", "--connect", "--config", str(config))
