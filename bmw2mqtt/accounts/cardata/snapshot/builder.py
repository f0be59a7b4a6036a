"""Build the snapshot of a car from its readings and basic data.

Each fact has alternative descriptors; the one measured last wins. Of the snapshot before only this
matters: the kind of car, which capabilities it has shown, and steady forecasts.
"""

from datetime import datetime
from functools import cache

from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.snapshot.charging import charging, is_charging
from bmw2mqtt.accounts.cardata.snapshot.climate import climate
from bmw2mqtt.accounts.cardata.snapshot.doors_windows import door_lock, lids, windows
from bmw2mqtt.accounts.cardata.snapshot.drive_train import drive_train
from bmw2mqtt.accounts.cardata.snapshot.maintenance import services, warnings
from bmw2mqtt.accounts.cardata.snapshot.ranges import ranges
from bmw2mqtt.accounts.cardata.snapshot.words import ALARMS
from bmw2mqtt.accounts.cardata.telemetry.decode import LogUnknown
from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    ALARM,
    BATTERY_12V_VOLTAGE,
    BATTERY_SIZE,
    CLIMATE,
    FUEL_L,
    FUEL_PERCENT,
    HEADING,
    IS_MOVING,
    LATITUDE,
    LONGITUDE,
    TIRE_PRESSURE,
    TIRE_TARGET_PRESSURE,
    TIRE_TEMPERATURE,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.accounts.cardata.telemetry.vehicle_readings import VehicleReadings
from bmw2mqtt.entities.catalogue import catalogue
from bmw2mqtt.vehicle.snapshot import (
    Battery12V,
    Capabilities,
    Charging,
    Fuel,
    Position,
    Tire,
    Tires,
    Vehicle,
)


def to_vehicle(
    vin: str,
    basic: BasicData | None,
    readings: VehicleReadings,
    *,
    previous: Vehicle | None,
    image: bytes | None,
    now: datetime,
    log_unknown: LogUnknown,
) -> Vehicle:
    """Build a snapshot.

    Args:
        vin: the car.
        basic: BMW's basic data; `None` if it is not known yet.
        readings: the car's.
        previous: the snapshot before; `None` for the first.
        image: a picture of the car.
        now: the time.
        log_unknown: called for words of BMW that are not known.
    """
    basic = basic or BasicData()
    lookup = readings.lookup(log_unknown)
    brand = basic.brand or "BMW"
    kind = drive_train(basic, lookup, previous.drive_train if previous else None, log_unknown)
    total_km, electric_km, fuel_km = ranges(lookup, kind, is_charging=is_charging(lookup))
    known_charging = previous.charging if previous else Charging()
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
        mileage_km=readings.odometer_km,
        range_km=total_km,
        fuel=Fuel(
            remaining_l=lookup.number(FUEL_L, minimum=0),
            remaining_percent=lookup.number(FUEL_PERCENT, minimum=0, maximum=100),
            range_km=fuel_km,
        ),
        charging=charging(
            lookup,
            range_km=electric_km,
            capacity_kwh=basic.battery_capacity_kwh or lookup.number(BATTERY_SIZE, minimum=1),
            known=known_charging,
            now=now,
        ),
        climate=climate(lookup, now),
        door_lock=door_lock(lookup),
        lids=lids(lookup, is_left_hand_drive=is_left_hand_drive),
        windows=windows(lookup, is_left_hand_drive=is_left_hand_drive),
        alarm=lookup.one_of(ALARMS, ALARM),
        services=services(lookup, now.date(), log_unknown, is_in_miles=readings.is_in_miles),
        check_control_messages=warnings(lookup),
        tires=tires,
        position=position,
        had_position=position is not None or (previous is not None and previous.had_position),
        heading_deg=lookup.whole(HEADING, minimum=0, maximum=360),
        is_moving=lookup.flag(IS_MOVING),
        battery_12v=Battery12V(voltage_v=lookup.number(BATTERY_12V_VOLTAGE, minimum=0)),
        image=image,
        readings={name: readings.view[name] for name in _diagnostics() if name in readings.view},
    )


@cache
def _diagnostics() -> tuple[str, ...]:
    """Return the descriptors whose only entity is a diagnostic one."""
    return tuple(name for name, row in catalogue().items() if not row.entity)


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
    """Both coordinates were measured together: `PositionPairing` sees to that."""
    latitude = readings.number(LATITUDE, minimum=-90, maximum=90)
    longitude = readings.number(LONGITUDE, minimum=-180, maximum=180)
    if latitude is None or longitude is None:
        return None
    return Position(latitude=latitude, longitude=longitude)
