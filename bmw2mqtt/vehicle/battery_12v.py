"""Rules about the 12 V battery: its resting voltage, the lowest one of each day, whether it is low.

Under way and while the car charges, the converter or the alternator raises the voltage, and for
half an hour longer it says little. A resting voltage is one that was measured later than that.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from bmw2mqtt.vehicle.document import from_document, to_document
from bmw2mqtt.vehicle.history import Battery12VSummary, DailyMinimum, VehicleHistory
from bmw2mqtt.vehicle.snapshot import Battery12V
from bmw2mqtt.vehicle.states import Battery12VHealth
from bmw2mqtt.vehicle.trips import Measured, Observation

REST: Final = timedelta(minutes=30)
"""How long after the last movement or charge a voltage is no resting voltage."""
SETTLING: Final = timedelta(minutes=2)
"""CarData sends a burst in any order: the start of a trip may come after the voltage of it."""
LOW_V: Final = 12.2
"""A resting lead-acid battery with less is half empty; a lithium battery is nearly empty."""
POSSIBLE_V: Final = (6.0, 13.6)
"""Below, no car could send anything; above, something charges the battery."""
SIGN_LASTS: Final = timedelta(hours=12)
"""So long a car is not at rest if it has not reported the end of a movement or a charge."""
DAYS_KEPT: Final = 7
_ACTIVITIES: Final = ("moving", "ignition", "charging")
_REPLACE: Final = frozenset({Battery12VHealth.NEEDED, Battery12VHealth.URGENT})


@dataclass(slots=True, kw_only=True)
class _State:
    """Everything that the rules remember of one car."""

    last: dict[str, float] = field(default_factory=dict)
    """The last values of what shows whether the car is at rest."""
    active_at: datetime | None = None
    """The newest sign of a movement or a charge."""
    waiting: list[Measured[float]] = field(default_factory=list)
    """Voltages that are too new to be judged."""
    voltage_at: datetime | None = None
    """Of the newest voltage that was seen."""
    resting: Measured[float] | None = None
    days: list[DailyMinimum] = field(default_factory=list)
    is_low: bool = False


class Battery12VTracker:
    """Follows the 12 V battery of one car."""

    def __init__(self, zone: tzinfo, state: dict[str, Any] | None = None) -> None:
        """Continue with what `state` of an earlier run was; a day begins in `zone`.

        Raises:
            ValueError: `state` is none of ours.
        """
        self._zone = zone
        self._state = _State() if state is None else from_document(_State, state)

    @property
    def state(self) -> dict[str, Any]:
        """Everything that is remembered, as JSON values."""
        remembered: dict[str, Any] = to_document(self._state)
        return remembered

    @property
    def summary(self) -> Battery12VSummary | None:
        """What is known; `None` before the first resting voltage."""
        state = self._state
        if state.resting is None:
            return None
        return Battery12VSummary(
            resting_v=state.resting.value,
            resting_at=state.resting.at,
            days=tuple(state.days),
            is_low=state.is_low,
        )

    def update(self, voltage_v: Measured[float] | None, driving: Observation) -> None:
        """Record the newest voltage, which most cars do not report, and signs of activity."""
        if voltage_v is None and self._state.voltage_at is None:
            return
        self._follow_activity(driving)
        if voltage_v is not None:
            self._add(voltage_v, driving.received_at)

    def advance(self, now: datetime) -> bool:
        """Judge the voltages that have waited for long enough; return whether there were any."""
        state = self._state
        ready = [voltage for voltage in state.waiting if now - voltage.at >= SETTLING]
        for voltage in ready:
            state.waiting.remove(voltage)
            if self._is_resting(voltage.at):
                self._record(voltage)
        return bool(ready)

    def _add(self, voltage_v: Measured[float], now: datetime) -> None:
        state = self._state
        at = min(voltage_v.at, now).astimezone(UTC)
        if state.voltage_at is not None and at <= state.voltage_at:
            return
        state.voltage_at = at
        lowest, highest = POSSIBLE_V
        if lowest <= voltage_v.value <= highest:
            state.waiting.append(Measured(voltage_v.value, at))

    def _is_resting(self, at: datetime) -> bool:
        active_at = self._state.active_at
        if active_at is None:
            return True
        is_active = any(self._state.last.get(name) for name in _ACTIVITIES)
        return at - active_at >= (SIGN_LASTS if is_active else REST)

    def _record(self, voltage: Measured[float]) -> None:
        state = self._state
        if state.resting is None or voltage.at > state.resting.at:
            state.resting = voltage
        day = voltage.at.astimezone(self._zone).date().isoformat()
        known = {past.day: past for past in state.days}
        if state.days and day > state.days[-1].day and not _is_low(state.days[-1]):
            state.is_low = False  # a whole day was good, not only the hours after a trip
        if day not in known or voltage.value < known[day].voltage_v:
            known[day] = DailyMinimum(day, voltage.value)
        state.days = [known[name] for name in sorted(known)][-DAYS_KEPT:]
        if len(state.days) > 1 and all(map(_is_low, state.days[-2:])):
            state.is_low = True

    def _follow_activity(self, driving: Observation) -> None:
        signs: dict[str, Measured[bool] | Measured[float] | None] = {
            "moving": driving.is_moving,
            "ignition": driving.is_ignition_on,
            "charging": driving.is_charging,
            "odometer": driving.odometer_km,
        }
        for name, sign in signs.items():
            if sign is None:
                continue
            is_on = name in _ACTIVITIES and sign.value
            if is_on or self._state.last.get(name) != sign.value:
                self._active(sign.at)  # also when it ends, or may have ended just then
            self._state.last[name] = float(sign.value)

    def _active(self, at: datetime) -> None:
        at = at.astimezone(UTC)
        if self._state.active_at is None or at > self._state.active_at:
            self._state.active_at = at


def _is_low(day: DailyMinimum) -> bool:
    return day.voltage_v < LOW_V


def has_problem(battery: Battery12V, history: VehicleHistory | None) -> bool | None:
    """Whether the battery needs attention; `None` if nothing is known that could tell."""
    if battery.health in _REPLACE or battery.needs_charging:
        return True
    if history is not None and history.battery_12v is not None:
        return history.battery_12v.is_low
    is_graded = battery.health is not None or battery.needs_charging is not None
    return False if is_graded else None
