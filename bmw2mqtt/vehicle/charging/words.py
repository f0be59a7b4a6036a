"""BMW's words for the state of charging, of both backends, and the status that is shown."""

from bmw2mqtt.vehicle.charging.constants import TARGET_TOLERANCE_POINTS
from bmw2mqtt.vehicle.snapshot import ChargingStatus

_WORDS = {
    **{status.value.replace("_", ""): status for status in ChargingStatus},
    "chargingactive": ChargingStatus.CHARGING,
    "charginginprogress": ChargingStatus.CHARGING,
    "nocharging": ChargingStatus.NOT_CHARGING,
    "initialization": ChargingStatus.WAITING_FOR_CHARGING,
    "chargingpaused": ChargingStatus.WAITING_FOR_CHARGING,
    "charginginterrupted": ChargingStatus.WAITING_FOR_CHARGING,
    "chargingdisrupted": ChargingStatus.WAITING_FOR_CHARGING,
    "chargingended": ChargingStatus.COMPLETE,
    "chargingerror": ChargingStatus.ERROR,
    "unknown": ChargingStatus.INVALID,
}

"""By word without case and underscores: `charging.status` of CarData; `hvStatus` and MyBMW's status
use the project's own words."""

IDLE = frozenset({ChargingStatus.NOT_CHARGING, ChargingStatus.PLUGGED_IN, ChargingStatus.DEFAULT})
FINAL = frozenset(
    {
        ChargingStatus.COMPLETE,
        ChargingStatus.ERROR,
        ChargingStatus.FULLY_CHARGED,
        ChargingStatus.FINISHED_FULLY_CHARGED,
        ChargingStatus.FINISHED_NOT_FULL,
        ChargingStatus.TARGET_REACHED,
    }
)
"""A charge that is over, though the cable may still be plugged in."""
_FULL = frozenset({ChargingStatus.FULLY_CHARGED, ChargingStatus.FINISHED_FULLY_CHARGED})


def is_known(word: str) -> bool:
    """Return whether a status word of BMW is known."""
    return _key(word) in _WORDS


def status_of(word: str) -> ChargingStatus:
    """Translate a status word of BMW, in any case and with or without underscores.

    A word that is not known is no charging one: `NOT_CHARGING`. `INVALID` stands for BMW's UNKNOWN
    and INVALID of CarData; MyBMW's INVALID means "not charging" and is translated by its backend.
    """
    return _WORDS.get(_key(word), ChargingStatus.NOT_CHARGING)


def _key(word: str) -> str:
    return "".join(character for character in word.lower() if character.isalnum())


def phase_count(word: str) -> int | None:
    """Return the number of phases in a word like `3-PHASES`; `None` if it holds none."""
    digits = word.strip()[:1]
    return int(digits) if digits in {"1", "2", "3"} else None


def is_target_reached(soc_percent: float | None, target_percent: float | None) -> bool:
    """Return whether the SoC is at the target or one point below."""
    if soc_percent is None or target_percent is None:
        return False
    return soc_percent >= target_percent - TARGET_TOLERANCE_POINTS


def final_status(
    word: ChargingStatus, soc_percent: float | None, target_percent: float | None
) -> ChargingStatus:
    """Return how the end of a charge is shown.

    The plain "ended", and "not full", become `TARGET_REACHED` at the target. "Fully charged" well
    below the target becomes `FINISHED_NOT_FULL`; without a known SoC or target BMW's word stays.
    """
    is_reached = is_target_reached(soc_percent, target_percent)
    if word in {ChargingStatus.COMPLETE, ChargingStatus.FINISHED_NOT_FULL} and is_reached:
        return ChargingStatus.TARGET_REACHED
    is_known = soc_percent is not None and target_percent is not None
    if word in _FULL and is_known and not is_reached:
        return ChargingStatus.FINISHED_NOT_FULL
    return word
