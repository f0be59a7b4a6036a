"""How charging commands are checked, and what they change in BMW's answers about a car."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .cars import InvalidCommandError

if TYPE_CHECKING:
    from .cars import Json

STATE_MODE_OF_TYPE: Final = {
    "CHARGING_IMMEDIATELY": "IMMEDIATE_CHARGING",
    "TIME_SLOT": "DELAYED_CHARGING",
    "NO_ACTION": "NO_ACTION",
}
PREFERENCE_OF_TYPE: Final = {
    "CHARGING_IMMEDIATELY": "NO_PRESELECTION",
    "TIME_SLOT": "CHARGING_WINDOW",
}
TARGET_SOC_RANGE: Final = range(20, 101, 5)
SETTINGS_FIELDS: Final = {
    "chargingTarget",
    "acLimitValue",
    "isUnlockCableActive",
    "dcLoudness",
}
PROFILE_FIELDS: Final = {
    "chargingMode",
    "departureTimer",
    "isPreconditionForDepartureActive",
    "servicePack",
}


def check_settings(body: Json, capabilities: Json, details: Json | None) -> None:
    """Raise `InvalidCommandError` if these charging settings do not fit the car."""
    if not body.keys() <= SETTINGS_FIELDS:
        raise InvalidCommandError("Unknown charging setting.")
    target, limit = body.get("chargingTarget"), body.get("acLimitValue")
    if target is not None:
        _require(capabilities.get("isChargingTargetSocEnabled"), "chargingTarget not supported.")
        _require(target in TARGET_SOC_RANGE, "Invalid chargingTarget.")
    if limit is not None:
        _require(capabilities.get("isChargingPowerLimitEnabled"), "acLimitValue not supported.")
        limits = (details or {}).get("chargingSettingsDetail", {}).get("acLimit", {})
        _require(limit in limits.get("values", []), "Invalid acLimitValue.")


def apply_settings(body: Json, state: Json, details: Json | None) -> None:
    """Write charging settings into the answers about a car."""
    settings = state.get("chargingProfile", {}).get("chargingSettings", {})
    detail = (details or {}).get("chargingSettingsDetail", {})
    if target := body.get("chargingTarget"):
        state["electricChargingState"]["chargingTarget"] = target
        settings["targetSoc"] = target
        detail["chargingTarget"] = target
    if limit := body.get("acLimitValue"):
        settings["acCurrentLimit"] = limit
        if "acLimit" in detail:
            detail["acLimit"]["current"]["value"] = limit


def check_profile(body: Json, capabilities: Json) -> None:
    """Raise `InvalidCommandError` unless this is a whole, consistent charging profile."""
    supported = capabilities.get("isChargingPlanSupported")
    _require(supported, "Charging plan not supported.")
    _require(body.keys() == PROFILE_FIELDS, "Incomplete charging profile.", 500)
    mode, timer = body["chargingMode"], body["departureTimer"]
    _require(isinstance(mode, dict) and isinstance(timer, dict), "Malformed profile.", 500)
    mode_type, preference = mode.get("type"), mode.get("chargingPreference")
    _require(mode_type in STATE_MODE_OF_TYPE, "Unknown charging mode.", 500)
    types = [key for key, value in PREFERENCE_OF_TYPE.items() if value == preference]
    _require(not types or mode_type in types, "Contradictory charging mode.", 500)
    precondition = body["isPreconditionForDepartureActive"]
    _require(isinstance(precondition, bool), "Malformed preconditioning.", 500)
    _require(isinstance(timer.get("weeklyTimers"), list), "Malformed departure timers.", 500)


def apply_profile(body: Json, state: Json, details: Json | None) -> None:
    """Write a charging profile into the answers about a car."""
    mode, timer = body["chargingMode"], body["departureTimer"]
    if details is not None:
        detail = details["chargeAndClimateTimerDetail"]
        detail["chargingMode"].update(
            {key: value for key, value in mode.items() if key != "timerChange"}
        )
        detail["departureTimer"] = timer
        detail["isPreconditionForDepartureActive"] = body["isPreconditionForDepartureActive"]
    profile = state["chargingProfile"]
    profile["chargingPreference"] = mode["chargingPreference"]
    profile["chargingMode"] = STATE_MODE_OF_TYPE[mode["type"]]
    profile["climatisationOn"] = body["isPreconditionForDepartureActive"]
    profile["departureTimes"] = [_state_timer(entry) for entry in timer["weeklyTimers"]]
    window = {
        "start": _clock_time(mode.get("startTimeSlot")),
        "end": _clock_time(mode.get("endTimeSlot")),
    }
    if window["start"] != window["end"] or "reductionOfChargeCurrent" in profile:
        profile["reductionOfChargeCurrent"] = window


def _state_timer(timer: Json) -> Json:
    return {
        "action": timer.get("timerAction"),
        "id": timer.get("id"),
        "timeStamp": _clock_time(timer.get("time")),
        "timerWeekDays": timer.get("daysOfTheWeek") or [],
    }


def _clock_time(text: Any) -> dict[str, int]:
    """Return hour and minute of a time like `0001-01-01T18:30:00.000`."""
    try:
        hour, minute, *_ = str(text).partition("T")[2].split(":")
        return {"hour": int(hour), "minute": int(minute)}
    except ValueError:
        return {"hour": 0, "minute": 0}


def _require(condition: Any, message: str, status: int = 400) -> None:
    if not condition:
        raise InvalidCommandError(message, status=status)
