"""A container: the descriptors that a program reads over REST in one request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bmw2mqtt.simulator.clock import timestamp


@dataclass(slots=True, kw_only=True)
class Container:
    """A named list of descriptors."""

    container_id: str
    name: str
    purpose: str
    created_at: datetime
    descriptors: tuple[str, ...]
    state: Literal["ACTIVE", "INACTIVE"] = "ACTIVE"

    def listed(self) -> dict[str, Any]:
        """Return its entry in the list of containers, which has no descriptors."""
        return {
            "containerId": self.container_id,
            "name": self.name,
            "purpose": self.purpose,
            "state": self.state,
            "created": timestamp(self.created_at),
        }

    def detailed(self) -> dict[str, Any]:
        """Return all of it, as `create` and `detail` answer."""
        return {**self.listed(), "technicalDescriptors": list(self.descriptors)}
