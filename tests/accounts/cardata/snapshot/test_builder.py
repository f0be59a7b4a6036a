"""From BMW's descriptors to the facts of a snapshot, row by row."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.vehicle.snapshot import (
    Charging,
    ClimateActivity,
    DriveTrain,
    Timer,
)
from tests.accounts.cardata.reporting_car import (
    COMBUSTION,
    ELECTRIC,
    HYBRID,
    T0,
    VIN,
    Car,
    entry,
    message,
)
from tests.accounts.cardata.snapshot.names import (
    ACTIVITY,
    COMFORT,
    CONSUMPTION,
    DISPLAY_UNIT,
    FUEL,
    FUEL_PERCENT,
    HEADER,
    HMI_UNIT,
    KOMBI,
    MILEAGE,
    PORT,
    POWER,
    REMAINING,
    STATUS,
    TARGET,
    TRIP_MILEAGE,
    TRIP_SOC,
    reported,
)

# What kind of car


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


def test_readings_without_a_unit_follow_the_display() -> None:
    name = "vehicle.vehicle.averageWeeklyDistanceLongTerm"
    car = Car()
    assert car.report({"vehicle.averageWeeklyDistanceLongTerm": 1000}).readings[name].value == 1000
    reading = car.report({DISPLAY_UNIT: "miles"}, 60).readings[name]
    assert (reading.value, reading.unit) == (1609.3, "km")
    assert reading.measured_at == T0


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
