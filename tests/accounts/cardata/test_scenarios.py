"""Charges as they were reported, through the whole of CarData's way: messages to snapshots.

The charges are those that the rules are tested with; here each descriptor comes in a message of its
own, in order and in any other.
"""

from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.vehicle.snapshot import ChargingStatus, Vehicle
from tests.accounts.cardata.driven_car import DESCRIPTORS, DrivenCar, drive
from tests.vehicle.charging.scenario import BEFORE
from tests.vehicle.charging.test_scenarios import ROWS, Row

SHOWN = {"soc_percent", "power_kw", "status", "is_plugged_in", "phases", "end_time"}


def is_of_cardata(row: Row) -> bool:
    """Return whether CarData has a descriptor for everything in a row."""
    lines = (item if isinstance(item, str) else item[0] for item in row.play)
    parts = (part for line in lines for part in line.split()[1:] if "=" in part)
    return all(part.partition("=")[0] in {*DESCRIPTORS, "POS"} for part in parts)


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
@pytest.mark.parametrize("row", filter(is_of_cardata, ROWS), ids=lambda row: row.name)
def test_charge(row: Row, seed: int | None, tmp_path: Path) -> None:
    async def main(car: DrivenCar) -> None:
        await car.play(row.settings.get("before", BEFORE))
        for item in row.play:
            line, expected = (item, {}) if isinstance(item, str) else item
            check(await car.play(line), expected, line)

    drive(tmp_path, main, seed=seed)


def check(vehicle: Vehicle, expected: dict[str, Any], line: str) -> None:
    charging = vehicle.charging
    for name, value in expected.items():
        if name == "is_charging":
            assert (charging.status is ChargingStatus.CHARGING) is value, f"{name} after {line!r}"
        elif name in SHOWN:
            assert getattr(charging, name) == value, f"{name} after {line!r}"
