"""Turns what the rules of charging produce into rows, and rows into what is published."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from bmw2mqtt.history.price_log import PriceLog
from bmw2mqtt.history.prices import cost_of
from bmw2mqtt.history.records import BlockRecord, CurvePoint, SessionRecord, second
from bmw2mqtt.vehicle.charging.energy import (
    active_s,
    energy_of,
    is_failed,
    is_listed,
    kind_of,
    mean_kw,
    peak_kw,
)
from bmw2mqtt.vehicle.charging.session import Block, ChargingSession, StartSource
from bmw2mqtt.vehicle.history import ChargeSummary
from bmw2mqtt.vehicle.trips import Coordinates

_FAILED: Final = "failed"


def session_key(session: ChargingSession) -> int:
    """Return the key of a session's row: the second at which it began as first known."""
    identity, suffix = session.id[:16], session.id[16:]
    begin = datetime.strptime(identity, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return int(begin.timestamp()) + len(suffix)


def session_record(
    vin: str,
    session: ChargingSession,
    *,
    zone: str | None,
    place: Coordinates | None = None,
    curve: tuple[CurvePoint, ...] = (),
    price_per_kwh: float | None = None,
    currency: str = "EUR",
    prices: PriceLog | None = None,
) -> SessionRecord:
    """Return the row of a session: without its place, unless positions are to be stored."""
    bmw, meter = session.bmw, session.meter
    record = SessionRecord(
        vin=vin,
        key=session_key(session),
        **_times(session),
        **_amounts(session),
        time_zone=bmw.time_zone if bmw else None,
        soc_start=session.soc_start,
        soc_end=session.soc_reached,
        odometer_km=session.odometer_km,
        meter_start_kwh=meter.start_kwh if meter else None,
        meter_end_kwh=meter.last_kwh if meter else None,
        zone=zone,
        latitude=round(place.latitude, 5) if place else None,
        longitude=round(place.longitude, 5) if place else None,
        status=_FAILED if is_failed(session) else session.phase.value,
        is_hidden=not is_listed(session),
        flags=_flags(session),
        bmw_start=second(bmw.start_at) if bmw else None,
        blocks=_blocks(session),
        curve=curve,
    )
    samples = prices.between(*_period(record)) if prices else ()
    cost = cost_of(record, price_per_kwh=price_per_kwh, currency=currency, samples=samples)
    if cost is None:
        return record
    return replace(
        record,
        cost=cost.amount,
        currency=cost.currency,
        cost_source=cost.source,
        is_cost_partial=cost.is_partial,
    )


def _period(record: SessionRecord) -> tuple[int | None, int | None]:
    """Return when energy may have flowed."""
    times = [record.start_at, record.end_at]
    times += [at for block in record.blocks for at in (block.start_at, block.end_at)]
    known = [at for at in times if at is not None]
    return min(known, default=None), max(known, default=None)


def _times(session: ChargingSession) -> dict[str, Any]:
    is_inferred = session.start_source is StartSource.INFERRED
    return {
        "start_at": None if is_inferred else second(session.start_at),
        "start_source": session.start_source.value,
        "start_accuracy_s": round(session.start_accuracy_s),
        "end_at": second(session.end_at),
        "end_source": session.end_source and session.end_source.value,
        "plugged_at": second(session.plugged_at),
        "unplugged_at": second(session.unplugged_at),
        "active_s": _rounded(active_s(session)),
        "gap_s": round(session.gap_s),
    }


def _amounts(session: ChargingSession) -> dict[str, Any]:
    energy = energy_of(session)
    return {
        "battery_kwh": energy.battery_kwh,
        "grid_kwh": energy.grid_kwh,
        "energy_source": energy.source and energy.source.value,
        "kind": kind_of(session).value,
        "peak_kw": peak_kw(session),
        "mean_kw": mean_kw(session),
    }


def _flags(session: ChargingSession) -> str:
    flags = sorted(flag.value for flag in session.flags)
    if session.start_source is StartSource.INFERRED:
        flags.append("inferred")
    if session.is_only_preconditioning:
        flags.append("preconditioning")
    return " ".join(flags)


def last_charge(record: SessionRecord) -> ChargeSummary:
    """Return what is published of a session that is over."""
    return ChargeSummary(
        start=_moment(record.start_at),
        end=_moment(record.end_at),
        energy_kwh=record.grid_kwh,
        soc_start=record.soc_start,
        soc_end=record.soc_end,
        kind=record.kind,
        peak_kw=record.peak_kw,
        mean_kw=record.mean_kw,
        active_minutes=None if record.active_s is None else round(record.active_s / 60),
        source=record.energy_source,
        place=record.zone,
        cost=record.cost,
        currency=record.currency,
    )


def _blocks(session: ChargingSession) -> tuple[BlockRecord, ...]:
    """Return BMW's blocks if there are any, else our own."""
    if session.bmw is not None and session.bmw.blocks:
        return tuple(
            BlockRecord(
                start_at=int(block.start_at.timestamp()),
                end_at=int(block.end_at.timestamp()),
                kwh=block.mean_kw * block.duration_s / 3600,
                mean_kw=block.mean_kw,
            )
            for block in session.bmw.blocks
        )
    return tuple(_block(block) for block in session.blocks if block.end_at is not None)


def _block(block: Block) -> BlockRecord:
    """Return a block with its measured energy, where power was known for all of it."""
    assert block.end_at is not None  # noqa: S101 - the caller's condition
    measured = max((block.grid, block.battery), key=lambda integral: integral.covered_s)
    hours = block.duration_s / 3600
    is_covered = hours > 0 and measured.covered_s >= block.duration_s - 1
    return BlockRecord(
        start_at=int(block.start_at.timestamp()),
        end_at=int(block.end_at.timestamp()),
        kwh=measured.kwh if is_covered else None,
        mean_kw=measured.kwh / hours if is_covered else None,
    )


def _moment(at: int | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _rounded(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
