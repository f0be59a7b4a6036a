"""The charging part of a snapshot: battery, plug, profile and settings."""

from datetime import datetime, time, timedelta

from bmw2mqtt.accounts.mybmw.snapshot.json_reader import JsonReader
from bmw2mqtt.vehicle.charging.shown import ChargingState
from bmw2mqtt.vehicle.snapshot import Charging, ChargingMode, ChargingStatus

LARGEST_AC_LIMIT_A = 1000


def charging(
    state: JsonReader,
    settings: JsonReader,
    judged: ChargingState,
    known: Charging,
    *,
    fetched_at: datetime,
    range_km: float | None,
) -> Charging:
    """Return everything about charging.

    The status and what follows from it come from the state machine (`judged`), the rest from BMW's
    newest report as it is. What the report leaves out is unknown.
    """
    battery = state.part("electricChargingState")
    profile = state.part("chargingProfile")
    details = settings.part("chargingSettingsDetail")
    window = profile.part("reductionOfChargeCurrent")
    status = judged.status if battery.is_given("chargingStatus") else None
    is_charging = status is ChargingStatus.CHARGING
    has_minutes = is_charging and battery.is_given("remainingChargingMinutes")
    is_plugged_in = battery.flag("isChargerConnected", kept=known.is_plugged_in)
    return Charging(
        range_km=range_km,
        soc_percent=battery.number("chargingLevelPercent", 0, 100, kept=known.soc_percent),
        target_soc_percent=battery.whole("chargingTarget", 1, 100, kept=known.target_soc_percent),
        status=status,
        is_plugged_in=is_plugged_in if is_plugged_in is None else is_plugged_in or is_charging,
        start_time=_start_time(status, window, fetched_at),
        end_time=judged.end_time if has_minutes else None,
        remaining_minutes=judged.remaining_minutes if has_minutes else None,
        ac_limit_a=profile.part("chargingSettings").whole("acCurrentLimit", 0),
        ac_limits_a=details.part("acLimit").wholes("values", 1, LARGEST_AC_LIMIT_A)
        or known.ac_limits_a,
        mode=_mode(profile),
        is_pre_entry_climatization_enabled=_is_pre_entry_climatization_enabled(profile),
    )


def _mode(profile: JsonReader) -> ChargingMode | None:
    """Return the mode; BMW's third word, NO_ACTION, is not a mode that can be chosen."""
    if profile.text("chargingMode") == "NO_ACTION":
        return None
    return profile.word("chargingMode", ChargingMode)


def _is_pre_entry_climatization_enabled(profile: JsonReader) -> bool | None:
    """Some cars' profiles contain it only when it is on; without a profile it is unknown."""
    if profile and "climatisationOn" not in profile:
        return False
    return profile.flag("climatisationOn")


def _start_time(
    status: ChargingStatus | None, window: JsonReader, fetched_at: datetime
) -> datetime | None:
    """Return the next start of the owner's window, which BMW sends in the car's local time.

    The car's time zone is not known; the bridge's (`TZ`) is used instead.
    """
    start = window.clock("start")
    if status is not ChargingStatus.WAITING_FOR_CHARGING or start is None:
        return None
    return next_occurrence(fetched_at, start)


def next_occurrence(now: datetime, at: time) -> datetime:
    """Return when it is next this time of day, in the local time zone."""
    local_now = now.astimezone()
    for days in (0, 1):
        day = (local_now + timedelta(days=days)).date()
        moment = datetime.combine(day, at).astimezone()
        if moment >= local_now:
            return moment
    return moment
