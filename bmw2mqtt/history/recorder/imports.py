"""Merges BMW's own record of a car's charges with what was recorded of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bmw2mqtt.history.recorder.energy import Counted
from bmw2mqtt.history.recorder.options import RecorderOptions
from bmw2mqtt.history.recorder.recorded import RecordedSession
from bmw2mqtt.history.records import BmwRecord
from bmw2mqtt.history.sessions import session_key
from bmw2mqtt.vehicle.charging.constants import RECORD_ABSORB
from bmw2mqtt.vehicle.charging.records import merge_records
from bmw2mqtt.vehicle.charging.session import ChargingSession, StartSource
from bmw2mqtt.vehicle.observed import ChargeRecord
from bmw2mqtt.vehicle.trips import Coordinates


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedSessions:
    """The result."""

    changed: tuple[RecordedSession, ...]
    """New or different."""
    absorbed: tuple[str, ...]
    """The ids of sessions that became part of another one."""
    absorbed_keys: dict[int, tuple[int, ...]]
    """The keys of their rows, by the key of that one."""


def merge(
    sessions: Mapping[str, RecordedSession],
    records: Iterable[ChargeRecord],
    options: RecorderOptions,
) -> MergedSessions:
    """Merge BMW's records into sessions (by id); a second time it changes nothing."""
    records = tuple(records)
    merged = merge_records(
        [known.session for known in sessions.values()], [record.session for record in records]
    )
    places = {record.session.start_at: record.place for record in records}
    changed, keys = [], {}
    for session in merged.changed:
        known = sessions.get(session.id) or RecordedSession(session=session)
        parts = [sessions[part.id] for part in merged.absorbed if is_part_of(part, session)]
        place = places.get(session.bmw.start_at) if session.bmw else None
        changed.append(_joined(known, session, parts, place, options))
        if parts:
            keys[session_key(session)] = tuple(session_key(part.session) for part in parts)
    return MergedSessions(
        changed=tuple(changed),
        absorbed=tuple(part.id for part in merged.absorbed),
        absorbed_keys=keys,
    )


def is_part_of(session: ChargingSession, other: ChargingSession) -> bool:
    """Whether a session lies inside BMW's record of another one.

    Of an inferred one only the limits are known: it is the one that BMW has recorded between them.
    """
    record = other.bmw
    if record is None or session.id == other.id or session.is_open:
        return False
    begin, end = session.start_at, session.end_at or session.start_at
    if session.start_source is StartSource.INFERRED and other.start_source is StartSource.BMW:
        return begin - RECORD_ABSORB <= record.start_at and record.end_at <= end + RECORD_ABSORB
    return record.start_at - RECORD_ABSORB <= begin and end <= record.end_at + RECORD_ABSORB


def bmw_row(vin: str, record: ChargeRecord, now: datetime) -> BmwRecord:
    """Return BMW's record as it is kept: rules improve, and it can be derived again."""
    return BmwRecord(
        vin=vin,
        key=int(record.session.start_at.timestamp()),
        json=record.json,
        fetched_at=int(now.timestamp()),
    )


def _joined(
    known: RecordedSession,
    session: ChargingSession,
    parts: list[RecordedSession],
    place: Coordinates | None,
    options: RecorderOptions,
) -> RecordedSession:
    every = [known, *parts]
    zone = known.zone
    if zone is None and place is not None and options.home is not None:
        zone = options.home.zone(place).value
    joined = replace(
        known,
        session=replace(session, counted_kwh=0.0),
        counted=Counted(
            everywhere_kwh=sum(one.counted.everywhere_kwh for one in every),
            home_kwh=sum(one.counted.home_kwh for one in every),
            estimated_kwh=sum(one.counted.estimated_kwh for one in every),
        ),
        zone=zone,
        is_announced=any(one.is_announced for one in every),
    )
    if place is None or known.place is not None or not options.keep_positions:
        return joined
    return replace(joined, latitude=place.latitude, longitude=place.longitude)
