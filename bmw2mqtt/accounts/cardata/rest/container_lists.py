"""Which descriptors our two containers request, and what each list is shortened to.

The main container has what the snapshot is made of and what the stream cannot carry. The extra one
has everything else that BMW serves over REST, so that a new user sees it without waiting for it to
change. BMW refuses long lists at times, and lists with a descriptor that a model lacks.
"""

import hashlib
from collections.abc import Sequence
from enum import StrEnum

from bmw2mqtt.accounts.cardata.telemetry.descriptors import SOC_FORECAST, core_descriptors
from bmw2mqtt.entities.catalogue import catalogue

Lists = tuple[tuple[str, ...], ...]
"""The full list first, then what to try if BMW refuses it."""

CORE_LENGTH = 75
"""BMW has accepted lists of this length even where it refuses longer ones."""
CORE = core_descriptors()[:CORE_LENGTH]
"""The most important descriptors of the snapshot."""


class ContainerKind(StrEnum):
    """The containers of one account; the value is its part of the state file."""

    MAIN = "container"
    EXTRA = "container_extra"


def wanted_descriptors() -> tuple[str, ...]:
    """Return the main list: all of the snapshot, and what only a container can serve."""
    rest_only = (name for name in _served() if not catalogue()[name].is_streamable)
    return tuple(dict.fromkeys((*core_descriptors(), *rest_only)))


def extra_descriptors() -> tuple[str, ...]:
    """Return the extra list: what a container can serve and the main list does not have."""
    main = set(wanted_descriptors())
    return tuple(name for name in _served() if name not in main)


def main_lists(descriptors: Sequence[str]) -> Lists:
    """Return the lists of the main container, which shows a car at all."""
    shorter = tuple(name for name in CORE if name != SOC_FORECAST)
    return tuple(dict.fromkeys(descriptors)), CORE, shorter


def extra_lists(descriptors: Sequence[str]) -> Lists:
    """Return the lists of the extra container: halves and quarters find one without the culprit."""
    full = tuple(dict.fromkeys(descriptors))
    half, quarter = (len(full) + 1) // 2, (len(full) + 3) // 4
    parts = (full, full[:half], full[half:], full[:quarter], full[half : half + quarter])
    return tuple(part for part in parts if part)


def purpose_of(descriptors: Sequence[str]) -> str:
    """Return the purpose that identifies a container's list at BMW."""
    return hashlib.sha256("\n".join(sorted(descriptors)).encode()).hexdigest()[:12]


def _served() -> list[str]:
    return [name for name, row in catalogue().items() if row.rest_via == "container"]
