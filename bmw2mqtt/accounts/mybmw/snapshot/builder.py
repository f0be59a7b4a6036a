"""Snapshot builder: makes a `Vehicle` of BMW's raw answers.

The library's parsed objects are not used: they keep values of earlier answers that a new one leaves
out. What the last answer did not contain is unknown. Two things are kept from the snapshot before:
the kind of vehicle, and values whose successor cannot be understood.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bmw2mqtt.accounts.mybmw.snapshot.body import alarm, door_lock, lids, tires, windows
from bmw2mqtt.accounts.mybmw.snapshot.charging import charging
from bmw2mqtt.accounts.mybmw.snapshot.json_reader import JsonReader, ReportWord
from bmw2mqtt.accounts.mybmw.snapshot.maintenance import messages, services
from bmw2mqtt.accounts.mybmw.snapshot.position import located
from bmw2mqtt.accounts.mybmw.snapshot.report_time import ReportTime
from bmw2mqtt.accounts.mybmw.snapshot.responses import (
    FUTURE_TOLERANCE,
    ReportTrackers,
    VehicleResponses,
)
from bmw2mqtt.vehicle.snapshot import (
    Capabilities,
    Climate,
    ClimateActivity,
    DriveTrain,
    Fuel,
    Timer,
    Vehicle,
)

MAX_MILEAGE_KM, MAX_RANGE_KM, MAX_FUEL_L = 5_000_000, 6500, 200
LONGEST_CLIMATE_S = 24 * 60 * 60
CLIMATE_OVERDUE = timedelta(minutes=5)
"""So long after the end that the car has named, its climate control counts as off."""


@dataclass(frozen=True, slots=True)
class MeasuredTimes(Mapping[str, datetime]):
    """When each value was measured, by `{platform}/{key}` of its entity; nearly all at one time."""

    at: datetime
    others: Mapping[str, datetime]

    def __getitem__(self, entity: str) -> datetime:
        return self.others.get(entity, self.at)

    def __iter__(self) -> Iterator[str]:
        return iter(self.others)

    def __len__(self) -> int:
        return len(self.others)


def to_vehicle(
    responses: VehicleResponses,
    *,
    previous: Vehicle | None,
    trackers: ReportTrackers,
    report: ReportWord,
    image: bytes | None = None,
) -> Vehicle:
    """Build the snapshot of a vehicle from BMW's last answers.

    This updates the vehicle's trackers. `report` is called with words of BMW that are not known.
    """
    attributes = JsonReader(responses.attributes, report)
    state = JsonReader(responses.state, report)
    drive_train = attributes.word("driveTrain", DriveTrain)
    model = attributes.text("model") or f"{responses.brand} {responses.vin[-6:]}"
    known = previous or Vehicle(vin=responses.vin, model="", brand=responses.brand)
    updated_at = _updated_at(responses, state, known)
    total_km, electric_km, fuel_km = _ranges(state, drive_train, known)
    charging_state = trackers.charging.record(
        state,
        reported_at=responses.reported_at,
        received_at=responses.fetched_at,
        drive_train=drive_train,
        model=model,
        report_word=report,
    )
    vehicle = Vehicle(
        vin=responses.vin,
        model=model,
        brand=responses.brand,
        drive_train=drive_train,
        software_version=_software_version(attributes),
        capabilities=_capabilities(JsonReader(responses.capabilities, report), state, previous),
        updated_at=updated_at,
        last_report_at=updated_at,
        mileage_km=state.number("currentMileage", 0, MAX_MILEAGE_KM, kept=known.mileage_km),
        range_km=total_km,
        fuel=_fuel(state.part("combustionFuelLevel"), fuel_km, known.fuel),
        charging=charging(
            state,
            JsonReader(responses.charging_settings, report),
            charging_state,
            known.charging,
            fetched_at=responses.fetched_at,
            range_km=electric_km,
        ),
        climate=_climate(state, known.climate, trackers.climate, responses),
        door_lock=door_lock(state, known.door_lock),
        lids=lids(state, known.lids, report),
        windows=windows(state.part("windowsState"), known.windows, report),
        alarm=alarm(state, known.alarm, report),
        services=services(state, known.services, today=responses.fetched_at.date()),
        check_control_messages=messages(state, known.check_control_messages),
        tires=tires(state.part("tireState"), known.tires),
        departure_timers=_departure_timers(state),
        image=image,
    )
    return _with_measured_times(located(vehicle, responses, state, known, report))


def _with_measured_times(vehicle: Vehicle) -> Vehicle:
    """Add the measured times; the vehicle finder's answer keeps its own."""
    at = vehicle.updated_at
    if at is None:
        return vehicle
    return replace(vehicle, measured_at=MeasuredTimes(at, vehicle.measured_at))


def next_change_at(
    vehicle: Vehicle, responses: VehicleResponses, trackers: ReportTrackers
) -> datetime | None:
    """Return from when on the same answers may make another snapshot; `None`: never."""
    changes = _changes(vehicle, responses, trackers)
    return min((at for at in changes if at and at >= responses.fetched_at), default=None)


def _changes(
    vehicle: Vehicle, responses: VehicleResponses, trackers: ReportTrackers
) -> Iterator[datetime | None]:
    yield trackers.charging.machine.next_deadline(responses.fetched_at)
    yield vehicle.charging.start_time
    climate_ends_at = vehicle.climate.end_time
    yield climate_ends_at and climate_ends_at + CLIMATE_OVERDUE
    stamp = responses.stamp
    yield stamp and stamp - FUTURE_TOLERANCE


def _updated_at(responses: VehicleResponses, state: JsonReader, known: Vehicle) -> datetime | None:
    """Return when the vehicle reported; the time before where it cannot be right."""
    at = state.moment("lastUpdatedAt", kept=known.updated_at)
    if at is not None and at - responses.fetched_at > FUTURE_TOLERANCE:
        return known.updated_at
    return at


_FLAGS: Mapping[str, str] = {
    "tracking": "vehicleFinder",
    "lock": "lock",
    "unlock": "unlock",
    "lights": "lights",
    "horn": "horn",
    "climate_start": "climateNow",
    "send_poi": "sendPoi",
    "charging_plan": "isChargingPlanSupported",
    "target_soc": "isChargingTargetSocEnabled",
    "ac_limit": "isChargingPowerLimitEnabled",
}


def _capabilities(raw: JsonReader, state: JsonReader, previous: Vehicle | None) -> Capabilities:
    """Return what the car can do.

    An answer without capabilities does not describe the car, and a car that once reported its
    climate control or tyres has them for good: otherwise an incomplete answer would remove
    entities, with their history, from people's homes.
    """
    known = previous.capabilities if previous else Capabilities()
    reports = state.flag("isLscSupported")
    features = {
        "state_reports": known.state_reports if reports is None else reports,
        "tires": known.tires or bool(state.part("tireState")),
        "climate_state": known.climate_state or "climateControlState" in state,
        "commands": True,
        "find_vehicle": True,  # the library: it works even where `vehicleFinder` is false
    }
    if raw:
        services = {
            name: raw.flag(flag, kept=getattr(known, name)) or False
            for name, flag in _FLAGS.items()
        }
        commands = raw.part("remoteChargingCommands")
        if commands.is_list_invalid("chargingControl"):
            services |= {"charge_start": known.charge_start, "charge_stop": known.charge_stop}
        else:
            offered = commands.texts("chargingControl")
            services |= {"charge_start": "START" in offered, "charge_stop": "STOP" in offered}
    else:
        names = (*_FLAGS, "charge_start", "charge_stop")
        services = {name: getattr(known, name) for name in names}
    return Capabilities(**features, **services)


def _software_version(attributes: JsonReader) -> str | None:
    """Write it as the car's own screen does: month/year.step."""
    software = attributes.part("softwareVersionCurrent")
    month = software.part("puStep").whole("month", 1, 12)
    year = software.part("puStep").whole("year", 0, 99)
    step = software.whole("iStep", 0)
    if month is None or year is None or step is None:
        return None
    return f"{month:02d}/20{year:02d}.{str(step)[1:]}"


def _ranges(
    state: JsonReader, drive_train: DriveTrain | None, known: Vehicle
) -> tuple[float | None, float | None, float | None]:
    """Return the ranges in km: total, electric, fuel.

    What BMW calls the fuel range of a plug-in hybrid is the total; the old i3 with range extender
    gives both parts.
    """
    has_battery = drive_train is not None and drive_train.has_battery
    has_engine = drive_train is not None and drive_train.has_engine
    is_part = drive_train is DriveTrain.ELECTRIC_WITH_RANGE_EXTENDER
    is_total = has_battery and not is_part
    known_fuel_km = known.range_km if is_total else known.fuel.range_km
    fuel_km = state.part("combustionFuelLevel").number("range", 0, MAX_RANGE_KM, kept=known_fuel_km)
    electric_km = state.part("electricChargingState").number(
        "range", 0, MAX_RANGE_KM, kept=known.charging.range_km
    )
    if not has_battery:
        return (fuel_km, None, fuel_km) if has_engine else (None, None, None)
    if not has_engine:
        return electric_km, electric_km, None
    if fuel_km is None or electric_km is None:
        return (None, electric_km, fuel_km) if is_part else (fuel_km, electric_km, None)
    if is_part:
        return fuel_km + electric_km, electric_km, fuel_km
    return fuel_km, electric_km, max(fuel_km - electric_km, 0)


def _fuel(raw: JsonReader, range_km: float | None, known: Fuel) -> Fuel:
    return Fuel(
        remaining_l=raw.number("remainingFuelLiters", 0, MAX_FUEL_L, kept=known.remaining_l),
        remaining_percent=raw.number("remainingFuelPercent", 0, 100, kept=known.remaining_percent),
        range_km=range_km,
    )


def _climate(
    state: JsonReader, known: Climate, time: ReportTime, responses: VehicleResponses
) -> Climate:
    """Return what the climate control does; it is off once the end it has named is past."""
    raw = state.part("climateControlState")
    activity = raw.word("activity", ClimateActivity, kept=known.activity)
    remaining_s = raw.number("remainingSeconds", 0, LONGEST_CLIMATE_S, kept=known.remaining_s)
    measured_at = time.update(
        (activity, remaining_s),
        reported_at=responses.reported_at,
        received_at=responses.fetched_at,
    )
    climate = Climate(activity=activity, remaining_s=remaining_s)
    if not climate.is_on or not remaining_s:
        return climate
    end_time = measured_at + timedelta(seconds=remaining_s)
    if responses.fetched_at - end_time > CLIMATE_OVERDUE:
        return Climate(activity=ClimateActivity.INACTIVE)
    return replace(climate, end_time=end_time)


def _departure_timers(state: JsonReader) -> tuple[Timer, ...]:
    """Read the timers of the charging profile; cars without one have climate timers."""
    timers = state.part("chargingProfile").parts("departureTimes")
    if timers is not None:
        return tuple(
            _timer(timer, timer.whole("id") or place, "timeStamp", "action")
            for place, timer in enumerate(timers, start=1)
        )
    return tuple(
        _timer(timer, place, "departureTime", "timerAction")
        for place, timer in enumerate(state.parts("climateTimers") or (), start=1)
    )


def _timer(raw: JsonReader, number: int, time_key: str, action_key: str) -> Timer:
    return Timer(
        id=number,
        time=raw.clock(time_key),
        weekdays=raw.texts("timerWeekDays"),
        is_active=raw.text(action_key) == "ACTIVATE",
    )
