"""BMW's answers about one vehicle, and what they are judged by beside the newest one."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bmw2mqtt.accounts.mybmw.snapshot.json_reader import JsonReader, ignore
from bmw2mqtt.accounts.mybmw.snapshot.report_charging import ReportCharging
from bmw2mqtt.accounts.mybmw.snapshot.report_time import ReportTime

FUTURE_TOLERANCE = timedelta(minutes=5)
"""A report from further ahead has a wrong time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleResponses:
    """BMW's answers about one vehicle, as bimmer_connected keeps them in `MyBMWVehicle.data`."""

    vin: str
    brand: str
    attributes: Any
    capabilities: Any
    state: Any
    charging_settings: Any
    fetched_at: datetime
    found: Any = None
    """The vehicle finder's last answer, with `timestamp`; `None` without one."""
    is_in_china: bool = False

    @property
    def stamp(self) -> datetime | None:
        """When the vehicle reported, as it says itself; it may be wrong."""
        return JsonReader(self.state, ignore).moment("lastUpdatedAt")

    @property
    def reported_at(self) -> datetime | None:
        """When the vehicle reported; `None` without a time that can be right."""
        at = self.stamp
        return None if at is None or at - self.fetched_at > FUTURE_TOLERANCE else at

    def are_equal(self, before: "VehicleResponses | None") -> bool:
        """Whether they are the same answers as before, at whatever time they were fetched."""
        return before is not None and self == replace(before, fetched_at=self.fetched_at)


@dataclass(slots=True)
class ReportTrackers:
    """What a vehicle's reports are judged by beside the newest one."""

    charging: ReportCharging = field(default_factory=ReportCharging)
    climate: ReportTime = field(default_factory=ReportTime)
    driving: ReportTime = field(default_factory=ReportTime)
