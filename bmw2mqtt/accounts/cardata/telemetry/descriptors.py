"""Every descriptor that the snapshot is made of, declared once.

A chain lists the names that BMW has for one fact. Whatever is declared here is requested over REST
too; what is declared first matters most, where BMW refuses long lists.
"""

from bmw2mqtt.entities.catalogue import catalogue

Chain = tuple[str, ...]
_declared: dict[str, None] = {}


def core_descriptors() -> tuple[str, ...]:
    """Return every declared descriptor that BMW accepts in a container."""
    rows = catalogue()
    return tuple(name for name in _declared if rows[name].rest_via == "container")


def _chain(*names: str) -> Chain:
    """Declare the names of one fact, without their first `vehicle.`."""
    chain = tuple(f"vehicle.{name}" for name in names)
    _declared.update(dict.fromkeys(chain))
    return chain


def _one(name: str) -> str:
    """Declare a fact that has one name."""
    return _chain(name)[0]


def _family(pattern: str, **values: tuple[str, ...]) -> dict[tuple[str, ...], str]:
    """Declare a pattern for every combination of values; return the names by the values."""
    names: dict[tuple[str, ...], str] = {(): pattern}
    for key, choices in values.items():
        names = {
            (*chosen, choice): text.replace(f"{{{key}}}", choice)
            for chosen, text in names.items()
            for choice in choices
        }
    return {chosen: _one(text) for chosen, text in names.items()}


# The whole car

TRAVELLED_DISTANCE = _one("vehicle.travelledDistance")
TRIP_TRAVELLED_DISTANCE = _one("trip.segment.end.travelledDistance")
ODOMETER = (TRAVELLED_DISTANCE, TRIP_TRAVELLED_DISTANCE)
DISTANCE_UNITS = _chain(
    "cabin.infotainment.displayUnit.distance", "cabin.infotainment.hmi.distanceUnit"
)
"""What the car's display shows: kilometres or miles."""
IS_MOVING = _one("isMoving")
IS_ENGINE_ACTIVE = _one("drivetrain.engine.isActive")
IGNITION = _one("drivetrain.engine.isIgnitionOn")
LIGHTS = _one("body.lights.isRunningOn")
_12V = "electricalSystem.battery."
BATTERY_12V_VOLTAGE = _one(f"{_12V}voltage")
BATTERY_12V_CHARGE = _one(f"{_12V}stateOfCharge")
BATTERY_12V_REPLACE = _one(f"{_12V}serviceDemand.replace")
BATTERY_12V_RECHARGE = _one(f"{_12V}serviceDemand.recharge")
_ALARM = "vehicle.antiTheftAlarmSystem.alarm."
ALARM = _one(f"{_ALARM}armStatus")
ALARM_TRIGGERED = _one(f"{_ALARM}isOn")

_LOCATION = "cabin.infotainment.navigation.currentLocation."
LATITUDE, LONGITUDE = _one(f"{_LOCATION}latitude"), _one(f"{_LOCATION}longitude")
HEADING = _one(f"{_LOCATION}heading")

# Fuel and ranges

FUEL_L = _one("drivetrain.fuelSystem.remainingFuel")
FUEL_PERCENT = _one("drivetrain.fuelSystem.level")
FUEL_RANGE = _one("cabin.infotainment.navigation.remainingRange")
LAST_RANGE = _one("drivetrain.lastRemainingRange")
TOTAL_RANGE = (LAST_RANGE, _one("drivetrain.totalRemainingRange"))
LIFETIME_FUEL = _one("drivetrain.fuelSystem.consumptionOverLifeTime.overall.fuel")
ELECTRIC_RANGE = _one("drivetrain.electricEngine.kombiRemainingElectricRange")
CHARGING_RANGE = _one("drivetrain.electricEngine.remainingElectricRange")
"""A forecast that the car makes while it charges."""

# Charging

_ENGINE = "drivetrain.electricEngine."
_BATTERY = "powertrain.electric.battery."
_PORT = "body.chargingPort."
CHARGING_STATUS = _chain(f"{_ENGINE}charging.status", f"{_ENGINE}charging.hvStatus")
SOC = _chain("drivetrain.batteryManagement.header", f"{_BATTERY}stateOfCharge.displayed")
SOC_FORECAST = _one(f"{_ENGINE}charging.level")
"""BMW's own forecast of the SoC."""
SOC_AT_TRIP_END = _one("trip.segment.end.drivetrain.batteryManagement.hvSoc")
TARGET_SOC = _one(f"{_BATTERY}stateOfCharge.target")
PLUG = _chain(
    f"{_PORT}status",
    "powertrain.tractionBattery.charging.port.anyPosition.isPlugged",
    f"{_ENGINE}charging.connectorStatus",
    f"{_PORT}combinedStatus",
    f"{_PORT}statusClearText",
)
DC_PLUG = _one(f"{_PORT}dcStatus")
TIME_TO_TARGET = _one(f"{_ENGINE}charging.timeRemaining")
TIME_TO_FULL = _one(f"{_ENGINE}charging.timeToFullyCharged")
CHARGING_POWER = _one(f"{_BATTERY}charging.power")
AC_VOLTAGE = _one(f"{_ENGINE}charging.acVoltage")
AC_CURRENT = _one(f"{_ENGINE}charging.acAmpere")
PHASES = _one(f"{_ENGINE}charging.phaseNumber")
AC_LIMIT = _one(f"{_BATTERY}charging.acLimit.selected")
MAX_ENERGY = _one("drivetrain.batteryManagement.maxEnergy")
"""The usable capacity."""
BATTERY_HEALTH = _one(f"{_BATTERY}stateOfHealth.displayed")
CONSUMPTION = _one("drivetrain.avgElectricRangeConsumption")
LIFETIME_ENERGY = _one(f"{_ENGINE}charging.consumptionOverLifeTime.overall.gridEnergy")
CABLE_LOCK = _one(f"{_PORT}lockedStatus")
FLAP = _one("powertrain.tractionBattery.charging.port.anyPosition.flap.isOpen")
BATTERY_SIZE = _one("drivetrain.batteryManagement.batterySizeMax")
CHARGING_METHOD = _one(f"{_ENGINE}charging.method")
CHARGING_END_REASON = _chain(
    f"{_ENGINE}charging.reasonChargingEnd", f"{_ENGINE}charging.hvpmFinishReason"
)
BATTERY_PRECONDITIONING = _one(f"{_BATTERY}preconditioning.state")
PRE_ENTRY_CLIMATE = _one(f"{_ENGINE}charging.profile.climatizationActive")

# Climate

CLIMATE = _chain(
    "vehicle.preConditioning.activity", "cabin.hvac.preconditioning.status.comfortState"
)
CLIMATE_REMAINING = _chain(
    "vehicle.preConditioning.remainingTime",
    "cabin.hvac.preconditioning.status.remainingRunningTime",
)
CLIMATE_ERROR = _one("vehicle.preConditioning.error")
_TIMER = "cabin.climate.timers.{timer}."
_TIMERS = ("weekdaysTimer1", "weekdaysTimer2", "overwriteTimer")
TIMER_ACTION = _family(f"{_TIMER}action", timer=_TIMERS)
TIMER_HOUR = _family(f"{_TIMER}hour", timer=_TIMERS)
TIMER_MINUTE = _family(f"{_TIMER}minute", timer=_TIMERS)

# Navigation

_DESTINATION = "cabin.infotainment.navigation.destinationSet."
DESTINATION_DISTANCE = _one(f"{_DESTINATION}distance")
ARRIVAL_TIME = _one(f"{_DESTINATION}arrivalTime")
"""`hh:mm`."""

# Doors and windows

_SIDES = ("driver", "passenger")
DOORS = _family("cabin.door.row{row}.{side}.isOpen", row=("1", "2"), side=_SIDES)
WINDOWS = _family("cabin.window.row{row}.{side}.status", row=("1", "2"), side=_SIDES)
"""By row and side."""
HOOD = _one("body.hood.isOpen")
TRUNK = _chain("body.trunk.isOpen", "body.trunk.door.isOpen")
TRUNK_DOORS = _family("body.trunk.{part}.door.isOpen", part=("left", "right", "upper", "lower"))
TRUNK_WINDOW = _one("body.trunk.window.isOpen")
SUN_ROOF = _chain("cabin.sunroof.status", "cabin.sunroof.overallStatus")
SUN_ROOF_TILT = _one("cabin.sunroof.tiltStatus")
CONVERTIBLE_ROOF = _one("cabin.convertible.roofStatus")
DOOR_LOCK = _chain("cabin.door.lock.status", "cabin.door.status")

# Wheels

_WHEEL = "chassis.axle.row{row}.wheel.{side}.tire."
_WHEEL_SIDES = ("left", "right")
TIRE_PRESSURE = _family(f"{_WHEEL}pressure", row=("1", "2"), side=_WHEEL_SIDES)
TIRE_TARGET_PRESSURE = _family(f"{_WHEEL}pressureTarget", row=("1", "2"), side=_WHEEL_SIDES)
TIRE_TEMPERATURE = _family(f"{_WHEEL}temperature", row=("1", "2"), side=_WHEEL_SIDES)

# Maintenance

SERVICES = _one("status.conditionBasedServices")
MESSAGES = _one("status.checkControlMessages")
NEXT_SERVICE_DISTANCE = _one("status.serviceDistance.next")
INSPECTION_DATE = _one("status.serviceTime.inspectionDateLegal")

# What the rules of charging judge

CHARGING_QUANTITIES = {
    **dict.fromkeys(CHARGING_STATUS, "status"),
    **dict.fromkeys((*PLUG, DC_PLUG), "is_plugged_in"),
    **dict.fromkeys((*SOC, SOC_AT_TRIP_END), "soc_percent"),
    SOC_FORECAST: "level_percent",
    TARGET_SOC: "target_percent",
    CHARGING_POWER: "power_w",
    AC_VOLTAGE: "voltage_v",
    AC_CURRENT: "current_a",
    PHASES: "phases",
    TIME_TO_TARGET: "remaining_minutes",
    TIME_TO_FULL: "remaining_minutes",
    TRAVELLED_DISTANCE: "odometer_km",
    IS_MOVING: "is_moving",
    IS_ENGINE_ACTIVE: "is_engine_on",
    BATTERY_PRECONDITIONING: "is_preconditioning",
    **dict.fromkeys(CHARGING_END_REASON, "end_reason"),
    CHARGING_METHOD: "is_dc",
}
"""The field of `ChargingFacts` that each is; of the same moment the first one's reading counts."""
CHARGING_INPUTS = frozenset(CHARGING_QUANTITIES)
"""The position is another one; it has two descriptors."""
