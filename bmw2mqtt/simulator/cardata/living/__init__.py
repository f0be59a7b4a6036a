"""Simulated cars that drive and charge, and report to CarData."""

from .car import LivingCarDataCar, demo_cars
from .models import CARDATA_ELECTRIC, CARDATA_HYBRID

__all__ = ["CARDATA_ELECTRIC", "CARDATA_HYBRID", "LivingCarDataCar", "demo_cars"]
