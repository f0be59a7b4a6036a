"""The position of a snapshot: of the parked vehicle, or as the vehicle finder has found it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from bimmer_connected.coord_convert import gcj2wgs

from bmw2mqtt.accounts.mybmw.snapshot.json_reader import JsonReader, ReportWord, ignore
from bmw2mqtt.accounts.mybmw.snapshot.responses import VehicleResponses
from bmw2mqtt.vehicle.snapshot import Position, Vehicle


def located(
    vehicle: Vehicle,
    responses: VehicleResponses,
    state: JsonReader,
    known: Vehicle,
    report: ReportWord,
) -> Vehicle:
    """Return a snapshot with the position: the vehicle finder's if that is newer."""
    location = state.part("location")
    found = _found(responses.found, state, report)
    position = None
    if found or vehicle.capabilities.tracking:
        coordinates = found or location.part("coordinates")
        position = _position(coordinates, is_in_china=responses.is_in_china)
        if position is None and _is_garbage(coordinates):
            position = known.position
    return replace(
        vehicle,
        measured_at=_measured_at(responses.found) if found else {},
        position=position,
        had_position=position is not None or known.had_position,
        heading_deg=(found or location).whole("heading", 0, 360),
    )


def _found(answer: Any, state: JsonReader, report: ReportWord) -> JsonReader:
    """Return what the vehicle finder answered, unless BMW has fetched the state since."""
    if not isinstance(answer, dict):
        return JsonReader(None, report)
    fetched_at = state.moment("lastFetched")
    is_newer = fetched_at is None or answer["timestamp"] > fetched_at
    return JsonReader(answer if is_newer else None, report)


def _is_garbage(coordinates: JsonReader) -> bool:
    """Whether BMW sent unreadable coordinates; half a pair or `null` means no position."""
    names = ("latitude", "longitude")
    return coordinates.is_invalid or all(coordinates.is_given(name) for name in names)


def _measured_at(found: Any) -> Mapping[str, datetime]:
    """Return the time of the vehicle finder's answer, by its entity."""
    return {"device_tracker/location": found["timestamp"]}


def with_found_position(vehicle: Vehicle, *, found: Any, is_in_china: bool) -> Vehicle:
    """Return a snapshot that shows what the vehicle finder has just answered."""
    answer = JsonReader(found, ignore)
    measured_at = {**vehicle.measured_at, **_measured_at(found)}
    return replace(
        vehicle,
        measured_at=MappingProxyType(measured_at),
        position=_position(answer, is_in_china=is_in_china),
        had_position=True,
        heading_deg=answer.whole("heading", 0, 360),
    )


def _position(coordinates: JsonReader, *, is_in_china: bool) -> Position | None:
    """Return a position in WGS 84; `None` without both coordinates."""
    latitude = coordinates.number("latitude", -90, 90)
    longitude = coordinates.number("longitude", -180, 180)
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None  # no car is at 0/0, in the Atlantic
    if is_in_china:  # maps there are shifted (GCJ-02)
        longitude, latitude = gcj2wgs(gcjLon=longitude, gcjLat=latitude)  # type: ignore[no-untyped-call]
    return Position(latitude=latitude, longitude=longitude)
