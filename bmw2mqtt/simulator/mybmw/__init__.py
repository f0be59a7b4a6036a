"""The app API "MyBMW", as the library `bimmer_connected` meets it."""

from bmw2mqtt.simulator.driving import TIME_LAPSE, Brand, CarModel
from bmw2mqtt.simulator.faults import Fault, Faults
from bmw2mqtt.simulator.recording import RecordedRequest

from .cars import InvalidCommandError, SimulatedCar
from .commands import (
    EXECUTED,
    FAILED,
    IGNORED,
    NEVER_FINISHED,
    Outcome,
    PlannedOutcomes,
)
from .driving import DrivingCar, demo_cars
from .faults import blocked, empty_list, quota_exceeded, too_many_requests
from .recorded_car import RecordedCar
from .server import MyBmwSimulator
from .users import Region, SimulatedUser

__all__ = [
    "EXECUTED",
    "FAILED",
    "IGNORED",
    "NEVER_FINISHED",
    "TIME_LAPSE",
    "Brand",
    "CarModel",
    "DrivingCar",
    "Fault",
    "Faults",
    "InvalidCommandError",
    "MyBmwSimulator",
    "Outcome",
    "PlannedOutcomes",
    "RecordedCar",
    "RecordedRequest",
    "Region",
    "SimulatedCar",
    "SimulatedUser",
    "blocked",
    "demo_cars",
    "empty_list",
    "quota_exceeded",
    "too_many_requests",
]
