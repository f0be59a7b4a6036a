"""The simulated BMW CarData: login, REST API and stream."""

from bmw2mqtt.simulator.faults import Fault, Faults
from bmw2mqtt.simulator.recording import RecordedRequest

from .answers import cu_error, empty_list, oauth_error
from .cars import CarDataCar, RecordedCarDataCar
from .container import Container
from .driving import DrivingCarDataCar, demo_cars
from .oauth import UnknownCodeError
from .reading import SimulatedReading
from .server import CarDataSimulator
from .users import API_SCOPE, CLIENT_ID, STREAM_SCOPE, CarDataUser, Lifetimes

__all__ = [
    "API_SCOPE",
    "CLIENT_ID",
    "STREAM_SCOPE",
    "CarDataCar",
    "CarDataSimulator",
    "CarDataUser",
    "Container",
    "DrivingCarDataCar",
    "Fault",
    "Faults",
    "Lifetimes",
    "RecordedCarDataCar",
    "RecordedRequest",
    "SimulatedReading",
    "UnknownCodeError",
    "cu_error",
    "demo_cars",
    "empty_list",
    "oauth_error",
]
