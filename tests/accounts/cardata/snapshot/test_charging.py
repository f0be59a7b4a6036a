"""From BMW's descriptors to fuel, battery, ranges and charging, row by row."""

from datetime import timedelta
from typing import Any

import pytest

from bmw2mqtt.vehicle.snapshot import (
    ChargingStatus,
    ClimateActivity,
    DriveTrain,
)
from tests.accounts.cardata.reporting_car import COMBUSTION, ELECTRIC, HYBRID, T0, Car
from tests.accounts.cardata.snapshot.names import (
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
    reported,
)

# Fuel and ranges


@pytest.mark.parametrize(
    ("raw", "litres"),
    [(30, 30), (("30", "l"), 30), (("30", "L"), 30), ((10, "gal"), 45.461), (-1, None)],
)
def test_fuel(raw: Any, litres: float | None) -> None:
    fuel = reported({FUEL: raw, FUEL_PERCENT: ("60", "percent")}, COMBUSTION).fuel
    assert fuel.remaining_l == litres
    assert fuel.remaining_percent == 60


def ranges(values: dict[str, Any], basic: dict[str, Any]) -> tuple[Any, Any, Any]:
    vehicle = reported(values, basic)
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


def test_the_forecast_counts_while_a_charge_runs() -> None:
    car = Car(ELECTRIC)
    car.report({KOMBI: 100})
    assert car.report({FORECAST_RANGE: 180}, 600).charging.range_km == 100
    assert car.report({STATUS: "CHARGINGACTIVE"}, 660).charging.range_km == 180
    assert car.report({KOMBI: 150}, 1200).charging.range_km == 150
    assert car.report({FORECAST_RANGE: 180}, 1260).charging.range_km == 180
    assert car.report({STATUS: "CHARGINGENDED"}, 1320).charging.range_km == 150


def test_ranges_are_added_and_subtracted_only_if_they_are_of_one_moment() -> None:
    car = Car(HYBRID)
    assert car.report({KOMBI: 40, LAST_RANGE: 540}).fuel.range_km == 500
    assert car.report({KOMBI: 10}, 3600).fuel.range_km is None
    assert car.report({LAST_RANGE: 400}, 3630).fuel.range_km == 390


def test_a_hybrid_that_drives_with_an_empty_battery_has_its_range_on_fuel() -> None:
    car = Car(HYBRID)
    assert car.report({KOMBI: 0, LAST_RANGE: 305}).fuel.range_km == 305
    assert car.report({LAST_RANGE: 290}, 600).fuel.range_km == 290
    assert car.report({KOMBI: 12}, 7200).fuel.range_km is None
    assert car.report({KOMBI: 0}, 9000).fuel.range_km is None
    assert car.report({LAST_RANGE: 270}, 9300).fuel.range_km == 270
    extender = Car({**HYBRID, "driveTrain": "REX"})
    extender.report({KOMBI: 0, FUEL_RANGE: 100})
    assert extender.report({FUEL_RANGE: 90}, 600).range_km == 90
    assert Car(HYBRID).report({FUEL_RANGE: 490}).range_km is None


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((300, "km"), 186, 299.3),
        ((186, "mi"), 300, 300),
        ((300, "km"), 299, 299),
        ((300, "km"), 250, 250),
        (300, 186, 186),
    ],
)
def test_a_range_without_a_unit_fits_its_neighbour(
    first: Any, second: Any, expected: float
) -> None:
    """The stream has units, REST repeats its readings without."""
    car = Car(ELECTRIC)
    car.report({KOMBI: first})
    assert car.report({KOMBI: second}, 2).charging.range_km == expected
    if first != 300:
        other = Car(ELECTRIC)
        other.report({LAST_RANGE: first})
        assert other.report({KOMBI: second}, 2).charging.range_km == expected


# State of charge


def test_the_newest_state_of_charge_counts() -> None:
    car = Car(ELECTRIC)
    assert car.report({TRIP_SOC: 40}).charging.soc_percent == 40
    assert car.report({HEADER: (55, "percent")}, 60).charging.soc_percent == 55
    assert car.report({DISPLAYED: ("56.5", "%")}, 120).charging.soc_percent == 56.5
    assert car.report({HEADER: 57}, 180).charging.soc_percent == 57
    assert car.report({HEADER: 101}, 240).charging.soc_percent == 57, "no reading"


def test_the_forecast_of_the_level_counts_by_its_time() -> None:
    car = Car(ELECTRIC)
    car.report({HEADER: 50})
    assert car.report({LEVEL: 60}, 60).charging.soc_percent == 60
    assert car.report({HEADER: 58}, 120).charging.soc_percent == 58
    assert car.report({LEVEL: 57}, 90).charging.soc_percent == 58


def test_the_soc_at_a_trips_end_is_the_last_resort() -> None:
    car = Car(ELECTRIC)
    assert car.report({TRIP_SOC: 40}).charging.soc_percent == 40
    assert car.report({HEADER: 38}, 60).charging.soc_percent == 38
    assert car.report({TRIP_SOC: 45}, 3600).charging.soc_percent == 38


def test_neue_klasse_has_other_names() -> None:
    vehicle = reported(
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
    assert car.report({name: word}).charging.status is status
    assert car.unknown_words == []


def test_the_newer_charging_status_counts() -> None:
    car = Car(ELECTRIC)
    car.report({STATUS: "CHARGINGACTIVE"})
    assert (
        car.report({HV_STATUS: "NOT_CHARGING"}, 60).charging.status is ChargingStatus.NOT_CHARGING
    )
    assert car.report({STATUS: "CHARGINGACTIVE"}, 120).charging.status is ChargingStatus.CHARGING


def test_a_status_that_is_not_known_is_no_charge_and_logged() -> None:
    car = Car(ELECTRIC)
    assert car.report({STATUS: "MANUAL_SELECTION"}).charging.status == "not_charging"
    assert car.unknown_words == [(f"vehicle.{STATUS}", "manual_selection")]


def test_not_charging_and_the_plug() -> None:
    plugged = reported({STATUS: "NOCHARGING", f"{PORT}status": "CONNECTED"}, ELECTRIC)
    assert plugged.charging.status is ChargingStatus.PLUGGED_IN
    car = Car(ELECTRIC)
    car.report({f"{PORT}status": "DISCONNECTED"})
    assert car.report({STATUS: "CHARGINGACTIVE"}, 60).charging.is_plugged_in is True
    unplugged = car.report({f"{PORT}status": "DISCONNECTED"}, 600).charging
    assert (unplugged.is_plugged_in, unplugged.status) == (False, "not_charging")


@pytest.mark.parametrize(
    ("soc", "target", "status"),
    [
        (80, 80, "target_reached"),
        (81, 80, "target_reached"),
        (79, 80, "target_reached"),
        (78, 80, "complete"),
        (80, None, "complete"),
    ],
)
def test_an_ended_charge(soc: int, target: int | None, status: str) -> None:
    vehicle = reported({STATUS: "CHARGINGENDED", HEADER: soc, TARGET: target}, ELECTRIC)
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
    assert car.report({name: yes}).charging.is_plugged_in is True
    assert car.report({name: no}, 60).charging.is_plugged_in is False
    assert car.report({name: "INVALID"}, 120).charging.is_plugged_in is None


def test_the_newest_word_about_the_plug_counts() -> None:
    car = Car(ELECTRIC)
    car.report({f"{PORT}status": "DISCONNECTED"})
    assert car.report({f"{PORT}dcStatus": "CONNECTED"}, 60).charging.is_plugged_in is True
    assert car.report({f"{PORT}status": "DISCONNECTED"}, 120).charging.is_plugged_in is False
    assert car.report({f"{PORT}combinedStatus": "CONNECTED"}, 180).charging.is_plugged_in is True
    assert car.report({f"{PORT}dcStatus": "DISCONNECTED"}, 240).charging.is_plugged_in is True


def test_the_end_of_charging_is_reckoned_from_the_cars_time() -> None:
    car = Car(ELECTRIC)
    car.report({STATUS: "CHARGINGACTIVE", REMAINING: 90, TO_FULL: 200}, 0, now_s=1200)
    assert car.vehicle is not None
    assert car.vehicle.charging.end_time == T0 + timedelta(minutes=90)
    assert car.vehicle.charging.remaining_minutes == 90
    steady = car.report({REMAINING: 81}, 600).charging
    assert steady.end_time == T0 + timedelta(minutes=90), "a minute more or less is no news"
    assert car.report({REMAINING: 60}, 1200).charging.end_time == T0 + timedelta(minutes=80)
    ended = car.report({STATUS: "CHARGINGENDED"}, 1800).charging
    assert (ended.end_time, ended.remaining_minutes) == (None, None)


@pytest.mark.parametrize("minutes", [-1, 24 * 60 + 1, 65500, "INVALID", "soon"])
def test_an_end_that_cannot_be_is_unknown(minutes: Any) -> None:
    charging = reported({STATUS: "CHARGINGACTIVE", REMAINING: minutes}, ELECTRIC).charging
    assert charging.status is ChargingStatus.CHARGING
    assert charging.end_time is None


def test_without_a_time_to_the_target_the_time_to_full_counts() -> None:
    charging = reported({STATUS: "CHARGINGACTIVE", TO_FULL: 100}, ELECTRIC).charging
    assert charging.end_time == T0 + timedelta(minutes=100)


@pytest.mark.parametrize("minutes", [-1, 65535, "INVALID"])
def test_an_end_that_cannot_be_hides_no_good_one(minutes: Any) -> None:
    for order in ((REMAINING, TO_FULL), (TO_FULL, REMAINING)):
        car = Car(ELECTRIC)
        car.report({STATUS: "CHARGINGACTIVE"})
        for number, name in enumerate(order):
            car.report({name: minutes if name == REMAINING else 100}, 60 * number)
        assert car.vehicle is not None
        assert car.vehicle.charging.remaining_minutes == 100


def test_what_is_left_of_an_earlier_charge_is_no_forecast() -> None:
    car = Car(ELECTRIC)
    car.report({REMAINING: 5})
    assert car.report({STATUS: "CHARGINGACTIVE"}, 86400).charging.end_time is None
    later = car.report({TO_FULL: 60}, 86460).charging
    assert later.end_time == T0 + timedelta(seconds=86460, minutes=60)


@pytest.mark.parametrize(("raw", "kw"), [(11000, 11), ((11, "kW"), 11), (("7400", "W"), 7.4)])
def test_charging_power_is_in_watts(raw: Any, kw: float) -> None:
    name = "powertrain.electric.battery.charging.power"
    vehicle = reported({name: raw}, ELECTRIC)
    assert vehicle.charging.power_kw == kw


def test_settings_of_charging() -> None:
    vehicle = reported(
        {
            "powertrain.electric.battery.charging.acLimit.selected": ("16", "A"),
            "drivetrain.electricEngine.charging.profile.climatizationActive": "true",
        },
        ELECTRIC,
    ).charging
    assert vehicle.ac_limit_a == 16
    assert vehicle.is_pre_entry_climatization_enabled is True
