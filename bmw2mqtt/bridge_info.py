"""The document of the bridge's own `info` topic."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bmw2mqtt import __version__
from bmw2mqtt.config import Settings
from bmw2mqtt.entities.base import iso
from bmw2mqtt.registered_vehicle import RegisteredVehicle


def bridge_info(
    settings: Settings, started_at: datetime, vehicles: Iterable[RegisteredVehicle]
) -> dict[str, Any]:
    """Return which version runs since when, its accounts, and its cars; never a secret."""
    accounts = {
        name: {
            "backend": account.backend,
            "region": account.region_name,
            "read_only": account.is_read_only,
        }
        for name, account in settings.accounts.items()
    }
    return {
        "version": __version__,
        "started_at": iso(started_at),
        "accounts": accounts,
        "vehicles": {
            car.vehicle.vin: {"name": car.name, "account": car.account} for car in vehicles
        },
    }
