"""What is odd about the way cars report to CarData, as their owners have met it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from bmw2mqtt.simulator.cardata.cars import is_streamed
from bmw2mqtt.simulator.cardata.reading import NEVER_SUPPLIED, SimulatedReading

from . import descriptors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from random import Random

    from bmw2mqtt.simulator.cardata.reading import Value

CHARGE_ENDS: Final = frozenset(
    {
        (descriptors.STATUS_NAME, "CHARGINGENDED"),
        (descriptors.STATUS_NAME, "NOCHARGING"),
        (descriptors.HV_STATUS_NAME, "FINISHED_NOT_FULL"),
        (descriptors.HV_STATUS_NAME, "FINISHED_FULLY_CHARGED"),
        (descriptors.HV_STATUS_NAME, "NOT_CHARGING"),
        (descriptors.METHOD, "NOCHARGING"),
        *((plug, "DISCONNECTED") for plug in descriptors.PLUGS),
        (descriptors.POWER, 0),
        (descriptors.TIME_REMAINING, 0),
    }
)
"""Everything by which a car reports that a charge is over."""
KM_PER_MILE: Final = 1.609344
UNKNOWN_SIBLINGS: Final[dict[str, dict[str, Value]]] = {
    descriptors.STATUS_NAME: {descriptors.HV_STATUS_NAME: "INVALID"},
    descriptors.PORT + "status": {
        descriptors.CHARGING + "connectorStatus": "INVALID",
        descriptors.PORT + "dcStatus": None,
    },
    descriptors.HEADER: {descriptors.BATTERY + "stateOfCharge.displayed": None},
}
"""Other descriptors of the same facts, which do not know."""


@dataclass(slots=True, kw_only=True)
class ReportBehaviour:
    """The oddities of one car's reports. All can be combined, and changed at any time."""

    is_silent: bool = False
    """It reports nothing; afterwards it reports what has changed meanwhile."""
    lost: frozenset[tuple[str, Value]] = frozenset()
    """Values that it never reports, with their descriptors; see `CHARGE_ENDS`."""
    siblings: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """What it reports of others with a descriptor; see `UNKNOWN_SIBLINGS`."""
    resend_every: int = 0
    """After so many reports of a charge, the readings of its begin come again, stamped anew."""
    is_in_miles: bool = False
    """Its display, and so its distances, are in miles."""
    keys_per_message: int = 4
    order: Random | None = None
    """Shuffles the messages of a report; `None`: they come in the order of the descriptors."""
    _charge_start: dict[str, SimulatedReading] = field(default_factory=dict)
    _charge_reports: int = 0

    def displayed(self, values: descriptors.Values) -> descriptors.Values:
        """Return a car's values in the units of its display."""
        if not self.is_in_miles:
            return values
        miles = {
            name: (round(value / KM_PER_MILE), "mi")
            for name, (value, unit) in values.items()
            if unit == "km" and isinstance(value, int | float)
        }
        return {**values, **miles, descriptors.DISPLAY_UNIT: ("MILES", None)}

    def reported(
        self, readings: Mapping[str, SimulatedReading], at: datetime
    ) -> dict[str, SimulatedReading]:
        """Return which of a car's readings reach BMW, and what comes with them."""
        reported = {
            name: reading
            for name, reading in readings.items()
            if (name, reading.value) not in self.lost
        }
        for name in list(reported):
            for sibling, value in self.siblings.get(name, {}).items():
                reported[sibling] = SimulatedReading(value, None, at)
        return reported

    def messages(
        self, readings: Mapping[str, SimulatedReading]
    ) -> list[dict[str, SimulatedReading]]:
        """Group readings into messages; latitude and longitude come alone."""
        streamed = {name: readings[name] for name in readings if is_streamed(name)}
        alone = [name for name in (descriptors.LATITUDE, descriptors.LONGITUDE) if name in streamed]
        others = iter([name for name in streamed if name not in alone])
        groups: list[list[str]] = [[name] for name in alone]
        while group := list(islice(others, self.keys_per_message)):
            groups.append(group)
        if self.order is not None:
            self.order.shuffle(groups)
        return [{name: streamed[name] for name in group} for group in groups]

    def stale(
        self, known: Mapping[str, SimulatedReading], reported: Mapping[str, object], at: datetime
    ) -> dict[str, SimulatedReading]:
        """Return old readings of the present charge that come again with a new stamp, if any.

        Args:
            known: the car's readings before the report.
            reported: what it reports.
            at: when it reports.
        """
        if known.get(descriptors.STATUS_NAME, NEVER_SUPPLIED).value != "CHARGINGACTIVE":
            self._charge_start, self._charge_reports = {}, 0
            return {}
        if not self._charge_start:
            names = (descriptors.STATUS_NAME, descriptors.HEADER, *descriptors.PLUGS)
            self._charge_start = {name: known[name] for name in names if name in known}
        self._charge_reports += bool(reported)
        if not self.resend_every or self._charge_reports < self.resend_every:
            return {}
        self._charge_reports = 0
        return {
            name: SimulatedReading(reading.value, reading.unit, at)
            for name, reading in self._charge_start.items()
        }
