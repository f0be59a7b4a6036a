"""BMW's words of CarData and the project's words for them.

Keys are lower case without underscores, as `ReadingLookup.one_of` expects them; `None` stands for a
word that reports nothing.
"""

from enum import StrEnum
from typing import Final, TypeVar

from bmw2mqtt.vehicle.states import (
    AlarmState,
    Battery12VHealth,
    BatteryPreconditioning,
    ChargingEndReason,
    ChargingMethod,
    PreconditioningError,
)

WordT = TypeVar("WordT", bound=StrEnum)


def _same_words(words: type[WordT]) -> dict[str, WordT | None]:
    """Return a table of words that BMW spells as we do."""
    return {word.value.replace("_", ""): word for word in words}


ALARMS: Final = _same_words(AlarmState)
PRECONDITIONING_ERRORS: Final = _same_words(PreconditioningError)
BATTERY_PRECONDITIONING: Final = {
    **_same_words(BatteryPreconditioning),
    "onlegacy": BatteryPreconditioning.ON,
}
BATTERY_12V_HEALTH: Final = {
    200: Battery12VHealth.GOOD,
    140: Battery12VHealth.ADVISED,
    110: Battery12VHealth.NEEDED,
    80: Battery12VHealth.URGENT,
}
"""By BMW's grade."""

_METHODS: Final = {
    "nocharging": ChargingMethod.NOT_CHARGING,
    "actype1plug": ChargingMethod.AC_TYPE_1,
    "actype2plug": ChargingMethod.AC_TYPE_2,
}


def charging_method(word: str | None) -> ChargingMethod | None:
    """Translate `charging.method`; cars send more plug types than BMW's catalogue lists."""
    if word is None:
        return None
    key = word.lower().replace("_", "")
    if key in _METHODS:
        return _METHODS[key]
    if key.startswith("dc"):
        return ChargingMethod.DC
    if key.startswith("ac") and "combo" in key:
        return ChargingMethod.AC_COMBO
    return ChargingMethod.OTHER


_END_REASONS: Final[dict[str, ChargingEndReason | None]] = {
    "nochargingendsinceipfwakeup": None,
    "chargingpaused": ChargingEndReason.PAUSED,
    # Older cars: `hvpmFinishReason`
    "charginggoalreached": ChargingEndReason.TARGET_REACHED,
    "endrequestedbydriver": ChargingEndReason.STOPPED_BY_DRIVER,
    "connectorremoved": ChargingEndReason.UNPLUGGED,
    "powergridfailed": ChargingEndReason.POWER_FAILURE,
    "hvsystemfailure": ChargingEndReason.VEHICLE_FAULT,
    "chargingstationfailure": ChargingEndReason.STATION_FAULT,
    "parkinglockfailed": ChargingEndReason.PARKING_LOCK_FAULT,
    "noparkinglock": ChargingEndReason.PARKING_LOCK_FAULT,
    # Newer cars: `reasonChargingEnd`
    "hvbatteryfullycharged": ChargingEndReason.FULLY_CHARGED,
    "customerinteractionhmichargingtargetreached": ChargingEndReason.TARGET_REACHED,
    "customerinteractionappchargingtargetreached": ChargingEndReason.TARGET_REACHED,
    "customerinteractionacchargingstopwallbox": ChargingEndReason.STOPPED_BY_STATION,
    "infrastructuredcccsevseshutdown": ChargingEndReason.STOPPED_BY_STATION,
    "infrastructurephysicallimitsreachedtargetsoenotreachable": (
        ChargingEndReason.TARGET_NOT_REACHABLE
    ),
    "infrastructureauthentificationerror": ChargingEndReason.NOT_AUTHORIZED,
    "infrastructurenoacvoltage": ChargingEndReason.POWER_FAILURE,
    "infrastructureacmaximumgriderrorreached": ChargingEndReason.POWER_FAILURE,
}
_END_REASON_GROUPS: Final = (
    ("customerinteraction", ChargingEndReason.STOPPED_BY_DRIVER),
    ("infrastructure", ChargingEndReason.STATION_FAULT),
    ("vehicle", ChargingEndReason.VEHICLE_FAULT),
    ("flexcharger", ChargingEndReason.CABLE_FAULT),
    ("plugandcharge", ChargingEndReason.NOT_AUTHORIZED),
    ("smartcharging", ChargingEndReason.SMART_CHARGING_FAULT),
    ("dischargenotpossible", ChargingEndReason.DISCHARGE_NOT_POSSIBLE),
)
"""By the beginning of words that have no entry of their own: BMW lists some sixty."""


def charging_end_reason(word: str | None) -> ChargingEndReason | None:
    """Translate `reasonChargingEnd` or `hvpmFinishReason`; `None`: no charge has ended."""
    if word is None:
        return None
    key = word.lower().replace("_", "")
    if key in _END_REASONS:
        return _END_REASONS[key]
    groups = (reason for start, reason in _END_REASON_GROUPS if key.startswith(start))
    return next(groups, ChargingEndReason.OTHER)
