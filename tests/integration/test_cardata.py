"""A daemon with a CarData account, from outside: a process, a real broker, a simulated BMW."""

import itertools
import json
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.simulator.cardata import RecordedCarDataCar
from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.daemon import WITH_IMPORTS, Daemon, settings_for
from tests.fixture_cars import fixture_car
from tests.integration.cardata_owner import MILEAGE, MILEAGE_TOPIC, RELAY, STATUS, VIN, CarDataOwner
from tests.mosquitto import Mosquitto, Observer, wait_until

pytestmark = pytest.mark.no_cover
SHARED_VIN = "WBA00000000DEMO02"


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
    """Return what the file of the readings holds; `None` before it holds any."""
    uri = f"file:{customer.folder / 'values-eu.db'}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as database:
        query = "SELECT value FROM readings WHERE descriptor = ?"
        row = database.execute(query, [MILEAGE]).fetchone()
    return None if row is None else int(json.loads(row[0]))


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
