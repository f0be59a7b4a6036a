"""The state of the charging machine between two steps. It goes to disk as it is (`document`)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bmw2mqtt.vehicle.charging.constants import BURST_TOLERANCE, LONGEST_REMAINING
from bmw2mqtt.vehicle.charging.facts import ChargingFacts, Fact
from bmw2mqtt.vehicle.charging.power import Sampler
from bmw2mqtt.vehicle.charging.session import ChargingSession, Phase
from bmw2mqtt.vehicle.charging.soc import SocRise, SocState
from bmw2mqtt.vehicle.charging.words import is_target_reached
from bmw2mqtt.vehicle.snapshot import ChargingStatus, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time in which nothing could reach us: the bridge was off, or the stream was lost."""

    begin: datetime
    end: datetime


@dataclass(slots=True, kw_only=True)
class MachineState:
    """Everything the machine remembers of one vehicle."""

    facts: ChargingFacts = field(default_factory=ChargingFacts)
    """The newest reading of each quantity."""
    status: Fact[ChargingStatus] | None = None
    """The newest status word that means something (not `INVALID`)."""
    soc: SocState = field(default_factory=SocState)
    session: ChargingSession | None = None
    """The open one, else the last one."""
    active_since: datetime | None = None
    """Start of the present activity, also within a block that went on after a short pause."""
    battery_sampler: Sampler | None = None
    grid_sampler: Sampler | None = None
    low_power_at: datetime | None = None
    """The first of a row of readings too low for a charge."""
    high_power_at: datetime | None = None
    """The first of a row of readings that a charge would make, though the status denies it."""
    has_plug: bool = False
    """Whether the car reports its plug at all."""
    has_status: bool = False
    """Whether the car reports a status at all."""
    has_power: bool = False
    """Whether the power of this car was ever known."""
    plugged_at: datetime | None = None
    """Begin of the present plug-in, if the car reported it."""
    moved_at: datetime | None = None
    place: Position | None = None
    """Where it is parked; only to detect that it has moved."""
    odometer_km: float | None = None
    """The odometer since it was parked."""
    soc_odometer_km: float | None = None
    """The odometer when the SoC was measured last."""
    contact_at: datetime | None = None
    """The newest measured time of anything."""
    life_at: datetime | None = None
    """When something new arrived last."""
    shown_end: datetime | None = None
    is_read_requested: bool = False
    """The one REST read of the present charge."""
    read_at: datetime | None = None
    is_noticed: bool = False
    """The notice of being plugged in without charging was given for this plug-in."""
    gap: Gap | None = None
    restored_at: datetime | None = None

    @property
    def is_charging(self) -> bool:
        """Whether a block runs."""
        return self.session is not None and self.session.phase is Phase.CHARGING

    @property
    def reported_end(self) -> datetime | None:
        """When the present charge will be over by the car's own word."""
        remaining = self.facts.remaining_minutes
        if remaining is None or not self.is_current(remaining.at):
            return None
        left = timedelta(minutes=remaining.value)
        return remaining.at + left if timedelta() <= left <= LONGEST_REMAINING else None

    @property
    def expected_end(self) -> datetime | None:
        """The same, moved by evidence that it charged even later."""
        reported, session = self.reported_end, self.session
        if reported is None or session is None:
            return None
        return max(reported, session.last_evidence_at)

    @property
    def target_percent(self) -> float | None:
        """The SoC at which the car stops charging."""
        return None if self.facts.target_percent is None else self.facts.target_percent.value

    @property
    def is_at_target(self) -> bool:
        """Whether the shown SoC is at the target or one point below."""
        shown = self.soc.shown
        return is_target_reached(None if shown is None else shown.percent, self.target_percent)

    def is_current(self, at: datetime) -> bool:
        """Return whether something measured then belongs to the present activity."""
        return self.active_since is not None and at >= self.active_since - BURST_TOLERANCE

    @property
    def is_plugged_in(self) -> bool | None:
        """The plug by the newest fact: its own reading, a charge, or movement."""
        if self.is_charging:
            return True
        marks: list[tuple[datetime, bool | None]] = []
        if self.moved_at is not None:
            marks.append((self.moved_at, False))
        session = self.session
        if session and session.blocks and session.unplugged_at is None and self.has_plug:
            marks.append((session.last_evidence_at, True))
        if self.facts.is_plugged_in is not None:
            marks.append((self.facts.is_plugged_in.at, self.facts.is_plugged_in.value))
        marks.sort(key=lambda mark: mark[0])  # of one moment the last one counts
        return marks[-1][1] if marks else None

    @property
    def unplugged_at(self) -> datetime | None:
        """Since when the car is known to be unplugged, by its plug or by movement."""
        if self.is_plugged_in is not False:
            return None
        plug = self.facts.is_plugged_in
        marks = [self.moved_at, plug.at if plug is not None and plug.value is False else None]
        return max((mark for mark in marks if mark is not None), default=None)


class TransitionKind(StrEnum):
    """Something that happened to a vehicle's charging."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    ENDED = "ended"
    UPDATED = "updated"
    """A late reading completed the last session."""
    INFERRED = "inferred"
    """A missed charge was inferred from the rise of the SoC."""
    READ_DUE = "read_due"
    """The charge should be over and the car is silent: one REST read is worth its quota."""
    NOT_CHARGING = "plugged_in_not_charging"
    """Plugged in for a quarter of an hour, or paused for as long, without charging."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One of these with its measured time and the session as it was then.

    The time may lie far back: what a car reports after a silence, or at the first start, is true
    but no news.
    """

    kind: TransitionKind
    at: datetime
    session: ChargingSession | None


def latest_sessions(
    transitions: tuple[Transition, ...], session: ChargingSession | None
) -> tuple[ChargingSession, ...]:
    """Return the sessions that a step touched, each as it is now, in order: what to store.

    One step can end a session and begin the next; `session` is that of the machine after it.
    """
    found = {one.session.id: one.session for one in transitions if one.session is not None}
    if session is not None:
        found[session.id] = session
    return tuple(found.values())


@dataclass(slots=True)
class Step:
    """One step of the machine: its state, the time, and what happened."""

    state: MachineState
    now: datetime
    transitions: list[Transition] = field(default_factory=list)
    missed: SocRise | None = None
    """A rise of the SoC that may be a missed charge."""

    def record(self, kind: TransitionKind, at: datetime) -> None:
        """Add a transition of the present session."""
        self.transitions.append(Transition(kind=kind, at=at, session=self.state.session))
