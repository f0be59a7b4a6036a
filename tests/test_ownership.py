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


class PublishedRegistry:
    """A device registry, what it keeps on the broker, and how often a topic was cleared."""

    def __init__(self, directory: Path) -> None:
        topics = Topics("bmw2mqtt", "homeassistant")
        self.publisher = Publisher()
        store = Store(directory)
        self.registry = DeviceRegistry(
            Settings(accounts=ACCOUNTS), topics, self.publisher, RetainedScan(topics), store=store
        )
        self.registry.restore()

    def app_reports(self) -> None:
        self.registry.vehicles_listed("app", frozenset({VIN}), is_complete=True)
        self.registry.vehicle_changed("app", APP_CAR)

    def eu_reports(self) -> None:
        self.registry.vehicles_listed("eu", frozenset({VIN}), is_complete=True)
        self.registry.vehicle_changed("eu", CARDATA_CAR)

    @property
    def topics(self) -> frozenset[str]:
        return self.publisher.retained_topics()

    def owner(self) -> str:
        info = json.loads(self.publisher._retained["bmw2mqtt/bridge/info"])
        return str(info["vehicles"][VIN]["account"])


class RefreshedAccount:
    """Counts how often it is asked to poll."""

    def __init__(self) -> None:
        self.refreshes = 0

    def refresh(self) -> None:
        self.refreshes += 1


@pytest.fixture
def published(tmp_path: Path) -> PublishedRegistry:
    return PublishedRegistry(tmp_path)


def test_the_first_in_the_configuration_shows_it(published: PublishedRegistry) -> None:
    with capture_logs() as lines:
        published.eu_reports()
        assert READING in published.topics
        published.app_reports()
        published.eu_reports()
    assert (published.owner(), READING in published.topics, LOCK in published.topics) == (
        "app",
        False,
        True,
    )
    assert [
        line["left_out_of"] for line in lines if line["event"] == "vehicle_in_two_accounts"
    ] == ["eu"]


def test_it_changes_hands_without_leaving_home_assistant(published: PublishedRegistry) -> None:
    published.eu_reports()
    published.app_reports()
    assert DISCOVERY not in published.publisher._withdrawn
    assert f"{ROOT}/availability" not in published.publisher._withdrawn
    assert READING in published.publisher._withdrawn


def test_after_a_restart_it_waits_for_who_showed_it(
    published: PublishedRegistry, tmp_path: Path
) -> None:
    published.app_reports()
    published.eu_reports()
    again = PublishedRegistry(tmp_path)
    again.eu_reports()
    assert ROOT + "/state" not in again.topics
    again.app_reports()
    assert again.owner() == "app"


def test_it_waits_no_longer_once_that_account_cannot_tell(
    published: PublishedRegistry, tmp_path: Path
) -> None:
    published.app_reports()
    again = PublishedRegistry(tmp_path)
    blocked = AccountState(name="app", backend=MYBMW_TRAITS, status=AccountStatus.BLOCKED)
    again.registry.account_changed(blocked)
    again.eu_reports()
    assert again.owner() == "eu"


def test_who_loses_it_gives_it_to_the_other(published: PublishedRegistry) -> None:
    published.app_reports()
    published.eu_reports()
    published.registry.vehicles_listed("app", frozenset(), is_complete=True)
    assert ROOT + "/state" not in published.topics
    published.eu_reports()
    assert published.owner() == "eu"


def test_only_the_owner_keeps_it_online(published: PublishedRegistry) -> None:
    published.app_reports()
    published.eu_reports()
    seen = dict(published.registry._current_at)
    published.registry.vehicle_seen("eu", VIN)
    assert published.registry._current_at == seen
    published.registry.vehicle_seen("app", VIN)
    assert VIN in published.registry._current_at


def test_what_is_on_the_disk_already_is_not_written_again(
    published: PublishedRegistry, tmp_path: Path
) -> None:
    def written_at() -> int:
        return (tmp_path / "owners.json").stat().st_mtime_ns

    published.app_reports()
    before = written_at()
    for _ in range(3):
        published.app_reports()
    assert written_at() == before
    published.registry.vehicles_listed("app", frozenset(), is_complete=True)
    assert written_at() > before


def test_the_account_that_gains_a_car_polls_it_at_once(
    published: PublishedRegistry, tmp_path: Path
) -> None:
    """Its own list came first, while the owner of the earlier run was still awaited."""
    published.app_reports()
    again = PublishedRegistry(tmp_path)
    app, eu = RefreshedAccount(), RefreshedAccount()
    accounts: Any = {"app": app, "eu": eu}
    again.registry.attach(accounts)
    again.registry.vehicles_listed("eu", frozenset({VIN}), is_complete=True)
    assert (app.refreshes, eu.refreshes) == (0, 0)
    again.registry.vehicles_listed("app", frozenset(), is_complete=True)
    assert (app.refreshes, eu.refreshes) == (0, 1)
