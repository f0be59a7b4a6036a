"""A car's readings and basic data become a `Vehicle`.

Each fact has a chain of BMW's names; what none of them tells is unknown. Of the snapshot before
only this is remembered: the kind of car, the odometer (it never goes back) and steady forecasts.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache

from bmw2mqtt.accounts.cardata.rest.basic_data import BasicData
from bmw2mqtt.accounts.cardata.snapshot.charging import (
    ELECTRIC_RANGE,
    SOC,
    SOC_FORECAST,
    STATUS,
    charging,
)
from bmw2mqtt.accounts.cardata.snapshot.doors_windows import door_lock, lids, windows
from bmw2mqtt.accounts.cardata.snapshot.maintenance import messages, services
from bmw2mqtt.accounts.cardata.snapshot.words import ALARMS
from bmw2mqtt.accounts.cardata.telemetry.decode import Report
from bmw2mqtt.accounts.cardata.telemetry.lookup import NEVER, ReadingLookup, shown
from bmw2mqtt.entities.catalogue import catalogue
from bmw2mqtt.vehicle.snapshot import (
    Battery12V,
    Capabilities,
    Charging,
    Climate,
    ClimateActivity,
    DriveTrain,
    Fuel,
    Position,
    Reading,
    Tire,
    Tires,
    Vehicle,
)

_LOCATION = "vehicle.cabin.infotainment.navigation.currentLocation."
_DRIVE = "vehicle.drivetrain."
MILEAGE = ("vehicle.vehicle.travelledDistance", "vehicle.trip.segment.end.travelledDistance")
LARGEST_MILEAGE_KM = 5_000_000
FUEL_L = f"{_DRIVE}fuelSystem.remainingFuel"
FUEL_PERCENT = f"{_DRIVE}fuelSystem.level"
FUEL_RANGE = "vehicle.cabin.infotainment.navigation.remainingRange"
LAST_RANGE = f"{_DRIVE}lastRemainingRange"
TOTAL_RANGE = (LAST_RANGE, f"{_DRIVE}totalRemainingRange")
CLIMATE = (
    "vehicle.vehicle.preConditioning.activity",
    "vehicle.cabin.hvac.preconditioning.status.comfortState",
)
CLIMATE_MINUTES = "vehicle.vehicle.preConditioning.remainingTime"
CLIMATE_SECONDS = "vehicle.cabin.hvac.preconditioning.status.remainingRunningTime"
LONGEST_CLIMATE_S = 24 * 60 * 60
ALARM = "vehicle.vehicle.antiTheftAlarmSystem.alarm.armStatus"
BATTERY_SIZE = f"{_DRIVE}batteryManagement.batterySizeMax"

_DRIVE_TRAINS: dict[str, DriveTrain] = {
    "BEV": DriveTrain.ELECTRIC,
    "ELECTRIC": DriveTrain.ELECTRIC,
    "PHEV": DriveTrain.PLUGIN_HYBRID,
    "PLUGIN_HYBRID": DriveTrain.PLUGIN_HYBRID,
    "REX": DriveTrain.ELECTRIC_WITH_RANGE_EXTENDER,
    "BEV_REX": DriveTrain.ELECTRIC_WITH_RANGE_EXTENDER,
    "ELECTRIC_WITH_RANGE_EXTENDER": DriveTrain.ELECTRIC_WITH_RANGE_EXTENDER,
    "HEV": DriveTrain.HYBRID,
    "HYBRID": DriveTrain.HYBRID,
    "MHEV": DriveTrain.MILD_HYBRID,
    "MILD_HYBRID": DriveTrain.MILD_HYBRID,
    "CONV": DriveTrain.COMBUSTION,
    "ICE": DriveTrain.COMBUSTION,
    "COMBUSTION": DriveTrain.COMBUSTION,
}
_ACTIVITIES: dict[str, ClimateActivity | None] = {
    **{activity.value: activity for activity in ClimateActivity},
    "notactive": ClimateActivity.INACTIVE,
    "comfortheating": ClimateActivity.HEATING,
    "comfortcooling": ClimateActivity.COOLING,
    "comfortventilation": ClimateActivity.VENTILATION,
    "defrost": ClimateActivity.HEATING,
    "comfortundefined": None,
}


def to_vehicle(
    vin: str,
    basic: BasicData | None,
    readings: Mapping[str, Reading],
    *,
    previous: Vehicle | None,
    image: bytes | None,
    now: datetime,
    report: Report,
) -> Vehicle:
    """Make a snapshot.

    Args:
        vin: the car.
        basic: what BMW says of its kind; `None` if that is not known yet.
        readings: the newest of each descriptor, as `Values.of` gives them.
        previous: the snapshot before; `None` for the first.
        image: a picture of the car.
        now: the time.
        report: told about words of BMW that are not known.
    """
    basic = basic or BasicData()
    newest = ReadingLookup(readings, report)
    brand = basic.brand or "BMW"
    drive_train = _drive_train(basic, newest, previous, report)
    total_km, electric_km, fuel_km = _ranges(newest, drive_train)
    is_left_hand_drive = basic.is_left_hand_drive is not False
    tires = _tires(newest)
    position = _position(newest)
    known_charging = previous.charging if previous else Charging()
    return Vehicle(
        vin=vin,
        model=basic.model or f"{brand} {vin[-6:]}",
        brand=brand,
        drive_train=drive_train,
        software_version=basic.software_version,
        capabilities=_capabilities(newest, tires, previous),
        updated_at=_updated_at(readings),
        mileage_km=_mileage_km(newest, previous),
        range_km=total_km,
        fuel=Fuel(
            remaining_l=newest.number(FUEL_L, minimum=0),
            remaining_percent=newest.number(FUEL_PERCENT, minimum=0, maximum=100),
            range_km=fuel_km,
        ),
        charging=charging(
            newest,
            range_km=electric_km,
            capacity_kwh=basic.battery_capacity_kwh or newest.number(BATTERY_SIZE, minimum=1),
            known=known_charging,
            now=now,
        ),
        climate=_climate(newest),
        door_lock=door_lock(newest),
        lids=lids(newest, is_left_hand_drive=is_left_hand_drive),
        windows=windows(newest, is_left_hand_drive=is_left_hand_drive),
        alarm=newest.one_of(ALARMS, ALARM),
        services=services(newest, now.date(), report),
        check_control_messages=messages(newest),
        tires=tires,
        position=position,
        had_position=position is not None or (previous is not None and previous.had_position),
        heading_deg=newest.whole(f"{_LOCATION}heading", minimum=0, maximum=360),
        is_moving=newest.flag("vehicle.isMoving"),
        battery_12v=Battery12V(
            voltage_v=newest.number("vehicle.electricalSystem.battery.voltage", minimum=0)
        ),
        image=image,
        readings=shown(readings, _diagnostics(), _following() if newest.is_in_miles else {}),
    )


@cache
def _diagnostics() -> tuple[str, ...]:
    """Return the names of readings that have an entity of their own only as diagnostics."""
    return tuple(name for name, row in catalogue().items() if not row.entity)


@cache
def _following() -> Mapping[str, str | None]:
    """Return the diagnostics that follow the display's unit, and what theirs is."""
    return {
        name: row.unit
        for name, row in catalogue().items()
        if row.follows_display and not row.entity
    }


def _drive_train(
    basic: BasicData, newest: ReadingLookup, previous: Vehicle | None, report: Report
) -> DriveTrain | None:
    """Read BMW's word; without one, see what the car measures."""
    if basic.drive_train is not None:
        known = _DRIVE_TRAINS.get(basic.drive_train.upper().replace("-", "_").replace(" ", "_"))
        if known is not None:
            return known
        report("driveTrain", basic.drive_train)
    has_battery = newest.find(*SOC, SOC_FORECAST, *STATUS, *ELECTRIC_RANGE) is not None
    has_fuel = any((newest.number(name) or 0) > 0 for name in (FUEL_L, FUEL_PERCENT))
    if has_battery:
        return DriveTrain.PLUGIN_HYBRID if has_fuel else DriveTrain.ELECTRIC
    if has_fuel:
        return DriveTrain.COMBUSTION
    return previous.drive_train if previous else None


def _capabilities(newest: ReadingLookup, tires: Tires, previous: Vehicle | None) -> Capabilities:
    """CarData only tells. A car that once told of tyres or climate has them for good."""
    known = previous.capabilities if previous else Capabilities()
    return Capabilities(
        state_reports=True,
        tracking=True,
        tires=known.tires or tires != Tires(),
        climate_state=known.climate_state or any(name in newest for name in CLIMATE),
    )


def _updated_at(readings: Mapping[str, Reading]) -> datetime | None:
    latest = max((reading.measured_at or NEVER for reading in readings.values()), default=NEVER)
    return None if latest is NEVER else latest


def _mileage_km(newest: ReadingLookup, previous: Vehicle | None) -> float | None:
    """An odometer never goes back; miles without a unit would look like it did."""
    known = previous.mileage_km if previous else None
    found = [km for name in MILEAGE if (km := newest.distance_km(name)) is not None]
    candidates = [km for km in (*found, known) if km is not None and km <= LARGEST_MILEAGE_KM]
    return max(candidates, default=None)


def _ranges(
    newest: ReadingLookup, drive_train: DriveTrain | None
) -> tuple[float | None, float | None, float | None]:
    """Return the ranges in km: total, electric, fuel."""
    last_km = newest.distance_km(*TOTAL_RANGE)
    electric_km = newest.distance_km(*ELECTRIC_RANGE)
    fuel_km = newest.distance_km(FUEL_RANGE)
    has_battery = drive_train is not None and drive_train.has_battery
    has_engine = drive_train is not None and drive_train.has_engine
    if not has_engine:
        # Electric cars say 0 for what they do not measure.
        electric_km = electric_km or newest.distance_km(LAST_RANGE) or last_km or None
        return electric_km, electric_km, None
    if not has_battery:
        fuel_km = newest.distance_km(*TOTAL_RANGE, FUEL_RANGE)
        return fuel_km, None, fuel_km
    if fuel_km is None and last_km is not None and electric_km is not None:
        fuel_km = max(last_km - electric_km, 0)
    if last_km is None and fuel_km is not None and electric_km is not None:
        last_km = fuel_km + electric_km
    return last_km, electric_km, fuel_km


def _climate(newest: ReadingLookup) -> Climate:
    activity = newest.one_of(_ACTIVITIES, *CLIMATE)
    climate = Climate(activity=activity)
    reading = newest.find(CLIMATE_MINUTES, CLIMATE_SECONDS)
    if not climate.is_on or reading is None or reading.measured_at is None:
        return climate
    seconds = float(reading.value or 0) * (60 if reading.unit == "min" else 1)
    if not 0 < seconds <= LONGEST_CLIMATE_S:
        return climate
    end_time = reading.measured_at + timedelta(seconds=seconds)
    return Climate(activity=activity, end_time=end_time, remaining_s=seconds)


_WHEEL = "vehicle.chassis.axle.row{row}.wheel.{side}.tire."
_WHEELS: dict[str, str] = {
    f"{end}_{side}": _WHEEL.format(row=row, side=side)
    for row, end in ((1, "front"), (2, "rear"))
    for side in ("left", "right")
}


def _tires(newest: ReadingLookup) -> Tires:
    return Tires(
        **{
            wheel: Tire(
                pressure_kpa=newest.number(f"{prefix}pressure", minimum=0),
                target_pressure_kpa=newest.number(f"{prefix}pressureTarget", minimum=0),
                temperature_c=newest.number(f"{prefix}temperature"),
            )
            for wheel, prefix in _WHEELS.items()
        }
    )


def _position(newest: ReadingLookup) -> Position | None:
    """`Values` keeps only halves that were measured together."""
    latitude = newest.number(f"{_LOCATION}latitude", minimum=-90, maximum=90)
    longitude = newest.number(f"{_LOCATION}longitude", minimum=-180, maximum=180)
    if latitude is None or longitude is None:
        return None
    return Position(latitude=latitude, longitude=longitude)
