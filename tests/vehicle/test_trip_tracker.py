"""A trip's events, zones and track, and the tracker's stored state."""

import json

import pytest

from bmw2mqtt.vehicle.trips import (
    TripDiscarded,
    TripEnded,
    TripStarted,
    TripTracker,
    Zone,
)
from tests.vehicle.trip_steps import (
    DRIVE,
    HOME,
    ICE,
    PHEV,
    at,
    follow,
    observation,
    place,
    records,
    run,
)


def test_a_trip_says_when_it_begins_and_when_it_is_over():
    started, ended = run(DRIVE)
    assert isinstance(started, TripStarted)
    assert started.start_at == at("0:00")
    assert started.zone_from is Zone.HOME
    assert isinstance(ended, TripEnded)
    assert ended.trip.zone_from is Zone.HOME
    assert ended.trip.zone_to is Zone.ELSEWHERE


def test_a_position_of_elsewhere_and_back_is_not_even_a_start():
    assert run("-2:00 OD=1000 POS=0\n0:00 POS=40000\n0:10 POS=0\n0:12 POS=0") == []


def test_a_car_that_reports_at_the_end_only_has_its_trip_within_a_minute():
    tracker = TripTracker(HOME)
    tracker.update(observation("-1:00 OD=100", ICE))
    assert tracker.update(observation("0:00 OD=123@-0:01", ICE)) == []
    assert tracker.next_check_at() == at("0:01")
    [ended] = tracker.advance(at("0:01"))
    assert ended.trip.end_at == at("-0:01")


def test_a_trip_that_was_announced_and_is_none_says_so():
    events = run("-1:00 OD=100 POS=0\n0:00 MV=1\n0:01 MV=0")
    assert [type(event) for event in events] == [TripStarted, TripDiscarded]


def test_without_a_home_no_zone_and_no_track_unless_wanted():
    [trip], _ = records(run(DRIVE, home=None))
    assert (trip.zone_from, trip.zone_to, trip.track) == (None, None, ())
    [trip], _ = records(run(DRIVE, keep_positions=True))
    assert trip.track[0] == place(0)
    assert len(trip.track) == 4


def test_a_time_far_in_the_future_is_the_time_of_arrival():
    text = DRIVE.replace("MV=0", "MV=0@30:00") + "1:00 MV=0@30:00\n2:00 MV=0@30:00"
    [trip], _ = records(run(text))
    assert trip.end_at == at("0:30")


@pytest.mark.parametrize("until", range(1, 8))
def test_a_stored_state_has_no_position_and_goes_on_nevertheless(until):
    tracker = TripTracker(HOME)
    lines = (DRIVE + "0:32 FL=20\n0:40 FL=50\n").strip().splitlines()
    events = follow(tracker, [observation(line, PHEV) for line in lines[:until]], at("0:00"))
    stored = json.dumps(tracker.state)
    assert "latitude" not in stored
    assert "48." not in stored
    tracker = TripTracker(HOME, state=json.loads(stored))
    events += follow(tracker, [observation(line, PHEV) for line in lines[until:]], at("9:00"))
    assert "48." not in json.dumps(tracker.state)
    [trip], [refuel] = records(events)
    assert (trip.start_at, trip.end_at, trip.km) == (at("0:00"), at("0:30"), 40)
    assert trip.zone_to is refuel.zone is Zone.ELSEWHERE


def test_state_of_something_else_is_refused_and_ours_is_json():
    tracker = TripTracker(HOME)
    tracker.update(observation("0:00 OD=100 POS=0 HD=80 FL=20 MV=1", PHEV))
    tracker.update(observation("0:10 OD=110 POS=9000 HD=70", PHEV))
    state = json.loads(json.dumps(tracker.state))
    assert TripTracker(HOME, state=state).state == state
    for other in ([], {"odometer": 3}, {"open": {"key": "x"}}, {"seen": []}, "text"):
        with pytest.raises(ValueError, match="TripState"):
            TripTracker(state=other)
