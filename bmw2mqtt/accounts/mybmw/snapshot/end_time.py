"""Forecasts: BMW says how long something still takes, people want to know when it ends."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bmw2mqtt.vehicle.snapshot import Vehicle

TOLERANCE = timedelta(minutes=2)
"""BMW rounds; an end that moves by less is the same end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndTimeReport:
    """When this report was made, and the snapshot before it."""

    fetched_at: datetime
    updated_at: datetime | None
    previous: Vehicle | None

    def end_time(
        self, remaining: timedelta, *, known: datetime | None, is_unchanged: bool
    ) -> datetime:
        """Return when it ends, keeping the end that was already told unless there is news.

        "Ten minutes left", asked again five minutes later and not yet updated by the car, is no
        news.

        Args:
            remaining: how long it takes, as of this report.
            known: the end that was told before.
            is_unchanged: whether the remaining time is the number that was there before.
        """
        end = self.fetched_at + remaining
        is_same_report = (
            is_unchanged
            and self.previous is not None
            and self.previous.updated_at == self.updated_at
        )
        if known is not None and (is_same_report or abs(end - known) <= TOLERANCE):
            return known
        return end
