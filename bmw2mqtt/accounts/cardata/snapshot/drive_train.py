"""What drives a car: BMW's word, else what its readings prove."""

from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.telemetry.decode import LogUnknown
from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    CHARGING_POWER,
    CHARGING_STATUS,
    DC_PLUG,
    ELECTRIC_RANGE,
    FUEL_L,
    FUEL_PERCENT,
    PLUG,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.vehicle.snapshot import DriveTrain

_DRIVE_TRAINS: dict[str, DriveTrain] = {
    **DriveTrain.__members__,
    "BEV": DriveTrain.ELECTRIC,
    "PHEV": DriveTrain.PLUGIN_HYBRID,
    "REX": DriveTrain.ELECTRIC_WITH_RANGE_EXTENDER,
    "BEV_REX": DriveTrain.ELECTRIC_WITH_RANGE_EXTENDER,
    "HEV": DriveTrain.HYBRID,
    "MHEV": DriveTrain.MILD_HYBRID,
    "CONV": DriveTrain.COMBUSTION,
    "ICE": DriveTrain.COMBUSTION,
}
_CHARGING = frozenset({"charging", "chargingactive", "charging_in_progress"})
MIN_CHARGING_W = 100


def drive_train(
    basic: BasicData,
    readings: ReadingLookup,
    known: DriveTrain | None,
    log_unknown: LogUnknown,
) -> DriveTrain | None:
    """Return the drive train by BMW's word; without one, by what the readings prove."""
    if basic.drive_train is not None:
        word = basic.drive_train.upper().replace("-", "_").replace(" ", "_")
        if word in _DRIVE_TRAINS:
            return _DRIVE_TRAINS[word]
        log_unknown("driveTrain", basic.drive_train)
    has_fuel = any((readings.number(name) or 0) > 0 for name in (FUEL_L, FUEL_PERCENT))
    if _can_be_plugged_in(readings) or (known is not None and known.has_battery):
        return DriveTrain.PLUGIN_HYBRID if has_fuel else DriveTrain.ELECTRIC
    return DriveTrain.COMBUSTION if has_fuel else known


def _can_be_plugged_in(readings: ReadingLookup) -> bool:
    """Return whether the readings prove a battery that is charged from a plug.

    Petrol cars report a state of charge and a charging target too, and mild hybrids a status.
    """
    if any(readings.flag(name) for name in (*PLUG, DC_PLUG)):
        return True
    if (readings.number(ELECTRIC_RANGE) or 0) > 0:
        return True
    if (readings.number(CHARGING_POWER) or 0) >= MIN_CHARGING_W:
        return True
    return any(readings.word(name) in _CHARGING for name in CHARGING_STATUS)
