"""Simulated cars that drive to work and back, charge, and perform commands."""

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
