"""What the fleet says about cars while time passes and BMW is silent."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bmw2mqtt.availability import STALE_WITHOUT_ACCOUNT
from bmw2mqtt.config import Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.snapshot import Charging, DriveTrain, Vehicle

VIN = "WBA00000000000001"
AVAILABILITY = f"bmw2mqtt/{VIN}/availability"
ACCOUNT = {"backend": "mybmw", "username": "me@example.com", "password": "pw"}


async def fleet_after_a_restart() -> tuple[DeviceRegistry, Publisher]:
    """Return a fleet that found a car of an earlier run on the broker."""
    topics = Topics("bmw2mqtt", "homeassistant")
    publisher, inventory = Publisher(), RetainedScan(topics)
    fleet = DeviceRegistry(Settings(accounts={"home": ACCOUNT}), topics, publisher, inventory)
    inventory.received(AVAILABILITY, b"online")
    inventory.received(f"bmw2mqtt/{VIN}/sensor/mileage", b"1200")
    inventory.is_complete = True
    fleet.remove_stale_topics()
    return fleet, publisher


def payload(publisher: Publisher, topic: str) -> bytes | None:
    return publisher._retained.get(topic)


async def test_a_car_of_an_earlier_run_goes_offline_while_bmw_cannot_be_reached() -> None:
    fleet, publisher = await fleet_after_a_restart()
    fleet.check_availability()
    assert payload(publisher, AVAILABILITY) is None, "half an hour is given"
    fleet._started_at -= STALE_WITHOUT_ACCOUNT + timedelta(seconds=1)
    fleet.check_availability()
    assert payload(publisher, AVAILABILITY) == b"offline"
    assert f"bmw2mqtt/{VIN}/sensor/mileage" not in publisher._withdrawn, "values stay"


async def test_it_comes_back_when_bmw_does() -> None:
    fleet, publisher = await fleet_after_a_restart()
    fleet._started_at -= STALE_WITHOUT_ACCOUNT + timedelta(seconds=1)
    fleet.check_availability()
    fleet.vehicles_listed("home", frozenset({VIN}), is_complete=True)
    fleet.vehicle_changed("home", Vehicle(vin=VIN, model="iX", brand="BMW"))
    assert payload(publisher, AVAILABILITY) == b"online"


async def test_it_is_removed_when_it_turns_out_to_be_gone() -> None:
    fleet, publisher = await fleet_after_a_restart()
    fleet._started_at -= STALE_WITHOUT_ACCOUNT + timedelta(seconds=1)
    fleet.check_availability()
    fleet.vehicles_listed("home", frozenset(), is_complete=True)
    assert payload(publisher, AVAILABILITY) is None
    assert {AVAILABILITY, f"bmw2mqtt/{VIN}/sensor/mileage"} <= publisher._withdrawn.keys()


class SilentAccount:
    """An account that has not been able to ask BMW in this run."""

    stale_after = timedelta(minutes=30)

    def __init__(self, succeeded_at: datetime | None) -> None:
        self.polling = SimpleNamespace(succeeded_at=succeeded_at)


@pytest.mark.parametrize(
    ("ago", "minutes", "expected"),
    [
        (timedelta(minutes=10), 6, None),
        (timedelta(minutes=10), 21, b"offline"),
        (timedelta(hours=2), 4, None),
        (timedelta(hours=2), 6, b"offline"),
        (None, 29, None),
        (None, 31, b"offline"),
    ],
)
async def test_the_silence_of_earlier_runs_counts(
    ago: timedelta | None, minutes: float, expected: bytes | None
) -> None:
    fleet, publisher = await fleet_after_a_restart()
    account: Any = SilentAccount(None if ago is None else fleet._now() - ago)
    fleet.attach({"home": account})
    later = fleet._now() + timedelta(minutes=minutes)
    fleet._now = lambda: later
    fleet.check_availability()
    assert payload(publisher, AVAILABILITY) == expected
    assert f"bmw2mqtt/{VIN}/sensor/mileage" not in publisher._withdrawn, "values stay"


@pytest.mark.parametrize(("drive_train", "shown"), [("ELECTRIC", b"80.7"), ("COMBUSTION", None)])
def test_the_battery_capacity_that_the_owner_has_configured(
    drive_train: str, shown: bytes | None
) -> None:
    """BMW reports none, or a wrong one."""
    topics, publisher = Topics("bmw2mqtt", "homeassistant"), Publisher()
    settings = Settings(accounts={"home": ACCOUNT}, vehicles={VIN: {"battery_capacity_kwh": 80.7}})
    fleet = DeviceRegistry(settings, topics, publisher, RetainedScan(topics))
    fleet.vehicles_listed("home", frozenset({VIN}), is_complete=True)
    car = Vehicle(
        vin=VIN,
        model="i4",
        brand="BMW",
        drive_train=DriveTrain[drive_train],
        charging=Charging(capacity_kwh=76.6 if drive_train == "ELECTRIC" else None),
    )
    fleet.vehicle_changed("home", car)
    assert payload(publisher, f"bmw2mqtt/{VIN}/sensor/battery_capacity") == shown
