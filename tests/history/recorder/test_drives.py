"""What a day on the road leaves in the history; the notation is that of `trip_steps`."""

from datetime import timedelta
from itertools import pairwise

import pytest

from bmw2mqtt.history.records import OpenState, ReadingRecord, RefuelRecord
from bmw2mqtt.vehicle.observed import ObservedVehicle
from bmw2mqtt.vehicle.snapshot import DriveTrain
from bmw2mqtt.vehicle.trips import Home
from tests.history.recorder.recorded_car import RecordedCar
from tests.history.samples import VIN
from tests.vehicle.trip_steps import EV, ICE, at, observation

HOUSE = Home(48.1, 11.5, 150)
DRIVE = (
    "-0:05 OD=1000 POS=0 HD=80 DO=0",
    *(f"0:{minute:02} POS={minute * 800}" for minute in range(2, 31, 2)),
    "0:30 OD=1025 HD=70",
    "0:31:40 DO=1",
)
REFUEL = (
    "-14:00 OD=50000 FL=41",
    "0:00 OD=50023@-0:01 FL=39 POS=23000",
    "2:00 OD=50031 FL=52",
    "2:02 FL=54",
    "3:00 OD=50040 FL=52",
)


def driven(
    lines: tuple[str, ...],
    drive_train: DriveTrain,
    *,
    killed_after: int | None = None,
    until: str = "24:00",
    **options: bool,
) -> RecordedCar:
    car = RecordedCar(home=HOUSE, **options)
    for number, line in enumerate(lines):
        seen = observation(line, drive_train)
        car.recorder.tick(seen.received_at)
        car.recorder.update(ObservedVehicle(vin=VIN, at=seen.received_at, driving=seen))
        if number == killed_after:
            car.recorder.save(seen.received_at)
            car.restart(seen.received_at, is_killed=True)
    now = at(lines[-1].split()[0])
    while now < at(until):
        now += timedelta(seconds=30)
        car.recorder.tick(now)
    return car


def test_a_drive_becomes_one_trip() -> None:
    car = driven(DRIVE, EV, until="1:00")
    [trip] = car.trips
    assert (trip.km, trip.end_at, trip.end_source) == (25, at("0:30").timestamp(), "door")
    assert (trip.zone_from, trip.zone_to) == ("home", "elsewhere")
    assert trip.to_latitude is None, "positions are not wanted"
    assert not any("48." in row.json for row in car.of(OpenState)), "nor in what is remembered"
    last = car.published[-1].last_trip
    assert last is not None
    assert (last.end, last.distance_km, last.odometer_km) == (at("0:30"), 25, 1025)
    assert last.consumption_kwh_per_100km == pytest.approx(31.2)
    assert car.heard() == ["trip_started", "trip_ended"]


@pytest.mark.parametrize("place", range(len(DRIVE)))
def test_a_restart_anywhere_on_the_way(place: int) -> None:
    car = driven(DRIVE, EV, killed_after=place, until="1:00")
    [trip] = car.trips
    assert (trip.km, trip.end_at) == (25, at("0:30").timestamp())
    assert car.heard() == ["trip_started", "trip_ended"]


def test_a_car_that_reports_at_the_end_only() -> None:
    car = driven(REFUEL, ICE)
    assert [trip.km for trip in car.trips] == [23, 8, 9]
    assert not any(trip.start_known for trip in car.trips)
    [refuel] = car.of(RefuelRecord)
    assert (refuel.before_l, refuel.after_l, refuel.litres) == (39, 54, 15)
    assert car.heard().count("refuelled") == 1
    [event] = [event for event in car.events if event.event_type == "refuelled"]
    assert event.attributes["litres"] == 15
    assert "position" not in event.attributes


def test_a_damaged_state_begins_anew() -> None:
    car = driven(DRIVE, EV)
    car.rows = {
        key: OpenState(vin=VIN, kind="trips", json="[]", updated_at=0)
        if isinstance(row, OpenState)
        else row
        for key, row in car.rows.items()
    }
    car.restart(at("24:00"), is_killed=True)
    seen = observation("25:00 OD=1025 POS=24000", EV)
    car.recorder.update(ObservedVehicle(vin=VIN, at=seen.received_at, driving=seen))
    assert len(car.trips) == 1


def test_readings_are_ten_minutes_apart_and_the_last_one_comes() -> None:
    lines = tuple(f"0:{minute:02} OD={1000 + minute} HD=80" for minute in range(31))
    car = driven(lines, EV, until="2:00")
    readings = sorted(car.of(ReadingRecord), key=lambda row: row.key)
    keys = [row.key for row in readings]
    assert all(later - earlier >= 540 for earlier, later in pairwise(keys[:-1]))
    assert (readings[-1].odometer_km, readings[-1].soc) == (1030, 80)
    assert len(readings) == 5


def test_positions_that_a_person_deletes_are_forgotten() -> None:
    """A correction of the last trip must not bring them back."""
    car = driven(DRIVE, EV, until="1:00", keep_positions=True)
    [trip] = car.trips
    assert trip.to_latitude is not None
    assert trip.track
    assert any("48." in row.json for row in car.of(OpenState))
    car.recorder.forget_positions(at("1:00"))
    assert not any("48." in row.json for row in car.of(OpenState))
    later = observation("1:30 OD=1026 HD=70", EV)
    car.recorder.update(ObservedVehicle(vin=VIN, at=later.received_at, driving=later))
    car.recorder.tick(at("2:00"))
    assert not any("48." in row.json for row in car.of(OpenState))
    assert len(car.trips) == 1
