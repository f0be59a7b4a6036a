"""Simulated cars that drive and charge, and report to CarData."""

from .car import DrivingCarDataCar, demo_cars
from .habits import CHARGE_ENDS, UNKNOWN_SIBLINGS, ReportHabits
from .models import CARDATA_ELECTRIC, CARDATA_HYBRID

__all__ = [
    "CARDATA_ELECTRIC",
    "CARDATA_HYBRID",
    "CHARGE_ENDS",
    "UNKNOWN_SIBLINGS",
    "DrivingCarDataCar",
    "ReportHabits",
    "demo_cars",
]
