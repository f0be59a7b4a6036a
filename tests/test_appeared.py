"""Entities appear with their first value, and stay when it becomes unknown."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.snapshot import Capabilities, Charging, DriveTrain, Vehicle

VIN = "WBA00000000000001"
POWER = f"bmw2mqtt/{VIN}/sensor/charging_power"
DISCOVERY = f"homeassistant/device/bmw2mqtt_{VIN}/config"
ACCOUNTS: dict[str, Any] = {
    "app": {"backend": "mybmw", "username": "me@example.com", "password": "pw"},
    "eu": {"backend": "cardata", "client_id": "00000000-0000-0000-0000-000000000000"},
}
PARKED = Vehicle(
    vin=VIN,
    model="iX",
    brand="BMW",
    drive_train=DriveTrain.ELECTRIC,
    capabilities=Capabilities(state_reports=True),
)
CHARGING = replace(PARKED, charging=Charging(power_kw=11))


class Run:
    """One run of the daemon as far as its devices go."""

    def __init__(self, directory: Path) -> None:
        topics = Topics("bmw2mqtt", "homeassistant")
        self._publisher = Publisher()
        store = Store(directory)
        scan = RetainedScan(topics)
        settings = Settings(accounts=ACCOUNTS)
        self.registry = DeviceRegistry(settings, topics, self._publisher, scan, store=store)
        self.registry.restore()

    def show(self, vehicle: Vehicle, account: str = "app") -> None:
        self.registry.vehicles_listed(account, frozenset({VIN}), is_complete=True)
        self.registry.vehicle_changed(account, vehicle)

    def leave(self) -> None:
        self.registry.vehicles_listed("app", frozenset(), is_complete=True)

    def power(self) -> str | None:
        payload = self._publisher._retained.get(POWER)
        return None if payload is None else payload.decode()

    def announced(self) -> set[str]:
        components = json.loads(self._publisher._retained[DISCOVERY])["components"]
        return set(components)

    def is_announced(self) -> bool:
        return "sensor_charging_power" in self.announced()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_an_entity_appears_with_its_first_value_and_stays(run: Run) -> None:
    run.show(PARKED)
    assert (run.power(), run.is_announced()) == (None, False)
    run.show(CHARGING)
    assert (run.power(), run.is_announced()) == ("11", True)
    run.show(PARKED)
    assert (run.power(), run.is_announced()) == ("None", True)


def test_it_is_still_there_after_a_restart(run: Run, tmp_path: Path) -> None:
    run.show(CHARGING)
    again = Run(tmp_path)
    again.show(PARKED)
    assert (again.power(), again.is_announced()) == ("None", True)


def test_a_car_that_left_the_account_begins_anew(run: Run, tmp_path: Path) -> None:
    run.show(CHARGING)
    run.leave()
    run.show(PARKED)
    assert not run.is_announced()
    again = Run(tmp_path)
    again.show(PARKED)
    assert not again.is_announced()


def test_without_a_list_of_what_a_car_can_do_everything_waits(run: Run) -> None:
    """CarData tells no capabilities: what a car has never reported it may never report."""
    run.show(PARKED, "eu")
    assert run.announced() == {"device_tracker_location"}
    run.show(replace(PARKED, mileage_km=5), "eu")
    assert run.announced() == {"device_tracker_location", "sensor_mileage"}
    run.show(PARKED, "eu")
    assert run.announced() == {"device_tracker_location", "sensor_mileage"}


def test_the_app_lists_what_a_car_can_do(run: Run) -> None:
    run.show(PARKED)
    assert {"sensor_mileage", "sensor_charging_start_time"} <= run.announced()


@pytest.mark.parametrize(
    "document", [{"app": 5}, {"app": {VIN: "x"}}, {"app": {"x": ["y"]}}, {"app": {VIN: [1, None]}}]
)
def test_a_damaged_file_costs_only_the_memory(document: dict[str, Any], tmp_path: Path) -> None:
    Store(tmp_path).save("entities", document)
    run = Run(tmp_path)
    run.show(PARKED)
    assert not run.is_announced()
