"""When each entity's value was measured: with MyBMW always when the vehicle reported."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bmw2mqtt.vehicle.snapshot import Vehicle


@dataclass(frozen=True, slots=True)
class MeasuredTimes(Mapping[str, datetime]):
    """The time of every value, by `{platform}/{key}` of its entity: one for all but a few."""

    at: datetime
    others: Mapping[str, datetime]

    def __getitem__(self, entity: str) -> datetime:
        return self.others.get(entity, self.at)

    def __iter__(self) -> Iterator[str]:
        return iter(self.others)

    def __len__(self) -> int:
        return len(self.others)


def with_measured_times(vehicle: Vehicle) -> Vehicle:
    """Add the measured time of every value.

    Times that are known already stay: the vehicle finder's answer has its own.
    """
    at = vehicle.updated_at
    if at is None:
        return vehicle
    return replace(vehicle, measured_at=MeasuredTimes(at, vehicle.measured_at))
