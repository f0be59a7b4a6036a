"""BMW's names as the tests of what becomes of them use them."""

from typing import Any

from bmw2mqtt.vehicle.snapshot import Vehicle
from tests.accounts.cardata.reporting_car import Car

MILEAGE, TRIP_MILEAGE = "vehicle.travelledDistance", "trip.segment.end.travelledDistance"
KOMBI = "drivetrain.electricEngine.kombiRemainingElectricRange"
FORECAST_RANGE = "drivetrain.electricEngine.remainingElectricRange"
LAST_RANGE, TOTAL_RANGE = "drivetrain.lastRemainingRange", "drivetrain.totalRemainingRange"
FUEL_RANGE = "cabin.infotainment.navigation.remainingRange"
FUEL, FUEL_PERCENT = "drivetrain.fuelSystem.remainingFuel", "drivetrain.fuelSystem.level"
HEADER = "drivetrain.batteryManagement.header"
DISPLAYED = "powertrain.electric.battery.stateOfCharge.displayed"
LEVEL = "drivetrain.electricEngine.charging.level"
TRIP_SOC = "trip.segment.end.drivetrain.batteryManagement.hvSoc"
TARGET = "powertrain.electric.battery.stateOfCharge.target"
STATUS = "drivetrain.electricEngine.charging.status"
HV_STATUS = "drivetrain.electricEngine.charging.hvStatus"
REMAINING = "drivetrain.electricEngine.charging.timeRemaining"
TO_FULL = "drivetrain.electricEngine.charging.timeToFullyCharged"
POWER = "powertrain.electric.battery.charging.power"
PORT = "body.chargingPort."
ACTIVITY = "vehicle.preConditioning.activity"
COMFORT = "cabin.hvac.preconditioning.status.comfortState"
DISPLAY_UNIT = "cabin.infotainment.displayUnit.distance"
HMI_UNIT = "cabin.infotainment.hmi.distanceUnit"
CONSUMPTION = "drivetrain.avgElectricRangeConsumption"
MAX_ENERGY = "drivetrain.batteryManagement.maxEnergy"
BATTERY_SIZE = "drivetrain.batteryManagement.batterySizeMax"
LOCK, DOORS = "cabin.door.lock.status", "cabin.door.status"
SERVICES, MESSAGES = "status.conditionBasedServices", "status.checkControlMessages"


def reported(values: dict[str, Any], basic: dict[str, Any] | None = None) -> Vehicle:
    return Car(basic).report(values)


def states(openings: Any) -> dict[str, str]:
    return {opening.name: opening.state.value for opening in openings or ()}
