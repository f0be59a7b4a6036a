"""From BMW's descriptors to fuel, battery, ranges and charging, row by row."""

from datetime import timedelta
from typing import Any

import pytest

from bmw2mqtt.vehicle.snapshot import (
    ChargingStatus,
    ClimateActivity,
    DriveTrain,
)
from tests.accounts.cardata_cars import COMBUSTION, ELECTRIC, HYBRID, T0, Car
from tests.accounts.cardata_words import (
    COMFORT,
    DISPLAYED,
    FORECAST_RANGE,
    FUEL,
    FUEL_PERCENT,
    FUEL_RANGE,
    HEADER,
    HV_STATUS,
    KOMBI,
    LAST_RANGE,
    LEVEL,
    PORT,
    REMAINING,
    STATUS,
    TARGET,
    TO_FULL,
    TOTAL_RANGE,
    TRIP_SOC,
    told,
)

# Fuel and ranges


@pytest.mark.parametrize(
    ("raw", "litres"),
    [(30, 30), (("30", "l"), 30), (("30", "L"), 30), ((10, "gal"), 45.461), (-1, None)],
)
def test_fuel(raw: Any, litres: float | None) -> None:
    fuel = told({FUEL: raw, FUEL_PERCENT: ("60", "percent")}, COMBUSTION).fuel
    assert fuel.remaining_l == litres
    assert fuel.remaining_percent == 60


def ranges(values: dict[str, Any], basic: dict[str, Any]) -> tuple[Any, Any, Any]:
    vehicle = told(values, basic)
    return vehicle.range_km, vehicle.charging.range_km, vehicle.fuel.range_km


@pytest.mark.parametrize(
    ("basic", "values", "expected"),
    [
        (ELECTRIC, {KOMBI: 300}, (300, 300, None)),
        (ELECTRIC, {KOMBI: 300, LAST_RANGE: 0}, (300, 300, None)),
        (ELECTRIC, {KOMBI: 0, LAST_RANGE: 0}, (None, None, None)),
        (ELECTRIC, {LAST_RANGE: 280}, (280, 280, None)),
        (ELECTRIC, {FORECAST_RANGE: 310}, (310, 310, None)),
        (ELECTRIC, {LAST_RANGE: 0}, (None, None, None)),
        (HYBRID, {KOMBI: 40, LAST_RANGE: 540}, (540, 40, 500)),
        (HYBRID, {KOMBI: 0, LAST_RANGE: 500}, (500, 0, 500)),
        (HYBRID, {KOMBI: 40, LAST_RANGE: 30}, (30, 40, 0)),
        (HYBRID, {KOMBI: 40, LAST_RANGE: 540, FUEL_RANGE: 490}, (540, 40, 490)),
        (HYBRID, {KOMBI: 40, FUEL_RANGE: 490}, (530, 40, 490)),
        (HYBRID, {KOMBI: 40}, (None, 40, None)),
        (HYBRID, {TOTAL_RANGE: 540}, (540, None, None)),
        (COMBUSTION, {LAST_RANGE: 600}, (600, None, 600)),
        (COMBUSTION, {FUEL_RANGE: 610}, (610, None, 610)),
        (COMBUSTION, {}, (None, None, None)),
        (ELECTRIC, {KOMBI: (100, "mi")}, (160.934, 160.934, None)),
        (ELECTRIC, {KOMBI: "INVALID", LAST_RANGE: 280}, (280, 280, None)),
    ],
)  # fmt: skip
def test_ranges(basic: dict[str, Any], values: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert ranges(values, basic) == expected


def test_while_charging_the_forecast_is_newer() -> None:
    car = Car(ELECTRIC)
    car.tell({KOMBI: 100})
    assert car.tell({FORECAST_RANGE: 180}, 600).charging.range_km == 180
    assert car.tell({KOMBI: 250}, 1200).charging.range_km == 250


# State of charge


def test_the_newest_state_of_charge_counts() -> None:
    car = Car(ELECTRIC)
    assert car.tell({TRIP_SOC: 40}).charging.soc_percent == 40
    assert car.tell({HEADER: (55, "percent")}, 60).charging.soc_percent == 55
    assert car.tell({DISPLAYED: ("56.5", "%")}, 120).charging.soc_percent == 56.5
    assert car.tell({HEADER: 57}, 180).charging.soc_percent == 57
    assert car.tell({HEADER: 101}, 240).charging.soc_percent == 56.5, "more than full is no reading"


def test_a_predicted_level_counts_only_while_charging() -> None:
    car = Car(ELECTRIC)
    car.tell({HEADER: 50})
    assert car.tell({LEVEL: 60}, 60).charging.soc_percent == 50
    assert car.tell({STATUS: "CHARGINGACTIVE"}, 120).charging.soc_percent == 60
    assert car.tell({STATUS: "CHARGINGENDED"}, 180).charging.soc_percent == 50


def test_neue_klasse_has_other_names() -> None:
    vehicle = told(
        {DISPLAYED: 70, COMFORT: "COMFORT_HEATING", f"{PORT}combinedStatus": "CONNECTED"}
    )
    assert vehicle.drive_train is DriveTrain.ELECTRIC
    assert vehicle.charging.soc_percent == 70
    assert vehicle.charging.is_plugged_in is True
    assert vehicle.climate.activity is ClimateActivity.HEATING


# Charging


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("CHARGINGACTIVE", ChargingStatus.CHARGING),
        ("ChargingActive", ChargingStatus.CHARGING),
        ("CHARGING", ChargingStatus.CHARGING),
        ("NOCHARGING", ChargingStatus.NOT_CHARGING),
        ("NOT_CHARGING", ChargingStatus.NOT_CHARGING),
        ("INITIALIZATION", ChargingStatus.WAITING_FOR_CHARGING),
        ("CHARGINGPAUSED", ChargingStatus.WAITING_FOR_CHARGING),
        ("WAITING_FOR_CHARGING", ChargingStatus.WAITING_FOR_CHARGING),
        ("CHARGINGENDED", ChargingStatus.COMPLETE),
        ("FINISHED_FULLY_CHARGED", ChargingStatus.FINISHED_FULLY_CHARGED),
        ("FINISHED_NOT_FULL", ChargingStatus.FINISHED_NOT_FULL),
        ("CHARGINGERROR", ChargingStatus.ERROR),
        ("ERROR", ChargingStatus.ERROR),
        ("INVALID", None),
    ],
)
@pytest.mark.parametrize("name", [STATUS, HV_STATUS])
def test_charging_status(name: str, word: str, status: ChargingStatus | None) -> None:
    car = Car(ELECTRIC)
    assert car.tell({name: word}).charging.status is status
    assert car.unknown_words == []


def test_the_newer_charging_status_counts() -> None:
    car = Car(ELECTRIC)
    car.tell({STATUS: "CHARGINGACTIVE"})
    assert car.tell({HV_STATUS: "NOT_CHARGING"}, 60).charging.status is ChargingStatus.NOT_CHARGING
    assert car.tell({STATUS: "CHARGINGACTIVE"}, 120).charging.status is ChargingStatus.CHARGING


def test_an_unknown_status_is_unknown_and_reported() -> None:
    car = Car(ELECTRIC)
    assert car.tell({STATUS: "MANUAL_SELECTION"}).charging.status is None
    assert car.unknown_words == [(f"vehicle.{STATUS}", "manual_selection")]


def test_not_charging_and_the_plug() -> None:
    plugged = told({STATUS: "NOCHARGING", f"{PORT}status": "CONNECTED"}, ELECTRIC)
    assert plugged.charging.status is ChargingStatus.PLUGGED_IN
    charging = told({STATUS: "CHARGINGACTIVE", f"{PORT}status": "DISCONNECTED"}, ELECTRIC)
    assert charging.charging.is_plugged_in is True


@pytest.mark.parametrize(
    ("soc", "target", "status"),
    [
        (80, 80, "target_reached"),
        (81, 80, "target_reached"),
        (79, 80, "complete"),
        (80, None, "complete"),
    ],
)
def test_an_ended_charge(soc: int, target: int | None, status: str) -> None:
    vehicle = told({STATUS: "CHARGINGENDED", HEADER: soc, TARGET: target}, ELECTRIC)
    assert vehicle.charging.status == status
    assert vehicle.charging.target_soc_percent == target


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [
        (f"{PORT}status", "CONNECTED", "DISCONNECTED"),
        ("powertrain.tractionBattery.charging.port.anyPosition.isPlugged", True, "false"),
        ("drivetrain.electricEngine.charging.connectorStatus", "connected", "Disconnected"),
        (f"{PORT}combinedStatus", "CONNECTED", "DISCONNECTED"),
        (f"{PORT}statusClearText", "CONNECTED", "DISCONNECTED"),
        (f"{PORT}dcStatus", "CONNECTED", "DISCONNECTED"),
    ],
)
def test_the_plug(name: str, yes: Any, no: Any) -> None:
    car = Car(ELECTRIC)
    assert car.tell({name: yes}).charging.is_plugged_in is True
    assert car.tell({name: no}, 60).charging.is_plugged_in is False
    assert car.tell({name: "INVALID"}, 120).charging.is_plugged_in is None


def test_the_newest_word_about_the_plug_counts() -> None:
    car = Car(ELECTRIC)
    car.tell({f"{PORT}status": "DISCONNECTED"})
    assert car.tell({f"{PORT}dcStatus": "CONNECTED"}, 60).charging.is_plugged_in is True
    assert car.tell({f"{PORT}status": "DISCONNECTED"}, 120).charging.is_plugged_in is False
    assert car.tell({f"{PORT}combinedStatus": "CONNECTED"}, 180).charging.is_plugged_in is True
    assert car.tell({f"{PORT}dcStatus": "DISCONNECTED"}, 240).charging.is_plugged_in is True


def test_the_end_of_charging_is_reckoned_from_the_cars_time() -> None:
    car = Car(ELECTRIC)
    car.tell({STATUS: "CHARGINGACTIVE", REMAINING: 90, TO_FULL: 200}, 0, now_s=1200)
    assert car.vehicle is not None
    assert car.vehicle.charging.end_time == T0 + timedelta(minutes=90)
    assert car.vehicle.charging.remaining_minutes == 90
    steady = car.tell({REMAINING: 81}, 600).charging
    assert steady.end_time == T0 + timedelta(minutes=90), "a minute more or less is no news"
    assert car.tell({REMAINING: 60}, 1200).charging.end_time == T0 + timedelta(minutes=80)
    ended = car.tell({STATUS: "CHARGINGENDED"}, 1800).charging
    assert (ended.end_time, ended.remaining_minutes) == (None, None)


@pytest.mark.parametrize("minutes", [-1, 24 * 60 + 1, 65500, "INVALID", "soon"])
def test_an_end_that_cannot_be_is_unknown(minutes: Any) -> None:
    charging = told({STATUS: "CHARGINGACTIVE", REMAINING: minutes}, ELECTRIC).charging
    assert charging.status is ChargingStatus.CHARGING
    assert charging.end_time is None


def test_without_a_time_to_the_target_the_time_to_full_counts() -> None:
    charging = told({STATUS: "CHARGINGACTIVE", TO_FULL: 100}, ELECTRIC).charging
    assert charging.end_time == T0 + timedelta(minutes=100)


def test_what_is_left_of_an_earlier_charge_is_no_forecast() -> None:
    car = Car(ELECTRIC)
    car.tell({REMAINING: 5})
    assert car.tell({STATUS: "CHARGINGACTIVE"}, 86400).charging.end_time is None
    later = car.tell({TO_FULL: 60}, 86460).charging
    assert later.end_time == T0 + timedelta(seconds=86460, minutes=60)


@pytest.mark.parametrize(("raw", "kw"), [(11000, 11), ((11, "kW"), 11), (("7400", "W"), 7.4)])
def test_charging_power_is_in_watts(raw: Any, kw: float) -> None:
    name = "powertrain.electric.battery.charging.power"
    vehicle = told({name: raw}, ELECTRIC)
    assert vehicle.charging.power_kw == kw
    assert vehicle.readings[f"vehicle.{name}"].value == kw * 1000
    assert vehicle.readings[f"vehicle.{name}"].unit == "W"


def test_settings_of_charging() -> None:
    vehicle = told(
        {
            "powertrain.electric.battery.charging.acLimit.selected": ("16", "A"),
            "drivetrain.electricEngine.charging.profile.climatizationActive": "true",
        },
        ELECTRIC,
    ).charging
    assert vehicle.ac_limit_a == 16
    assert vehicle.is_pre_entry_climatization_enabled is True
