"""BMW's basic data of a car: its name, its drive train, and what the readings prove without it."""

from typing import Any

import pytest

from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.vehicle.snapshot import DriveTrain
from tests.accounts.cardata.reporting_car import Car
from tests.accounts.cardata.snapshot.names import (
    FUEL,
    FUEL_PERCENT,
    HEADER,
    KOMBI,
    PORT,
    POWER,
    STATUS,
    TARGET,
    TRIP_SOC,
    reported,
)


def test_basic_data() -> None:
    vehicle = reported(
        {},
        {
            "brand": "BMW", "modelName": "iX1 xDrive30", "bodyType": "SAV", "driveTrain": "BEV",
            "puStep": "11/2025.30", "steering": "LL", "hvsMaxEnergyAbsolute": "64.7",
        },
    )  # fmt: skip
    assert (vehicle.model, vehicle.brand) == ("iX1 xDrive30", "BMW")
    assert vehicle.drive_train is DriveTrain.ELECTRIC
    assert vehicle.software_version == "11/2025.30"
    assert vehicle.charging.capacity_kwh == 64.7


def test_both_spellings_of_basic_data() -> None:
    one = BasicData.parse({"hvsMaxEnergyAbsolute": 70, "driveTrain": "BEV"})
    other = BasicData.parse({"hvsMaxEnergyAbsolute": "70", "propulsionType": "BEV"})
    assert one == other
    assert one.battery_capacity_kwh == 70


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hvsMaxEnergyAbsolute", 0),
        ("hvsMaxEnergyAbsolute", "1"),
        ("reessNominalCapacityGross", 210),
    ],
)
def test_a_capacity_that_is_none(name: str, value: Any) -> None:
    """The last one is in ampere hours."""
    assert BasicData.parse({name: value}).battery_capacity_kwh is None


@pytest.mark.parametrize("raw", [None, [], "x", 5, {}, {"brand": None, "steering": 7}])
def test_basic_data_may_be_missing(raw: Any) -> None:
    assert BasicData.parse(raw).brand is None
    vehicle = reported({}, raw if isinstance(raw, dict) else None)
    assert (vehicle.model, vehicle.brand) == ("BMW 000001", "BMW")


@pytest.mark.parametrize(
    ("brand", "shown"),
    [
        ("BMW", "BMW"),
        ("BMWi", "BMW"),
        ("BMW_I", "BMW"),
        ("BMW i", "BMW"),
        ("MINI", "MINI"),
        ("Toyota-Supra", "TOYOTA"),
    ],
)
def test_brands(brand: str, shown: str) -> None:
    assert reported({}, {"brand": brand}).brand == shown


@pytest.mark.parametrize(
    ("word", "drive_train"),
    [
        ("BEV", DriveTrain.ELECTRIC),
        ("PHEV", DriveTrain.PLUGIN_HYBRID),
        ("CONV", DriveTrain.COMBUSTION),
        ("MHEV", DriveTrain.MILD_HYBRID),
        ("HEV", DriveTrain.HYBRID),
        ("bev_rex", DriveTrain.ELECTRIC_WITH_RANGE_EXTENDER),
    ],
)
def test_drive_trains(word: str, drive_train: DriveTrain) -> None:
    assert reported({HEADER: 50, FUEL: 30}, {"driveTrain": word}).drive_train is drive_train


@pytest.mark.parametrize(
    ("values", "drive_train"),
    [
        ({}, None),
        ({HEADER: 50, TRIP_SOC: 50, TARGET: 80, STATUS: "NOCHARGING"}, None),
        ({HEADER: 50, TRIP_SOC: 50, TARGET: 80, FUEL: 30, KOMBI: 0}, DriveTrain.COMBUSTION),
        ({KOMBI: 200, FUEL: 0, FUEL_PERCENT: 0}, DriveTrain.ELECTRIC),
        ({f"{PORT}status": "CONNECTED"}, DriveTrain.ELECTRIC),
        ({STATUS: "CHARGINGACTIVE"}, DriveTrain.ELECTRIC),
        ({POWER: 7000, FUEL_PERCENT: 30}, DriveTrain.PLUGIN_HYBRID),
        ({FUEL: 30}, DriveTrain.COMBUSTION),
    ],
)
@pytest.mark.parametrize("basic", [None, {"driveTrain": "STEAM"}])
def test_without_a_known_word_the_readings_have_to_prove_it(
    values: dict[str, Any], drive_train: DriveTrain | None, basic: Any
) -> None:
    car = Car(basic)
    assert car.report(values).drive_train is drive_train
    assert car.unknown_words == ([("driveTrain", "STEAM")] if basic else [])
