"""The times in a car's `state` document, and how often they alone publish it again."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from bmw2mqtt.config import Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.snapshot import Capabilities, Vehicle

VIN = "WBA00000000000001"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
MILEAGE = "sensor/mileage"


def car(at: datetime, mileage_km: float = 5) -> Vehicle:
    """Return a car whose odometer was read at that time."""
    return Vehicle(
        vin=VIN,
        model="iX",
        brand="BMW",
        capabilities=Capabilities(state_reports=True),
        mileage_km=mileage_km,
        updated_at=at,
        measured_at={MILEAGE: at, "sensor/not_there": at},
    )


class PublishedState:
    """The retained `state` document of one car."""

    def __init__(self) -> None:
        topics = Topics("bmw2mqtt", "homeassistant")
        self._publisher = Publisher()
        account = {"backend": "mybmw", "username": "u", "password": "p"}
        settings = Settings(accounts={"home": account})
        self.registry = DeviceRegistry(settings, topics, self._publisher, RetainedScan(topics))
        self.registry.vehicles_listed("home", frozenset({VIN}), is_complete=True)

    def show(self, vehicle: Vehicle) -> None:
        self.registry.vehicle_changed("home", vehicle)

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self._publisher._retained[f"bmw2mqtt/{VIN}/state"])
        return document


def test_each_value_has_its_time() -> None:
    state = PublishedState()
    state.show(car(NOON))
    assert state.document["measured_at"] == {MILEAGE: "2026-11-01T12:00:00+00:00"}
    assert state.document["updated_at"] == "2026-11-01T12:00:00+00:00"
    assert state.document["sensor"]["mileage"] == 5


def test_times_alone_wait_for_the_minute() -> None:
    state = PublishedState()
    state.show(car(NOON))
    before = state.document
    later = NOON + timedelta(seconds=40)
    state.show(car(later))
    assert state.document == before
    state.registry.publish_times()
    assert state.document["measured_at"] == {MILEAGE: "2026-11-01T12:00:40+00:00"}
    assert state.document["updated_at"] == "2026-11-01T12:00:40+00:00"


def test_a_new_value_brings_all_times_at_once() -> None:
    state = PublishedState()
    state.show(car(NOON))
    later = NOON + timedelta(seconds=40)
    state.show(car(later, 6))
    assert state.document["sensor"]["mileage"] == 6
    assert state.document["measured_at"] == {MILEAGE: "2026-11-01T12:00:40+00:00"}
