"""Enumerations of a snapshot whose words are the project's own, as they are published."""

from enum import StrEnum


class ChargingMethod(StrEnum):
    """Current and plug of the charge."""

    NOT_CHARGING = "not_charging"
    AC_TYPE_1 = "ac_type_1"
    AC_TYPE_2 = "ac_type_2"
    AC_COMBO = "ac_combo"
    """Alternating current through the inlet of a combined charging system."""
    DC = "dc"
    OTHER = "other"


class ChargingEndReason(StrEnum):
    """Why the last charge ended."""

    TARGET_REACHED = "target_reached"
    FULLY_CHARGED = "fully_charged"
    STOPPED_BY_DRIVER = "stopped_by_driver"
    STOPPED_BY_STATION = "stopped_by_station"
    PAUSED = "paused"
    UNPLUGGED = "unplugged"
    NOT_AUTHORIZED = "not_authorized"
    POWER_FAILURE = "power_failure"
    STATION_FAULT = "station_fault"
    CABLE_FAULT = "cable_fault"
    VEHICLE_FAULT = "vehicle_fault"
    PARKING_LOCK_FAULT = "parking_lock_fault"
    TARGET_NOT_REACHABLE = "target_not_reachable"
    SMART_CHARGING_FAULT = "smart_charging_fault"
    DISCHARGE_NOT_POSSIBLE = "discharge_not_possible"
    OTHER = "other"


class BatteryPreconditioning(StrEnum):
    """Whether, and on whose behalf, the high-voltage battery is brought to temperature."""

    OFF = "off"
    ON = "on"
    AUTOMATIC_ON = "automatic_on"
    MANUAL_ON_CHARGE = "manual_on_charge"
    REMOTE_ON_CHARGE = "remote_on_charge"
    REMOTE_ON_DRIVE = "remote_on_drive"
    REMOTE_OFF = "remote_off"


class PreconditioningError(StrEnum):
    """Why the climate control of the parked car did not start or ended early."""

    OK = "ok"
    LOW_FUEL = "low_fuel"
    LOW_BATTERY = "low_battery"
    QUOTA_EXCEEDED = "quota_exceeded"
    HEATER_FAILURE = "heater_failure"
    COMPONENT_FAILURE = "component_failure"
    OPEN_OR_UNLOCKED = "open_or_unlocked"


class AlarmState(StrEnum):
    """What the anti-theft alarm watches; MyBMW reports only whether it is armed."""

    UNARMED = "unarmed"
    ARMED = "armed"
    DOORS_ONLY = "doors_only"
    DOORS_TILT_CABIN = "doors_tilt_cabin"


class Battery12VHealth(StrEnum):
    """Whether the 12 V battery has to be replaced."""

    GOOD = "good"
    ADVISED = "advised"
    NEEDED = "needed"
    URGENT = "urgent"
