"""What is published about charging: a pure function of the machine's state and the time."""

from dataclasses import dataclass
from datetime import datetime

from bmw2mqtt.vehicle.charging.constants import END_TIME_SHOWN, POWER_UNKNOWN, UNKNOWN_WORD_HOLD
from bmw2mqtt.vehicle.charging.facts import Fact
from bmw2mqtt.vehicle.charging.power import ac_power, is_phase_count_valid
from bmw2mqtt.vehicle.charging.session import Phase
from bmw2mqtt.vehicle.charging.state import MachineState
from bmw2mqtt.vehicle.charging.words import FINAL, final_status
from bmw2mqtt.vehicle.snapshot import ChargingStatus

_WATTS_PER_KW = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingState:
    """What is true of a vehicle's charging at a moment; `None` is unknown."""

    status: ChargingStatus | None
    is_plugged_in: bool | None
    soc_percent: float | None
    soc_at: datetime | None
    """When that SoC was measured."""
    power_kw: float | None
    """0 once the charge is over, unknown after half an hour without a reading."""
    voltage_v: float | None
    """Unknown once the charge is over, like the phases."""
    current_a: float | None
    """0 once the charge is over."""
    phases: int | None
    remaining_minutes: float | None
    """As the car reported it last; unknown once the charge is or should be over."""
    end_time: datetime | None
    """Expected; steady while it moves by rounding only."""

    @property
    def is_charging(self) -> bool | None:
        """Whether it charges."""
        return None if self.status is None else self.status is ChargingStatus.CHARGING


def charging_state(state: MachineState, now: datetime) -> ChargingState:
    """Return what is shown at a moment."""
    facts = state.facts
    remaining, reported_end = facts.remaining_minutes, state.reported_end
    is_running = remaining is not None and reported_end is not None and now < reported_end
    end_time = state.shown_end if state.is_charging else None
    if end_time is not None and now >= end_time + END_TIME_SHOWN:
        end_time = None
    shown = state.soc.shown
    current_a = None if facts.current_a is None else 0.0
    return ChargingState(
        status=_status(state, now),
        is_plugged_in=state.is_plugged_in,
        soc_percent=None if shown is None else shown.percent,
        soc_at=None if shown is None else shown.at,
        power_kw=_power_kw(state, now),
        voltage_v=_now(state, facts.voltage_v),
        current_a=_now(state, facts.current_a) if state.is_charging else current_a,
        phases=_phases(state),
        remaining_minutes=remaining.value if remaining is not None and is_running else None,
        end_time=end_time,
    )


def _status(state: MachineState, now: datetime) -> ChargingStatus | None:
    if _is_unknown(state, now):
        return None
    if state.is_charging:
        return ChargingStatus.CHARGING
    if _is_unplugged_since(state):
        return ChargingStatus.NOT_CHARGING
    return _status_without_charge(state)


def _status_without_charge(state: MachineState) -> ChargingStatus | None:
    word = None if state.status is None else state.status.value
    plugged, session = state.is_plugged_in, state.session
    is_paused = session is not None and session.phase is Phase.PAUSED
    if word is not None and word in FINAL:
        return _final(state, word)
    if word is ChargingStatus.CHARGING and is_paused:
        return ChargingStatus.WAITING_FOR_CHARGING
    if word in {ChargingStatus.WAITING_FOR_CHARGING, ChargingStatus.DEFAULT}:
        return word
    if plugged or (word is ChargingStatus.PLUGGED_IN and plugged is None):
        return ChargingStatus.PLUGGED_IN
    is_nothing_known = word is None and plugged is None and session is None
    return None if is_nothing_known else ChargingStatus.NOT_CHARGING


def _is_unknown(state: MachineState, now: datetime) -> bool:
    """BMW's UNKNOWN and INVALID leave the last status for two minutes."""
    newest = state.facts.status
    if newest is None or newest.value is not ChargingStatus.INVALID:
        return False
    session = state.session
    if state.is_charging and session is not None and session.last_evidence_at > newest.at:
        return False
    return state.status is None or now >= newest.at + UNKNOWN_WORD_HOLD


def _is_unplugged_since(state: MachineState) -> bool:
    """Return whether the car was unplugged later than its last word.

    Of one moment the word counts (MyBMW stamps a whole report), unless it is that of a charge.
    """
    unplugged_at, status = state.unplugged_at, state.status
    if unplugged_at is None:
        return False
    if status is None or status.value is ChargingStatus.CHARGING:
        return True
    return unplugged_at > status.at


def _final(state: MachineState, word: ChargingStatus) -> ChargingStatus:
    """The SoC that the charge reached counts, though it may have fallen since."""
    shown, session = state.soc.shown, state.session
    reached = [] if shown is None else [shown.percent]
    if session is not None and session.unplugged_at is None and session.soc_reached is not None:
        reached.append(session.soc_reached)
    return final_status(word, max(reached, default=None), state.target_percent)


def _power_kw(state: MachineState, now: datetime) -> float | None:
    if not state.is_charging or state.active_since is None:
        return 0.0 if state.has_power else None
    power = state.facts.power_w
    if power is not None and state.is_current(power.at) and now - power.at < POWER_UNKNOWN:
        return max(0.0, power.value) / _WATTS_PER_KW
    sample = ac_power(state.facts, state.active_since)
    if sample is not None and now - sample.at < POWER_UNKNOWN:
        return sample.watts / _WATTS_PER_KW
    return None


def _now(state: MachineState, reading: Fact[float] | None) -> float | None:
    """Return a value that belongs to the present activity."""
    return reading.value if reading is not None and state.is_current(reading.at) else None


def _phases(state: MachineState) -> int | None:
    phases, since = state.facts.phases, state.active_since
    if phases is None or since is None or not is_phase_count_valid(phases, since):
        return None
    return phases.value
