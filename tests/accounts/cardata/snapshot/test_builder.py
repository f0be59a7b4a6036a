"""From BMW's descriptors to the facts of a snapshot, row by row."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from typing import Any

import pytest

from bmw2mqtt.vehicle.snapshot import Charging, ClimateActivity, Timer
from tests.accounts.cardata.reporting_car import COMBUSTION, ELECTRIC, HYBRID, T0, Car, entry
from tests.accounts.cardata.snapshot.names import (
    ACTIVITY,
    COMFORT,
    CONSUMPTION,
    FUEL,
    HEADER,
    KOMBI,
    MILEAGE,
    PORT,
    REMAINING,
    STATUS,
    TARGET,
    reported,
)


def test_it_takes_no_commands() -> None:
    vehicle = reported({HEADER: 50}, ELECTRIC)
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
    car.report({tire: 240, ACTIVITY: "heating"})
    can = car.report({tire: "-NA-", ACTIVITY: "INVALID"}, 60).capabilities
    assert can.tires
    assert can.climate_state


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
    vehicle = car.report({name: word})
    assert vehicle.climate.activity is activity
    assert vehicle.capabilities.climate_state
    assert car.unknown_words == []


def test_the_end_of_the_climate() -> None:
    minutes, seconds = (
        "vehicle.preConditioning.remainingTime",
        "cabin.hvac.preconditioning.status.remainingRunningTime",
    )
    climate = reported({ACTIVITY: "heating", minutes: ("20", "min")}).climate
    assert (climate.remaining_s, climate.end_time) == (1200, T0 + timedelta(minutes=20))
    climate = reported({COMFORT: "COMFORT_COOLING", seconds: (300, "s")}).climate
    assert climate.end_time == T0 + timedelta(minutes=5)
    assert reported({ACTIVITY: "standby", minutes: 20}).climate.end_time is None


def test_the_climate_is_over_some_minutes_after_the_end_the_car_named() -> None:
    car = Car()
    car.report({ACTIVITY: "heating", "vehicle.preConditioning.remainingTime": (20, "min")})
    late = car.snapshot(T0 + timedelta(minutes=22)).climate
    assert (late.activity, late.remaining_s) == (ClimateActivity.HEATING, None)
    assert car.snapshot(T0 + timedelta(minutes=26)).climate.activity is ClimateActivity.INACTIVE
    assert car.report({ACTIVITY: "heating"}, 3600).climate.activity is ClimateActivity.HEATING


def test_position() -> None:
    prefix = "cabin.infotainment.navigation.currentLocation."
    car = Car()
    vehicle = car.report(
        {
            f"{prefix}latitude": (48.1, "degrees"), f"{prefix}longitude": ("11.5", "degrees"),
            f"{prefix}heading": (270, "degrees"), f"{prefix}altitude": ("520", "m"),
        }
    )  # fmt: skip
    assert vehicle.position is not None
    assert (vehicle.position.latitude, vehicle.position.longitude) == (48.1, 11.5)
    assert vehicle.readings[f"vehicle.{prefix}altitude"].value == 520
    assert vehicle.heading_deg == 270
    assert vehicle.had_position
    assert reported({f"{prefix}altitude": (1000, "ft")}).readings[
        f"vehicle.{prefix}altitude"
    ].value == pytest.approx(304.8)
    assert reported({f"{prefix}latitude": 48.1}).position is None


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
    tires = reported(values).tires
    for tire in (tires.front_left, tires.front_right, tires.rear_left, tires.rear_right):
        assert (tire.pressure_kpa, tire.target_pressure_kpa) == (kpa, kpa)


def test_wheels_are_where_they_are() -> None:
    values = {
        f"chassis.axle.row{row}.wheel.{side}.tire.pressure": 200 + 10 * row + number
        for row in (1, 2)
        for number, side in enumerate(("left", "right"))
    }
    tires = reported(values, {"steering": "RL"}).tires
    assert tires.front_left.pressure_kpa == 210
    assert tires.front_right.pressure_kpa == 211
    assert tires.rear_left.pressure_kpa == 220
    assert tires.rear_right.pressure_kpa == 221


@pytest.mark.parametrize(
    ("raw", "celsius"), [(20, 20), (("20", "°C"), 20), ((20, "Celsius"), 20), ((68, "°F"), 20)]
)
def test_temperatures(raw: Any, celsius: float) -> None:
    name = "chassis.axle.row1.wheel.left.tire.temperature"
    vehicle = reported({name: raw})
    assert vehicle.tires.front_left.temperature_c == celsius


def test_moving_and_the_small_battery() -> None:
    vehicle = reported(
        {"isMoving": "ASN_isTrue", "electricalSystem.battery.voltage": ("12.6", "V")}
    )
    assert vehicle.is_moving is True
    assert vehicle.battery_12v.voltage_v == 12.6
    assert reported({"isMoving": "ASN_isUnknown"}).is_moving is None


@pytest.mark.parametrize(
    ("raw", "kwh"),
    [(18.5, 18.5), ((3, "mi/kWh"), 20.712), (2_777_774, 15), ((0, "mi/kWh"), 15)],
)
def test_nonsense_consumption_replaces_nothing(raw: Any, kwh: float | None) -> None:
    name = "drivetrain.avgElectricRangeConsumption"
    car = Car()
    car.report({name: 15})
    assert car.report({name: raw}, 60).charging.consumption_kwh_per_100km == kwh


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
    "name", ["channel.teleservice.lastTeleserviceReportTime", "trip.segment.end.time"]
)
def test_times_are_written_in_many_ways(name: str, text: str, time: str | None) -> None:
    reading = reported({name: text}).readings.get(f"vehicle.{name}")
    assert (reading.value if reading else None) == time


def test_it_was_updated_when_the_car_measured() -> None:
    car = Car()
    assert car.snapshot().updated_at is None
    car.report({HEADER: 50}, 60)
    assert car.report({MILEAGE: 100}, 0, now_s=90).updated_at == T0 + timedelta(seconds=60)


def test_a_message_that_says_nothing_new_changes_nothing() -> None:
    car = Car(HYBRID)
    before = car.report({HEADER: 50, FUEL: 30, KOMBI: 40, STATUS: "CHARGINGACTIVE", REMAINING: 20})
    assert car.snapshot(T0 + timedelta(minutes=5)) == before
    assert replace(before, image=b"png") != before


def test_an_empty_car_is_unknown_throughout() -> None:
    vehicle = Car().snapshot(datetime(2026, 11, 1, tzinfo=UTC))
    assert (vehicle.mileage_km, vehicle.range_km, vehicle.lids, vehicle.services) == (None,) * 4
    assert vehicle.readings == {}
    assert entry(1)["timestamp"].endswith("Z")


FIELDS = {
    "electricalSystem.battery.stateOfCharge": (80, "battery_12v.charge_percent", 80),
    "electricalSystem.battery.serviceDemand.replace": ("140", "battery_12v.health", "advised"),
    "electricalSystem.battery.serviceDemand.recharge": ("1", "battery_12v.needs_charging", True),
    "vehicle.antiTheftAlarmSystem.alarm.isOn": (True, "is_alarm_triggered", True),
    "drivetrain.engine.isIgnitionOn": ("ASN_isTrue", "is_ignition_on", True),
    "body.lights.isRunningOn": ("ASN_isFalse", "are_lights_on", False),
    "status.serviceDistance.next": ((1000, "mi"), "next_service_km", 1609.344),
    "status.serviceTime.inspectionDateLegal": ("31.03.2027", "inspection_date", date(2027, 3, 31)),
    "cabin.infotainment.navigation.destinationSet.distance": (120, "destination_km", 120),
    "drivetrain.fuelSystem.consumptionOverLifeTime.overall.fuel": (
        812.5,
        "fuel.lifetime_used_l",
        812.5,
    ),
    "drivetrain.electricEngine.charging.consumptionOverLifeTime.overall.gridEnergy": (
        402,
        "charging.lifetime_energy_kwh",
        402,
    ),
    "vehicle.preConditioning.error": ("LowBattery", "climate.error", "low_battery"),
    "body.chargingPort.lockedStatus": ("CHARGING_CABLE_LOCKED", "charging.is_cable_locked", True),
    "powertrain.tractionBattery.charging.port.anyPosition.flap.isOpen": (
        True,
        "charging.is_flap_open",
        True,
    ),
    "drivetrain.electricEngine.charging.method": ("AC_TYPE2PLUG", "charging.method", "ac_type_2"),
    "drivetrain.electricEngine.charging.reasonChargingEnd": (
        "HV_BATTERY_FULLY_CHARGED",
        "charging.end_reason",
        "fully_charged",
    ),
    "powertrain.electric.battery.preconditioning.state": (
        "AUTOMATIC_ON",
        "charging.preconditioning",
        "automatic_on",
    ),
    "drivetrain.batteryManagement.maxEnergy": (76.5, "charging.capacity_kwh", 76.5),
    "drivetrain.batteryManagement.batterySizeMax": (0, "charging.capacity_kwh", None),
    "powertrain.electric.battery.stateOfHealth.displayed": (97, "charging.health_percent", 97),
    CONSUMPTION: (18.4, "charging.consumption_kwh_per_100km", 18.4),
}
"""By descriptor: what a car sends, the field of the snapshot, and what it is."""


@pytest.mark.parametrize("name", FIELDS)
def test_fields(name: str) -> None:
    raw, path, expected = FIELDS[name]
    vehicle = reported({name: raw}, HYBRID)
    assert attrgetter(path)(vehicle) == expected


def test_departure_timers() -> None:
    timers = "cabin.climate.timers."
    vehicle = reported(
        {
            f"{timers}weekdaysTimer1.hour": 7,
            f"{timers}weekdaysTimer1.minute": "30",
            f"{timers}weekdaysTimer1.action": "ACTIVATE",
            f"{timers}weekdaysTimer2.hour": 18,
            f"{timers}overwriteTimer.action": "DEACTIVATE",
        }
    )
    assert vehicle.departure_timers == (
        Timer(id=1, time=time(7, 30), is_active=True),
        Timer(id=3, time=None, is_active=False),
    )


def test_the_arrival_is_the_next_such_time() -> None:
    name = "cabin.infotainment.navigation.destinationSet.arrivalTime"
    local = T0.astimezone()
    for minutes in (30, 600, 1400):
        arrival = (local + timedelta(minutes=minutes)).replace(second=0)
        assert reported({name: f"{arrival:%H:%M}"}).arrival_at == arrival
    assert reported({name: "soon"}).arrival_at is None


def test_a_car_without_a_plug_has_nothing_to_charge() -> None:
    values = {HEADER: 60, TARGET: 80, KOMBI: 0, f"{PORT}status": "DISCONNECTED"}
    assert reported(values, COMBUSTION).charging == Charging()
