"""Records which values BMW's stream brings of each car, by day."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final

from pydantic import Field

from bmw2mqtt.accounts.state_document import PastTime, StateDocument
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.entities.catalogue import catalogue
from bmw2mqtt.vehicle.account import StreamedData

STATE_PART: Final = "streamed"
SILENT_AFTER: Final = timedelta(hours=24)
"""After a login, a car that streams reports within a day: it is driven, charged or locked."""


class ArrivalsDocument(StateDocument):
    """When each value arrived last, and when recording began."""

    logged_in_at: PastTime | None = None
    since: PastTime | None = None
    vehicles: dict[str, dict[str, date]] = Field(default_factory=dict)


class StreamArrivals:
    """The values that have arrived, for the page and for a hint that nothing is selected."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._vehicles: dict[str, dict[str, date]] = {}
        self._logged_in_at: datetime | None = None
        self._since: datetime | None = None

    def restore(self, state_file: StateFile) -> None:
        """Read what an earlier run recorded; recording begins with the first run."""
        document = state_file.read(STATE_PART, ArrivalsDocument, self._now())
        self._vehicles = {vin: dict(days) for vin, days in document.vehicles.items()}
        self._logged_in_at = document.logged_in_at
        self._since = document.since or self._now()

    def save(self, state_file: StateFile) -> None:
        """Write it down. It changes at most once a day for each value."""
        document = ArrivalsDocument(
            logged_in_at=self._logged_in_at, since=self._since, vehicles=self._vehicles
        )
        state_file.write(STATE_PART, document, can_wait=True)

    def logged_in(self) -> None:
        """Record a new login."""
        self._logged_in_at = self._now()

    def forget(self) -> None:
        """Forget all cars."""
        self._vehicles.clear()

    def record(self, vin: str, descriptors: Iterable[str], today: date) -> None:
        """Record what one message brought; unknown descriptors do not count."""
        known = catalogue()
        days = self._vehicles.setdefault(vin, {})
        for name in descriptors:
            if name in known:
                days[name] = today

    def of(self, vin: str) -> StreamedData:
        """Return what has arrived of a car."""
        days = self._vehicles.get(vin, {})
        return StreamedData(
            last=MappingProxyType(days),
            since=self._since.date() if self._since else None,
            is_silent=not days and self._is_day_old(),
        )

    def is_silent(self) -> bool:
        """Whether no car has streamed anything although the login is a day old."""
        return not any(self._vehicles.values()) and self._is_day_old()

    def _is_day_old(self) -> bool:
        begun = max((at for at in (self._logged_in_at, self._since) if at), default=None)
        return begun is not None and self._now() - begun >= SILENT_AFTER
