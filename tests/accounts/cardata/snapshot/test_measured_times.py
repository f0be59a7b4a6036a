"""When each published value was measured."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bmw2mqtt.accounts.cardata.snapshot.measured_times import measured_times
from bmw2mqtt.accounts.cardata.snapshot.ranges import Ranges
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.entities import vehicle_entities
from bmw2mqtt.entities.catalogue import catalogue
from bmw2mqtt.entities.sensor.history import HISTORY
from bmw2mqtt.vehicle.snapshot import Reading
from tests.accounts.cardata.reporting_car import ELECTRIC, HYBRID, T0, Car
from tests.accounts.cardata.snapshot.names import (
    ACTIVITY,
    BATTERY_SIZE,
    COMFORT,
    CONSUMPTION,
    DOORS,
    FORECAST_RANGE,
    HEADER,
    KOMBI,
    LOCK,
    MAX_ENERGY,
    MILEAGE,
    PORT,
    TRIP_MILEAGE,
)


def test_each_value_has_the_time_of_its_newest_descriptor() -> None:
    car = Car(HYBRID)
    car.report({HEADER: 50, MILEAGE: (100, "km"), f"{PORT}status": "CONNECTED", CONSUMPTION: 18})
    times = car.report({f"{PORT}combinedStatus": "CONNECTED", TRIP_MILEAGE: (101, "km")}, 60)
    assert times.measured_at["sensor/remaining_battery_percent"] == T0
    assert times.measured_at["sensor/mileage"] == T0 + timedelta(minutes=1)
    assert times.measured_at["binary_sensor/connection_status"] == T0 + timedelta(minutes=1)
    assert times.measured_at["sensor/average_consumption"] == T0


@pytest.mark.parametrize(
    ("entity", "older", "newer"),
    [
        ("sensor/remaining_range_electric", {KOMBI: (300, "km")}, {FORECAST_RANGE: (310, "km")}),
        ("sensor/remaining_range_total", {KOMBI: (300, "km")}, {FORECAST_RANGE: (310, "km")}),
        ("sensor/battery_capacity", {MAX_ENERGY: (80, "kWh")}, {BATTERY_SIZE: (0, "kWh")}),
        ("sensor/climate_status", {ACTIVITY: "cooling"}, {COMFORT: "COMFORT_UNDEFINED"}),
        ("binary_sensor/door_lock_state", {LOCK: "LOCKED"}, {DOORS: "CLOSED"}),
    ],
)
def test_what_does_not_count_lends_no_time(
    entity: str, older: dict[str, Any], newer: dict[str, Any]
) -> None:
    car = Car(ELECTRIC)
    car.report(older)
    assert car.report(newer, 60).measured_at[entity] == T0


@pytest.mark.parametrize(("steering", "side"), [("LL", "left"), ("RL", "right")])
def test_the_drivers_door_and_window_have_the_times_of_their_side(steering: str, side: str) -> None:
    car = Car({**ELECTRIC, "steering": steering})
    values = {"cabin.door.row1.driver.isOpen": True, "cabin.window.row2.driver.status": "OPEN"}
    times = car.report(values).measured_at
    assert times[f"binary_sensor/door_front_{side}"] == T0
    assert times[f"binary_sensor/window_rear_{side}"] == T0
    other = {"left": "right", "right": "left"}[side]
    assert f"binary_sensor/door_front_{other}" not in times


def test_every_entity_of_a_reading_can_have_a_time() -> None:
    words = {ACTIVITY: "heating", DOORS: "locked", HEADER: 50.0, MAX_ENERGY: 80.0}
    every = {name: Reading(value=True, measured_at=T0) for name in catalogue()} | {
        f"vehicle.{name}": Reading(value=word, measured_at=T0) for name, word in words.items()
    }
    lookup = ReadingLookup(every, {}, lambda *_: None)
    ranges = Ranges(total_at=T0, electric_at=T0, fuel_at=T0)
    readings: Any = SimpleNamespace(view=every, lookup=lambda _: lookup)
    times = measured_times(readings, ranges, soc_at=T0, is_left_hand_drive=True)
    entities = vehicle_entities(has_commands=False, has_readings=True)
    without = {e.id for e in entities if e.has_state and f"{e.platform}/{e.key}" not in times}
    past = {entity.id for entity in HISTORY} | {
        "sensor_battery_12v_daily_minimum",
        "sensor_battery_12v_resting_voltage",
    }
    assert without == {"sensor_last_report", "image_vehicle", *past}
