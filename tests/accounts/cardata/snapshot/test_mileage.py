"""The odometer: its units, readings that contradict each other, and the display's unit."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from tests.accounts.cardata.reporting_car import T0, VIN, Car, message
from tests.accounts.cardata.snapshot.names import (
    CONSUMPTION,
    DISPLAY_UNIT,
    HMI_UNIT,
    KOMBI,
    MILEAGE,
    TRIP_MILEAGE,
    reported,
)


@pytest.mark.parametrize(
    ("values", "km"),
    [
        ({MILEAGE: ("41250", "km")}, 41250),
        ({MILEAGE: (1000, "mi")}, 1609.344),
        ({MILEAGE: (1000, "miles")}, 1609.344),
        ({MILEAGE: 41250}, 41250),
        ({MILEAGE: 1000, DISPLAY_UNIT: "miles"}, 1609.3),
        ({MILEAGE: 1000, HMI_UNIT: "MILES"}, 1609.3),
        ({MILEAGE: (1000, "km"), DISPLAY_UNIT: "miles"}, 1000),
        ({MILEAGE: 1000, DISPLAY_UNIT: "km"}, 1000),
        ({MILEAGE: 1000, HMI_UNIT: "KILOMETERS"}, 1000),
        ({MILEAGE: (1000, "null"), DISPLAY_UNIT: "miles"}, 1609.3),
        ({TRIP_MILEAGE: 900}, 900),
        ({MILEAGE: 1000, TRIP_MILEAGE: 900}, 1000),
        ({MILEAGE: -5}, None),
        ({}, None),
    ],
)
def test_mileage(values: dict[str, Any], km: float | None) -> None:
    assert reported(values).mileage_km == km


def mileages(*readings: Any) -> list[float | None]:
    """Return the mileage after each reading of the odometer, a minute apart."""
    car = Car()
    return [
        car.report({MILEAGE: reading}, 60 * minute).mileage_km
        for minute, reading in enumerate(readings)
    ]


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        pytest.param([(10000, "km"), 6214, 6215], [10000, 10000, 10002.1], id="miles"),
        pytest.param([93272, 57957, 93274], [93272, 93272, 93274], id="by turns"),
        pytest.param([57958, (93273, "km")], [57958, 93273], id="a guess is corrected"),
        pytest.param([(50000, "km"), 90000, (50001, "km")], [50000, 90000, 50001], id="too much"),
        pytest.param([(16093, "km"), (10000, "km")], [16093, 10000], id="one is no witness"),
        pytest.param(
            [(50000, "km"), (50001, "km"), (50002, "km"), (50003, "mi"), (50004, "km")],
            [50000, 50001, 50002, 50003, 50004],
            id="miles for one burst",
        ),
        pytest.param(
            [(100, "km"), (101, "km"), (102, "km"), (5, "km"), (103, "km")],
            [100, 101, 102, 102, 103],
            id="a short fall",
        ),
        pytest.param(
            [(900, "km"), (901, "km"), (902, "km"), (50, "km"), (51, "km"), (52, "km")],
            [900, 901, 902, 902, 902, 52],
            id="another instrument cluster",
        ),
        pytest.param([10000, "INVALID", 10001], [10000, 10000, 10001], id="unknown"),
        pytest.param([(10000, "km"), (9999, "km")], [10000, 10000], id="rounding"),
        pytest.param([(0, "km"), (3, "km"), (-1, "km")], [0, 3, 3], id="new"),
    ],
)
def test_an_odometer_falls_only_if_later_readings_agree(
    readings: list[Any], expected: list[float]
) -> None:
    assert mileages(*readings) == expected


def test_the_mileage_at_the_end_of_a_trip_counts_if_it_is_larger() -> None:
    car = Car()
    car.report({MILEAGE: (10000, "km")})
    assert car.report({TRIP_MILEAGE: 9000}, 60).mileage_km == 10000
    assert car.report({TRIP_MILEAGE: 10005}, 120).mileage_km == 10005


@pytest.mark.parametrize("trip_km", [(25_632, 41_250.7), (25_600, 41_199.2)])
@pytest.mark.parametrize(
    "order", list(permutations((MILEAGE, TRIP_MILEAGE, DISPLAY_UNIT, HMI_UNIT))), ids="-".join
)
def test_miles_in_any_order(order: tuple[str, ...], trip_km: tuple[float, float]) -> None:
    values = {MILEAGE: 25_632, TRIP_MILEAGE: trip_km[0], DISPLAY_UNIT: "mi", HMI_UNIT: "MILES"}
    car = Car()
    for name in order:
        vehicle = car.report({name: values[name]})
    assert vehicle.mileage_km == 41_250.7
    assert vehicle.readings[f"vehicle.{TRIP_MILEAGE}"].value == trip_km[1]


@pytest.mark.parametrize("trip_km", [99_000, 99_990, 120])
@pytest.mark.parametrize(
    "order", list(permutations((MILEAGE, TRIP_MILEAGE, DISPLAY_UNIT, HMI_UNIT))), ids="-".join
)
def test_kilometres_beside_a_stale_word_of_miles(order: tuple[str, ...], trip_km: float) -> None:
    values = {MILEAGE: 100_000, TRIP_MILEAGE: trip_km, DISPLAY_UNIT: "km", HMI_UNIT: "MILES"}
    car = Car()
    for name in order:
        vehicle = car.report({name: values[name]})
    assert vehicle.mileage_km == 100_000
    assert vehicle.readings[f"vehicle.{TRIP_MILEAGE}"].value == trip_km
    assert car.report({MILEAGE: 100_005}, 300).mileage_km == 100_005


def opened_car(folder: Path) -> Car:
    """Return a car whose readings are on disk."""
    store = ReadingStore(folder / "readings.db")
    store.open()
    return Car(store=store)


def test_an_odometer_outlives_a_restart(tmp_path: Path) -> None:
    car = opened_car(tmp_path)
    readings = [(10000, "km"), (10001, "km"), (10002, "km"), 6300, "INVALID"]
    for minute, reading in enumerate(readings):
        car.report({MILEAGE: reading}, 60 * minute)
    assert car.vehicle is not None
    km = car.vehicle.mileage_km
    car.store.close()
    car = opened_car(tmp_path)
    assert car.snapshot().mileage_km == km == 10138.9
    car.store.close()


def test_a_display_that_is_switched_moves_no_odometer(tmp_path: Path) -> None:
    car = opened_car(tmp_path)
    car.report({DISPLAY_UNIT: "km", MILEAGE: 10_000, CONSUMPTION: 18}, 0)
    assert car.report({DISPLAY_UNIT: "km"}, 30).mileage_km == 10_000
    assert car.report({DISPLAY_UNIT: "miles"}, 60).mileage_km == 10_000, "it has not moved"
    car.store.add(VIN).record(message({MILEAGE: 10_000}, 0), T0)
    car.store.add(VIN).record(message({MILEAGE: 10_000}, 5), T0)
    vehicle = car.report({DISPLAY_UNIT: "miles"}, 90)
    assert vehicle.mileage_km == 10_000
    assert vehicle.charging.consumption_kwh_per_100km == 18
    car.store.close()
    car = opened_car(tmp_path)
    assert car.snapshot().mileage_km == 10_000, "nor over a restart"
    assert car.report({MILEAGE: 6220}, 120).mileage_km == 10_010.1
    vehicle = car.report({DISPLAY_UNIT: "km"}, 150)
    assert vehicle.mileage_km == pytest.approx(10_010.1, abs=0.1), "nor back"
    assert car.report({DISPLAY_UNIT: "miles", MILEAGE: 6230}, 180).mileage_km == 10_026.2
    car.store.close()


def test_the_newer_word_for_the_displays_unit_counts() -> None:
    car = Car()
    car.report({DISPLAY_UNIT: "miles", KOMBI: 100}, 0)
    assert car.vehicle is not None
    assert car.vehicle.charging.range_km == 160.9
    vehicle = car.report({HMI_UNIT: "KILOMETERS"}, 60)
    assert vehicle.charging.range_km == pytest.approx(160.9, abs=0.1), "measured before"
    assert car.report({KOMBI: 100}, 61).charging.range_km == 100


def test_readings_without_a_unit_follow_the_display() -> None:
    name = "vehicle.vehicle.averageWeeklyDistanceLongTerm"
    car = Car()
    assert car.report({"vehicle.averageWeeklyDistanceLongTerm": 1000}).readings[name].value == 1000
    reading = car.report({DISPLAY_UNIT: "miles"}, 60).readings[name]
    assert (reading.value, reading.unit) == (1609.3, "km")
    assert reading.measured_at == T0
