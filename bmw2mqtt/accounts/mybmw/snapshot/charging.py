"""The charging part of BMW's answers: battery, plug, profile and settings."""

from datetime import datetime, time, timedelta

from bmw2mqtt.accounts.mybmw.snapshot.end_time import EndTimeReport
from bmw2mqtt.accounts.mybmw.snapshot.json_reader import JsonReader
from bmw2mqtt.vehicle.snapshot import Charging, ChargingMode, ChargingStatus

LONGEST_CHARGE_MINUTES = 14 * 24 * 60
LARGEST_AC_LIMIT_A = 1000


def charging(
    state: JsonReader, settings: JsonReader, report: EndTimeReport, *, range_km: float | None
) -> Charging:
    """Read everything about charging."""
    battery = state.part("electricChargingState")
    profile = state.part("chargingProfile")
    details = settings.part("chargingSettingsDetail")
    window = profile.part("reductionOfChargeCurrent")
    known = report.previous.charging if report.previous else Charging()
    status = _status(battery)
    remaining_minutes = battery.number("remainingChargingMinutes", 0, LONGEST_CHARGE_MINUTES)
    return Charging(
        range_km=range_km,
        soc_percent=battery.number("chargingLevelPercent", 0, 100),
        target_soc_percent=battery.whole("chargingTarget", 0, 100),
        status=status,
        is_plugged_in=battery.flag("isChargerConnected"),
        start_time=_start_time(status, window, report.fetched_at),
        end_time=_end_time(status, remaining_minutes, known, report),
        remaining_minutes=remaining_minutes,
        ac_limit_a=profile.part("chargingSettings").whole("acCurrentLimit", 0),
        ac_limits_a=details.part("acLimit").wholes("values", 1, LARGEST_AC_LIMIT_A)
        or known.ac_limits_a,
        mode=_mode(profile),
        is_pre_entry_climatization_enabled=_is_pre_entry_climatization_enabled(profile),
    )


def _status(battery: JsonReader) -> ChargingStatus | None:
    """BMW says INVALID when the car is not being charged (as the app understands it)."""
    status = battery.word("chargingStatus", ChargingStatus)
    return ChargingStatus.NOT_CHARGING if status is ChargingStatus.INVALID else status


def _mode(profile: JsonReader) -> ChargingMode | None:
    """BMW's third word, NO_ACTION, is no mode that can be chosen."""
    if profile.text("chargingMode") == "NO_ACTION":
        return None
    return profile.word("chargingMode", ChargingMode)


def _is_pre_entry_climatization_enabled(profile: JsonReader) -> bool | None:
    """Some cars' profiles say it only when it is on; no profile says nothing."""
    if profile and "climatisationOn" not in profile:
        return False
    return profile.flag("climatisationOn")


def _end_time(
    status: ChargingStatus | None,
    remaining_minutes: float | None,
    known: Charging,
    report: EndTimeReport,
) -> datetime | None:
    """Only while charging: BMW goes on sending minutes afterwards."""
    if status is not ChargingStatus.CHARGING or remaining_minutes is None:
        return None
    return report.end_time(
        timedelta(minutes=remaining_minutes),
        known=known.end_time,
        is_unchanged=remaining_minutes == known.remaining_minutes,
    )


def _start_time(
    status: ChargingStatus | None, window: JsonReader, fetched_at: datetime
) -> datetime | None:
    """Return the next start of the owner's window, which BMW gives in the car's local time.

    The car's time zone is not known; the bridge's (`TZ`) stands in for it.
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
