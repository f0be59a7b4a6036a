"""What a car shows does not depend on the order in which its readings arrive."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bmw2mqtt.vehicle.snapshot import LockState, Vehicle
from tests.accounts.cardata.reporting_car import ELECTRIC, HYBRID, T0, VIN, Car, message

NOW = T0 + timedelta(hours=2)
READINGS: dict[str, list[Any]] = {
    "cabin.door.lock.status": ["LOCKED", "UNLOCKED", "INVALID"],
    "cabin.door.status": ["CLOSED", "SECURED", "UNLOCKED"],
    "drivetrain.electricEngine.kombiRemainingElectricRange": [(300, "km"), (290, "km"), "INVALID"],
    "drivetrain.electricEngine.remainingElectricRange": [(310, "km")],
    "vehicle.preConditioning.activity": ["heating", "inactive", "comfortUndefined"],
    "cabin.hvac.preconditioning.status.comfortState": ["COMFORT_COOLING", "NOT_ACTIVE"],
    "cabin.sunroof.overallStatus": ["INTERMEDIATE", "OPEN", "INVALID"],
    "cabin.sunroof.status": ["OPEN", "CLOSED"],
    "body.trunk.door.isOpen": ["CLOSED", "INVALID", "OPEN"],
    "body.trunk.isOpen": [True, False],
    "drivetrain.batteryManagement.maxEnergy": [80.9, 0],
    "status.checkControlMessages": ['[{"id":"143","text":"a"}]', "[]"],
}
"""Values of chains of descriptors, some of which become unknown."""
PAIRS = [(name, value) for name, values in READINGS.items() for value in values]
Report = tuple[int, str, Any]


def shown(basic: dict[str, str], reports: list[Report]) -> Vehicle:
    """Return what a car shows after reports in this order; a time is when one was measured."""
    car = Car(basic)
    for at, name, value in reports:
        car.store.add(VIN).record(message({name: value}, at), NOW)
    return car.snapshot(NOW)


@settings(max_examples=60, deadline=None)
@given(
    times=st.permutations(range(0, 60 * len(PAIRS), 60)),
    kept=st.sets(st.sampled_from(range(len(PAIRS))), min_size=8),
    order=st.randoms(use_true_random=False),
    basic=st.sampled_from((ELECTRIC, HYBRID)),
)
def test_any_order_of_readings(times, kept, order, basic):
    reports = [
        (at, *pair)
        for number, (at, pair) in enumerate(zip(times, PAIRS, strict=True))
        if number in kept
    ]
    mixed = list(reports)
    order.shuffle(mixed)
    assert shown(basic, mixed) == shown(basic, sorted(reports, key=lambda report: report[0]))


def test_what_a_late_value_had_replaced_stays_replaced():
    """The descriptor is unknown by now, and was known after the other one was measured."""
    lock, status = "cabin.door.lock.status", "cabin.door.status"
    reports = [(10, lock, "LOCKED"), (20, status, "UNLOCKED"), (60, lock, "INVALID")]
    assert shown(ELECTRIC, reports).door_lock is LockState.UNLOCKED
    assert shown(ELECTRIC, [*reports, (30, lock, "LOCKED")]).door_lock is None
    car = Car(ELECTRIC)
    for at, name, value in [*reports, (15, lock, "UNLOCKED")]:
        car.store.add(VIN).record(message({name: value}, at), NOW)
    assert car.snapshot(NOW).door_lock is LockState.UNLOCKED, "that one is older than the other"
