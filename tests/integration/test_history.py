"""What the daemon records of a charge: on the broker, in Home Assistant's discovery, on disk."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.accounts.cardata.driven_car import DESCRIPTORS
from tests.conftest import BackgroundBmw
from tests.daemon import Daemon
from tests.integration.test_cardata import VIN, CarDataOwner
from tests.mosquitto import Mosquitto, Observer, wait_until

pytestmark = pytest.mark.no_cover

CAR = f"bmw2mqtt/{VIN}"
ENERGY = f"{CAR}/sensor/energy_charged"
EVENTS = f"{CAR}/event/charging"
WALLBOX, PRICE = "wallbox/energy", "price/now"
PLUG = f"{CAR}/binary_sensor/connection_status"
PLUGGED = {"PL": "CONNECTED", "ME": 78, "HD": 40}


@pytest.fixture
def customer(bmw_servers: BackgroundBmw, broker: Mosquitto, tmp_path: Path) -> CarDataOwner:
    customer = CarDataOwner(bmw_servers, broker.port, tmp_path / "data")
    customer.car.basic["driveTrain"] = "BEV"
    customer.log_in()
    return customer


def report(customer: CarDataOwner, **values: Any) -> None:
    readings = {DESCRIPTORS[name]: value for name, value in values.items()}
    customer.stream(*(customer.bmw.stream.message(VIN, {n: v}) for n, v in readings.items()))


def components(observer: Observer) -> dict[str, Any]:
    payload = observer.current().get(f"homeassistant/device/bmw2mqtt_{VIN}/config", b"{}")
    found: dict[str, Any] = json.loads(payload).get("components", {})
    return found


def test_a_charge_over_kill_restart_and_a_lost_database(
    customer: CarDataOwner, observer: Observer, launch: Callable[..., Daemon]
) -> None:
    process = launch(customer.settings())
    observer.wait_for(ENERGY, "0")
    report(customer, ST="CHARGINGACTIVE", **PLUGGED)
    started = json.loads(observer.wait_for(EVENTS).payload)
    assert (started["event_type"], started["soc_start"]) == ("charging_started", 40)
    report(customer, HD=60)  # in seconds: so it counts as DC
    observer.wait_for(ENERGY, "14.82")
    wait_until(lambda: counter_of(customer) == 14.82, what="it is in the file")
    process.kill()

    customer.let_a_minute_pass()
    process = launch(customer.settings())
    report(customer, ST="CHARGINGENDED")
    observer.wait_for(ENERGY, "16.08")
    observer.wait_for(f"{CAR}/sensor/last_charge_energy", "16.08")
    attributes = json.loads(observer.current()[f"{CAR}/sensor/last_charge_energy/attributes"])
    assert (attributes["soc_start"], attributes["soc_end"]) == (40, 60)
    assert attributes["source"] == "estimated"
    found = components(observer)
    assert found["sensor_energy_charged"]["state_class"] == "total_increasing"
    assert found["event_charging"]["state_topic"] == EVENTS
    assert "sensor_energy_charged_home" not in found, "no home is set"
    assert process.stop() == 0

    for file in customer.folder.glob("history.db*"):
        file.unlink()
    customer.let_a_minute_pass()
    observer.publish(WALLBOX, "500", retain=True)
    observer.publish(PRICE, '{"price": {"total": 0.25}}', retain=True)
    measured = {
        "vehicles": {VIN: {"meter_topic": WALLBOX}},
        "history": {"price_topic": PRICE, "price_value": "price.total"},
    }
    launch(customer.settings() | measured)
    report(customer, PL="DISCONNECTED")
    observer.wait_for(PLUG, "OFF")
    report(customer, ST="CHARGINGACTIVE", PL="CONNECTED", HD=61)
    wait_until(lambda: len(observer.on(EVENTS)) == 3, what="the second charge has begun")
    for payload in ("unavailable", "500.4", "500.8 kWh", "501.2"):
        observer.publish(WALLBOX, payload)
    report(customer, HD=62)
    observer.wait_for(ENERGY, "17.28")  # by the wallbox; two percent prove 0.78 kWh
    report(customer, HD=70)
    wait_until(lambda: float(observer.current()[ENERGY]) > 20, what="it goes on from there")
    wait_until(lambda: price_in(customer) == 0.25, what="the price is in the file")
    energies = [float(message.payload) for message in observer.on(ENERGY)]
    assert energies == sorted(energies), "it never falls, and there is no zero in between"
    assert not any(message.retain for message in observer.on(EVENTS))


def test_without_history_there_is_nothing_of_it(
    customer: CarDataOwner, observer: Observer, launch: Callable[..., Daemon]
) -> None:
    launch(customer.settings() | {"history": {"enabled": False}})
    observer.wait_for(f"{CAR}/sensor/mileage", "1000")
    report(customer, ST="CHARGINGACTIVE", **PLUGGED)
    observer.wait_for(f"{CAR}/sensor/charging_status", "charging")
    topics = {topic for topic in observer.current() if "energy_charged" in topic}
    assert topics == set()
    assert not any("event" in name for name in components(observer))
    assert not (customer.folder / "history.db").exists()


def price_in(customer: CarDataOwner) -> float | None:
    return value_in(customer, "SELECT price_per_kwh FROM price_sample")


def counter_of(customer: CarDataOwner) -> float | None:
    return value_in(customer, "SELECT counter_kwh FROM car")


def value_in(customer: CarDataOwner, sql: str) -> float | None:
    uri = f"file:{customer.folder / 'history.db'}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        row = connection.execute(sql).fetchone()
    return None if row is None else round(row[0], 2)
