"""Build the snapshot of a car from its readings and basic data.

Each fact has alternative descriptors; the one measured last wins. Of the snapshot before only this
matters: the kind of car, and which capabilities it has shown.
"""

from datetime import datetime

from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.snapshot.charging import charging
from bmw2mqtt.accounts.cardata.snapshot.climate import climate, departure_timers
from bmw2mqtt.accounts.cardata.snapshot.doors_windows import door_lock, lids, windows
from bmw2mqtt.accounts.cardata.snapshot.maintenance import inspection_date, services, warnings
from bmw2mqtt.accounts.cardata.snapshot.measured_times import measured_times
from bmw2mqtt.accounts.cardata.snapshot.navigation import arrival_at
from bmw2mqtt.accounts.cardata.snapshot.ranges import ranges
from bmw2mqtt.accounts.cardata.snapshot.raw_readings import raw_readings
from bmw2mqtt.accounts.cardata.snapshot.words import ALARMS, BATTERY_12V_HEALTH
from bmw2mqtt.accounts.cardata.telemetry.decode import LogUnknown
from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    ALARM,
    ALARM_TRIGGERED,
    BATTERY_12V_CHARGE,
    BATTERY_12V_RECHARGE,
    BATTERY_12V_REPLACE,
    BATTERY_12V_VOLTAGE,
    CLIMATE,
    DESTINATION_DISTANCE,
    FUEL_L,
    FUEL_PERCENT,
    HEADING,
    IGNITION,
    IS_MOVING,
    LATITUDE,
    LIFETIME_FUEL,
    LIGHTS,
    LONGITUDE,
    NEXT_SERVICE_DISTANCE,
    TIRE_PRESSURE,
    TIRE_TARGET_PRESSURE,
    TIRE_TEMPERATURE,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.vehicle.charging.shown import ChargingState
from bmw2mqtt.vehicle.snapshot import (
    Battery12V,
    Capabilities,
    DriveTrain,
    Fuel,
    Position,
    Tire,
    Tires,
    Vehicle,
)


def to_vehicle(
    vehicle: CarDataVehicle,
    kind: DriveTrain | None,
    charge: ChargingState,
    *,
    now: datetime,
    log_unknown: LogUnknown,
) -> Vehicle:
    """Build the snapshot of a car; `log_unknown` is called for words that are not known."""
    vin, readings, previous = vehicle.vin, vehicle.readings, vehicle.snapshot
    basic = vehicle.basic_data or BasicData()
    lookup = readings.lookup(log_unknown)
    brand = basic.brand or "BMW"
    distances = ranges(lookup, kind, is_charging=charge.is_charging is True)
    is_left_hand_drive = basic.is_left_hand_drive is not False
    tires, position = _tires(lookup), _position(lookup)
    return Vehicle(
        vin=vin,
        model=basic.model or f"{brand} {vin[-6:]}",
        brand=brand,
        drive_train=kind,
        software_version=basic.software_version,
        capabilities=_capabilities(lookup, tires, previous),
        updated_at=readings.measured_at,
        last_report_at=readings.measured_at,
        measured_at=measured_times(
            readings, distances, soc_at=charge.soc_at, is_left_hand_drive=is_left_hand_drive
        ),
        mileage_km=readings.odometer_km,
        range_km=distances.total_km,
        fuel=_fuel(lookup, range_km=distances.fuel_km),
        charging=charging(lookup, charge, kind, basic, range_km=distances.electric_km),
        climate=climate(lookup, now),
        door_lock=door_lock(lookup),
        lids=lids(lookup, is_left_hand_drive=is_left_hand_drive),
        windows=windows(lookup, is_left_hand_drive=is_left_hand_drive),
        alarm=lookup.one_of(ALARMS, ALARM),
        is_alarm_triggered=lookup.flag(ALARM_TRIGGERED),
        services=services(lookup, now.date(), log_unknown, is_in_miles=readings.is_in_miles),
        next_service_km=lookup.number(NEXT_SERVICE_DISTANCE),
        inspection_date=inspection_date(lookup),
        check_control_messages=warnings(
            lookup, is_in_miles=readings.is_in_miles, odometer_km=readings.odometer_km
        ),
        tires=tires,
        position=position,
        had_position=position is not None or bool(previous and previous.had_position),
        heading_deg=lookup.whole(HEADING, minimum=0, maximum=360),
        destination_km=lookup.number(DESTINATION_DISTANCE, minimum=0),
        arrival_at=arrival_at(lookup),
        departure_timers=departure_timers(lookup),
        is_moving=lookup.flag(IS_MOVING),
        is_ignition_on=lookup.flag(IGNITION),
        are_lights_on=lookup.flag(LIGHTS),
        battery_12v=_battery_12v(lookup),
        image=vehicle.image,
        readings=raw_readings(readings.view, kind),
    )


def _fuel(readings: ReadingLookup, *, range_km: float | None) -> Fuel:
    return Fuel(
        remaining_l=readings.number(FUEL_L, minimum=0),
        remaining_percent=readings.number(FUEL_PERCENT, minimum=0, maximum=100),
        range_km=range_km,
        lifetime_used_l=readings.number(LIFETIME_FUEL, minimum=0),
    )


def _battery_12v(readings: ReadingLookup) -> Battery12V:
    grade = readings.whole(BATTERY_12V_REPLACE, minimum=0, maximum=1000)
    return Battery12V(
        voltage_v=readings.number(BATTERY_12V_VOLTAGE, minimum=0),
        charge_percent=readings.number(BATTERY_12V_CHARGE, minimum=0, maximum=100),
        health=None if grade is None else BATTERY_12V_HEALTH.get(grade),
        needs_charging=readings.flag(BATTERY_12V_RECHARGE),
    )


def _capabilities(readings: ReadingLookup, tires: Tires, previous: Vehicle | None) -> Capabilities:
    """CarData is read-only. A car that once reported tires or climate has them for good."""
    known = previous.capabilities if previous else Capabilities()
    return Capabilities(
        state_reports=True,
        tracking=True,
        tires=known.tires or tires != Tires(),
        climate_state=known.climate_state or any(name in readings for name in CLIMATE),
    )


def _tires(readings: ReadingLookup) -> Tires:
    return Tires(
        **{
            f"{end}_{side}": Tire(
                pressure_kpa=readings.number(TIRE_PRESSURE[row, side], minimum=0),
                target_pressure_kpa=readings.number(TIRE_TARGET_PRESSURE[row, side], minimum=0),
                temperature_c=readings.number(TIRE_TEMPERATURE[row, side]),
            )
            for row, end in (("1", "front"), ("2", "rear"))
            for side in ("left", "right")
        }
    )


def _position(readings: ReadingLookup) -> Position | None:
    """Both coordinates were measured together, see `PositionPairing`."""
    latitude = readings.number(LATITUDE, minimum=-90, maximum=90)
    longitude = readings.number(LONGITUDE, minimum=-180, maximum=180)
    if latitude is None or longitude is None:
        return None
    return Position(latitude=latitude, longitude=longitude)
