"""From BMW's descriptors to the facts of a snapshot, row by row."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.accounts.cardata.basic import BasicData
from bmw2mqtt.accounts.cardata.values import Values
from bmw2mqtt.vehicle.snapshot import (
    ChargingStatus,
    ClimateActivity,
    DriveTrain,
    LockState,
    OpeningState,
    ServiceStatus,
    Vehicle,
)
from tests.accounts.cardata_cars import COMBUSTION, ELECTRIC, HYBRID, T0, VIN, Car, entry, message

MILEAGE, TRIP_MILEAGE = "vehicle.travelledDistance", "trip.segment.end.travelledDistance"
KOMBI = "drivetrain.electricEngine.kombiRemainingElectricRange"
FORECAST_RANGE = "drivetrain.electricEngine.remainingElectricRange"
LAST_RANGE, TOTAL_RANGE = "drivetrain.lastRemainingRange", "drivetrain.totalRemainingRange"
FUEL_RANGE = "cabin.infotainment.navigation.remainingRange"
FUEL, FUEL_PERCENT = "drivetrain.fuelSystem.remainingFuel", "drivetrain.fuelSystem.level"
HEADER = "drivetrain.batteryManagement.header"
DISPLAYED = "powertrain.electric.battery.stateOfCharge.displayed"
LEVEL = "drivetrain.electricEngine.charging.level"
TRIP_SOC = "trip.segment.end.drivetrain.batteryManagement.hvSoc"
TARGET = "powertrain.electric.battery.stateOfCharge.target"
STATUS = "drivetrain.electricEngine.charging.status"
HV_STATUS = "drivetrain.electricEngine.charging.hvStatus"
REMAINING = "drivetrain.electricEngine.charging.timeRemaining"
TO_FULL = "drivetrain.electricEngine.charging.timeToFullyCharged"
PORT = "body.chargingPort."
ACTIVITY = "vehicle.preConditioning.activity"
COMFORT = "cabin.hvac.preconditioning.status.comfortState"
DISPLAY_UNIT = "cabin.infotainment.displayUnit.distance"
HMI_UNIT = "cabin.infotainment.hmi.distanceUnit"
CONSUMPTION = "drivetrain.avgElectricRangeConsumption"
SERVICES, MESSAGES = "status.conditionBasedServices", "status.checkControlMessages"


def told(values: dict[str, Any], basic: dict[str, Any] | None = None) -> Vehicle:
    return Car(basic).tell(values)


def states(openings: Any) -> dict[str, str]:
    return {opening.name: opening.state.value for opening in openings or ()}


# What kind of car


def test_basic_data() -> None:
    vehicle = told(
        {},
        {
            "brand": "BMW", "modelName": "iX1 xDrive30", "bodyType": "SAV", "driveTrain": "BEV",
            "headUnit": "HU_MGU", "countryCode": "DE", "steering": "LL",
            "colourDescription": "Alpine White", "hvsMaxEnergyAbsolute": "64.7",
        },
    )  # fmt: skip
    assert (vehicle.model, vehicle.brand) == ("iX1 xDrive30", "BMW")
    assert vehicle.drive_train is DriveTrain.ELECTRIC
    build = vehicle.build
    assert (build.body_type, build.country, build.head_unit) == ("SAV", "DE", "HU_MGU")
    assert (build.color, build.is_left_hand_drive) == ("Alpine White", True)
    assert build.battery_capacity_kwh == 64.7


def test_both_spellings_of_basic_data() -> None:
    one = BasicData.parse(
        {"countryCodeISO": "DE", "colourCode": 475, "reessNominalCapacityGross": 70}
    )
    other = BasicData.parse(
        {"countryCode": "DE", "colourCodeRaw": "475", "hvsMaxEnergyAbsolute": "70"}
    )
    assert one == other
    assert one.battery_capacity_kwh == 70


@pytest.mark.parametrize("raw", [None, [], "x", 5, {}, {"brand": None, "steering": 7}])
def test_basic_data_may_be_missing(raw: Any) -> None:
    assert BasicData.parse(raw).brand is None
    vehicle = told({}, raw if isinstance(raw, dict) else None)
    assert (vehicle.model, vehicle.brand) == ("BMW 000001", "BMW")
    assert vehicle.build.is_left_hand_drive is None


@pytest.mark.parametrize(
    ("brand", "shown"),
    [("BMW", "BMW"), ("BMWi", "BMW"), ("MINI", "MINI"), ("Toyota-Supra", "TOYOTA")],
)
def test_brands(brand: str, shown: str) -> None:
    assert told({}, {"brand": brand}).brand == shown


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
    assert told({HEADER: 50, FUEL: 30}, {"driveTrain": word}).drive_train is drive_train


@pytest.mark.parametrize(
    ("values", "drive_train"),
    [
        ({}, None),
        ({HEADER: 50}, DriveTrain.ELECTRIC),
        ({DISPLAYED: 50, FUEL: 0, FUEL_PERCENT: 0}, DriveTrain.ELECTRIC),
        ({HEADER: 50, FUEL_PERCENT: 30}, DriveTrain.PLUGIN_HYBRID),
        ({FUEL: 30}, DriveTrain.COMBUSTION),
    ],
)
@pytest.mark.parametrize("basic", [None, {"driveTrain": "STEAM"}])
def test_without_a_known_word_the_readings_tell(
    values: dict[str, Any], drive_train: DriveTrain | None, basic: Any
) -> None:
    car = Car(basic)
    assert car.tell(values).drive_train is drive_train
    assert car.unknown_words == ([("driveTrain", "STEAM")] if basic else [])


def test_it_takes_no_commands() -> None:
    vehicle = told({HEADER: 50}, ELECTRIC)
    can = vehicle.capabilities
    assert can.state_reports
    assert can.tracking
    assert not can.commands
    assert not can.tires
    assert not can.climate_state
    named = {name for name in can.__dataclass_fields__ if getattr(can, name)}
    assert named == {"state_reports", "tracking"}


def test_what_a_car_had_once_it_has_for_good() -> None:
    car = Car(ELECTRIC)
    tire = "chassis.axle.row1.wheel.left.tire.pressure"
    car.tell({tire: 240, ACTIVITY: "heating"})
    can = car.tell({tire: "-NA-", ACTIVITY: "INVALID"}, 60).capabilities
    assert can.tires
    assert can.climate_state


# Mileage


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
    assert told(values).mileage_km == km


def test_an_odometer_never_goes_back() -> None:
    car = Car()
    car.tell({MILEAGE: (10000, "km")})
    assert car.tell({MILEAGE: 6214}, 60).mileage_km == 10000, "miles without a unit"
    assert car.tell({MILEAGE: "INVALID"}, 120).mileage_km == 10000
    assert car.tell({MILEAGE: (10001, "km")}, 180).mileage_km == 10001
    assert car.tell({TRIP_MILEAGE: 10005}, 240).mileage_km == 10005


def test_a_display_that_is_switched_moves_no_odometer(tmp_path: Path) -> None:
    car = Car()
    car.values = Values(tmp_path / "values.db")
    car.values.open()
    car.tell({DISPLAY_UNIT: "km", MILEAGE: 10_000, CONSUMPTION: 18}, 0)
    assert car.tell({DISPLAY_UNIT: "km"}, 30).mileage_km == 10_000
    assert car.tell({DISPLAY_UNIT: "miles"}, 60).mileage_km == 10_000, "it has not moved"
    car.values.take(VIN, message({MILEAGE: 10_000}, 0), T0)
    car.values.take(VIN, message({MILEAGE: 10_000}, 5), T0)
    vehicle = car.tell({DISPLAY_UNIT: "miles"}, 90)
    assert vehicle.mileage_km == 10_000
    assert vehicle.readings[f"vehicle.{CONSUMPTION}"].value == 18
    car.values.close()
    car = Car()
    car.values = Values(tmp_path / "values.db")
    car.values.open()
    assert car.convert().mileage_km == 10_000, "nor over a restart"
    assert car.tell({MILEAGE: 6220}, 120).mileage_km == 10_010.1
    vehicle = car.tell({DISPLAY_UNIT: "km"}, 150)
    assert vehicle.mileage_km == pytest.approx(10_010.1, abs=0.1), "nor back"
    assert car.tell({DISPLAY_UNIT: "miles", MILEAGE: 6230}, 180).mileage_km == 10_026.2
    car.values.close()


def test_the_newer_word_for_the_displays_unit_counts() -> None:
    car = Car()
    car.tell({DISPLAY_UNIT: "miles", KOMBI: 100}, 0)
    assert car.vehicle is not None
    assert car.vehicle.charging.range_km == 160.9
    vehicle = car.tell({HMI_UNIT: "KILOMETERS"}, 60)
    assert vehicle.charging.range_km == pytest.approx(160.9, abs=0.1), "measured before"
    assert car.tell({KOMBI: 100}, 61).charging.range_km == 100


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
            "drivetrain.electricEngine.charging.profile.preference": "NO_PRESELECTION",
            f"{PORT}isHospitalityActive": "HOSPITALITY_ACTIVE",
            "body.flap.isPermanentlyUnlocked": "FLAP_LOCKED",
        },
        ELECTRIC,
    ).charging
    assert vehicle.ac_limit_a == 16
    assert vehicle.is_pre_entry_climatization_enabled is True
    assert vehicle.preference == "NO_PRESELECTION"
    assert vehicle.is_cable_unlocked_when_full is True
    assert vehicle.is_flap_unlocked is False


# Doors, windows, lock


def doors(prefix: str, suffix: str, value: Any) -> dict[str, Any]:
    return {
        f"cabin.{prefix}.row{row}.{side}.{suffix}": value
        for row in (1, 2)
        for side in ("driver", "passenger")
    }


@pytest.mark.parametrize(
    ("steering", "name"), [("LL", "leftFront"), ("RL", "rightFront"), (None, "leftFront")]
)
def test_the_drivers_side_depends_on_the_steering(steering: str | None, name: str) -> None:
    basic = {**ELECTRIC, "steering": steering}
    values = {**doors("door", "isOpen", "CLOSED"), **doors("window", "status", "CLOSED")}
    values |= {"cabin.door.row1.driver.isOpen": True, "cabin.window.row1.driver.status": "OPEN"}
    vehicle = told(values, basic)
    for openings in (vehicle.lids, vehicle.windows):
        assert [n for n, state in states(openings).items() if state == "OPEN"] == [name]
        assert len(states(openings)) == 4


@pytest.mark.parametrize(
    ("raw", "state"),
    [
        (True, "OPEN"), (False, "CLOSED"), ("true", "OPEN"), ("false", "CLOSED"), ("OPEN", "OPEN"),
        ("closed", "CLOSED"), ("ASN_isTrue", "OPEN"), ("ASN_isFalse", "CLOSED"),
    ],
)  # fmt: skip
def test_all_lids_in_all_words(raw: Any, state: str) -> None:
    values = {
        **doors("door", "isOpen", raw), "body.hood.isOpen": raw, "body.trunk.isOpen": raw,
        **{f"body.trunk.{part}.door.isOpen": raw for part in ("left", "right", "upper", "lower")},
    }  # fmt: skip
    assert states(told(values).lids) == dict.fromkeys(
        [
            "leftFront", "rightFront", "leftRear", "rightRear", "hood", "trunk", "trunkLeftDoor",
            "trunkRightDoor", "trunkUpperDoor", "trunkLowerDoor",
        ],
        state,
    )  # fmt: skip


def test_the_newer_word_about_the_trunk_counts() -> None:
    car = Car()
    car.tell({"body.trunk.isOpen": "CLOSED"})
    assert states(car.tell({"body.trunk.door.isOpen": True}, 60).lids)["trunk"] == "OPEN"


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"status": "CLOSED"}, "CLOSED"),
        ({"status": "OPEN"}, "OPEN"),
        ({"status": "INTERMEDIATE"}, "INTERMEDIATE"),
        ({"overallStatus": "OPEN_TILT"}, "OPEN_TILT"),
        ({"overallStatus": "INTERMEDIATE_TILT"}, "INTERMEDIATE"),
        ({"status": "CLOSED", "tiltStatus": "OPEN"}, "OPEN_TILT"),
        ({"status": "CLOSED", "tiltStatus": "CLOSED"}, "CLOSED"),
    ],
)
def test_the_sun_roof(values: dict[str, str], state: str) -> None:
    lids = told({f"cabin.sunroof.{name}": word for name, word in values.items()}).lids
    assert states(lids)["sunRoof"] == state


def test_windows() -> None:
    values = doors("window", "status", "CLOSED")
    values |= {
        "cabin.window.row2.driver.status": "INTERMEDIATE",
        "body.trunk.window.isOpen": "OPEN",
    }
    assert states(told(values).windows) == {
        "leftFront": "CLOSED", "rightFront": "CLOSED", "leftRear": "INTERMEDIATE",
        "rightRear": "CLOSED", "rear": "OPEN",
    }  # fmt: skip


def test_a_convertibles_roof() -> None:
    assert (
        states(told({"cabin.convertible.roofStatus": "OPENSECURED"}).lids)["convertibleRoof"]
        == "OPEN"
    )


def test_doors_that_told_nothing_are_not_closed() -> None:
    vehicle = told({"body.trunk.isOpen": False})
    assert states(vehicle.lids)["leftFront"] == OpeningState.UNKNOWN
    assert vehicle.windows is None
    assert told({}).lids is None
    gone = Car()
    gone.tell({"body.hood.isOpen": "CLOSED"})
    assert states(gone.tell({"body.hood.isOpen": "INVALID"}, 60).lids)["hood"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("LOCKED", LockState.LOCKED),
        ("SECURED", LockState.SECURED),
        ("UNLOCKED", LockState.UNLOCKED),
        ("SELECTIVELOCKED", LockState.SELECTIVE_LOCKED),
        ("SELECTIVE-LOCKED", LockState.SELECTIVE_LOCKED),
        ("selectiveLocked", LockState.SELECTIVE_LOCKED),
        ("INVALID", None),
    ],
)
@pytest.mark.parametrize("name", ["cabin.door.lock.status", "cabin.door.status"])
def test_door_lock(name: str, word: str, state: LockState | None) -> None:
    car = Car()
    assert car.tell({name: word}).door_lock is state
    assert car.unknown_words == []


def test_the_newest_word_about_the_lock_counts() -> None:
    car = Car()
    car.tell({"cabin.door.lock.status": "SECURED"})
    assert car.tell({"cabin.door.status": "UNLOCKED"}, 60).door_lock is LockState.UNLOCKED
    assert car.tell({"cabin.door.lock.status": "LOCKED"}, 120).door_lock is LockState.LOCKED


def test_an_unknown_word_about_the_lock_is_reported() -> None:
    car = Car()
    assert car.tell({"cabin.door.status": "AJAR"}).door_lock is None
    assert [word for _, word in car.unknown_words] == ["ajar"]


def test_the_alarm() -> None:
    name = "vehicle.antiTheftAlarmSystem.alarm.armStatus"
    assert told({name: "unarmed"}).is_alarm_armed is False
    assert told({name: "doorsTiltCabin"}).is_alarm_armed is True
    assert told({}).is_alarm_armed is None


# Services and warnings


def cbs(**fields: Any) -> str:
    item = {
        "id": 1, "title": "Engine oil", "description": "Change it", "status": "OK",
        "date": "2027-03", "unitOfLengthRemaining": "12000",
    }  # fmt: skip
    return json.dumps([{**item, **fields}])


def test_services() -> None:
    (service,) = told({SERVICES: cbs()}).services or ()
    assert service.type == "ENGINE_OIL"
    assert service.status is ServiceStatus.OK
    assert (service.due_date, service.due_distance_km) == (date(2027, 3, 1), 12000)
    assert service.description == "Change it"


@pytest.mark.parametrize(
    ("fields", "type_"),
    [
        ({"id": "2"}, "BRAKE_PADS_FRONT"),
        ({"id": 3}, "BRAKE_FLUID"),
        ({"id": 32}, "VEHICLE_TUV"),
        ({"id": 100}, "VEHICLE_CHECK"),
        ({"id": 17, "title": "Micro filter"}, "MICRO_FILTER"),
        ({"id": 17, "title": None}, "17"),
    ],
)
def test_kinds_of_services(fields: dict[str, Any], type_: str) -> None:
    (service,) = told({SERVICES: cbs(**fields)}).services or ()
    assert service.type == type_


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "OVERDUE"}, "OVERDUE"),
        ({"status": "PENDING"}, "PENDING"),
        ({"status": "NULL"}, "OK"),
        ({"status": "NULL", "date": "2026-10"}, "OVERDUE"),
        ({"status": "NULL", "date": "2026-11", "unitOfLengthRemaining": "-"}, "OK"),
        ({"status": "NULL", "unitOfLengthRemaining": "-10"}, "OVERDUE"),
        ({"status": "NULL", "date": "null", "unitOfLengthRemaining": "-"}, "UNKNOWN"),
        ({"status": "STRANGE"}, "UNKNOWN"),
    ],
)
def test_states_of_services(fields: dict[str, Any], status: str) -> None:
    (service,) = told({SERVICES: cbs(**fields)}).services or ()
    assert service.status == status


def test_services_without_a_date_or_distance() -> None:
    (service,) = told({SERVICES: cbs(date="null", unitOfLengthRemaining="-")}).services or ()
    assert (service.due_date, service.due_distance_km) == (None, None)


def test_services_distances_follow_the_display() -> None:
    vehicle = told({SERVICES: cbs(unitOfLengthRemaining="1000"), DISPLAY_UNIT: "miles"})
    assert (vehicle.services or ())[0].due_distance_km == 1609


def test_warnings() -> None:
    item = {
        "id": 143,
        "messageType": "CCM",
        "text": "Tyre",
        "status": "NULL",
        "unitOfLengthRemaining": "48712",
    }
    others = [{"id": "164"}, {"id": 907}, {"id": 5, "text": "Light left"}, {}]
    messages = told({MESSAGES: json.dumps([item, *others])}).check_control_messages or ()
    assert [message.type for message in messages] == [
        "TIRE_PRESSURE", "WASHING_FLUID", "BRAKE_PADS", "LIGHT_LEFT", "UNKNOWN",
    ]  # fmt: skip
    assert messages[0].description == "Tyre"


def test_no_warnings_and_unknown_warnings() -> None:
    car = Car()
    assert car.convert().check_control_messages is None
    assert car.tell({MESSAGES: "[]"}).check_control_messages == ()
    car.tell({MESSAGES: '[{"id": 1}]'}, 60)
    gone = {f"vehicle.{MESSAGES}": {"value": None, "unit": None, "timestamp": None}}
    car.values.take(VIN, gone, T0 + timedelta(hours=1))
    assert car.convert().check_control_messages == ()


BAD_ITEMS = '[{"id": [], "date": 1e99}]'


@pytest.mark.parametrize(
    "text", ["nonsense", "[", "5", '"x"', "[1, null, []]", "[" * 60_000, BAD_ITEMS]
)
def test_lists_that_are_none(text: str) -> None:
    vehicle = told({SERVICES: text, MESSAGES: text})
    assert not vehicle.services or len(vehicle.services) == 1
    assert not vehicle.check_control_messages or len(vehicle.check_control_messages) == 1


# Climate, position, tyres and the rest


@pytest.mark.parametrize(
    ("name", "word", "activity"),
    [
        *((ACTIVITY, activity.value, activity) for activity in ClimateActivity),
        (ACTIVITY, "HEATING", ClimateActivity.HEATING),
        (COMFORT, "NOT_ACTIVE", ClimateActivity.INACTIVE),
        (COMFORT, "COMFORT_HEATING", ClimateActivity.HEATING),
        (COMFORT, "COMFORT_COOLING", ClimateActivity.COOLING),
        (COMFORT, "COMFORT_VENTILATION", ClimateActivity.VENTILATION),
        (COMFORT, "DEFROST", ClimateActivity.HEATING),
        (COMFORT, "COMFORT_UNDEFINED", None),
    ],
)
def test_climate(name: str, word: str, activity: ClimateActivity | None) -> None:
    car = Car()
    vehicle = car.tell({name: word})
    assert vehicle.climate.activity is activity
    assert vehicle.capabilities.climate_state
    assert car.unknown_words == []


def test_the_end_of_the_climate() -> None:
    minutes, seconds = (
        "vehicle.preConditioning.remainingTime",
        "cabin.hvac.preconditioning.status.remainingRunningTime",
    )
    climate = told({ACTIVITY: "heating", minutes: ("20", "min")}).climate
    assert (climate.remaining_s, climate.end_time) == (1200, T0 + timedelta(minutes=20))
    climate = told({COMFORT: "COMFORT_COOLING", seconds: (300, "s")}).climate
    assert climate.end_time == T0 + timedelta(minutes=5)
    assert told({ACTIVITY: "standby", minutes: 20}).climate.end_time is None


def test_position() -> None:
    prefix = "cabin.infotainment.navigation.currentLocation."
    car = Car()
    vehicle = car.tell(
        {
            f"{prefix}latitude": (48.1, "degrees"), f"{prefix}longitude": ("11.5", "degrees"),
            f"{prefix}heading": (270, "degrees"), f"{prefix}altitude": ("520", "m"),
        }
    )  # fmt: skip
    assert vehicle.position is not None
    assert (vehicle.position.latitude, vehicle.position.longitude) == (48.1, 11.5)
    assert vehicle.position.altitude_m == 520
    assert vehicle.heading_deg == 270
    assert vehicle.had_position
    assert told({f"{prefix}altitude": (1000, "ft")}).readings[
        f"vehicle.{prefix}altitude"
    ].value == pytest.approx(304.8)
    assert told({f"{prefix}latitude": 48.1}).position is None


@pytest.mark.parametrize(
    ("raw", "kpa"),
    [
        (240, 240),
        (("240", "kPa"), 240),
        ((2.4, "bar"), 240),
        ((35, "psi"), 241.316),
        ("-NA-", None),
    ],
)
def test_tyres(raw: Any, kpa: float | None) -> None:
    values = {
        f"chassis.axle.row{row}.wheel.{side}.tire.{what}": raw
        for row in (1, 2)
        for side in ("left", "right")
        for what in ("pressure", "pressureTarget")
    }
    tires = told(values).tires
    for tire in (tires.front_left, tires.front_right, tires.rear_left, tires.rear_right):
        assert (tire.pressure_kpa, tire.target_pressure_kpa) == (kpa, kpa)


def test_wheels_are_where_they_are() -> None:
    values = {
        f"chassis.axle.row{row}.wheel.{side}.tire.pressure": 200 + 10 * row + number
        for row in (1, 2)
        for number, side in enumerate(("left", "right"))
    }
    tires = told(values, {"steering": "RL"}).tires
    assert tires.front_left.pressure_kpa == 210
    assert tires.front_right.pressure_kpa == 211
    assert tires.rear_left.pressure_kpa == 220
    assert tires.rear_right.pressure_kpa == 221


@pytest.mark.parametrize(
    ("raw", "celsius"), [(20, 20), (("20", "°C"), 20), ((20, "Celsius"), 20), ((68, "°F"), 20)]
)
def test_temperatures(raw: Any, celsius: float) -> None:
    name = "chassis.axle.row1.wheel.left.tire.temperature"
    vehicle = told({name: raw})
    assert vehicle.tires.front_left.temperature_c == celsius
    assert vehicle.readings[f"vehicle.{name}"].value == celsius


def test_moving_and_the_small_battery() -> None:
    vehicle = told({"isMoving": "ASN_isTrue", "electricalSystem.battery.voltage": ("12.6", "V")})
    assert vehicle.is_moving is True
    assert vehicle.battery_12v_v == 12.6
    assert told({"isMoving": "ASN_isUnknown"}).is_moving is None


@pytest.mark.parametrize(
    ("raw", "kwh"),
    [(18.5, 18.5), ((3, "mi/kWh"), 20.712), (2_777_774, None), ((0, "mi/kWh"), None)],
)
def test_nonsense_consumption_is_unknown(raw: Any, kwh: float | None) -> None:
    name = "drivetrain.avgElectricRangeConsumption"
    car = Car()
    car.tell({name: 15})
    assert car.tell({name: raw}, 60).readings[f"vehicle.{name}"].value == kwh


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("31.03.2027 00:00:00 UTC", "2027-03-31T00:00:00+00:00"),
        ("31.03.2027 09:05 UTC", "2027-03-31T09:05:00+00:00"),
        ("31.03.2027", "2027-03-31T00:00:00+00:00"),
        ("03/31/2027 01:05:00 PM UTC", "2027-03-31T13:05:00+00:00"),
        ("03/31/2027 12:05 AM", "2027-03-31T00:05:00+00:00"),
        ("2027-03-31T09:05:00Z", "2027-03-31T09:05:00+00:00"),
        ("32.03.2027 00:00", None),
        ("soon", None),
    ],
)
@pytest.mark.parametrize(
    "name", ["status.serviceTime.inspectionDateLegal", "trip.segment.end.time"]
)
def test_times_are_written_in_many_ways(name: str, text: str, time: str | None) -> None:
    reading = told({name: text}).readings.get(f"vehicle.{name}")
    assert (reading.value if reading else None) == time


def test_readings_without_a_unit_follow_the_display() -> None:
    name = "vehicle.status.serviceDistance.next"
    car = Car()
    assert car.tell({"status.serviceDistance.next": 1000}).readings[name].value == 1000
    reading = car.tell({DISPLAY_UNIT: "miles"}, 60).readings[name]
    assert (reading.value, reading.unit) == (1609.3, "km")
    assert reading.measured_at == T0


def test_it_was_updated_when_the_car_measured() -> None:
    car = Car()
    assert car.convert().updated_at is None
    car.tell({HEADER: 50}, 60)
    assert car.tell({MILEAGE: 100}, 0, now_s=90).updated_at == T0 + timedelta(seconds=60)


def test_a_message_that_says_nothing_new_changes_nothing() -> None:
    car = Car(HYBRID)
    before = car.tell({HEADER: 50, FUEL: 30, KOMBI: 40, STATUS: "CHARGINGACTIVE", REMAINING: 20})
    assert car.convert(T0 + timedelta(minutes=5)) == before
    assert replace(before, image=b"png") != before


def test_an_empty_car_is_unknown_throughout() -> None:
    vehicle = Car().convert(datetime(2026, 11, 1, tzinfo=UTC))
    assert (vehicle.mileage_km, vehicle.range_km, vehicle.lids, vehicle.services) == (None,) * 4
    assert vehicle.readings == {}
    assert entry(1)["timestamp"].endswith("Z")
