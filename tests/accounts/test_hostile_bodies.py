"""Odd words, contradictions and garbage in otherwise good bodies, from a table for each backend.

A row is a car's good report, the odd one after it, and what is shown then.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bmw2mqtt.entities import vehicle_entities
from bmw2mqtt.vehicle.snapshot import Vehicle
from tests.accounts.cardata.reporting_car import COMBUSTION, ELECTRIC, T0, VIN, Car
from tests.accounts.mybmw.snapshot.test_reports import IX, M340, PolledCar

pytestmark = pytest.mark.no_cover

_ENTITIES = {
    f"{entity.platform}/{entity.key}": entity
    for entity in vehicle_entities(has_commands=True, has_readings=True)
}


def shown(vehicle: Vehicle, entity: str) -> Any:
    """Return a value; after a colon is the name of an attribute."""
    name, _, attribute = entity.partition(":")
    found = _ENTITIES[name]
    if not attribute:
        return found.value(vehicle)
    assert found.attributes is not None
    return found.attributes(vehicle)[attribute]


LOCK, DOORS = "cabin.door.lock.status", "cabin.door.status"
WINDOW = "cabin.window.row1.driver.status"
KOMBI = "drivetrain.electricEngine.kombiRemainingElectricRange"
LAST = "drivetrain.lastRemainingRange"
ECT = "drivetrain.internalCombustionEngine.engine.ect"
PRESSURE = "chassis.axle.row1.wheel.left.tire.pressure"
SERVICES = "status.conditionBasedServices"
ARRIVAL = "cabin.infotainment.navigation.destinationSet.arrivalTime"
INSPECTION = "status.serviceTime.inspectionDateLegal"
STATUS, HV = (f"drivetrain.electricEngine.charging.{n}" for n in ("status", "hvStatus"))
PLUG = "body.chargingPort.status"
BRAKES = "sensor/service_brake_fluid"
FUEL_RAW = "sensor/drivetrain_internal_combustion_engine_engine_ect"

CARDATA: dict[str, tuple[dict[str, Any], dict[str, Any], str, Any]] = {
    "a word about the doors where one about the lock was": (
        {DOORS: "LOCKED"}, {DOORS: "CLOSED"}, "binary_sensor/door_lock_state", False),
    "an empty capacity": (
        {"drivetrain.batteryManagement.maxEnergy": 80.9},
        {"drivetrain.batteryManagement.maxEnergy": 0}, "sensor/battery_capacity", 80.9),
    "no health": (
        {"powertrain.electric.battery.stateOfHealth.displayed": 97},
        {"powertrain.electric.battery.stateOfHealth.displayed": 0}, "sensor/battery_health", 97),
    "the lock opens": (
        {DOORS: "LOCKED"}, {DOORS: "UNLOCKED"}, "binary_sensor/door_lock_state", True),
    "partly locked in another spelling": (
        {}, {DOORS: "PARTIAL-LOCKED"}, "binary_sensor/door_lock_state:door_lock_state",
        "PARTIALLY_LOCKED"),
    "a window in ASN words": ({}, {WINDOW: "ASN_isTrue"}, "binary_sensor/window_front_left", True),
    "a window as a digit": ({}, {WINDOW: "0"}, "binary_sensor/window_front_left", False),
    "no range is below zero": (
        {KOMBI: (250, "km")}, {KOMBI: (-1, "km")}, "sensor/remaining_range_electric", 250),
    "a range that stands for none": (
        {KOMBI: (250, "km")}, {KOMBI: (65535, "km")}, "sensor/remaining_range_electric", 250),
    "a pressure that stands for none": (
        {PRESSURE: (250, "kPa")}, {PRESSURE: (6553.5, "kPa")}, "sensor/front_left_current_pressure",
        2.5),
    "a charge of the 12 V battery that stands for none": (
        {"electricalSystem.battery.stateOfCharge": 90},
        {"electricalSystem.battery.stateOfCharge": 255}, "sensor/battery_12v_percent", 90),
    "a voltage that stands for none": (
        {"electricalSystem.battery.voltage": 12.5}, {"electricalSystem.battery.voltage": 255},
        "sensor/battery_12v_voltage", 12.5),
    "a limit of no ampere": (
        {}, {"powertrain.electric.battery.charging.acLimit.selected": 0},
        "sensor/ac_current_limit", None),
    "the coolant of an electric car": ({}, {ECT: -48}, FUEL_RAW, None),
    "a range without unit before its neighbour in miles": (
        {LAST: 178}, {KOMBI: (178, "mi")}, "sensor/drivetrain_last_remaining_range", 286.5),
    "two words of one moment: the first name counts": (
        {PLUG: "CONNECTED"}, {STATUS: "NOCHARGING", HV: "WAITING_FOR_CHARGING"},
        "sensor/charging_status", "plugged_in"),
    "a service with its date as a number": (
        {}, {SERVICES: '[{"id": "3", "date": 1798761600}]'}, BRAKES, "2027-01-01"),
    "a service with a European date": (
        {}, {SERVICES: '[{"id": "3", "date": "24.12.2026"}]'}, BRAKES, "2026-12-24"),
    "a service that names its unit": (
        {}, {SERVICES: '[{"id": "3", "unitOfLengthRemaining": "1000 mi"}]'},
        f"{BRAKES}:distance_km", 1609),
    "a month of inspection": ({}, {INSPECTION: "2027-07"}, "sensor/inspection_date", "2027-07-01"),
    "an inspection as a number": (
        {}, {INSPECTION: 1814400000000}, "sensor/inspection_date", "2027-07-01"),
    "an arrival as a number": (
        {}, {ARRIVAL: 1793543400}, "sensor/destination_arrival", "2026-11-01 14:30:00+00:00"),
    "the cable's lock as a flag": (
        {}, {"body.chargingPort.lockedStatus": True}, "binary_sensor/charging_cable_lock", False),
}  # fmt: skip


@pytest.mark.parametrize("name", CARDATA)
def test_an_odd_reading(name: str) -> None:
    good, odd, entity, expected = CARDATA[name]
    car = Car(ELECTRIC)
    car.report(good)
    found = shown(car.report(odd, 60), entity)
    assert (str(found) if isinstance(expected, str) else found) == expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (DOORS, ("LOCKED", "CLOSED")),
        (DOORS, ("INVALID", "CLOSED")),
        (LOCK, ("LOCKED", "INVALID")),
        (PLUG, ("CONNECTED", "INVALID")),
        ("body.trunk.isOpen", (True, "INVALID")),
        (KOMBI, ((250, "km"), "INVALID")),
        ("drivetrain.batteryManagement.maxEnergy", (80.9, 0)),
        ("powertrain.electric.battery.stateOfCharge.target", (80, 0)),
    ],
)
def test_what_says_nothing_counts_the_same_in_either_order(
    name: str, words: tuple[Any, Any]
) -> None:
    snapshots = []
    for order in ((0, 1), (1, 0)):
        car = Car(ELECTRIC)
        for number in order:
            vehicle = car.report({name: words[number]}, 60 * number, now_s=200)
        snapshots.append(vehicle)
    assert snapshots[0] == snapshots[1]


@pytest.mark.parametrize("name", ["remainingFuel", "level"])
@pytest.mark.parametrize("number", [-1, 255, 6553.5])
def test_fuel_that_stands_for_none(name: str, number: float) -> None:
    car = Car(COMBUSTION)
    car.report({f"drivetrain.fuelSystem.{name}": 50})
    vehicle = car.report({f"drivetrain.fuelSystem.{name}": number}, 60)
    assert vehicle.fuel.remaining_l == 50 or vehicle.fuel.remaining_percent == 50


@pytest.mark.parametrize("stamp", [0, -5, True, {"a": 1}, "garbage"])
def test_a_time_that_is_none_replaces_nothing(stamp: Any) -> None:
    car = Car(ELECTRIC)
    car.report({"vehicle.travelledDistance": (1000, "km")})
    entry = {"value": 1005, "unit": "km", "timestamp": stamp}
    now = T0 + timedelta(minutes=2)
    car.store.add(VIN).record({"vehicle.vehicle.travelledDistance": entry}, now)
    vehicle = car.snapshot(now)
    assert (vehicle.mileage_km, vehicle.updated_at) == (1000, T0)


@pytest.mark.parametrize("half", [("2:30 PM", 14), ("12:30 am", 0), ("14.30", 14)])
def test_an_arrival_in_other_clocks(half: tuple[str, int]) -> None:
    text, hour = half
    arrival = Car(ELECTRIC).report({ARRIVAL: text}).arrival_at
    assert arrival is not None
    assert (arrival.astimezone().hour, arrival.minute) == (hour, 30)


@pytest.mark.parametrize(
    ("word", "brand"),
    [
        ("bmw", "BMW"),
        ("BMW M", "BMW"),
        ("Mini", "MINI"),
        ("SUPRA", "TOYOTA"),
        ("ROLLS_ROYCE", "Rolls-Royce"),
    ],
)
def test_brands_in_other_spellings(word: str, brand: str) -> None:
    assert Car({"brand": word}).report({"vehicle.travelledDistance": 5}).brand == brand


SEEN = {"coordinates": {"latitude": 48.177334, "longitude": 11.556274}}
NOWHERE = {"coordinates": {"latitude": 0, "longitude": 0}}
MESSAGES = "binary_sensor/check_control_messages"
MYBMW: dict[str, tuple[dict[str, Any], dict[str, Any], str, Any]] = {
    "it charges, so it is plugged in": (
        {"chargingStatus": "INVALID", "isChargerConnected": False},
        {"chargingStatus": "CHARGING", "isChargerConnected": False},
        "binary_sensor/connection_status", True),
    "a target of nothing": (
        {"chargingTarget": 70}, {"chargingTarget": 0}, "sensor/charging_target", 70),
    "a range that stands for none": (
        {"range": 300}, {"range": 65535}, "sensor/remaining_range_electric", 300),
    "an odometer beyond all cars": (
        {"state_currentMileage": 1200}, {"state_currentMileage": 1e9}, "sensor/mileage", 1200),
    "a pressure that stands for none": (
        {"state_tireState": {"frontLeft": {"status": {"currentPressure": 250}}}},
        {"state_tireState": {"frontLeft": {"status": {"currentPressure": 6553}}}},
        "sensor/front_left_current_pressure", 2.5),
    "a place in the Atlantic": (
        {"state_location": SEEN}, {"state_location": NOWHERE},
        "device_tracker/location", "48.177334,11.556274"),
    "a warning without a type": (
        {}, {"state_checkControlMessages": [{"severity": "HIGH", "description": "Stop."}]},
        MESSAGES, True),
    "a list of warnings that are none": (
        {"state_checkControlMessages": [{"type": "X", "severity": "HIGH"}]},
        {"state_checkControlMessages": [5, None]}, MESSAGES, True),
    "a service with its date as a number": (
        {}, {"state_requiredServices": [
            {"type": "BRAKE_FLUID", "status": "OK", "dateTime": 1798761600000}]},
        BRAKES, "2027-01-01"),
}  # fmt: skip


@pytest.mark.parametrize("name", MYBMW)
def test_an_odd_answer(name: str) -> None:
    good, odd, entity, expected = MYBMW[name]
    car = PolledCar(IX)
    car.poll("0:00", "0:00", **good)
    found = shown(car.poll("0:10", "0:10", **odd), entity)
    assert (str(found) if isinstance(expected, str) else found) == expected


@pytest.mark.parametrize("number", [1794298200, 1794298200000])
def test_the_time_of_a_report_as_a_number(number: int) -> None:
    car = PolledCar(IX)
    car.poll("0:00", "0:00")
    car.answers["state"]["lastUpdatedAt"] = number
    at = datetime(2026, 11, 10, 8, 10, tzinfo=UTC)
    assert car.poll("0:12", None).updated_at == at


def test_fuel_of_an_answer_that_stands_for_none() -> None:
    car = PolledCar(M340)
    car.poll("0:00", "0:00")
    none = {"remainingFuelLiters": 255, "remainingFuelPercent": 255, "range": 65535}
    vehicle = car.poll("0:10", "0:10", state_combustionFuelLevel=none)
    assert (vehicle.fuel.remaining_l, vehicle.fuel.remaining_percent) == (40, 80)
    assert vehicle.range_km == 629
