"""Reads back what a discovery payload announces: which entities a device has in Home Assistant."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedDevice:
    """A car or an account, as Home Assistant knows it."""

    identifier: str
    name: str
    account: str | None
    """The identifier of a car's account; `None`: it is an account itself."""
    entities: Mapping[str, str]
    """Entity ids by component (`sensor_mileage`), without those that are disabled by default."""
    names: Mapping[str, str | None]
    """Names by component, in English; `None`: the car's own."""


def announced_devices(payloads: Iterable[bytes]) -> list[AnnouncedDevice]:
    """Return the devices that discovery payloads announce; payloads of nothing are left out."""
    return [device for payload in payloads if (device := _announced(payload))]


def _announced(payload: bytes) -> AnnouncedDevice | None:
    try:
        document = json.loads(payload)
        device, components = document["device"], document["components"]
        shown = {key: fields for key, fields in components.items() if _is_shown(fields)}
        return AnnouncedDevice(
            identifier=device["identifiers"][0],
            name=device["name"],
            account=device.get("via_device"),
            entities={key: fields["default_entity_id"] for key, fields in shown.items()},
            names={key: fields.get("name") for key, fields in shown.items()},
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _is_shown(component: Mapping[str, Any]) -> bool:
    """Whether it is an entity; a component with a platform alone is one that was removed."""
    return "default_entity_id" in component and component.get("enabled_by_default", True)
