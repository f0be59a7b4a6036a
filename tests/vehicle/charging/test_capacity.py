"""The capacity of the battery, from the best source there is."""

import pytest

from bmw2mqtt.vehicle.charging.capacity import usable_capacity_kwh


@pytest.mark.parametrize(
    ("known", "kwh"),
    [
        ({"configured_kwh": 70, "max_energy_kwh": 76}, 70),
        ({"max_energy_kwh": 76, "battery_size_kwh": 90}, 76),
        ({"max_energy_kwh": 0, "battery_size_kwh": 90}, 90),
        ({"battery_size_kwh": 90, "model": "i4"}, 90),
        ({"battery_size_kwh": 1, "model": "BMW i4 eDrive40"}, 80.7),
        ({"model": "iX3 50 xDrive"}, 109),
        ({"model": "iX3"}, 74),
        ({"model": "M2"}, None),
        ({}, None),
    ],
)
def test_the_best_source_counts(known: dict[str, float], kwh: float | None) -> None:
    assert usable_capacity_kwh(**known) == kwh  # type: ignore[arg-type]
