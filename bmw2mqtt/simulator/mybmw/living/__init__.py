"""Cars that live: they drive to work and back, charge, and do as they are told."""

from .car import TIME_LAPSE, LivingCar, demo_cars
from .models import DIESEL, ELECTRIC, PLUGIN_HYBRID, CarModel

__all__ = [
    "DIESEL",
    "ELECTRIC",
    "PLUGIN_HYBRID",
    "TIME_LAPSE",
    "CarModel",
    "LivingCar",
    "demo_cars",
]
