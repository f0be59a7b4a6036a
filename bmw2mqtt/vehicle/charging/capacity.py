"""The usable capacity of a battery, from the best source there is."""

from collections.abc import Iterable
from statistics import median

from bmw2mqtt.vehicle.charging.constants import (
    AC_EFFICIENCY,
    DC_EFFICIENCY,
    LEARN_MAD,
    LEARN_POINTS,
    LEARN_SESSIONS,
    LEARN_SHARE,
    MAX_CAPACITY_KWH,
    MIN_BATTERY_SIZE_KWH,
    MIN_CAPACITY_KWH,
)
from bmw2mqtt.vehicle.charging.energy import CurrentType, EnergySource, energy_of, kind_of
from bmw2mqtt.vehicle.charging.session import ChargingSession, Flag

_MODELS_KWH = (
    # The longer name first where one begins another.
    ("ix1", 64.7),
    ("ix2", 64.7),
    ("ix3 50", 109.0),
    ("ix3", 74.0),
    ("ix xdrive40", 71.0),
    ("ix xdrive50", 105.2),
    ("ix m60", 105.2),
    ("i4 edrive35", 59.4),
    ("i4", 80.7),
    ("i5", 81.2),
    ("i7", 101.7),
)


def usable_capacity_kwh(
    *,
    configured_kwh: float | None = None,
    max_energy_kwh: float | None = None,
    learnt_kwh: float | None = None,
    battery_size_kwh: float | None = None,
    model: str | None = None,
) -> float | None:
    """Return the usable capacity; `None` means that no energy can be estimated.

    Args:
        configured_kwh: what the owner wrote into the settings.
        max_energy_kwh: `batteryManagement.maxEnergy`.
        learnt_kwh: see `learn_capacity_kwh`.
        battery_size_kwh: `batteryManagement.batterySizeMax`, 0 or 1 if BMW does not know it.
        model: for the table of usual capacities.
    """
    for kwh in (configured_kwh, max_energy_kwh, learnt_kwh):
        if kwh is not None and MIN_CAPACITY_KWH <= kwh <= MAX_CAPACITY_KWH:
            return kwh
    if battery_size_kwh is not None and battery_size_kwh > MIN_BATTERY_SIZE_KWH:
        return battery_size_kwh
    return None if model is None else _model_kwh(model)


def learn_capacity_kwh(sessions: Iterable[ChargingSession]) -> float | None:
    """Return the capacity that at least ten sessions with a large rise agree on.

    Only sessions count whose energy does not itself stem from a capacity, and whose SoC at the
    start is sure. Outliers are dropped.
    """
    samples = [kwh for session in sessions if (kwh := _implied_kwh(session)) is not None]
    if len(samples) < LEARN_SESSIONS:
        return None
    middle = median(samples)
    deviation = median(abs(sample - middle) for sample in samples)
    width = min(LEARN_MAD * deviation, LEARN_SHARE * middle) or LEARN_SHARE * middle
    return median(sample for sample in samples if abs(sample - middle) <= width)


def _implied_kwh(session: ChargingSession) -> float | None:
    gain, energy = session.soc_gain, energy_of(session)
    is_sure = Flag.LATE_START not in session.flags and session.soc_end is not None
    if session.is_open or not is_sure or gain is None or gain < LEARN_POINTS:
        return None
    if energy.grid_kwh is None or energy.source is EnergySource.ESTIMATED:
        return None
    efficiency = DC_EFFICIENCY if kind_of(session) is CurrentType.DC else AC_EFFICIENCY
    kwh = energy.grid_kwh * efficiency / gain * 100
    return kwh if MIN_CAPACITY_KWH <= kwh <= MAX_CAPACITY_KWH else None


def _model_kwh(model: str) -> float | None:
    name = " ".join(model.lower().removeprefix("bmw ").split())
    return next((kwh for start, kwh in _MODELS_KWH if name.startswith(start)), None)
