"""Simulated cars that drive and charge, and report to CarData."""

from .behaviour import CHARGE_ENDS, UNKNOWN_SIBLINGS, ReportBehaviour
from .car import DrivingCarDataCar, demo_cars
from .models import CARDATA_ELECTRIC, CARDATA_HYBRID

__all__ = [
    "CARDATA_ELECTRIC",
    "CARDATA_HYBRID",
    "CHARGE_ENDS",
    "UNKNOWN_SIBLINGS",
    "DrivingCarDataCar",
    "ReportBehaviour",
    "demo_cars",
]
