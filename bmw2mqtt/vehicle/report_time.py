"""When cars last reported, without a change for every single message."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bmw2mqtt.vehicle.snapshot import Vehicle

SHORTEST_STEP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Published:
    at: datetime
    changed_at: datetime


class ReportThrottle:
    """The published time of each car's last report: it changes at most once a minute.

    So a charging car, which sends every few seconds, does not change it with each message.
    """

    def __init__(self) -> None:
        self._published: dict[str, _Published] = {}

    def apply(self, vehicle: Vehicle, now: datetime) -> Vehicle:
        """Return a snapshot with the time of the last report to publish.

        Call it with each snapshot, and once a minute: the last one is not lost.
        """
        newest, published = vehicle.updated_at, self._published.get(vehicle.vin)
        is_early = published and timedelta() <= now - published.changed_at < SHORTEST_STEP
        if newest is not None and not is_early and not (published and published.at == newest):
            published = self._published[vehicle.vin] = _Published(newest, now)
        at = published.at if published else None
        return vehicle if at == vehicle.last_report_at else replace(vehicle, last_report_at=at)
