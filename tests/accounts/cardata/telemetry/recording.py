"""Readings of one car, recorded one by one."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.vehicle.snapshot import Reading
from tests.accounts.cardata.reporting_car import T0, VIN, entry

SOC = "vehicle.drivetrain.batteryManagement.header"
MILEAGE = "vehicle.vehicle.travelledDistance"
TRUNK = "vehicle.body.trunk.isOpen"
FAULTS = "vehicle.electronicControlUnit.diagnosticTroubleCodes.raw"
MESSAGES = "vehicle.status.checkControlMessages"
LATITUDE = "vehicle.cabin.infotainment.navigation.currentLocation.latitude"
LONGITUDE = "vehicle.cabin.infotainment.navigation.currentLocation.longitude"


def reopened(path: Path) -> ReadingStore:
    values = ReadingStore(path)
    values.open()
    return values


def readings(store: ReadingStore) -> Mapping[str, Reading]:
    """Return the readings of the one car."""
    return store.add(VIN).view


def record(values: ReadingStore, name: str, value: Any, seconds: float = 0, **more: Any) -> bool:
    received_at = T0 + timedelta(seconds=more.pop("received_s", seconds + 1))
    return values.add(VIN).record({name: entry(value, seconds, **more)}, received_at)
