"""Snapshot builder: makes a `Vehicle` of BMW's raw answers.

The library's parsed objects are not used: they keep values of earlier answers that a new one leaves
out. What the last answer did not contain is unknown. Only two things are kept from the snapshot
before: the kind of vehicle, and a forecast that has not changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bimmer_connected.coord_convert import gcj2wgs

from bmw2mqtt.accounts.mybmw.snapshot.charging import charging
from bmw2mqtt.accounts.mybmw.snapshot.end_time import EndTimeReport
from bmw2mqtt.accounts.mybmw.snapshot.json_reader import JsonReader, ReportWord, find_word
from bmw2mqtt.vehicle.snapshot import (
    Capabilities,
    CheckControlMessage,
    Climate,
    ClimateActivity,
    DriveTrain,
    Fuel,
    LockState,
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
from bmw2mqtt.vehicle.states import AlarmState

LONGEST_CLIMATE_S = 24 * 60 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleResponses:
    """BMW's answers about one vehicle, as bimmer_connected keeps them in `MyBMWVehicle.data`."""

    vin: str
    brand: str
    attributes: Any
    capabilities: Any
    state: Any
    charging_settings: Any
    fetched_at: datetime
    found: Any = None
    """The vehicle finder's last answer, with `timestamp`; `None` without one."""
    is_in_china: bool = False

    def are_equivalent(self, before: "VehicleResponses | None", snapshot: Vehicle) -> bool:
        """Whether they give the same snapshot as the answers before.

        Only the next start of charging depends on the time of the request.
        """
        start_time = snapshot.charging.start_time
        is_start_over = start_time is not None and start_time <= self.fetched_at
        return (
            before is not None
            and not is_start_over
            and self == replace(before, fetched_at=self.fetched_at)
        )


def to_vehicle(
    responses: VehicleResponses,
    *,
    previous: Vehicle | None,
    report: ReportWord,
    image: bytes | None = None,
) -> Vehicle:
    """Make a snapshot.

    Args:
        responses: BMW's last answers.
        previous: the snapshot before; `None` for the first.
        report: called with words of BMW that are not known.
        image: a picture of the car.
    """
    attributes = JsonReader(responses.attributes, report)
    state = JsonReader(responses.state, report)
    drive_train = attributes.word("driveTrain", DriveTrain)
    timing = EndTimeReport(
        fetched_at=responses.fetched_at,
        updated_at=state.moment("lastUpdatedAt"),
        previous=previous,
    )
    total_km, electric_km, fuel_km = _ranges(state, drive_train)
    capabilities = _capabilities(JsonReader(responses.capabilities, report), state, previous)
    location = state.part("location")
    found = _found(responses.found, state, report)
    position = None
    if found or capabilities.tracking:
        coordinates = found or location.part("coordinates")
        position = _position(coordinates, is_in_china=responses.is_in_china)
    return Vehicle(
        vin=responses.vin,
        model=attributes.text("model") or f"{responses.brand} {responses.vin[-6:]}",
        brand=responses.brand,
        drive_train=drive_train,
        software_version=_software_version(attributes),
        capabilities=capabilities,
        updated_at=timing.updated_at,
        mileage_km=state.number("currentMileage", 0),
        range_km=total_km,
        fuel=_fuel(state.part("combustionFuelLevel"), fuel_km),
        charging=charging(
            state, JsonReader(responses.charging_settings, report), timing, range_km=electric_km
        ),
        climate=_climate(state, timing),
        door_lock=state.part("doorsState").word("combinedSecurityState", LockState),
        lids=_lids(state, report),
        windows=_openings(windows, report) if (windows := state.part("windowsState")) else None,
        alarm=_alarm(state),
        services=_services(state.parts("requiredServices")),
        check_control_messages=_messages(state.parts("checkControlMessages")),
        tires=_tires(state.part("tireState")),
        departure_timers=_departure_timers(state),
        position=position,
        had_position=position is not None or (previous is not None and previous.had_position),
        heading_deg=(found or location).whole("heading", 0, 360),
        image=image,
    )


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
    """Read what the car can do.

    An answer without capabilities says nothing about the car, and a car that once told of its
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
        "find_vehicle": True,  # works even where `vehicleFinder` is false, says the library
    }
    if raw:
        charge = raw.part("remoteChargingCommands").texts("chargingControl")
        services = {name: raw.flag(flag) or False for name, flag in _FLAGS.items()}
        services |= {"charge_start": "START" in charge, "charge_stop": "STOP" in charge}
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
    state: JsonReader, drive_train: DriveTrain | None
) -> tuple[float | None, float | None, float | None]:
    """Return the ranges in km: total, electric, fuel.

    What BMW calls the fuel range of a plug-in hybrid is the total; the old i3 with range extender
    gives both parts.
    """
    fuel_km = state.part("combustionFuelLevel").number("range", 0)
    electric_km = state.part("electricChargingState").number("range", 0)
    has_battery = drive_train is not None and drive_train.has_battery
    has_engine = drive_train is not None and drive_train.has_engine
    if not has_battery:
        return (fuel_km, None, fuel_km) if has_engine else (None, None, None)
    if not has_engine:
        return electric_km, electric_km, None
    is_part = drive_train is DriveTrain.ELECTRIC_WITH_RANGE_EXTENDER
    if fuel_km is None or electric_km is None:
        return (None, electric_km, fuel_km) if is_part else (fuel_km, electric_km, None)
    if is_part:
        return fuel_km + electric_km, electric_km, fuel_km
    return fuel_km, electric_km, max(fuel_km - electric_km, 0)


def _fuel(raw: JsonReader, range_km: float | None) -> Fuel:
    return Fuel(
        remaining_l=raw.number("remainingFuelLiters", 0),
        remaining_percent=raw.number("remainingFuelPercent", 0, 100),
        range_km=range_km,
    )


def _climate(state: JsonReader, timing: EndTimeReport) -> Climate:
    raw = state.part("climateControlState")
    remaining_s = raw.number("remainingSeconds", 0, LONGEST_CLIMATE_S)
    known = timing.previous.climate if timing.previous else Climate()
    end_time = None
    if remaining_s is not None:
        end_time = timing.end_time(
            timedelta(seconds=remaining_s),
            known=known.end_time,
            is_unchanged=remaining_s == known.remaining_s,
        )
    return Climate(
        activity=raw.word("activity", ClimateActivity),
        end_time=end_time,
        remaining_s=remaining_s,
    )


def _departure_timers(state: JsonReader) -> tuple[Timer, ...]:
    """Read the timers of the charging profile; cars without one have climate timers."""
    timers = state.part("chargingProfile").parts("departureTimes")
    if timers is not None:
        return tuple(
            Timer(
                id=timer.whole("id") or place,
                time=timer.clock("timeStamp"),
                weekdays=timer.texts("timerWeekDays"),
                is_active=timer.text("action") == "ACTIVATE",
            )
            for place, timer in enumerate(timers, start=1)
        )
    return tuple(
        Timer(
            id=place,
            time=timer.clock("departureTime"),
            weekdays=timer.texts("timerWeekDays"),
            is_active=timer.text("timerAction") == "ACTIVATE",
        )
        for place, timer in enumerate(state.parts("climateTimers") or (), start=1)
    )


def _openings(raw: JsonReader, report: ReportWord) -> tuple[Opening, ...]:
    """Read doors or windows by BMW's names; one that is INVALID is not fitted."""
    return tuple(
        Opening(name=name, state=_opening_state(name, value, report))
        for name, value in raw.items()
        if name not in {"combinedState", "combinedSecurityState"} and value != "INVALID"
    )


def _opening_state(name: str, value: Any, report: ReportWord) -> OpeningState:
    known = find_word(value, OpeningState) if isinstance(value, str) else None
    if known is None and isinstance(value, str):
        report(name, value)
    return known or OpeningState.UNKNOWN


def _lids(state: JsonReader, report: ReportWord) -> tuple[Opening, ...] | None:
    """Doors, hood, trunk and roof; a roof alone does not tell of the doors."""
    roof = state.part("roofState")
    name, value = roof.text("roofStateType"), roof.text("roofState")
    doors = state.part("doorsState")
    lids = _openings(doors, report)
    if name and value and value != "INVALID":
        lids += (Opening(name=_camel_case(name), state=_opening_state(name, value, report)),)
    is_any_known_open = any(lid.state is not OpeningState.CLOSED for lid in lids)
    return lids if doors or is_any_known_open else None


def _camel_case(text: str) -> str:
    """`SUN_ROOF` becomes `sunRoof`, as the other lids are named."""
    first, *others = text.lower().split("_")
    return first + "".join(word.capitalize() for word in others)


def _alarm(state: JsonReader) -> AlarmState | None:
    mode = state.text("securityOverviewMode")
    if mode is None:
        return None
    return AlarmState.ARMED if mode == "ARMED" else AlarmState.UNARMED


def _services(entries: list[JsonReader] | None) -> tuple[Service, ...] | None:
    if entries is None:
        return None
    return tuple(
        Service(
            type=service_type,
            status=entry.word("status", ServiceStatus) or ServiceStatus.UNKNOWN,
            due_date=entry.day("dateTime"),
            due_distance_km=entry.whole("mileage", 1),
            description=entry.text("description"),
        )
        for entry in entries
        if (service_type := entry.text("type"))
    )


def _messages(entries: list[JsonReader] | None) -> tuple[CheckControlMessage, ...] | None:
    """Leave out what is OK: BMW lists it too."""
    if entries is None:
        return None
    return tuple(
        CheckControlMessage(
            type=message_type,
            severity=entry.word("severity", Severity) or Severity.UNKNOWN,
            description=entry.text("longDescription"),
        )
        for entry in entries
        if (message_type := entry.text("type")) and (entry.text("severity") or "").upper() != "OK"
    )


def _tires(raw: JsonReader) -> Tires:
    return Tires(
        front_left=_tire(raw.part("frontLeft")),
        front_right=_tire(raw.part("frontRight")),
        rear_left=_tire(raw.part("rearLeft")),
        rear_right=_tire(raw.part("rearRight")),
    )


def _tire(raw: JsonReader) -> Tire:
    status = raw.part("status")
    return Tire(
        pressure_kpa=status.number("currentPressure", 0),
        target_pressure_kpa=status.number("targetPressure", 0),
    )


def _found(answer: Any, state: JsonReader, report: ReportWord) -> JsonReader:
    """Return what the vehicle finder answered, unless BMW has fetched the state since."""
    if not isinstance(answer, dict):
        return JsonReader(None, report)
    fetched_at = state.moment("lastFetched")
    is_newer = fetched_at is None or answer["timestamp"] > fetched_at
    return JsonReader(answer if is_newer else None, report)


def with_found_position(vehicle: Vehicle, *, found: Any, is_in_china: bool) -> Vehicle:
    """Return a snapshot that shows what the vehicle finder has just answered."""
    answer = JsonReader(found, lambda *_: None)
    return replace(
        vehicle,
        position=_position(answer, is_in_china=is_in_china),
        had_position=True,
        heading_deg=answer.whole("heading", 0, 360),
    )


def _position(coordinates: JsonReader, *, is_in_china: bool) -> Position | None:
    latitude = coordinates.number("latitude", -90, 90)
    longitude = coordinates.number("longitude", -180, 180)
    if latitude is None or longitude is None:
        return None
    if is_in_china:  # maps there are shifted (GCJ-02)
        longitude, latitude = gcj2wgs(gcjLon=longitude, gcjLat=latitude)  # type: ignore[no-untyped-call]
    return Position(latitude=latitude, longitude=longitude)
