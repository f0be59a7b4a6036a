"""Sensors of a car: numbers, words, dates and times."""

from bmw2mqtt.entities.base import Sensor
from bmw2mqtt.entities.sensor.body import CLIMATE, SECURITY, TIRES
from bmw2mqtt.entities.sensor.charging import BATTERY, CHARGING
from bmw2mqtt.entities.sensor.driving import DISTANCES, FUEL, NAVIGATION, REPORT
from bmw2mqtt.entities.sensor.history import HISTORY
from bmw2mqtt.entities.sensor.maintenance import BATTERY_12V, SERVICES
from bmw2mqtt.vehicle.snapshot import Vehicle

__all__ = ["SENSORS"]

SENSORS: tuple[Sensor[Vehicle], ...] = (
    *CHARGING,
    *BATTERY,
    *DISTANCES,
    *FUEL,
    *NAVIGATION,
    *CLIMATE,
    *TIRES,
    *SECURITY,
    *SERVICES,
    *BATTERY_12V,
    *REPORT,
    *HISTORY,
)
