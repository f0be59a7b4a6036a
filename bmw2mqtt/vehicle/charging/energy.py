"""What a session amounts to: kilowatt-hours and where they come from, AC or DC, peak and mean.

Sources in order: the owner's wallbox meter, BMW's charging history, measured power, and the rise of
the SoC times the capacity of the battery.
"""

from dataclasses import dataclass
from enum import StrEnum

from bmw2mqtt.vehicle.charging.constants import (
    AC_EFFICIENCY,
    CLAMP_ABOVE_POINTS,
    CLAMP_BELOW_POINTS,
    COVERED_SHARE,
    DC_EFFICIENCY,
    DC_POWER_KW,
    FAILED_KWH,
    FAILED_POINTS,
    FLAP,
    METER_HIGH_FACTOR,
    METER_LOW_FACTOR,
    METER_LOW_KWH,
    METER_MIN_KWH,
    METER_TAIL,
    UNPROVEN_POINTS,
)
from bmw2mqtt.vehicle.charging.session import ChargingSession, Integral, StartSource


class EnergySource(StrEnum):
    """Where the grid energy of a session comes from, best first."""

    METER = "meter"
    BMW = "bmw"
    MEASURED = "measured"
    ESTIMATED = "estimated"


class CurrentType(StrEnum):
    """Alternating or direct current."""

    AC = "ac"
    DC = "dc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Energy of a session; `None` is unknown."""

    battery_kwh: float | None
    grid_kwh: float | None
    source: EnergySource | None


def energy_of(session: ChargingSession) -> Energy:
    """Return what went into the battery, what came from the grid, and how that is known."""
    battery_kwh = _battery_kwh(session)
    meter_kwh = _meter_kwh(session, battery_kwh)
    if meter_kwh is not None:
        return Energy(battery_kwh=battery_kwh, grid_kwh=meter_kwh, source=EnergySource.METER)
    if session.bmw is not None and session.bmw.grid_kwh is not None:
        grid_kwh = session.bmw.grid_kwh
        return Energy(battery_kwh=battery_kwh, grid_kwh=grid_kwh, source=EnergySource.BMW)
    grid = _integral(session, "grid")
    if _is_covered(session, grid) and not _proves_nothing(session):
        return Energy(battery_kwh=battery_kwh, grid_kwh=grid.kwh, source=EnergySource.MEASURED)
    if battery_kwh is None:
        return Energy(battery_kwh=None, grid_kwh=None, source=None)
    efficiency = DC_EFFICIENCY if kind_of(session) is CurrentType.DC else AC_EFFICIENCY
    is_measured = _is_covered(session, _integral(session, "battery"))
    return Energy(
        battery_kwh=battery_kwh,
        grid_kwh=battery_kwh / efficiency,
        source=EnergySource.MEASURED if is_measured else EnergySource.ESTIMATED,
    )


def proven_kwh(session: ChargingSession) -> float:
    """Return what is certain of a running charge: all but one point of the SoC, or the meter.

    The meter may count another car's charge: it counts as far as the SoC allows it.
    """
    meter_kwh = session.meter.kwh if session.meter is not None else 0.0
    if session.soc_start is None or session.capacity_kwh is None:
        return meter_kwh
    gain = max(0.0, (session.soc_end or session.soc_start) - session.soc_start)
    highest_kwh = METER_HIGH_FACTOR * (gain + CLAMP_ABOVE_POINTS) / 100 * session.capacity_kwh
    proven = max(0.0, gain - UNPROVEN_POINTS) / 100 * session.capacity_kwh
    return max(proven, min(meter_kwh, highest_kwh))


def covered_kwh(session: ChargingSession) -> float | None:
    """Return the measured energy of the battery if the samples cover the charge."""
    integral = _integral(session, "battery")
    return integral.kwh if _is_covered(session, integral) else None


def kind_of(session: ChargingSession) -> CurrentType:
    """Return AC or DC: the car's own word, else DC above 25 kW at the peak or on average."""
    if session.is_dc is not None:
        return CurrentType.DC if session.is_dc else CurrentType.AC
    powers = [power for power in (peak_kw(session), mean_kw(session)) if power is not None]
    return CurrentType.DC if any(power > DC_POWER_KW for power in powers) else CurrentType.AC


def peak_kw(session: ChargingSession) -> float | None:
    """Return the highest power, the car's or that of a block of BMW's."""
    powers = [] if session.peak_kw is None else [session.peak_kw]
    if session.bmw is not None:
        powers += [block.mean_kw for block in session.bmw.blocks]
    return max(powers, default=None)


def active_s(session: ChargingSession) -> float | None:
    """Return how long it charged, without pauses."""
    if session.start_source not in {StartSource.INFERRED, StartSource.BMW}:
        return sum(block.duration_s for block in session.blocks)
    if session.bmw is None:
        return None
    if session.bmw.blocks:
        return sum(block.duration_s for block in session.bmw.blocks if block.is_active)
    return session.bmw.active_s


def mean_kw(session: ChargingSession) -> float | None:
    """Return the mean power while it charged, never over the time it was only plugged in.

    Of BMW's blocks (grid side) if there are any, else of what went into the battery.
    """
    blocks = [] if session.bmw is None else [b for b in session.bmw.blocks if b.is_active]
    block_s = sum(block.duration_s for block in blocks)
    if block_s > 0:
        return sum(block.mean_kw * block.duration_s for block in blocks) / block_s
    seconds = active_s(session)
    kwh = _battery_kwh(session)
    if kwh is None and session.bmw is not None:
        kwh = session.bmw.grid_kwh
    if not seconds or kwh is None:
        return None
    return kwh / seconds * 3600


def is_failed(session: ChargingSession) -> bool:
    """Return whether it is over and charged next to nothing; unknown energy is no failure."""
    if session.is_open:
        return False
    grid_kwh, gain = energy_of(session).grid_kwh, session.soc_gain
    if session.is_only_preconditioning or (gain is None and grid_kwh is None):
        return False
    return (gain is None or gain < FAILED_POINTS) and (grid_kwh is None or grid_kwh < FAILED_KWH)


def is_listed(session: ChargingSession) -> bool:
    """Return whether it belongs into the default list.

    Left out: failed sessions, preconditioning of unknown energy, and moments without any.
    """
    if is_failed(session):
        return False
    if energy_of(session).grid_kwh is not None:
        return True
    seconds = active_s(session)
    is_moment = not session.is_open and seconds is not None and seconds < FLAP.total_seconds()
    return not session.is_only_preconditioning and not is_moment


def _battery_kwh(session: ChargingSession) -> float | None:
    if _proves_nothing(session):
        return None
    gain, capacity_kwh = session.soc_gain, session.capacity_kwh
    integral = _integral(session, "battery")
    is_covered = _is_covered(session, integral)
    if gain is None or capacity_kwh is None:
        return integral.kwh if is_covered else None
    if not is_covered:
        return max(0.0, gain) / 100 * capacity_kwh
    lowest_kwh = max(0.0, gain - CLAMP_BELOW_POINTS) / 100 * capacity_kwh
    highest_kwh = max(0.0, gain + CLAMP_ABOVE_POINTS) / 100 * capacity_kwh
    return min(max(integral.kwh, lowest_kwh), highest_kwh)


def _proves_nothing(session: ChargingSession) -> bool:
    """Preconditioning uses energy that the SoC does not show; only a real rise is a charge."""
    gain = session.soc_gain
    return session.is_only_preconditioning and (gain is None or gain < FAILED_POINTS)


def _integral(session: ChargingSession, side: str) -> Integral:
    return sum((getattr(block, side) for block in session.blocks), Integral())


def _is_covered(session: ChargingSession, integral: Integral) -> bool:
    if session.start_source is StartSource.INFERRED:
        return False
    seconds = sum(block.duration_s for block in session.blocks)
    return seconds > 0 and integral.covered_s >= COVERED_SHARE * seconds


def _meter_kwh(session: ChargingSession, battery_kwh: float | None) -> float | None:
    """The meter counts unless it fell silent, or contradicts the battery.

    In the latter case it measured something else. The end of an inferred session is not known, so
    that silence before it proves nothing.
    """
    meter, end_at = session.meter, session.end_at
    if meter is None or meter.kwh < METER_MIN_KWH or kind_of(session) is CurrentType.DC:
        return None
    if session.start_source is StartSource.INFERRED:
        end_at = None
    if end_at is not None and end_at - meter.last_at > METER_TAIL:
        return None
    if battery_kwh is None:
        return meter.kwh
    lowest_kwh = METER_LOW_FACTOR * battery_kwh - METER_LOW_KWH
    highest_kwh = METER_HIGH_FACTOR * battery_kwh
    return meter.kwh if lowest_kwh <= meter.kwh <= highest_kwh else None
