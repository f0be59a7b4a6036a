"""Charging: what the rules of charging conclude, and the settings and facts beside it."""

from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.snapshot.words import (
    BATTERY_PRECONDITIONING as PRECONDITIONING_WORDS,
)
from bmw2mqtt.accounts.cardata.snapshot.words import charging_end_reason, charging_method
from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    AC_LIMIT,
    BATTERY_HEALTH,
    BATTERY_PRECONDITIONING,
    BATTERY_SIZE,
    CABLE_LOCK,
    CHARGING_END_REASON,
    CHARGING_METHOD,
    CONSUMPTION,
    FLAP,
    LIFETIME_ENERGY,
    MAX_ENERGY,
    PRE_ENTRY_CLIMATE,
    TARGET_SOC,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.vehicle.charging.shown import ChargingState
from bmw2mqtt.vehicle.snapshot import Charging, DriveTrain, Reading

MIN_CAPACITY_KWH, MAX_CAPACITY_KWH = 1.1, 1000
"""BMW's 0 and 1 mean an unknown capacity."""
MAX_AC_LIMIT_A = 1000
_CABLE_LOCK = {
    **dict.fromkeys(("charging_cable_locked", "locked", "true"), True),
    **dict.fromkeys(("charging_cable_not_locked", "unlocked", "false"), False),
}


def charging(
    readings: ReadingLookup,
    state: ChargingState,
    kind: DriveTrain | None,
    basic: BasicData,
    *,
    range_km: float | None,
) -> Charging:
    """Return everything about charging."""
    if kind is not None and not kind.has_battery:
        return Charging()  # cars that run on fuel alone report a battery and a charging target too
    return Charging(
        soc_percent=state.soc_percent,
        target_soc_percent=readings.whole(TARGET_SOC, minimum=1, maximum=100),
        range_km=range_km,
        status=state.status,
        is_plugged_in=state.is_plugged_in,
        is_cable_locked=_CABLE_LOCK.get(readings.word(CABLE_LOCK) or ""),
        is_flap_open=readings.flag(FLAP),
        end_time=state.end_time,
        remaining_minutes=state.remaining_minutes,
        power_kw=state.power_kw,
        current_a=state.current_a,
        voltage_v=state.voltage_v,
        phases=state.phases,
        method=charging_method(readings.word(CHARGING_METHOD)),
        end_reason=charging_end_reason(readings.word(*CHARGING_END_REASON)),
        preconditioning=readings.one_of(PRECONDITIONING_WORDS, BATTERY_PRECONDITIONING),
        capacity_kwh=_capacity_kwh(readings) or basic.battery_capacity_kwh,
        health_percent=readings.number(BATTERY_HEALTH, minimum=1),
        consumption_kwh_per_100km=readings.number(CONSUMPTION, minimum=0.1),
        lifetime_energy_kwh=readings.number(LIFETIME_ENERGY, minimum=0),
        ac_limit_a=readings.whole(AC_LIMIT, minimum=1, maximum=MAX_AC_LIMIT_A),
        is_pre_entry_climatization_enabled=readings.flag(PRE_ENTRY_CLIMATE),
    )


def _capacity_kwh(readings: ReadingLookup) -> float | None:
    reading = capacity_reading(readings)
    return None if reading is None else float(reading.value or 0)


def capacity_reading(readings: ReadingLookup) -> Reading | None:
    """Return the reading that the usable capacity comes from."""
    for name in (MAX_ENERGY, BATTERY_SIZE):
        if readings.number(name, minimum=MIN_CAPACITY_KWH, maximum=MAX_CAPACITY_KWH) is not None:
            return readings.find(name)
    return None
