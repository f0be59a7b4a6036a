"""The charging part of a car's readings: battery, plug and settings."""

from datetime import datetime, timedelta

from bmw2mqtt.accounts.cardata.telemetry.lookup import NEVER, ReadingLookup
from bmw2mqtt.vehicle.snapshot import Charging, ChargingStatus, Reading

LONGEST_CHARGE = timedelta(hours=24)
LONGEST_DELAY = timedelta(hours=1)
"""An end that lies further back is none."""
STEADY = timedelta(minutes=2)
"""Cars round; an end that moves by less is the same end."""
REPLACED_AFTER = timedelta(minutes=30)
"""How much older the time to the target may be before the time to full counts."""
LARGEST_POWER_KW = 1000

_ENGINE = "vehicle.drivetrain.electricEngine."
_BATTERY = "vehicle.powertrain.electric.battery."
_PORT = "vehicle.body.chargingPort."

STATUS = (f"{_ENGINE}charging.status", f"{_ENGINE}charging.hvStatus")
SOC = (
    "vehicle.drivetrain.batteryManagement.header",
    f"{_BATTERY}stateOfCharge.displayed",
    "vehicle.trip.segment.end.drivetrain.batteryManagement.hvSoc",
)
SOC_FORECAST = f"{_ENGINE}charging.level"
"""What the car should have by now; it means nothing unless the car is being charged."""
TARGET = f"{_BATTERY}stateOfCharge.target"
PLUG = (
    f"{_PORT}status",
    "vehicle.powertrain.tractionBattery.charging.port.anyPosition.isPlugged",
    f"{_ENGINE}charging.connectorStatus",
    f"{_PORT}combinedStatus",
    f"{_PORT}statusClearText",
)
DC_PLUG = f"{_PORT}dcStatus"
TIME_TO_TARGET = f"{_ENGINE}charging.timeRemaining"
TIME_TO_FULL = f"{_ENGINE}charging.timeToFullyCharged"
ELECTRIC_RANGE = (
    f"{_ENGINE}kombiRemainingElectricRange",
    f"{_ENGINE}remainingElectricRange",
)
AC_LIMIT = f"{_BATTERY}charging.acLimit.selected"
POWER = f"{_BATTERY}charging.power"

_STATUSES: dict[str, ChargingStatus | None] = {
    "charging": ChargingStatus.CHARGING,
    "chargingactive": ChargingStatus.CHARGING,
    "nocharging": ChargingStatus.NOT_CHARGING,
    "notcharging": ChargingStatus.NOT_CHARGING,
    "initialization": ChargingStatus.WAITING_FOR_CHARGING,
    "chargingpaused": ChargingStatus.WAITING_FOR_CHARGING,
    "waitingforcharging": ChargingStatus.WAITING_FOR_CHARGING,
    "chargingended": ChargingStatus.COMPLETE,
    "finishedfullycharged": ChargingStatus.FINISHED_FULLY_CHARGED,
    "finishednotfull": ChargingStatus.FINISHED_NOT_FULL,
    "chargingerror": ChargingStatus.ERROR,
    "error": ChargingStatus.ERROR,
}


def charging(
    readings: ReadingLookup,
    *,
    range_km: float | None,
    capacity_kwh: float | None,
    known: Charging,
    now: datetime,
) -> Charging:
    """Read everything about charging.

    Args:
        readings: the car's.
        range_km: the electric range.
        capacity_kwh: of the battery.
        known: what was known before.
        now: the time.
    """
    raw_status = readings.one_of(_STATUSES, *STATUS)
    is_charging = raw_status is ChargingStatus.CHARGING
    soc_names = (*SOC, SOC_FORECAST) if is_charging else SOC
    soc_percent = readings.number(*soc_names, minimum=0, maximum=100)
    target_percent = readings.whole(TARGET, minimum=0, maximum=100)
    is_plugged_in = True if is_charging else _is_plugged_in(readings)
    remaining = _time_remaining(readings) if is_charging else None
    power_w = readings.number(
        POWER, minimum=-LARGEST_POWER_KW * 1e3, maximum=LARGEST_POWER_KW * 1e3
    )
    ac_limit_a = readings.whole(AC_LIMIT, minimum=0, maximum=LARGEST_POWER_KW)
    return Charging(
        soc_percent=soc_percent,
        target_soc_percent=target_percent,
        range_km=range_km,
        capacity_kwh=capacity_kwh,
        status=_status(raw_status, soc_percent, target_percent, is_plugged_in=is_plugged_in),
        is_plugged_in=is_plugged_in,
        end_time=_end_time(readings, remaining, known, now),
        remaining_minutes=None if remaining is None else float(remaining.value or 0),
        power_kw=None if power_w is None else power_w / 1000,
        ac_limit_a=ac_limit_a,
        is_pre_entry_climatization_enabled=readings.flag(
            f"{_ENGINE}charging.profile.climatizationActive"
        ),
    )


def _status(
    status: ChargingStatus | None,
    soc_percent: float | None,
    target_percent: int | None,
    *,
    is_plugged_in: bool | None,
) -> ChargingStatus | None:
    if status is ChargingStatus.NOT_CHARGING and is_plugged_in:
        return ChargingStatus.PLUGGED_IN
    is_known = soc_percent is not None and target_percent is not None
    if status is ChargingStatus.COMPLETE and is_known and soc_percent >= target_percent:  # type: ignore[operator] # both are known
        return ChargingStatus.TARGET_REACHED
    return status


def _is_plugged_in(readings: ReadingLookup) -> bool | None:
    """The DC plug alone tells only that there is one, unless the car tells of no other."""
    plug = readings.find(*PLUG)
    dc_plug = readings.find(DC_PLUG)
    if plug is None or (
        dc_plug is not None
        and dc_plug.value is True
        and (dc_plug.measured_at or NEVER) > (plug.measured_at or NEVER)
    ):
        return readings.flag(DC_PLUG)
    return readings.flag(*PLUG)


def _time_remaining(readings: ReadingLookup) -> Reading | None:
    to_target, to_full = readings.find(TIME_TO_TARGET), readings.find(TIME_TO_FULL)
    if to_target is None or to_full is None:
        return to_target or to_full
    age = (to_full.measured_at or NEVER) - (to_target.measured_at or NEVER)
    return to_full if age > REPLACED_AFTER else to_target


def _end_time(
    readings: ReadingLookup, remaining: Reading | None, known: Charging, now: datetime
) -> datetime | None:
    """Reckon from the moment the car said it; what is left of an earlier charge is over."""
    if remaining is None or remaining.measured_at is None:
        return None
    left = timedelta(minutes=float(remaining.value or 0))
    status = readings.find(*STATUS)
    began_at = (status.measured_at if status else None) or NEVER
    if not timedelta() <= left <= LONGEST_CHARGE:
        return None
    end = remaining.measured_at + left
    if end < began_at or end < now - LONGEST_DELAY:
        return None
    if known.end_time is not None and abs(end - known.end_time) <= STEADY:
        return known.end_time
    return end
