"""Trips and refuelling, derived from what a car reports: pure rules, time is an argument.

Two kinds of cars: those that report while they drive (position, movement), and those that report at
the end only (an odometer step). Every rule goes by the measured times, not by the order of arrival.
"""

from bmw2mqtt.vehicle.trips.observation import Measured, Observation, TripEndBlock
from bmw2mqtt.vehicle.trips.places import Coordinates, Home, Zone
from bmw2mqtt.vehicle.trips.records import (
    Refuel,
    Refuelled,
    Trip,
    TripCorrected,
    TripDiscarded,
    TripEnded,
    TripEvent,
    TripStarted,
)
from bmw2mqtt.vehicle.trips.tracker import TripTracker

__all__ = [
    "Coordinates",
    "Home",
    "Measured",
    "Observation",
    "Refuel",
    "Refuelled",
    "Trip",
    "TripCorrected",
    "TripDiscarded",
    "TripEndBlock",
    "TripEnded",
    "TripEvent",
    "TripStarted",
    "TripTracker",
    "Zone",
]
