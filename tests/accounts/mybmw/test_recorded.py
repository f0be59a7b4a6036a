"""What polls of the app API leave in the history: a charge, drives by the odometer alone."""

from datetime import timedelta
from typing import Any

from bmw2mqtt.accounts.mybmw.snapshot.observed import observed
from bmw2mqtt.accounts.mybmw.snapshot.responses import VehicleResponses
from tests.accounts.mybmw.snapshot.test_reports import CHARGING, PLUGGED, PolledCar, at
from tests.history.recorder.recorded_car import RecordedCar

HOME = {"coordinates": {"latitude": 48.0, "longitude": 11.0}}
AWAY = {"coordinates": {"latitude": 48.2, "longitude": 11.0}}


def recorded(*polls: tuple[str, str, dict[str, Any]], restart_after: int = -1) -> RecordedCar:
    polled, car = PolledCar(), RecordedCar()
    before = at(polls[0][0])
    for number, (now, reported, values) in enumerate(polls):
        vehicle = polled.poll(now, reported, **values)
        responses = VehicleResponses(
            vin=polled.vin, brand="BMW", fetched_at=at(now), **polled.answers
        )
        while before < at(now):
            car.recorder.tick(before)
            before += timedelta(minutes=1)
        car.recorder.update(observed(vehicle, responses, polled.trackers))
        if number == restart_after:
            polled.restart(now)
            car.restart(at(now), is_killed=True)
    for minute in range(60):
        car.recorder.tick(before + timedelta(minutes=minute))
    return car


def test_a_charge() -> None:
    polls = (
        ("0:00", "-1:00", PLUGGED | {"chargingLevelPercent": 50, "state_location": HOME}),
        ("0:05", "0:04", CHARGING | {"remainingChargingMinutes": 61}),
        ("0:10", "0:04", {}),
        ("0:20", "0:19", {"chargingLevelPercent": 55, "remainingChargingMinutes": 52}),
        ("1:10", "1:06", {"chargingLevelPercent": 80, "chargingStatus": "COMPLETE"}),
    )
    for place in range(-1, len(polls)):
        car = recorded(*polls, restart_after=place)
        [row] = car.sessions
        assert (row.start_at, row.end_at) == (at("0:04").timestamp(), at("1:06").timestamp())
        assert (row.soc_start, row.soc_end, row.zone) == (50, 80, "home")
        assert row.start_accuracy_s == 3840
        assert car.heard() == ["charging_started", "charging_ended"]
        assert car.trips == []


def test_drives_are_steps_of_the_odometer() -> None:
    parked = {"chargingStatus": "NOT_CHARGING", "isChargerConnected": False}
    car = recorded(
        ("0:00", "-1:00", parked | {"state_currentMileage": 1000, "state_location": HOME}),
        ("2:00", "1:58", {"state_currentMileage": 1023, "state_location": AWAY}),
        ("2:05", "1:58", {}),
        ("8:00", "7:55", {"state_currentMileage": 1046, "state_location": HOME}),
        ("9:00", "8:55", {}),
    )
    assert [(trip.km, trip.start_known) for trip in car.trips] == [(23, False), (23, False)]
    assert [trip.end_at for trip in car.trips] == [at(t).timestamp() for t in ("1:58", "7:55")]
    assert [trip.zone_to for trip in car.trips] == ["elsewhere", "home"]
    assert car.heard() == ["trip_ended", "trip_ended"], "nothing tells of their start"
