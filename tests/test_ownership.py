"""Whose car it is, when two accounts have it."""

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.mybmw.traits import MYBMW_TRAITS
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.account import AccountState, AccountStatus
from bmw2mqtt.vehicle.snapshot import Capabilities, Reading, Vehicle

VIN = "WBA00000000000001"
ROOT = f"bmw2mqtt/{VIN}"
DISCOVERY = f"homeassistant/device/bmw2mqtt_{VIN}/config"
LOCK, READING = f"{ROOT}/lock/lock", f"{ROOT}/binary_sensor/body_trunk_is_locked"
ACCOUNTS: dict[str, Any] = {
    "app": {"backend": "mybmw", "username": "me@example.com", "password": "pw"},
    "eu": {"backend": "cardata", "client_id": "00000000-0000-0000-0000-000000000000"},
}
APP_CAR = Vehicle(
    vin=VIN,
    model="iX",
    brand="BMW",
    capabilities=Capabilities(state_reports=True, lock=True, unlock=True, commands=True),
)
CARDATA_CAR = Vehicle(
    vin=VIN,
    model="iX",
    brand="BMW",
    capabilities=Capabilities(state_reports=True),
    readings={"vehicle.body.trunk.isLocked": Reading(value=True)},
)


class House:
    """A fleet, what it stands for on the broker, and how often a topic was cleared."""

    def __init__(self, directory: Path) -> None:
        topics = Topics("bmw2mqtt", "homeassistant")
        self.publisher = Publisher()
        store = Store(directory)
        self.fleet = DeviceRegistry(
            Settings(accounts=ACCOUNTS), topics, self.publisher, RetainedScan(topics), store=store
        )
        self.fleet.restore()

    def app_tells(self) -> None:
        self.fleet.vehicles_listed("app", frozenset({VIN}), is_complete=True)
        self.fleet.vehicle_changed("app", APP_CAR)

    def eu_tells(self) -> None:
        self.fleet.vehicles_listed("eu", frozenset({VIN}), is_complete=True)
        self.fleet.vehicle_changed("eu", CARDATA_CAR)

    @property
    def topics(self) -> frozenset[str]:
        return self.publisher.retained_topics()

    def owner(self) -> str:
        info = json.loads(self.publisher._retained["bmw2mqtt/bridge/info"])
        return str(info["vehicles"][VIN]["account"])


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_the_first_in_the_configuration_shows_it(house: House) -> None:
    with capture_logs() as lines:
        house.eu_tells()
        assert READING in house.topics
        house.app_tells()
        house.eu_tells()
    assert (house.owner(), READING in house.topics, LOCK in house.topics) == ("app", False, True)
    assert [
        line["left_out_of"] for line in lines if line["event"] == "vehicle_in_two_accounts"
    ] == ["eu"]


def test_it_changes_hands_without_leaving_home_assistant(house: House) -> None:
    house.eu_tells()
    house.app_tells()
    assert DISCOVERY not in house.publisher._withdrawn
    assert f"{ROOT}/availability" not in house.publisher._withdrawn
    assert READING in house.publisher._withdrawn


def test_after_a_restart_it_waits_for_who_showed_it(house: House, tmp_path: Path) -> None:
    house.app_tells()
    house.eu_tells()
    again = House(tmp_path)
    again.eu_tells()
    assert ROOT + "/state" not in again.topics
    again.app_tells()
    assert again.owner() == "app"


def test_it_waits_no_longer_once_that_account_cannot_tell(house: House, tmp_path: Path) -> None:
    house.app_tells()
    again = House(tmp_path)
    blocked = AccountState(name="app", backend=MYBMW_TRAITS, status=AccountStatus.BLOCKED)
    again.fleet.account_changed(blocked)
    again.eu_tells()
    assert again.owner() == "eu"


def test_who_loses_it_gives_it_to_the_other(house: House) -> None:
    house.app_tells()
    house.eu_tells()
    house.fleet.vehicles_listed("app", frozenset(), is_complete=True)
    assert ROOT + "/state" not in house.topics
    house.eu_tells()
    assert house.owner() == "eu"


def test_only_the_owner_keeps_it_online(house: House) -> None:
    house.app_tells()
    house.eu_tells()
    seen = dict(house.fleet._current_at)
    house.fleet.vehicle_seen("eu", VIN)
    assert house.fleet._current_at == seen
    house.fleet.vehicle_seen("app", VIN)
    assert VIN in house.fleet._current_at


def test_what_is_on_the_disk_already_is_not_written_again(house: House, tmp_path: Path) -> None:
    def written_at() -> int:
        return (tmp_path / "owners.json").stat().st_mtime_ns

    house.app_tells()
    before = written_at()
    for _ in range(3):
        house.app_tells()
    assert written_at() == before
    house.fleet.vehicles_listed("app", frozenset(), is_complete=True)
    assert written_at() > before
