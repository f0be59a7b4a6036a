"""The position of a snapshot: of the parked vehicle, or as the vehicle finder has found it."""

from dataclasses import replace
from typing import Any

from bimmer_connected.coord_convert import gcj2wgs

from bmw2mqtt.accounts.mybmw.snapshot.json_reader import JsonReader, ReportWord
from bmw2mqtt.vehicle.snapshot import Position, Vehicle


def found_position(answer: Any, state: JsonReader, report: ReportWord) -> JsonReader:
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
        position=position_of(answer, is_in_china=is_in_china),
        had_position=True,
        heading_deg=answer.whole("heading", 0, 360),
    )


def position_of(coordinates: JsonReader, *, is_in_china: bool) -> Position | None:
    """Return a position in WGS 84; `None` without both coordinates."""
    latitude = coordinates.number("latitude", -90, 90)
    longitude = coordinates.number("longitude", -180, 180)
    if latitude is None or longitude is None:
        return None
    if is_in_china:  # maps there are shifted (GCJ-02)
        longitude, latitude = gcj2wgs(gcjLon=longitude, gcjLat=latitude)  # type: ignore[no-untyped-call]
    return Position(latitude=latitude, longitude=longitude)
