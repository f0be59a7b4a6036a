"""Simulated cars that drive and charge, and report to CarData."""

from .car import DrivingCarDataCar, demo_cars
from .models import CARDATA_ELECTRIC, CARDATA_HYBRID

__all__ = ["CARDATA_ELECTRIC", "CARDATA_HYBRID", "DrivingCarDataCar", "demo_cars"]
