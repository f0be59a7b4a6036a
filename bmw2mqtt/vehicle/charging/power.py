"""Power: from voltage, current and phases, and its integral over time."""

from dataclasses import dataclass, replace
from datetime import datetime
from math import sqrt

from bmw2mqtt.vehicle.charging.constants import BURST_TOLERANCE, HELD
from bmw2mqtt.vehicle.charging.facts import ChargingFacts, Fact
from bmw2mqtt.vehicle.charging.session import Integral

LINE_VOLTAGE_V = 250.0
"""From here on the voltage is that between two phases."""
THREE_PHASES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSample:
    """Power at a moment."""

    watts: float
    at: datetime
    """When its newest part was measured."""
    since: datetime
    """When its oldest part was measured: later it proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """The last sample of a running block, and how far its energy was added up."""

    watts: float
    held_until: datetime
    counted_to: datetime


def ac_power(facts: ChargingFacts, active_since: datetime) -> PowerSample | None:
    """Return the power at the plug; `None` unless all three parts belong to this activity.

    The phase count falls back to 1 at the end of a charge and is sent only on change: one that is
    older than the start is void, and a 1 of just before it too.
    """
    voltage, current, phases = facts.voltage_v, facts.current_a, facts.phases
    if voltage is None or current is None or phases is None:
        return None
    oldest = active_since - BURST_TOLERANCE
    if voltage.at < oldest or current.at < oldest or not is_phase_count_valid(phases, active_since):
        return None
    volt_amperes = max(0.0, voltage.value) * max(0.0, current.value)
    is_line_voltage = voltage.value >= LINE_VOLTAGE_V and phases.value == THREE_PHASES
    factor = sqrt(3) if is_line_voltage else phases.value
    return PowerSample(
        watts=factor * volt_amperes,
        at=max(voltage.at, current.at),
        since=min(voltage.at, current.at),
    )


def is_phase_count_valid(phases: Fact[int], active_since: datetime) -> bool:
    """Return whether a phase count belongs to the activity that began then."""
    oldest = active_since if phases.value == 1 else active_since - BURST_TOLERANCE
    return phases.at >= oldest


def sampled(sample: PowerSample, active_since: datetime) -> Sampler:
    """Return the sampler that begins with a sample."""
    return Sampler(
        watts=max(0.0, sample.watts),
        held_until=sample.at + HELD,
        counted_to=max(sample.at, active_since),
    )


def advanced(
    sampler: Sampler | None, integral: Integral, until: datetime
) -> tuple[Sampler | None, Integral]:
    """Add up the energy until a moment; a sample is valid for ten minutes at most."""
    if sampler is None:
        return None, integral
    end = min(until, sampler.held_until)
    seconds = (end - sampler.counted_to).total_seconds()
    if seconds <= 0:
        return sampler, integral
    added = Integral(kwh=sampler.watts * seconds / 3.6e6, covered_s=seconds)
    return replace(sampler, counted_to=end), integral + added
