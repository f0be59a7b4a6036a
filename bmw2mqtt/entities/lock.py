"""Locks of a car."""

from bmw2mqtt.entities import payload
from bmw2mqtt.entities.base import Lock
from bmw2mqtt.entities.binary_sensor import is_unlocked, lock_attributes
from bmw2mqtt.vehicle.commands import Action
from bmw2mqtt.vehicle.snapshot import Vehicle


def _state(vehicle: Vehicle) -> str | None:
    if not vehicle.capabilities.state_reports:
        return None
    return {True: "UNLOCKED", False: "LOCKED", None: None}[is_unlocked(vehicle)]


LOCKS: tuple[Lock[Vehicle], ...] = (
    Lock(
        key="lock",
        name="Lock",
        value=_state,
        attributes=lock_attributes,
        exists=lambda vehicle: vehicle.capabilities.lock or vehicle.capabilities.unlock,
        command=payload.words({"LOCK": Action.LOCK, "UNLOCK": Action.UNLOCK}),
        # BMW may offer to lock a car and not to unlock it.
        requires={
            Action.LOCK: lambda vehicle: vehicle.capabilities.lock,
            Action.UNLOCK: lambda vehicle: vehicle.capabilities.unlock,
        },
    ),
)
