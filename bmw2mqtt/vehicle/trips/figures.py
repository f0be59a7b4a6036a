"""Turns a finished trip into its record: distance, consumption, places."""

from dataclasses import replace

from bmw2mqtt.vehicle.snapshot import DriveTrain
from bmw2mqtt.vehicle.trips import rules
from bmw2mqtt.vehicle.trips.observation import Measured
from bmw2mqtt.vehicle.trips.records import Refuel, Trip
from bmw2mqtt.vehicle.trips.refuelling import Rise
from bmw2mqtt.vehicle.trips.state import LastTrip, OpenTrip, TripState


def finish(trip: OpenTrip, state: TripState) -> LastTrip | None:
    """Return the finished trip; `None` if it is too short to be one."""
    km, source = _distance(trip)
    if (
        km is not None
        and km > rules.ODOMETER_STEP_KM
        and trip.last_moved_at - trip.start_at < rules.NOISE
    ):
        trip.start_known = False  # the first signs were lost
    is_odometer_only = trip.first_moved_at == trip.last_moved_at and not trip.is_streamed
    start_at = None if is_odometer_only and not trip.start_known else trip.start_at
    if _is_noise(trip, km):
        return None
    position_to = trip.position_to.value if trip.position_to else None
    fuel_start = trip.fuel_start.value if trip.fuel_start else None
    fuel_end = _at_end(trip.fuel_end, trip)
    record = Trip(
        key=trip.key,
        start_at=start_at,
        start_known=trip.start_known,
        end_at=trip.last_moved_at,
        end_source=trip.standing_sign or ("odometer" if is_odometer_only else "silence"),
        km=km,
        distance_source=source,
        odometer_start_km=trip.odometer_start_km,
        odometer_end_km=trip.odometer_end_km,
        soc_start=trip.soc_start.value if trip.soc_start else None,
        fuel_start_l=fuel_start,
        fuel_end_l=fuel_end,
        litres=_litres(fuel_start, fuel_end, is_refuelled=trip.is_refuelled),
        zone_from=trip.zone_from,
        zone_to=trip.zone_to,
        position_from=trip.position_from,
        position_to=position_to,
        track=tuple(trip.track),
    )
    last = LastTrip(
        trip=record,
        is_streamed=trip.is_streamed,
        gps_km=trip.gps_m / 1000,
        soc_start=trip.soc_start,
    )
    if trip.soc_end is not None and trip.soc_end.at >= trip.last_moved_at - rules.TRIP_END:
        complete(last, state, trip.soc_end)
    return last


def complete(last: LastTrip, state: TripState, soc_end: Measured[float]) -> bool:
    """Add the SoC at the end, and the consumption if it means something; tell whether it is new."""
    if last.trip.soc_end == soc_end.value:
        return False
    last.soc_end = soc_end
    last.trip = replace(last.trip, soc_end=soc_end.value)
    last.trip = _with_consumption(last, state)
    return True


def correct_distance(last: LastTrip, state: TripState, odometer_km: float) -> None:
    """Add the kilometres that the odometer told of only after the end."""
    start = last.trip.odometer_start_km
    if start is None:
        return
    last.trip = replace(
        last.trip,
        odometer_end_km=odometer_km,
        km=odometer_km - start,
        distance_source="odometer",
    )
    last.trip = _with_consumption(last, state)


def _with_consumption(last: LastTrip, state: TripState) -> Trip:
    kwh = _kwh(last, state.capacity_kwh)
    return replace(
        last.trip, kwh=kwh, kwh_per_100km=_per_100km(kwh, last.trip.km, state.drive_train)
    )


def refuel(rise: Rise, state: TripState, *, is_litres: bool) -> Refuel:
    """Return the record of a rise of the tank's level."""
    moved_to = state.open.position_to if state.open else None
    fix = moved_to or state.parked
    place = fix.value if fix else None
    before, after = rise.before.value, rise.highest
    record = Refuel(
        key=int(rise.first_at.timestamp()),
        at=rise.first_at,
        not_before=min(rise.before.at, rise.first_at),
        before_l=before if is_litres else None,
        after_l=after if is_litres else None,
        before_percent=None if is_litres else before,
        after_percent=None if is_litres else after,
        litres=round(after - before, 1) if is_litres else None,
        odometer_km=rise.odometer_km,
        zone=state.zone,
        position=place,
    )
    previous = state.tank.last
    return record if previous is None else _with_litres(record, previous)


def _with_litres(record: Refuel, previous: Refuel) -> Refuel:
    """Add the consumption since the refuelling before, if the distance is long enough."""
    if record.odometer_km is None or previous.odometer_km is None:
        return record
    if record.before_l is None or previous.after_l is None:
        return record
    km = record.odometer_km - previous.odometer_km
    if km < rules.FUEL_DISTANCE_KM:
        return record
    value = (previous.after_l - record.before_l) / km * 100
    lowest, highest = rules.PLAUSIBLE_L_100KM
    if not lowest <= value <= highest:
        return record
    return replace(record, litres_per_100km=round(value, 1))


def _distance(trip: OpenTrip) -> tuple[float | None, str | None]:
    if trip.odometer_start_km is not None and trip.odometer_end_km is not None:
        km = trip.odometer_end_km - trip.odometer_start_km
        if km >= rules.ODOMETER_STEP_KM:
            return km, "odometer"
    km = trip.gps_m / 1000
    if trip.fixes >= 2 and km < rules.GPS_ONLY_KM:  # noqa: PLR2004 - a way has two ends
        return round(km, 1), "positions"
    return None, None


def _is_noise(trip: OpenTrip, km: float | None) -> bool:
    """Whether it is too short for a record, or nothing but a word left over from a drive."""
    if km is None:
        km = trip.gps_m / 1000 if trip.is_announced else 0
    is_short = trip.start_known and trip.last_moved_at - trip.start_at < rules.NOISE
    return km < rules.NOISE_KM or (is_short and km <= rules.ODOMETER_STEP_KM)


def _at_end(level: Measured[float] | None, trip: OpenTrip) -> float | None:
    return level.value if level and level.at >= trip.last_moved_at - rules.TRIP_END else None


def _litres(start: float | None, end: float | None, *, is_refuelled: bool) -> float | None:
    if start is None or end is None or is_refuelled or end > start:
        return None
    return round(start - end, 1)


def _kwh(last: LastTrip, capacity_kwh: float | None) -> float | None:
    """Return the energy used; `None` where the two levels of charge do not tell it."""
    start, end, trip = last.soc_start, last.soc_end, last.trip
    if start is None or end is None or trip.start_at is None or not trip.start_known:
        return None
    if capacity_kwh is None or start.at < trip.start_at - rules.SOC_BEFORE_START:
        return None
    points = start.value - end.value
    return round(points * capacity_kwh / 100, 2) if points >= rules.SOC_POINTS else None


def _per_100km(kwh: float | None, km: float | None, drive_train: DriveTrain | None) -> float | None:
    if kwh is None or not km or (drive_train is not None and drive_train.has_engine):
        return None  # with an engine the battery is only a part of it
    value = kwh / km * 100
    lowest, highest = rules.PLAUSIBLE_KWH_100KM
    return round(value, 1) if lowest <= value <= highest else None
