"""Simulated cars that drive and charge, report to the app API and perform its commands."""

from .car import DrivingCar, demo_cars

__all__ = ["DrivingCar", "demo_cars"]
