"""The snapshot: everything known of one car at one moment, immutable.

`None` is unknown; an empty tuple means that BMW reports none. Units are in the field names where
they are not obvious, and always metric.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from enum import StrEnum
from types import MappingProxyType

from bmw2mqtt.vehicle.history import VehicleHistory
from bmw2mqtt.vehicle.states import (
    AlarmState,
    Battery12VHealth,
    BatteryPreconditioning,
    ChargingEndReason,
    ChargingMethod,
    PreconditioningError,
)


class DriveTrain(StrEnum):
    """The drive train (BMW's words)."""

    COMBUSTION = "combustion"
    MILD_HYBRID = "mild_hybrid"
    HYBRID = "hybrid"
    PLUGIN_HYBRID = "plugin_hybrid"
    ELECTRIC = "electric"
    ELECTRIC_WITH_RANGE_EXTENDER = "electric_with_range_extender"

    @property
    def has_battery(self) -> bool:
        """Whether it has a high-voltage battery that can be charged from a plug."""
        return self in _PLUGGED

    @property
    def has_engine(self) -> bool:
        """Whether it burns fuel."""
        return self is not DriveTrain.ELECTRIC


_PLUGGED = frozenset(
    {DriveTrain.PLUGIN_HYBRID, DriveTrain.ELECTRIC, DriveTrain.ELECTRIC_WITH_RANGE_EXTENDER}
)


class ChargingStatus(StrEnum):
    """BMW's words for the state of charging."""

    DEFAULT = "default"
    CHARGING = "charging"
    ERROR = "error"
    COMPLETE = "complete"
    FULLY_CHARGED = "fully_charged"
    FINISHED_FULLY_CHARGED = "finished_fully_charged"
    FINISHED_NOT_FULL = "finished_not_full"
    INVALID = "invalid"
    NOT_CHARGING = "not_charging"
    PLUGGED_IN = "plugged_in"
    WAITING_FOR_CHARGING = "waiting_for_charging"
    TARGET_REACHED = "target_reached"


class ChargingMode(StrEnum):
    """When a plugged-in car charges."""

    IMMEDIATE_CHARGING = "immediate_charging"
    DELAYED_CHARGING = "delayed_charging"


class ClimateActivity(StrEnum):
    """The activity of the parked car's climate control."""

    COOLING = "cooling"
    HEATING = "heating"
    VENTILATION = "ventilation"
    INACTIVE = "inactive"
    STANDBY = "standby"


class LockState(StrEnum):
    """The lock of all doors (BMW's words, in upper case as in the old integration)."""

    LOCKED = "LOCKED"
    SECURED = "SECURED"
    SELECTIVE_LOCKED = "SELECTIVE_LOCKED"
    PARTIALLY_LOCKED = "PARTIALLY_LOCKED"
    UNLOCKED = "UNLOCKED"


class OpeningState(StrEnum):
    """The state of a door, lid, window or roof."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    OPEN_TILT = "OPEN_TILT"
    INTERMEDIATE = "INTERMEDIATE"
    UNKNOWN = "UNKNOWN"


class ServiceStatus(StrEnum):
    """Whether a condition-based service is due."""

    OK = "OK"
    PENDING = "PENDING"
    OVERDUE = "OVERDUE"
    UNKNOWN = "UNKNOWN"


class Severity(StrEnum):
    """How urgent a check-control message is."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the car reports and which services BMW offers for it; entities depend on it."""

    state_reports: bool = False
    """The car reports its state by itself (BMW: LSC, last state call)."""
    tracking: bool = False
    """BMW reports the position of the parked car."""
    tires: bool = False
    climate_state: bool = False
    """The car reports the activity of its climate control, and it can be stopped."""
    lock: bool = False
    unlock: bool = False
    lights: bool = False
    horn: bool = False
    climate_start: bool = False
    find_vehicle: bool = False
    send_poi: bool = False
    commands: bool = False
    """The backend carries out commands; CarData has none."""
    charge_start: bool = False
    charge_stop: bool = False
    charging_plan: bool = False
    target_soc: bool = False
    ac_limit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One door, lid, window or roof, by the name BMW's API gives it (`leftFront`, `sunRoof`)."""

    name: str
    state: OpeningState


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One condition-based service (an oil change, an inspection)."""

    type: str
    """BMW's word, upper case: `BRAKE_FLUID`, `VEHICLE_CHECK`."""
    status: ServiceStatus
    due_date: date | None = None
    due_distance_km: int | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckControlMessage:
    """One warning of the car."""

    type: str
    """BMW's word, upper case: `TIRE_PRESSURE`."""
    severity: Severity
    description: str | None = None
    """BMW's own sentence."""
    mileage_km: float | None = None
    """The odometer when the message appeared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tire:
    """One wheel."""

    pressure_kpa: float | None = None
    target_pressure_kpa: float | None = None
    temperature_c: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tires:
    """The four wheels."""

    front_left: Tire = Tire()
    front_right: Tire = Tire()
    rear_left: Tire = Tire()
    rear_right: Tire = Tire()


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The last reported position (WGS 84)."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A weekly or single timer of departure, for charging or climate or both."""

    id: int
    """1, 2, 3 …: its place in the car's menu."""
    time: time | None
    weekdays: tuple[str, ...] = ()
    """BMW's words: `MONDAY` … `SUNDAY`; empty for a single departure."""
    is_active: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuel:
    """The tank."""

    remaining_l: float | None = None
    remaining_percent: float | None = None
    range_km: float | None = None
    lifetime_used_l: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery12V:
    """The 12 V battery."""

    voltage_v: float | None = None
    charge_percent: float | None = None
    health: Battery12VHealth | None = None
    needs_charging: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Charging:
    """The high-voltage battery, and how it is charged."""

    soc_percent: float | None = None
    target_soc_percent: int | None = None
    range_km: float | None = None
    status: ChargingStatus | None = None
    is_plugged_in: bool | None = None
    is_cable_locked: bool | None = None
    is_flap_open: bool | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    remaining_minutes: float | None = None
    """As last reported; `end_time` is computed from it."""
    power_kw: float | None = None
    current_a: float | None = None
    """Alternating current, like `voltage_v` and `phases`."""
    voltage_v: float | None = None
    phases: int | None = None
    method: ChargingMethod | None = None
    end_reason: ChargingEndReason | None = None
    preconditioning: BatteryPreconditioning | None = None
    capacity_kwh: float | None = None
    """Usable capacity of the battery."""
    health_percent: float | None = None
    consumption_kwh_per_100km: float | None = None
    """Average consumption of driving."""
    lifetime_energy_kwh: float | None = None
    """Energy charged from the grid since the car was built."""
    ac_limit_a: int | None = None
    ac_limits_a: tuple[int, ...] = ()
    """The limits the car accepts."""
    mode: ChargingMode | None = None
    is_pre_entry_climatization_enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate:
    """The climate control of the parked car."""

    activity: ClimateActivity | None = None
    end_time: datetime | None = None
    remaining_s: float | None = None
    """As last reported; `end_time` is computed from it."""
    error: PreconditioningError | None = None

    @property
    def is_on(self) -> bool | None:
        """Whether it cools, heats or ventilates."""
        if self.activity is None:
            return None
        return self.activity in {
            ClimateActivity.COOLING,
            ClimateActivity.HEATING,
            ClimateActivity.VENTILATION,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A value of CarData without a field of its own."""

    value: str | float | bool | None
    """`None`: the car reported a value before, and now reports that it is unknown."""
    unit: str | None = None
    measured_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """One car at one moment."""

    vin: str
    model: str
    brand: str
    """`BMW`, `MINI`, `TOYOTA`, or another name from BMW."""
    drive_train: DriveTrain | None = None
    software_version: str | None = None
    capabilities: Capabilities = Capabilities()
    updated_at: datetime | None = None
    """When the car last reported; never the time of a poll."""
    last_report_at: datetime | None = None
    """`updated_at`; the bridge publishes a change at most once a minute."""
    measured_at: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """When single values were measured, by `{platform}/{key}` of their entity."""
    mileage_km: float | None = None
    range_km: float | None = None
    """Fuel and battery together."""
    fuel: Fuel = Fuel()
    charging: Charging = Charging()
    climate: Climate = Climate()
    door_lock: LockState | None = None
    lids: tuple[Opening, ...] | None = None
    """Doors, hood, trunk and roof."""
    windows: tuple[Opening, ...] | None = None
    alarm: AlarmState | None = None
    is_alarm_triggered: bool | None = None
    services: tuple[Service, ...] | None = None
    next_service_km: float | None = None
    """Distance left to the next service, where BMW reports it beside the services."""
    inspection_date: date | None = None
    """Date of the legal inspection, where BMW reports it beside the services."""
    check_control_messages: tuple[CheckControlMessage, ...] | None = None
    tires: Tires = Tires()
    position: Position | None = None
    had_position: bool = False
    """Whether this or an earlier snapshot had a position: a lost one has to be removed."""
    heading_deg: int | None = None
    destination_km: float | None = None
    """Distance left to the destination of the navigation system."""
    arrival_at: datetime | None = None
    """Expected arrival at that destination."""
    departure_timers: tuple[Timer, ...] = ()
    is_moving: bool | None = None
    is_ignition_on: bool | None = None
    are_lights_on: bool | None = None
    battery_12v: Battery12V = Battery12V()
    image: bytes | None = field(default=None, repr=False)
    """A picture of this car in its own colour, PNG."""
    history: VehicleHistory | None = None
    """Its past charges and trips; `None`: nothing is recorded."""
    readings: Mapping[str, Reading] = field(default_factory=lambda: MappingProxyType({}))
    """Further values by BMW's name for them."""

    @property
    def has_battery(self) -> bool:
        """Whether it has a high-voltage battery that can be charged from a plug."""
        return self.drive_train is not None and self.drive_train.has_battery

    @property
    def has_engine(self) -> bool:
        """Whether it burns fuel."""
        return self.drive_train is not None and self.drive_train.has_engine

    def with_capacity(self, capacity_kwh: float | None) -> "Vehicle":
        """Return it with another capacity, if it has a battery; `None`: as it is."""
        if capacity_kwh is None or not self.has_battery:
            return self
        return replace(self, charging=replace(self.charging, capacity_kwh=capacity_kwh))
