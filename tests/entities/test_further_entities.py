"""Entities that the old integration did not have: names, classes, defaults, values, appearance."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.entities.base import Sensor, encode
from bmw2mqtt.mqtt.device import dump_json
from bmw2mqtt.vehicle.history import (
    Battery12VSummary,
    ChargeSummary,
    DailyMinimum,
    TripSummary,
    VehicleHistory,
)
from bmw2mqtt.vehicle.snapshot import (
    Battery12V,
    Charging,
    ChargingStatus,
    CheckControlMessage,
    Climate,
    ClimateActivity,
    DriveTrain,
    Fuel,
    Opening,
    OpeningState,
    Position,
    Service,
    ServiceStatus,
    Severity,
    Timer,
    Tire,
    Tires,
    Vehicle,
)
from bmw2mqtt.vehicle.states import (
    AlarmState,
    Battery12VHealth,
    BatteryPreconditioning,
    ChargingEndReason,
    ChargingMethod,
    PreconditioningError,
)
from tests.tables import check_rows

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
ROWS = {entity.id: entity for entity in VEHICLE_ENTITIES}

OPEN, CLOSED = OpeningState.OPEN, OpeningState.CLOSED
EMPTY = Vehicle(vin="WBA00000000000001", model="X", brand="BMW")
PLUGIN_HYBRID = replace(EMPTY, drive_train=DriveTrain.PLUGIN_HYBRID)
FULL = replace(
    PLUGIN_HYBRID,
    last_report_at=NOON,
    charging=Charging(
        status=ChargingStatus.CHARGING,
        power_kw=10.75,
        remaining_minutes=95,
        current_a=16,
        voltage_v=230,
        phases=3,
        method=ChargingMethod.AC_TYPE_2,
        end_reason=ChargingEndReason.TARGET_REACHED,
        is_cable_locked=True,
        is_flap_open=True,
        preconditioning=BatteryPreconditioning.OFF,
        capacity_kwh=76.6,
        health_percent=97,
        consumption_kwh_per_100km=18.4,
        lifetime_energy_kwh=4321,
    ),
    fuel=Fuel(lifetime_used_l=1234.5),
    battery_12v=Battery12V(
        voltage_v=12.6,
        charge_percent=88,
        health=Battery12VHealth.ADVISED,
        needs_charging=False,
    ),
    lids=(
        Opening(name="leftFront", state=OPEN),
        Opening(name="rightFront", state=CLOSED),
        Opening(name="leftRear", state=CLOSED),
        Opening(name="rightRear", state=CLOSED),
        Opening(name="hood", state=CLOSED),
        Opening(name="trunk", state=OPEN),
        Opening(name="sunRoof", state=OpeningState.OPEN_TILT),
        Opening(name="convertibleRoof", state=CLOSED),
    ),
    windows=(
        Opening(name="leftFront", state=OpeningState.INTERMEDIATE),
        Opening(name="rightFront", state=CLOSED),
        Opening(name="leftRear", state=CLOSED),
        Opening(name="rightRear", state=OPEN),
    ),
    alarm=AlarmState.DOORS_TILT_CABIN,
    is_alarm_triggered=False,
    is_moving=False,
    is_ignition_on=True,
    are_lights_on=False,
    services=(
        Service(
            type="ENGINE_OIL",
            status=ServiceStatus.OK,
            due_date=date(2027, 9, 1),
            due_distance_km=18000,
            description="Change it",
        ),
        Service(type="BRAKE_FLUID", status=ServiceStatus.PENDING, due_date=date(2026, 12, 1)),
        Service(type="VEHICLE_CHECK", status=ServiceStatus.OK, due_distance_km=30000),
        Service(type="VEHICLE_TUV", status=ServiceStatus.OK, due_date=date(2027, 1, 1)),
    ),
    tires=Tires(
        front_left=Tire(temperature_c=21),
        front_right=Tire(temperature_c=22),
        rear_left=Tire(temperature_c=23),
        rear_right=Tire(temperature_c=24),
    ),
    climate=Climate(
        activity=ClimateActivity.HEATING, remaining_s=900, error=PreconditioningError.OK
    ),
    departure_timers=(
        Timer(id=1, time=time(7, 5), weekdays=("MONDAY", "FRIDAY"), is_active=True),
        Timer(id=2, time=time(9, 0), is_active=False),
        Timer(id=3, time=time(18, 30)),
    ),
    destination_km=42.5,
    arrival_at=NOON,
    history=VehicleHistory(
        energy_kwh=116.77,
        energy_home_kwh=16.77,
        estimated_share=0.5,
        last_charge=ChargeSummary(start=NOON, end=NOON, energy_kwh=16.7742),
        last_trip=TripSummary(
            start=None, start_known=False, end=NOON, distance_km=25, consumption_kwh_per_100km=18.26
        ),
        battery_12v=Battery12VSummary(
            resting_v=12.05,
            resting_at=NOON,
            days=(DailyMinimum("2026-11-27", 12.104), DailyMinimum("2026-11-28", 11.98)),
            is_low=True,
        ),
    ),
)

# Id, name, unit, device class, state class, category, enabled, and the state of `FULL`.
EXPECTED: tuple[tuple[str, str, str, str, str, str, bool, str], ...] = (
    ("sensor_last_report", "Last report", "", "timestamp", "", "diagnostic", True,
     "2026-11-28T12:00:00+00:00"),
    ("sensor_charging_power", "Charging power", "kW", "power", "measurement", "", True, "10.75"),
    ("sensor_charging_time_remaining", "Charging time remaining", "min", "duration", "measurement",
     "", True, "95"),
    ("sensor_charging_current", "AC charging current", "A", "current", "measurement", "", True,
     "16"),
    ("sensor_charging_voltage", "AC charging voltage", "V", "voltage", "measurement", "", False,
     "230"),
    ("sensor_charging_phases", "Charging phases", "", "", "measurement", "", True, "3"),
    ("sensor_charging_method", "Charging method", "", "enum", "", "", False, "ac_type_2"),
    ("sensor_charging_end_reason", "Charging end reason", "", "enum", "", "diagnostic", False,
     "target_reached"),
    ("binary_sensor_charging_cable_lock", "Charging cable lock", "", "lock", "", "", True, "OFF"),
    ("binary_sensor_charging_flap", "Charging flap", "", "opening", "", "", True, "ON"),
    ("sensor_battery_preconditioning", "Battery preconditioning", "", "enum", "", "", True, "off"),
    ("sensor_battery_capacity", "Battery capacity", "kWh", "energy_storage", "measurement",
     "diagnostic", True, "76.6"),
    ("sensor_battery_health", "Battery health", "%", "", "measurement", "diagnostic", True, "97"),
    ("sensor_average_consumption", "Average consumption", "kWh/100km", "", "measurement", "", True,
     "18.4"),
    ("sensor_lifetime_energy_charged", "Energy charged, lifetime", "kWh", "energy",
     "total_increasing", "", True, "4321"),
    ("sensor_lifetime_fuel_used", "Fuel used, lifetime", "L", "volume", "total_increasing", "",
     False, "1234.5"),
    ("sensor_battery_12v_voltage", "12 V battery voltage", "V", "voltage", "measurement",
     "diagnostic", True, "12.6"),
    ("sensor_battery_12v_percent", "12 V battery", "%", "battery", "measurement", "diagnostic",
     True, "88"),
    ("sensor_battery_12v_health", "12 V battery health", "", "enum", "", "diagnostic", True,
     "advised"),
    ("binary_sensor_battery_12v_recharge", "12 V battery needs charging", "", "problem", "",
     "diagnostic", True, "OFF"),
    ("binary_sensor_battery_12v_problem", "12 V battery problem", "", "problem", "",
     "diagnostic", True, "ON"),
    ("sensor_battery_12v_resting_voltage", "12 V battery resting voltage", "V", "voltage",
     "measurement", "diagnostic", True, "12.05"),
    ("sensor_battery_12v_daily_minimum", "12 V battery daily minimum", "V", "voltage",
     "measurement", "diagnostic", True, "11.98"),
    ("binary_sensor_door_front_left", "Door front left", "", "door", "", "", True, "ON"),
    ("binary_sensor_door_front_right", "Door front right", "", "door", "", "", True, "OFF"),
    ("binary_sensor_door_rear_left", "Door rear left", "", "door", "", "", True, "OFF"),
    ("binary_sensor_door_rear_right", "Door rear right", "", "door", "", "", True, "OFF"),
    ("binary_sensor_hood", "Hood", "", "opening", "", "", True, "OFF"),
    ("binary_sensor_trunk", "Trunk", "", "opening", "", "", True, "ON"),
    ("binary_sensor_window_front_left", "Window front left", "", "window", "", "", True, "ON"),
    ("binary_sensor_window_front_right", "Window front right", "", "window", "", "", True, "OFF"),
    ("binary_sensor_window_rear_left", "Window rear left", "", "window", "", "", True, "OFF"),
    ("binary_sensor_window_rear_right", "Window rear right", "", "window", "", "", True, "ON"),
    ("sensor_sunroof", "Sunroof", "", "enum", "", "", True, "open_tilt"),
    ("sensor_convertible_roof", "Roof", "", "enum", "", "", True, "closed"),
    ("sensor_alarm", "Alarm", "", "enum", "", "", True, "doors_tilt_cabin"),
    ("binary_sensor_alarm_triggered", "Alarm sounding", "", "safety", "", "", True, "OFF"),
    ("binary_sensor_moving", "Moving", "", "moving", "", "", True, "OFF"),
    ("binary_sensor_ignition", "Ignition", "", "running", "", "", True, "ON"),
    ("binary_sensor_lights", "Lights", "", "light", "", "", True, "OFF"),
    ("sensor_next_service_distance", "Next service in", "km", "distance", "measurement", "", True,
     "18000"),
    ("sensor_next_service_date", "Next service", "", "date", "", "", True, "2026-12-01"),
    ("sensor_inspection_date", "Legal inspection", "", "date", "", "", True, "2027-01-01"),
    ("sensor_service_engine_oil", "Engine oil", "", "date", "", "", True, "2027-09-01"),
    ("sensor_service_brake_fluid", "Brake fluid", "", "date", "", "", True, "2026-12-01"),
    ("sensor_service_vehicle_check", "Vehicle check", "", "date", "", "", True, "None"),
    *(
        (f"sensor_tire_temperature_{place.replace(' ', '_')}", f"Tire temperature {place}", "°C",
         "temperature", "measurement", "", False, state)
        for place, state in (
            ("front left", "21"), ("front right", "22"), ("rear left", "23"), ("rear right", "24"),
        )
    ),
    ("sensor_preconditioning_time_remaining", "Preconditioning time remaining", "min", "duration",
     "measurement", "", True, "15"),
    ("sensor_preconditioning_error", "Preconditioning error", "", "enum", "", "diagnostic", False,
     "ok"),
    ("sensor_departure_timer_1", "Departure timer 1", "", "", "", "", False, "07:05"),
    ("sensor_departure_timer_2", "Departure timer 2", "", "", "", "", False, "09:00"),
    ("sensor_departure_timer_3", "Departure timer 3", "", "", "", "", False, "18:30"),
    ("sensor_destination_distance", "To destination", "km", "distance", "measurement", "", False,
     "42.5"),
    ("sensor_destination_arrival", "Arrival", "", "timestamp", "", "", False,
     "2026-11-28T12:00:00+00:00"),
    ("sensor_energy_charged", "Energy charged", "kWh", "energy", "total_increasing", "", True,
     "116.77"),
    ("sensor_energy_charged_home", "Energy charged at home", "kWh", "energy", "total_increasing",
     "", True, "16.77"),
    ("sensor_last_charge_energy", "Last charge energy", "kWh", "", "measurement", "", True,
     "16.77"),
    ("sensor_last_charge_end", "Last charge end", "", "timestamp", "", "", True,
     "2026-11-28T12:00:00+00:00"),
    ("sensor_last_trip_distance", "Last trip distance", "km", "distance", "measurement", "", True,
     "25"),
    ("sensor_last_trip_end", "Last trip end", "", "timestamp", "", "", True,
     "2026-11-28T12:00:00+00:00"),
    ("sensor_last_trip_consumption", "Last trip consumption", "kWh/100km", "", "measurement", "",
     True, "18.26"),
)  # fmt: skip


def test_every_entity_is_as_documented() -> None:
    check_rows(EXPECTED, check_entity, lambda row: row[0])
    assert {row[0] for row in EXPECTED} == {
        entity.id for entity in VEHICLE_ENTITIES if entity.appears_with_value
    }


def check_entity(row: tuple[Any, ...]) -> None:
    id_, *expected, state = row
    entity: Any = ROWS[id_]
    state_class = entity.state_class if isinstance(entity, Sensor) else None
    unit = entity.unit if isinstance(entity, Sensor) else None
    assert [
        entity.name,
        unit or "",
        entity.device_class or "",
        state_class or "",
        entity.category or "",
        entity.enabled,
    ] == expected
    assert encode(entity.value(FULL)).decode() == state
    assert entity.exists(FULL)
    assert entity.has_value(FULL)
    assert not entity.has_value(PLUGIN_HYBRID)


def test_every_entity_looks_right() -> None:
    check_rows([ROWS[row[0]] for row in EXPECTED], check_look, lambda entity: entity.id)


def check_look(entity: Any) -> None:
    own_icon = {"timestamp", "voltage", "current", "temperature", "battery"}
    assert entity.icon or entity.device_class in own_icon, "Home Assistant has an icon for these"
    if isinstance(entity, Sensor) and entity.unit:
        assert entity.precision is not None
    if isinstance(entity, Sensor) and entity.options:
        assert encode(entity.value(FULL)).decode() in entity.options


def attributes_of(id_: str, vehicle: Vehicle = FULL) -> Any:
    attributes = ROWS[id_].attributes
    assert attributes is not None
    return json.loads(dump_json(attributes(vehicle)))


def test_attributes() -> None:
    assert attributes_of("binary_sensor_window_front_left") == {"position": "intermediate"}
    assert attributes_of("sensor_service_engine_oil") == {
        "distance_km": 18000,
        "status": "OK",
        "text": "Change it",
    }
    assert attributes_of("sensor_battery_12v_resting_voltage") == {
        "measured_at": "2026-11-28T12:00:00+00:00"
    }
    assert attributes_of("sensor_battery_12v_daily_minimum") == {
        "days": {"2026-11-27": 12.1, "2026-11-28": 11.98}
    }
    assert attributes_of("sensor_departure_timer_1") == {
        "weekdays": ["monday", "friday"],
        "active": True,
    }


@pytest.mark.parametrize("drive_train", [None, DriveTrain.COMBUSTION, DriveTrain.MILD_HYBRID])
def test_a_car_without_a_plug_has_nothing_of_charging(drive_train: DriveTrain | None) -> None:
    vehicle = replace(FULL, drive_train=drive_train)
    entities = {entity.id for entity in VEHICLE_ENTITIES if entity.exists(vehicle)}
    assert not [name for name in entities if "charging" in name and "12v" not in name]
    assert not {"sensor_battery_capacity", "sensor_average_consumption"} & entities


def test_a_vehicle_check_is_known_by_its_distance_alone() -> None:
    assert ROWS["sensor_service_vehicle_check"].has_value(FULL)


def test_what_bmw_names_beside_the_services_counts() -> None:
    vehicle = replace(FULL, next_service_km=7000, inspection_date=date(2028, 5, 1))
    assert ROWS["sensor_next_service_distance"].value(vehicle) == 7000
    assert ROWS["sensor_inspection_date"].value(vehicle) == date(2028, 5, 1)


def test_a_charge_that_is_over_has_no_time_left() -> None:
    vehicle = replace(FULL, charging=replace(FULL.charging, status=ChargingStatus.COMPLETE))
    assert ROWS["sensor_charging_time_remaining"].value(vehicle) is None


def test_preconditioning_that_is_over_has_no_time_left() -> None:
    vehicle = replace(FULL, climate=replace(FULL.climate, activity=ClimateActivity.INACTIVE))
    assert ROWS["sensor_preconditioning_time_remaining"].value(vehicle) is None


def test_two_services_of_one_type_are_both_published() -> None:
    due = (date(2027, 6, 1), date(2027, 3, 1))
    services = tuple(
        Service(type="BRAKE_FLUID", status=ServiceStatus.OK, due_date=moment) for moment in due
    )
    vehicle = replace(FULL, services=services)
    attributes = attributes_of("binary_sensor_condition_based_services", vehicle)
    assert attributes["brake_fluid_date"] == "2027-06-01"
    assert attributes["brake_fluid_2_date"] == "2027-03-01"
    assert ROWS["sensor_service_brake_fluid"].value(vehicle) == date(2027, 3, 1)


def test_messages_keep_their_own_words() -> None:
    entity = ROWS["binary_sensor_check_control_messages"]
    low = CheckControlMessage(
        type="WASHING_FLUID", severity=Severity.LOW, description="Refill", mileage_km=48712
    )
    tires = CheckControlMessage(type="TIRE_PRESSURE", severity=Severity.HIGH, description="Left")
    vehicle = replace(FULL, check_control_messages=(low,))
    assert entity.value(FULL) is None, "nothing was ever reported"
    assert entity.value(vehicle) is False, "LOW is no problem"
    assert attributes_of(entity.id, vehicle) == {
        "washing_fluid": "LOW",
        "messages": [
            {
                "type": "washing_fluid",
                "text": "Refill",
                "severity": "LOW",
                "mileage_km": 48712,
            }
        ],
    }
    vehicle = replace(FULL, check_control_messages=(tires, replace(tires, description="Right")))
    assert entity.value(vehicle) is True
    attributes = attributes_of(entity.id, vehicle)
    assert (attributes["tire_pressure"], attributes["tire_pressure_2"]) == ("HIGH", "HIGH")
    assert [message["text"] for message in attributes["messages"]] == ["Left", "Right"]
    vehicle = replace(FULL, check_control_messages=())
    assert (entity.value(vehicle), attributes_of(entity.id, vehicle)) == (False, {})


def test_the_position_is_one_text_and_attributes() -> None:
    entity = ROWS["device_tracker_location"]
    vehicle = replace(FULL, position=Position(latitude=48.177334, longitude=-0.00001))
    assert entity.value(vehicle) == "48.177334,-0.00001"
    assert entity.value(FULL) is None
    assert not entity.announces_state, "Home Assistant would take it for the name of a place"
