"""The capacity of the battery, from the best source there is."""

from dataclasses import replace

import pytest

from bmw2mqtt.vehicle.charging.capacity import learn_capacity_kwh, usable_capacity_kwh
from bmw2mqtt.vehicle.charging.session import (
    BmwSession,
    ChargingSession,
    EndSource,
    Flag,
    Phase,
    StartSource,
)

from .scenario import after


def session(gain: float, grid_kwh: float) -> ChargingSession:
    record = BmwSession(start_at=after("0:00"), end_at=after("5:00"), grid_kwh=grid_kwh)
    return ChargingSession(
        id="x",
        phase=Phase.ENDED,
        start_at=record.start_at,
        start_source=StartSource.BMW,
        proof_at=record.end_at,
        proof_source=EndSource.BMW,
        last_evidence_at=record.end_at,
        soc_start=20,
        soc_end=20 + gain,
        bmw=record,
    )


def good(count: int) -> list[ChargingSession]:
    """Sessions of a battery of about 80 kWh."""
    return [session(50, (40 + i % 3 * 0.2) / 0.93) for i in range(count)]


def test_ten_sessions_teach_the_capacity() -> None:
    assert learn_capacity_kwh(good(9)) is None
    assert learn_capacity_kwh(good(10)) == pytest.approx(80.2, abs=0.3)


def test_small_late_and_odd_sessions_teach_nothing() -> None:
    late = [replace(one, flags=frozenset({Flag.LATE_START})) for one in good(20)]
    assert learn_capacity_kwh([*good(9), session(20, 30), *late]) is None
    assert learn_capacity_kwh([*good(12), session(50, 80), session(50, 10)]) == pytest.approx(
        80.2, abs=0.3
    )


@pytest.mark.parametrize(
    ("known", "kwh"),
    [
        ({"configured_kwh": 70, "max_energy_kwh": 76}, 70),
        ({"max_energy_kwh": 76, "learnt_kwh": 80}, 76),
        ({"max_energy_kwh": 0, "learnt_kwh": 80, "battery_size_kwh": 90}, 80),
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
