"""Cars that live, and report to CarData what happens to them."""

from .car import LivingCarDataCar, demo_cars
from .models import CARDATA_ELECTRIC, CARDATA_HYBRID

__all__ = ["CARDATA_ELECTRIC", "CARDATA_HYBRID", "LivingCarDataCar", "demo_cars"]
