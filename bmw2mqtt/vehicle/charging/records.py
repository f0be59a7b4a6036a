"""Merge BMW's charging history with our own sessions: a record enriches, it never doubles.

A record and a session belong together if they overlap or begin within half an hour. Our own
fragments inside the record's time become one session. What we measured stays; BMW adds the grid
energy, its blocks, and the SoC where ours is unknown or flat.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bmw2mqtt.vehicle.charging.constants import RECORD_ABSORB, RECORD_MATCH
from bmw2mqtt.vehicle.charging.session import (
    BmwSession,
    ChargingSession,
    EndSource,
    Flag,
    Meter,
    Phase,
    StartSource,
    session_id,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The result of an import."""

    sessions: tuple[ChargingSession, ...]
    """All sessions, oldest first."""
    changed: tuple[ChargingSession, ...]
    """Those of them that are new or different: to be stored."""
    absorbed: tuple[ChargingSession, ...]
    """Fragments that became part of another session: to be deleted."""


def merge_records(sessions: Iterable[ChargingSession], records: Iterable[BmwSession]) -> Merged:
    """Merge BMW's records into sessions; a second time it changes nothing.

    An open session is left alone, and so is BMW's record of it: the car may not have reported its
    end yet. It is merged when the record comes again.
    """
    before = {session.id: session for session in sessions}
    after = dict(before)
    absorbed: list[ChargingSession] = []
    still_open = [session for session in before.values() if session.is_open]
    pairs = _pairs([s for s in before.values() if not s.is_open], list(records))
    paired = {session.id for _, session in pairs if session is not None}
    for record, session in pairs:
        if session is None and any(_is_match(other, record) for other in still_open):
            continue
        if session is None:
            created = _created(record, after)
            after[created.id] = created
            continue
        fragments = [
            other
            for other in after.values()
            if other.id not in paired and not other.is_open and _is_inside(other, record)
        ]
        for fragment in fragments:
            del after[fragment.id]
        absorbed += fragments
        after[session.id] = _enriched(_joined([session, *fragments]), record)
    return Merged(
        sessions=tuple(sorted(after.values(), key=lambda session: session.start_at)),
        changed=tuple(s for s in after.values() if before.get(s.id) != s),
        absorbed=tuple(absorbed),
    )


def _pairs(
    sessions: Sequence[ChargingSession], records: Sequence[BmwSession]
) -> list[tuple[BmwSession, ChargingSession | None]]:
    """Give each record its session: the one it already has, else the one it overlaps most."""
    unique = {record.start_at: record for record in records}
    found: dict[datetime, ChargingSession] = {}
    used: set[str] = set()
    for session in sessions:
        if session.bmw is not None and session.bmw.start_at in unique:
            found[session.bmw.start_at] = session
            used.add(session.id)
    candidates = [
        (-_overlap_s(session, record), abs(session.start_at - record.start_at), record, session)
        for record in unique.values()
        for session in sessions
        if session.bmw is None and record.start_at not in found and _is_match(session, record)
    ]
    candidates.sort(key=lambda item: (*item[:2], item[2].start_at, item[3].start_at))
    for *_, record, session in candidates:
        if record.start_at not in found and session.id not in used:
            found[record.start_at] = session
            used.add(session.id)
    ordered = sorted(unique.values(), key=lambda record: record.start_at)
    return [(record, found.get(record.start_at)) for record in ordered]


def _is_match(session: ChargingSession, record: BmwSession) -> bool:
    return (
        abs(session.start_at - record.start_at) <= RECORD_MATCH or _overlap_s(session, record) > 0
    )


def _overlap_s(session: ChargingSession, record: BmwSession) -> float:
    end_at = session.end_at or record.end_at
    overlap = min(end_at, record.end_at) - max(session.start_at, record.start_at)
    return max(0.0, overlap.total_seconds())


def _is_inside(session: ChargingSession, record: BmwSession) -> bool:
    end_at = session.end_at or session.start_at
    begin, end = record.start_at - RECORD_ABSORB, record.end_at + RECORD_ABSORB
    return session.bmw is None and begin <= session.start_at and end_at <= end


def _created(record: BmwSession, others: dict[str, ChargingSession]) -> ChargingSession:
    """Return a session that only BMW knows of."""
    identity = session_id(record.start_at)
    while identity in others:
        identity += "b"
    return ChargingSession(
        id=identity,
        phase=Phase.ENDED,
        start_at=record.start_at,
        start_source=StartSource.BMW,
        proof_at=max(record.start_at, record.end_at),
        proof_source=EndSource.BMW,
        last_evidence_at=max(record.start_at, record.end_at),
        soc_start=record.soc_start,
        soc_end=record.soc_end,
        odometer_km=record.odometer_km,
        bmw=record,
    )


def _joined(fragments: Sequence[ChargingSession]) -> ChargingSession:
    """Return our own fragments as one session, under the id of the matched one."""
    if len(fragments) == 1:
        return fragments[0]
    ordered = sorted(fragments, key=lambda session: session.start_at)
    first, last = ordered[0], ordered[-1]
    blocks = tuple(block for session in ordered for block in session.blocks)
    starts = [session.soc_start for session in ordered if session.soc_start is not None]
    ends = [session.soc_end for session in ordered if session.soc_end is not None]
    peaks = [session.peak_kw for session in ordered if session.peak_kw is not None]
    return replace(
        last,
        id=fragments[0].id,
        start_at=first.start_at,
        start_source=first.start_source,
        start_accuracy_s=first.start_accuracy_s,
        blocks=blocks,
        plugged_at=first.plugged_at,
        soc_start=starts[0] if starts else None,
        soc_end=ends[-1] if ends else None,
        peak_kw=max(peaks, default=None),
        meter=_joined_meter([session.meter for session in ordered]),
        gap_s=sum(session.gap_s for session in ordered),
        flags=frozenset[Flag]().union(*(session.flags for session in ordered)),
        counted_kwh=sum(session.counted_kwh for session in ordered),
    )


def _ended_earlier(session: ChargingSession, record: BmwSession) -> ChargingSession:
    """Return a session that was open until it was unplugged with the end that BMW knows of."""
    latest = record.end_at + RECORD_ABSORB
    if not session.blocks or session.end_at is None or session.end_at <= latest:
        return session
    last = session.blocks[-1]
    if session.last_evidence_at > latest or last.start_at >= record.end_at:
        return session
    session = session.with_last_block(end_at=record.end_at)
    return replace(session, proof_at=record.end_at, proof_source=EndSource.BMW)


def _joined_meter(meters: Sequence[Meter | None]) -> Meter | None:
    """Return what a wallbox counted of all fragments; `None` if it missed one."""
    known = [meter for meter in meters if meter is not None]
    if len(known) < len(meters):
        return None
    return replace(
        known[-1],
        start_kwh=known[0].start_kwh,
        start_total_kwh=known[-1].last_total_kwh - sum(meter.kwh for meter in known),
    )


def _enriched(session: ChargingSession, record: BmwSession) -> ChargingSession:
    """Add BMW's figures.

    An inferred session gets BMW's times, one that ended in silence BMW's end, and a flat or unknown
    SoC BMW's SoC.
    """
    session = _ended_earlier(session, record)
    changes = replace(session, bmw=record, odometer_km=session.odometer_km or record.odometer_km)
    has_soc = record.soc_start is not None and record.soc_end is not None
    is_flat = session.soc_gain is None or session.soc_gain <= 0
    if has_soc and (is_flat or session.start_source is StartSource.INFERRED):
        changes = replace(changes, soc_start=record.soc_start, soc_end=record.soc_end)
    if session.start_source in {StartSource.INFERRED, StartSource.BMW}:
        end_at = max(record.start_at, record.end_at)
        changes = replace(
            changes,
            start_at=record.start_at,
            start_source=StartSource.BMW,
            start_accuracy_s=0.0,
            proof_at=end_at,
            proof_source=EndSource.BMW,
            last_evidence_at=end_at,
        )
    return changes
