"""What the REST side remembers of an account's cars over a restart, in the account's state file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.accounts.state_file import StateFile, moment
from bmw2mqtt.vehicle.vin import is_vin

PART: Final = "vehicles"
FORMER_PART: Final = "garage"
"""Its name until version 0.2, with one list for each fact instead of one object for each car."""
_FLAGS: Final = ("is_listed", "is_secondary", "is_refused", "has_no_image")
_TIMES: Final = ("missed_since", "read_at", "extra_read_at", "followed_up_at")


def save(memory: StateFile, vehicles: VehicleRegistry, listed_at: datetime | None) -> None:
    """Write down what is known of the cars, and when BMW last listed them."""
    memory.remember(
        PART,
        {
            "listed_at": listed_at.isoformat() if listed_at else None,
            "vehicles": {v.vin: _document(v) for v in sorted(vehicles, key=lambda v: v.vin)},
        },
    )


def restore(memory: StateFile, vehicles: VehicleRegistry, now: datetime) -> datetime | None:
    """Add the cars of an earlier run to the registry; return when BMW last listed them.

    Times in the future are left out: they come from a wrong clock.
    """
    document = memory.recall(PART) or _migrated(memory.recall(FORMER_PART))
    known = document.get("vehicles")
    for vin, facts in known.items() if isinstance(known, dict) else ():
        if is_vin(vin) and isinstance(facts, dict):
            _restore_vehicle(vehicles.add(vin), facts, now)
    memory.remember(FORMER_PART, {})
    return _past(document.get("listed_at"), now)


def _document(vehicle: CarDataVehicle) -> dict[str, Any]:
    times = {name: getattr(vehicle, name) for name in _TIMES}
    return {name: True for name in _FLAGS if getattr(vehicle, name)} | {
        name: at.isoformat() for name, at in times.items() if at
    }


def _restore_vehicle(vehicle: CarDataVehicle, facts: Mapping[str, Any], now: datetime) -> None:
    for name in _FLAGS:
        setattr(vehicle, name, facts.get(name) is True)
    for name in _TIMES:
        setattr(vehicle, name, _past(facts.get(name), now))
    if vehicle.missed_since is not None:
        vehicle.is_listed = False


def _past(text: object, now: datetime) -> datetime | None:
    at = moment(text)
    return at if at and at <= now else None


def _migrated(former: Mapping[str, Any]) -> dict[str, Any]:
    """Return the present form of what a former version has written."""

    def vins(name: str) -> list[Any]:
        found = former.get(name)
        return [vin for vin in found if isinstance(vin, str)] if isinstance(found, list) else []

    def by_vin(name: str) -> Mapping[str, Any]:
        found = former.get(name)
        return found if isinstance(found, dict) else {}

    listed = {*vins("vins"), *vins("dropped")}
    return {
        "listed_at": former.get("listed_at"),
        "vehicles": {
            vin: {
                "is_listed": vin not in by_vin("missed"),
                "is_refused": vin in vins("dropped"),
                "has_no_image": vin in vins("without_image"),
                "missed_since": by_vin("missed").get(vin),
                "read_at": by_vin("read_at").get(vin),
            }
            for vin in sorted(listed)
        },
    }
