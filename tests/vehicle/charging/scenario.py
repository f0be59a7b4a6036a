"""A vehicle's messages in the short notation of the scenarios, played in virtual time.

A line is a burst: `0:03 ST=no PL=C HD=53@-1:00`. Its time is the arrival after T0; each value was
measured three seconds before unless `@` says when (before T0 with a minus, `@none` without stamp).
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import cos, radians
from typing import Any

from bmw2mqtt.vehicle.charging.counter import EnergyCounter, count
from bmw2mqtt.vehicle.charging.energy import energy_of
from bmw2mqtt.vehicle.charging.facts import ChargingFacts, Fact
from bmw2mqtt.vehicle.charging.machine import ChargingMachine
from bmw2mqtt.vehicle.charging.session import ChargingSession
from bmw2mqtt.vehicle.charging.shown import ChargingState
from bmw2mqtt.vehicle.charging.state import Transition, TransitionKind, latest_sessions
from bmw2mqtt.vehicle.charging.words import phase_count, status_of
from bmw2mqtt.vehicle.snapshot import DriveTrain, Position

T0 = datetime(2026, 11, 10, 8, tzinfo=UTC)
LAG = timedelta(seconds=3)
HOME = (48.0, 11.0)
METRES_PER_DEGREE = 111_195

WORDS = {
    "act": "CHARGINGACTIVE",
    "paused": "CHARGINGPAUSED",
    "ended": "CHARGINGENDED",
    "no": "NOCHARGING",
}
NAMES = {
    "ST": "status",
    "HD": "soc_percent",
    "LV": "level_percent",
    "PW": "power_w",
    "V": "voltage_v",
    "A": "current_a",
    "PH": "phases",
    "TR": "remaining_minutes",
    "TG": "target_percent",
    "PL": "is_plugged_in",
    "OD": "odometer_km",
    "POS": "position",
    "MV": "is_moving",
    "EN": "is_engine_on",
    "PC": "is_preconditioning",
    "DC": "is_dc",
    "RE": "end_reason",
}
BEFORE = "-0:30 PL=D ST=no ME=78 TG=80 OD=1000 POS=0"


def after(text: str) -> datetime:
    """Return the moment of `[-]h:mm[:ss]` after T0."""
    hours, minutes, *seconds = (int(part) for part in text.lstrip("-").split(":"))
    delta = timedelta(hours=hours, minutes=minutes, seconds=seconds[0] if seconds else 0)
    return T0 - delta if text.startswith("-") else T0 + delta


def clock(moment: datetime | None) -> str | None:
    """Return a measured time as `h:mm:ss` after T0, without the three seconds of its way."""
    if moment is None:
        return None
    seconds = round((moment - T0).total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def value_of(name: str, text: str) -> Any:
    if name == "ST":
        return status_of(WORDS.get(text, text))
    if name == "PL":
        return {"C": True, "D": False, "?": None}[text]
    if name == "PH":
        return phase_count(text)
    if name == "POS":
        metres = float(text) / METRES_PER_DEGREE / cos(radians(HOME[0]))
        return Position(latitude=HOME[0], longitude=HOME[1] + metres)
    if name in {"MV", "EN", "PC", "DC"}:
        return text == "true"
    return text if name == "RE" else float(text)


def facts_of(line: str, **settings: Any) -> tuple[datetime, ChargingFacts]:
    """Return the arrival and the facts of a line."""
    arrival, *parts = line.split()
    received_at = after(arrival)
    values: dict[str, Any] = {}
    for part in parts:
        name, _, rest = part.partition("=")
        text, _, stamp = rest.partition("@")
        if name == "ME":
            values["capacity_kwh"] = float(text)
            continue
        measured_at = received_at - LAG if not stamp else None
        if stamp == "1990":
            measured_at = datetime(1990, 1, 1, tzinfo=UTC)
        elif stamp and stamp != "none":
            measured_at = after(stamp)
        values[NAMES[name]] = Fact(value_of(name, text), measured_at, received_at)
    return received_at, ChargingFacts(**settings, **values)


class Scenario:
    """A machine with what the rest of the bridge does around it: timers, sessions, counter."""

    def __init__(self, *, before: str | None = BEFORE, **settings: Any) -> None:
        self.settings = {"drive_train": DriveTrain.ELECTRIC, **settings}
        self.machine = ChargingMachine()
        self.now = T0 - timedelta(hours=1)
        self.counter = EnergyCounter(
            total_kwh=100.0, accounted_kwh=100.0, began_at=T0 - timedelta(days=1)
        )
        self.sessions: dict[str, ChargingSession] = {}
        self.transitions: list[Transition] = []
        self.counts: list[float] = [100.0]
        if before:
            self.play(before)

    def play(self, *lines: str) -> ChargingState:
        """Let bursts arrive one after the other; time passes between them."""
        for line in lines:
            received_at, facts = facts_of(line, **self.settings)
            self.wait(received_at)
            self._noted(self.machine.step(facts, self.now))
        return self.shown

    def wait(self, until: datetime | str) -> ChargingState:
        """Let time pass."""
        end = after(until) if isinstance(until, str) else until
        while (deadline := self.machine.next_deadline(self.now)) is not None and deadline <= end:
            assert deadline > self.now
            self.now = deadline
            self._noted(self.machine.tick(self.now))
        self.now = max(self.now, end)
        self._noted(self.machine.tick(self.now))
        return self.shown

    def restart(self, off: str, on: str) -> None:
        """Stop the bridge and start it again."""
        self.wait(off)
        document = self.machine.to_document(self.now)
        self.now = after(on)
        self.machine = ChargingMachine.from_document(document, self.now)

    def _noted(self, transitions: tuple[Transition, ...]) -> None:
        self.transitions += transitions
        for session in latest_sessions(transitions, self.machine.session):
            known = self.sessions.get(session.id)
            counted_kwh = session.counted_kwh if known is None else known.counted_kwh
            self.counter, counted = count(
                self.counter, replace(session, counted_kwh=counted_kwh), self.now
            )
            self.sessions[session.id] = counted
            self.counts.append(self.counter.total_kwh)

    @property
    def shown(self) -> ChargingState:
        return self.machine.state(self.now)

    @property
    def session(self) -> ChargingSession:
        """The only session."""
        (session,) = self.sessions.values()
        return session

    def kinds(self, *kinds: TransitionKind) -> list[TransitionKind]:
        return [t.kind for t in self.transitions if not kinds or t.kind in kinds]

    @property
    def count_kwh(self) -> float:
        return round(self.counter.total_kwh, 2)


def arc(session: ChargingSession) -> tuple[str | None, str | None, float | None, float | None]:
    """Return start and end (without the way of the messages) and SoC of a session."""
    end_at = session.end_at
    return (
        clock(session.start_at + LAG),
        clock(None if end_at is None else end_at + LAG),
        session.soc_start,
        session.soc_end,
    )


def kwh(session: ChargingSession) -> tuple[float | None, float | None, str | None]:
    """Return battery and grid energy with its source."""
    energy = energy_of(session)
    numbers = [
        None if value is None else round(value, 2)
        for value in (energy.battery_kwh, energy.grid_kwh)
    ]
    return (*numbers, energy.source)  # type: ignore[return-value]


__all__ = ["BEFORE", "LAG", "T0", "Scenario", "after", "arc", "clock", "facts_of", "kwh"]
