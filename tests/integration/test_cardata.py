"""A daemon with a CarData account, from outside: a process, a real broker, a simulated BMW."""

import itertools
import json
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.simulator.cardata import (
    API_SCOPE,
    CLIENT_ID,
    STREAM_SCOPE,
    CarDataSimulator,
    CarDataUser,
    RecordedCarDataCar,
)
from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.conftest import BackgroundBmw
from tests.daemon import WITH_IMPORTS, Daemon, settings_for
from tests.fixture_cars import fixture_car
from tests.mosquitto import Mosquitto, Observer, wait_until

pytestmark = pytest.mark.no_cover

VIN, SHARED_VIN = "WBA00000000000001", "WBA00000000DEMO02"
MILEAGE = "vehicle.vehicle.travelledDistance"
ACCOUNT = "bmw2mqtt/account/eu"
STATUS = f"{ACCOUNT}/sensor/status"
MILEAGE_TOPIC = f"bmw2mqtt/{VIN}/sensor/mileage"
RELAY = f"bmw/{VIN}"
SCOPE = ("authenticate_user", "openid", API_SCOPE, STREAM_SCOPE)


class CarDataOwner:
    """Somebody with a car, at a simulated BMW in another thread."""

    def __init__(self, servers: BackgroundBmw, port: int, folder: Path) -> None:
        self.car = RecordedCarDataCar(VIN, image=b"\x89PNG a picture")
        self.car.store({MILEAGE: 1000}, measured_at=datetime.now(UTC) - timedelta(hours=1))
        self.user = CarDataUser(cars=[self.car])
        self.folder = folder
        self._servers = servers
        self.port = port
        self.bmw: CarDataSimulator = servers.start_cardata(self.user)
        self.bmw.oauth.interval_s = 0.25

    def account(self, **changes: Any) -> dict[str, Any]:
        return {
            "backend": "cardata",
            "client_id": CLIENT_ID,
            "auth_url": self.bmw.auth_url,
            "api_url": self.bmw.api_url,
            "stream_host": self.bmw.stream_host,
            "stream_port": self.bmw.stream_port,
            "ca_file": str(self.bmw.ca_file),
            **changes,
        }

    def settings(self, **changes: Any) -> dict[str, Any]:
        return {
            "mqtt": {"host": "127.0.0.1", "port": self.port},
            "accounts": {"eu": self.account(**changes)},
            "data_dir": str(self.folder),
            "http": {"enabled": False},
            "log": {"level": "debug", "format": "json"},
        }

    def log_in(self) -> None:
        """Leave on disk what a login leaves."""
        grant = self._servers.do(lambda: self.bmw.registry.issue(self.user, CLIENT_ID, SCOPE))
        now = self.bmw.registry.clock()
        lifetime = timedelta(seconds=self.bmw.registry.lifetimes.access_token_s)
        tokens = {
            "client_id": CLIENT_ID,
            "gcid": grant.user.gcid,
            "access_token": grant.access_token,
            "id_token": grant.id_token,
            "refresh_token": grant.refresh_token,
            "scope": " ".join(SCOPE),
            "issued_at": now.isoformat(),
            "expires_at": (now + lifetime).isoformat(),
        }
        self.folder.mkdir(exist_ok=True)
        (self.folder / "tokens-eu.json").write_text(json.dumps(tokens))

    def let_a_minute_pass(self) -> None:
        """Let what is written down of the stream be older: connects are limited by the minute."""
        path = self.folder / "account-eu.json"
        memory = json.loads(path.read_bytes())
        connects = map(datetime.fromisoformat, memory["stream"]["connects"])
        earlier = [(at - timedelta(minutes=1)).isoformat() for at in connects]
        memory["stream"] |= {"connects": earlier, "not_before": None}
        path.write_text(json.dumps(memory))

    def refuse_token(self) -> None:
        """Let the stream drop everybody as if their tokens had expired."""
        self._servers.do(lambda: self.bmw.stream.drop_all(135))

    def approve(self, code: str) -> None:
        self._servers.do(lambda: self.bmw.approve(code))

    def decline(self, code: str) -> None:
        self._servers.do(lambda: self.bmw.decline(code))

    def is_listening(self) -> bool:
        return self.bmw.stream.is_subscribed(self.user.gcid)

    def stream(self, *payloads: bytes) -> None:
        """Send messages to somebody who listens."""
        wait_until(self.is_listening, what="somebody listens")
        self._servers.do(lambda: [self.bmw.publish_raw(VIN, payload) for payload in payloads])

    def message(self, mileage: int) -> bytes:
        return self.bmw.stream.message(VIN, {MILEAGE: mileage})

    def asked(self, path: str) -> int:
        return sum(path in request.path for request in tuple(self.bmw.requests))


@pytest.fixture
def customer(bmw_servers: BackgroundBmw, broker: Mosquitto, tmp_path: Path) -> CarDataOwner:
    return CarDataOwner(bmw_servers, broker.port, tmp_path / "data")


def attributes(observer: Observer) -> dict[str, Any]:
    return dict(json.loads(observer.current().get(f"{STATUS}/attributes", b"{}")))


def wait_code(observer: Observer) -> str:
    found: str = wait_until(lambda: attributes(observer).get("user_code"), what="a code")
    return found


# Logging in


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


class Terminal:
    """`bmw2mqtt login eu`, with somebody in front of it."""

    def __init__(self, config: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bmw2mqtt", "login", "eu", "--config", str(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=None,
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
    return subprocess.run(
        [sys.executable, "-m", "bmw2mqtt", "check", "--connect", "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


# Passing on


def test_relayed_byte_for_byte_and_in_order(
    customer: CarDataOwner, broker: Mosquitto, launch: Callable[..., Daemon]
) -> None:
    customer.log_in()
    odd = [
        b'{ "vin":"WBA00000000000001",  "data":{"unheard.of":{"value":"\\u00e4"}},"x":[1] }\r\n',
        '{"vin":"WBA00000000000001","data":{"ü":{"value":1.50}},"timestamp":"?"}'.encode(),
    ]
    with Observer(broker.port, "#") as observer:
        launch(customer.settings(relay_prefix="bmw/"))
        observer.wait_for(STATUS, "ok")
        burst = [*odd, *(customer.message(2000 + number) for number in range(1000))]
        customer.stream(*burst)
        wait_until(lambda: len(observer.on(RELAY)) == len(burst))
        assert [seen.payload for seen in observer.on(RELAY)] == burst
        observer.wait_for(MILEAGE_TOPIC, "2999")
        for seen in observer.on(RELAY)[2:4]:  # what others who read such topics look for
            message = json.loads(seen.payload)
            assert message["vin"] == VIN
            assert message["data"][MILEAGE]["value"] >= 2000
            assert message["data"][MILEAGE]["timestamp"]
    broker.kill()
    late = [customer.message(4000 + number) for number in range(200)]
    customer.stream(*late)
    broker.start()
    with Observer(broker.port, "#") as observer:
        wait_until(lambda: observer.on(RELAY) and observer.on(RELAY)[-1].payload == late[-1])
        got = [seen.payload for seen in observer.on(RELAY)]
        # Who subscribes while they come sees the last one before that as retained.
        assert got == late[-len(got) :]
        observer.wait_for(MILEAGE_TOPIC, "4199")


# Killed at any time


def stored_mileage(customer: CarDataOwner) -> int | None:
    """Return what the file of the readings holds."""
    uri = f"file:{customer.folder / 'values-eu.db'}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as database:
        (row,) = database.execute("SELECT value FROM readings WHERE descriptor = ?", [MILEAGE])
    return int(json.loads(row[0]))


def test_killed_at_any_time(
    customer: CarDataOwner, observer: Observer, launch: Callable[..., Daemon]
) -> None:
    customer.log_in()
    tokens = customer.folder / "tokens-eu.json"
    mileage = itertools.count(2000)

    def renew() -> None:
        content = tokens.read_bytes()
        customer.refuse_token()
        wait_until(lambda: tokens.read_bytes() != content, what="new tokens")

    moments: list[Callable[[], None]] = [
        renew,
        lambda: None,
        lambda: time.sleep(random.uniform(0, 0.5)),
        renew,
        lambda: time.sleep(random.uniform(0, 1)),
    ]
    process = launch(customer.settings(poll_interval=0))
    for moment in moments:
        observer.wait_for(STATUS, "ok")
        newest = [next(mileage) for _ in range(20)]
        customer.stream(*map(customer.message, newest))
        observer.wait_for(MILEAGE_TOPIC, str(newest[-1]))
        wait_until(lambda value=newest[-1]: stored_mileage(customer) == value, what="it is stored")
        moment()
        process.signal(signal.SIGKILL)
        process.wait()
        customer.let_a_minute_pass()
        count = len(observer.on(MILEAGE_TOPIC))
        process = launch(customer.settings(poll_interval=0))
        process.wait_log("mqtt_connected")
        again = wait_until(lambda seen=count: observer.on(MILEAGE_TOPIC)[seen:])
        assert again[0].text == str(newest[-1]), "at once, and nothing older"
    observer.wait_for(STATUS, "ok")
    shown = [float(m.text) for m in observer.on(MILEAGE_TOPIC) if m.text != "None"]
    assert shown == sorted(shown), "a car never drives backwards"
    assert customer.asked("device/code") == 0, "no login"
    at_first = 9  # the list, basic data, the picture, and a look, a creation, a read per container
    assert customer.asked("/customers/") <= at_first + len(moments), "a kill repeats one request"


# Beside the other backend


def test_a_cardata_installation_loads_nothing_of_the_other(
    customer: CarDataOwner, observer: Observer, tmp_path: Path
) -> None:
    customer.log_in()
    with Daemon(tmp_path / "daemon", customer.settings(), program=WITH_IMPORTS) as process:
        observer.wait_for(STATUS, "ok")
        customer.stream(customer.message(2000))
        observer.wait_for(MILEAGE_TOPIC, "2000")
        assert process.stop() == 0
        lines = process.log_file.read_text().splitlines()
    loaded = {line.split("|")[-1].strip() for line in lines if line.startswith("import time:")}
    assert {"aiomqtt", "aiohttp", "bmw2mqtt.accounts.cardata.account"} <= loaded
    assert not {n for n in loaded if n.split(".")[0] in {"bimmer_connected", "httpx"}}


@pytest.fixture
def cars() -> list[Any]:
    return [fixture_car(SHARED_VIN)]


@pytest.mark.parametrize("first", ["home", "eu"])
def test_a_car_in_an_account_of_each_backend_belongs_to_the_first(
    customer: CarDataOwner,
    bmw: MyBmwSimulator,
    broker: Mosquitto,
    observer: Observer,
    launch: Callable[..., Daemon],
    first: str,
) -> None:
    customer.user.cars.append(RecordedCarDataCar(SHARED_VIN, {MILEAGE: 77}))
    customer.log_in()
    settings = customer.settings()
    app = settings_for(bmw, broker.port, customer.folder)["accounts"]["home"]
    accounts = {"home": app, "eu": settings["accounts"]["eu"]}
    settings["accounts"] = {name: accounts[name] for name in sorted(accounts, key=first.__ne__)}
    process = launch(settings)
    observer.wait_for(STATUS, "ok")
    observer.wait_for("bmw2mqtt/account/home/sensor/status", "ok")
    wait_until(lambda: process.wait_log("vehicle_in_two_accounts"))

    def info() -> dict[str, Any]:
        return dict(json.loads(observer.current().get("bmw2mqtt/bridge/info", b"{}")))

    wait_until(lambda: SHARED_VIN in info().get("vehicles", {}) and VIN in info()["vehicles"])
    assert info()["vehicles"][SHARED_VIN]["account"] == first
    is_app = first == "home"
    topic = f"bmw2mqtt/{SHARED_VIN}/sensor/mileage"
    mileage = wait_until(lambda: observer.current().get(topic, b"None").replace(b"None", b""))
    assert (mileage == b"77") is not is_app
    assert (f"bmw2mqtt/{SHARED_VIN}/lock/lock" in observer.current()) is is_app
    events = [event["event"] for event in process.complaints()]
    assert events.count("vehicle_in_two_accounts") == 1
