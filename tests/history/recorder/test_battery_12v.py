"""The 12 V battery over days and restarts of the bridge."""

from datetime import timedelta

import pytest

from bmw2mqtt.history.records import OpenState
from bmw2mqtt.vehicle.observed import ObservedVehicle
from bmw2mqtt.vehicle.trips import Measured, Observation
from tests.history.recorder.recorded_car import RecordedCar
from tests.history.samples import VIN
from tests.vehicle.trip_steps import T0

NOTHING, KILLED, STOPPED = "runs on", "killed", "stopped"


def rest(car: RecordedCar, day: int, voltage_v: float) -> None:
    """Let the car report its voltage on a morning, and time pass."""
    now = T0 + timedelta(days=day)
    driving = Observation(received_at=now)
    seen = ObservedVehicle(vin=VIN, at=now, driving=driving, battery_12v_v=Measured(voltage_v, now))
    car.recorder.update(seen)
    for minute in range(4):
        car.recorder.tick(now + timedelta(minutes=minute))


@pytest.mark.parametrize("how", [NOTHING, KILLED, STOPPED])
def test_two_bad_days_with_a_restart_between(how: str) -> None:
    car = RecordedCar()
    rest(car, 0, 11.9)
    known = car.published[-1].battery_12v
    assert known is not None
    assert not known.is_low
    if how != NOTHING:
        car.restart(T0 + timedelta(hours=2), is_killed=how == KILLED)
        car.recorder.publish()
        assert car.published[-1].battery_12v == known, "it is known at once after the start"
    rest(car, 1, 12.1)
    summary = car.published[-1].battery_12v
    assert summary is not None
    assert summary.is_low
    assert [day.voltage_v for day in summary.days] == [11.9, 12.1]


def test_a_state_that_cannot_be_read_costs_nothing_else() -> None:
    car = RecordedCar()
    rest(car, 0, 12.5)
    [state] = [row for row in car.of(OpenState) if row.kind == "battery_12v"]
    car._put(OpenState(vin=VIN, kind="battery_12v", json='{"days": 3}', updated_at=0))
    car.restart(T0 + timedelta(hours=2), is_killed=True)
    rest(car, 1, 12.4)
    summary = car.published[-1].battery_12v
    assert summary is not None
    assert [day.voltage_v for day in summary.days] == [12.4]
    assert state.json != ""


def test_a_car_without_such_a_voltage_stores_nothing_of_it() -> None:
    car = RecordedCar()
    car.recorder.update(ObservedVehicle(vin=VIN, at=T0, driving=Observation(received_at=T0)))
    car.recorder.save(T0)
    assert "battery_12v" not in {row.kind for row in car.of(OpenState)}
    assert car.published[-1].battery_12v is None
