"""Turns what the rules about trips produce into rows."""

from datetime import datetime

from bmw2mqtt.history.records import RefuelRecord, TripRecord
from bmw2mqtt.vehicle.trips import Coordinates, Refuel, Trip


def trip_record(vin: str, trip: Trip, *, keep_positions: bool) -> TripRecord:
    """Return the row of a trip; without positions unless the owner wants them."""
    start, end = (trip.position_from, trip.position_to) if keep_positions else (None, None)
    return TripRecord(
        vin=vin,
        key=trip.key,
        start_at=_second(trip.start_at),
        start_known=trip.start_known,
        end_at=int(trip.end_at.timestamp()),
        end_source=trip.end_source,
        km=trip.km,
        distance_source=trip.distance_source,
        odometer_start_km=trip.odometer_start_km,
        odometer_end_km=trip.odometer_end_km,
        soc_start=trip.soc_start,
        soc_end=trip.soc_end,
        kwh=trip.kwh,
        kwh_per_100km=trip.kwh_per_100km,
        fuel_start_l=trip.fuel_start_l,
        fuel_end_l=trip.fuel_end_l,
        litres=trip.litres,
        zone_from=trip.zone_from,
        zone_to=trip.zone_to,
        from_latitude=_latitude(start),
        from_longitude=_longitude(start),
        to_latitude=_latitude(end),
        to_longitude=_longitude(end),
        track=tuple((place.latitude, place.longitude) for place in trip.track)
        if keep_positions
        else (),
    )


def refuel_record(vin: str, refuel: Refuel, *, keep_positions: bool) -> RefuelRecord:
    """Return the row of a refuelling; without a position unless the owner wants it."""
    place = refuel.position if keep_positions else None
    return RefuelRecord(
        vin=vin,
        key=refuel.key,
        at=int(refuel.at.timestamp()),
        not_before=_second(refuel.not_before),
        before_l=refuel.before_l,
        after_l=refuel.after_l,
        before_percent=refuel.before_percent,
        after_percent=refuel.after_percent,
        litres=refuel.litres,
        odometer_km=refuel.odometer_km,
        litres_per_100km=refuel.litres_per_100km,
        zone=refuel.zone,
        latitude=_latitude(place),
        longitude=_longitude(place),
    )


def _second(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())


def _latitude(place: Coordinates | None) -> float | None:
    return None if place is None else round(place.latitude, 5)


def _longitude(place: Coordinates | None) -> float | None:
    return None if place is None else round(place.longitude, 5)
