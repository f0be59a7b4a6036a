"""What the owner has set, and where the recorders deliver."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from bmw2mqtt.history.price_log import PriceLog
from bmw2mqtt.history.recorder.meters import WallboxMeter
from bmw2mqtt.history.records import Record
from bmw2mqtt.vehicle.history import HistoryEvent, VehicleHistory
from bmw2mqtt.vehicle.trips import Home

SAVE_EVERY: Final = timedelta(minutes=1)
"""How often the state of something that is under way is written."""
NEWS: Final = timedelta(hours=1)
"""What is older when it becomes known is recorded, but no event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderOptions:
    """The settings of the history."""

    home: Home | None = None
    keep_positions: bool = False
    price_per_kwh: float | None = None
    currency: str = "EUR"
    meters: Mapping[str, str] = field(default_factory=dict)
    """A name for the wallbox counter of each car that has one, by VIN; cars may share one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What others measure for a car."""

    meter: WallboxMeter | None = None
    """The wallbox at which it charges."""
    prices: PriceLog | None = None
    """What energy costs there."""


NO_SOURCES: Final = Sources()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Where rows, events and the published history of the cars go."""

    put: Callable[[Record], None]
    """Gets each row; one of the same identity replaces it."""
    publish: Callable[[str, VehicleHistory], None]
    """Gets what is known of a car's past (by VIN) when it has changed."""
    send: Callable[[str, HistoryEvent], None]
    """Gets each event of a car, by VIN."""
