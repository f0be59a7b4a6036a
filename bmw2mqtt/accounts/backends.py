"""The table of all backends: the only place that knows more than one."""

from typing import Any, Final

from bmw2mqtt.accounts.backend import Backend
from bmw2mqtt.accounts.cardata.backend import CARDATA
from bmw2mqtt.accounts.mybmw.backend import MYBMW
from bmw2mqtt.config import register_account_settings
from bmw2mqtt.entities.base import Entity
from bmw2mqtt.vehicle.account import BackendTraits
from bmw2mqtt.vehicle.snapshot import Vehicle

BACKENDS: Final[dict[str, Backend[Any]]] = {
    backend.traits.name: backend for backend in (MYBMW, CARDATA)
}


def entity_tables() -> list[tuple[BackendTraits, tuple[Entity[Vehicle], ...]]]:
    """Return what a car of each backend may have."""
    return [(backend.traits, backend.entities()) for backend in BACKENDS.values()]


def register(backend: Backend[Any]) -> None:
    """Add a backend, and its settings to those that an account may have."""
    BACKENDS[backend.traits.name] = backend
    register_account_settings(backend.settings)
