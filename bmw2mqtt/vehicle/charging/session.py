"""A charging session: everything that happened during one plug-in, as an immutable record.

A session holds what was observed. What follows from it (energy, AC or DC, whether it failed) is
computed in `energy`, so that a late reading or BMW's own record changes it without a second truth.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from bmw2mqtt.vehicle.charging.constants import (
    ACTIVE_BLOCK_KW,
    BURST_TOLERANCE,
    LATE_READING,
    LATE_READING_PARKED,
)


class Phase(StrEnum):
    """The phase of a session."""

    CHARGING = "charging"
    PAUSED = "paused"
    ENDED = "ended"
    """Over; while the car stays plugged in, another block may still be added."""


class StartSource(StrEnum):
    """What marked the start."""

    STATUS = "status"
    POWER = "power"
    INFERRED = "inferred"
    """Missed: the SoC rose in a silence."""
    BMW = "bmw"
    """From BMW's charging history."""


class EndSource(StrEnum):
    """What marked the end of the last block."""

    UNPLUGGED = "unplugged"
    MOVEMENT = "movement"
    STATUS = "status"
    PAUSED = "paused"
    EXPECTED = "expected"
    """Assumed: the remaining time had run out and the car stayed silent."""
    LAST_EVIDENCE = "last_evidence"
    """Assumed: the car was silent for a day, or had gained nothing when it was unplugged."""
    INFERRED = "inferred"
    BMW = "bmw"


class Flag(StrEnum):
    """Something a reader of the session should know."""

    LATE_START = "late_start"
    """The SoC at the start is older than the charge; the first one seen was far above it."""
    INTERRUPTED = "interrupted"
    """It ended while the bridge was off or without the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Integral:
    """Energy from power samples, and how long they cover."""

    kwh: float = 0.0
    covered_s: float = 0.0

    def __add__(self, other: "Integral") -> "Integral":
        return Integral(kwh=self.kwh + other.kwh, covered_s=self.covered_s + other.covered_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A stretch of charging without a pause of two minutes or more."""

    start_at: datetime
    end_at: datetime | None = None
    """`None` while it runs."""
    battery: Integral = Integral()
    """Measured at the battery."""
    grid: Integral = Integral()
    """Voltage x current x phases, at the plug."""
    is_preconditioning: bool = False
    """It heats or cools, or began at the target: its SoC proves little about energy."""

    @property
    def duration_s(self) -> float:
        """How long it lasted; 0 while it runs."""
        if self.end_at is None:
            return 0.0
        return (self.end_at - self.start_at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBlock:
    """A stretch of constant power in BMW's record."""

    start_at: datetime
    end_at: datetime
    mean_kw: float

    @property
    def duration_s(self) -> float:
        """How long it lasted."""
        return max(0.0, (self.end_at - self.start_at).total_seconds())

    @property
    def is_active(self) -> bool:
        """Whether current flowed."""
        return self.mean_kw > ACTIVE_BLOCK_KW


@dataclass(frozen=True, slots=True, kw_only=True)
class BmwSession:
    """A finished session of BMW's charging history. A running one (without end) is left out."""

    start_at: datetime
    """The key within a vehicle."""
    end_at: datetime
    soc_start: float | None = None
    soc_end: float | None = None
    grid_kwh: float | None = None
    active_s: float | None = None
    """Duration by BMW's own figure; with blocks, their active time is used instead."""
    blocks: tuple[RecordBlock, ...] = ()
    odometer_km: float | None = None
    time_zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A wallbox counter during a session."""

    start_kwh: float
    """What it showed at the begin."""
    start_total_kwh: float
    """What it had counted until then, also across a new begin at 0."""
    last_kwh: float
    last_at: datetime
    last_total_kwh: float

    @property
    def kwh(self) -> float:
        """What it counted."""
        return self.last_total_kwh - self.start_total_kwh


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingSession:
    """One plug-in with its blocks."""

    id: str
    """Stable for the life of the session, unique within a vehicle."""
    phase: Phase
    start_at: datetime
    """Start of the first block; for an inferred session the last contact before it."""
    start_source: StartSource
    start_accuracy_s: float = 0.0
    """How much earlier it may have begun: time since the last other report of the car."""
    blocks: tuple[Block, ...] = ()
    plugged_at: datetime | None = None
    unplugged_at: datetime | None = None
    proof_at: datetime | None = None
    """Measured time of what marked the end of the last block."""
    proof_source: EndSource | None = None
    last_evidence_at: datetime
    """The last time that something proved that it charged."""
    soc_start: float | None = None
    soc_end: float | None = None
    """The newest displayed SoC that proves something about the end."""
    level_end: float | None = None
    """BMW's forecast; stands in for `soc_end` while that is unknown."""
    target_percent: float | None = None
    capacity_kwh: float | None = None
    odometer_km: float | None = None
    peak_kw: float | None = None
    is_dc: bool | None = None
    """What the car reported; see `energy.kind_of`."""
    end_reason: str | None = None
    """BMW's word, if it was measured after the start."""
    meter: Meter | None = None
    bmw: BmwSession | None = None
    gap_s: float = 0.0
    """How long the bridge was off or without the stream meanwhile."""
    flags: frozenset[Flag] = frozenset()
    counted_kwh: float = 0.0
    """What this session has contributed to the energy counter, see `counter`."""

    @property
    def is_open(self) -> bool:
        """Whether it charges or pauses."""
        return self.phase is not Phase.ENDED

    @property
    def end_at(self) -> datetime | None:
        """End of the last block; `None` while one runs."""
        if self.phase is Phase.CHARGING:
            return None
        return self.blocks[-1].end_at if self.blocks else self.proof_at

    @property
    def end_source(self) -> EndSource | None:
        """What marked that end."""
        if self.proof_source in _REAL_ENDS and self.end_at != self.proof_at:
            return EndSource.LAST_EVIDENCE
        return self.proof_source

    @property
    def soc_reached(self) -> float | None:
        """The SoC at the end, a forecast if there is nothing better."""
        return self.level_end if self.soc_end is None else self.soc_end

    @property
    def soc_gain(self) -> float | None:
        """Points of SoC from start to end; `None` if an end is unknown."""
        if self.soc_start is None or self.soc_reached is None:
            return None
        return self.soc_reached - self.soc_start

    @property
    def is_only_preconditioning(self) -> bool:
        """Whether every block was for heating or cooling, or began at the target."""
        return bool(self.blocks) and all(block.is_preconditioning for block in self.blocks)

    def with_last_block(self, **changes: Any) -> Self:
        """Return it with other values in its last block."""
        block = replace(self.blocks[-1], **changes)
        return replace(self, blocks=(*self.blocks[:-1], block))

    def accepts_soc(self, at: datetime, moved_at: datetime | None) -> bool:
        """Return whether a SoC measured then still belongs to its end."""
        end_at = self.end_at
        if end_at is None or at < self.start_at:
            return False
        if at <= end_at + LATE_READING:
            return True
        is_parked = moved_at is None or moved_at <= end_at
        return is_parked and at <= end_at + LATE_READING_PARKED

    def is_awake_at(self, at: datetime, moved_at: datetime | None) -> bool:
        """Return whether the car had been unplugged or moved by then, so that its SoC is fresh."""
        marks = [mark for mark in (self.unplugged_at, moved_at) if mark and mark > self.start_at]
        return any(at >= mark - BURST_TOLERANCE for mark in marks)


_REAL_ENDS = frozenset({EndSource.UNPLUGGED, EndSource.MOVEMENT})


def session_id(start_at: datetime, last: ChargingSession | None = None) -> str:
    """Return the id of a session that begins then, another one than the last."""
    identity = start_at.strftime("%Y%m%dT%H%M%SZ")
    return identity if last is None or last.id != identity else f"{identity}b"


def duration(start_at: datetime, end_at: datetime) -> timedelta:
    """Return the time between, never negative."""
    return max(timedelta(), end_at - start_at)
