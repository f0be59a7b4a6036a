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
ALARM = _one("vehicle.antiTheftAlarmSystem.alarm.armStatus")
BATTERY_12V_VOLTAGE = _one("electricalSystem.battery.voltage")

_LOCATION = "cabin.infotainment.navigation.currentLocation."
LATITUDE, LONGITUDE = _one(f"{_LOCATION}latitude"), _one(f"{_LOCATION}longitude")
HEADING = _one(f"{_LOCATION}heading")

# Fuel and ranges

FUEL_L = _one("drivetrain.fuelSystem.remainingFuel")
FUEL_PERCENT = _one("drivetrain.fuelSystem.level")
FUEL_RANGE = _one("cabin.infotainment.navigation.remainingRange")
LAST_RANGE = _one("drivetrain.lastRemainingRange")
TOTAL_RANGE = (LAST_RANGE, _one("drivetrain.totalRemainingRange"))
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
AC_LIMIT = _one(f"{_BATTERY}charging.acLimit.selected")
BATTERY_SIZE = _one("drivetrain.batteryManagement.batterySizeMax")
PRE_ENTRY_CLIMATE = _one(f"{_ENGINE}charging.profile.climatizationActive")

# Climate

CLIMATE = _chain(
    "vehicle.preConditioning.activity", "cabin.hvac.preconditioning.status.comfortState"
)
CLIMATE_REMAINING = _chain(
    "vehicle.preConditioning.remainingTime",
    "cabin.hvac.preconditioning.status.remainingRunningTime",
)

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
