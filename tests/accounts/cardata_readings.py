"""Readings of one car, taken one by one."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from tests.accounts.cardata_cars import T0, VIN, entry

SOC = "vehicle.drivetrain.batteryManagement.header"
MILEAGE = "vehicle.vehicle.travelledDistance"
TRUNK = "vehicle.body.trunk.isOpen"
MESSAGES = "vehicle.status.checkControlMessages"
LATITUDE = "vehicle.cabin.infotainment.navigation.currentLocation.latitude"
LONGITUDE = "vehicle.cabin.infotainment.navigation.currentLocation.longitude"


def reopened(path: Path) -> ReadingStore:
    values = ReadingStore(path)
    values.open()
    return values


def take(values: ReadingStore, name: str, value: Any, seconds: float = 0, **more: Any) -> bool:
    received_at = T0 + timedelta(seconds=more.pop("received_s", seconds + 1))
    return values.take(VIN, {name: entry(value, seconds, **more)}, received_at)
