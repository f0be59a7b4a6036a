"""Missed charges: the SoC rose while nothing was received and the car stood."""

from dataclasses import dataclass
from datetime import datetime

from bmw2mqtt.vehicle.charging.constants import MISSED_KM, MISSED_POINTS, MISSED_SILENCE
from bmw2mqtt.vehicle.charging.soc import SocReading


@dataclass(frozen=True, slots=True, kw_only=True)
class SocRise:
    """A SoC before and after a silence."""

    before: SocReading
    after: SocReading
    odometer_km: float | None
    """Before the silence."""
    contact_at: datetime
    """The last report of the car before it."""


def rise_in_silence(
    before: SocReading | None,
    after: SocReading,
    *,
    odometer_km: float | None,
    contact_at: datetime | None,
) -> SocRise | None:
    """Return the rise if it is large enough and came after a silence."""
    if before is None or after.percent - before.percent < MISSED_POINTS:
        return None
    last_at = before.at if contact_at is None else max(before.at, contact_at)
    if after.at - last_at < MISSED_SILENCE:
        return None
    return SocRise(before=before, after=after, odometer_km=odometer_km, contact_at=last_at)


def is_charge(
    rise: SocRise, *, odometer_km: float | None, moved_at: datetime | None, has_engine: bool
) -> bool:
    """Return whether a rise can only be a charge: the car stood.

    An engine can raise the SoC too, so that a hybrid's odometer has to prove it; the other signs of
    movement are enough for an electric car.
    """
    if rise.odometer_km is not None and odometer_km is not None:
        return abs(odometer_km - rise.odometer_km) <= MISSED_KM
    return not has_engine and (moved_at is None or moved_at <= rise.before.at)
