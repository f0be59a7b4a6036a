"""Whatever arrives in whatever order: no trip twice, no time or distance below zero."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmw2mqtt.vehicle.trips import TripTracker
from tests.vehicle.trip_steps import EV, HOME, ICE, at, follow, observation, pass_time, records

pytestmark = pytest.mark.no_cover


def _drive(draw, hour: int, km: int, metres: int) -> list[str]:
    """Draw a drive of a car that streams, one value per line."""
    lines = [f"{hour}:00 DO=0", f"{hour}:00:10 MV=1"]
    for minute in range(2, 2 + km, 2):
        lines.append(f"{hour}:{minute:02} POS={metres + minute * 900}")
        if draw(st.booleans()):
            lines.append(f"{hour}:{minute:02} MV=1")
    end = 2 + km
    lines += [
        f"{hour}:{end:02} OD={{odometer}}",
        f"{hour}:{end:02} POS={metres + end * 900}",
        f"{hour}:{end:02}:30 MV=0",
        f"{hour}:{end + 1:02} DO=1",
        f"{hour}:{end + 1:02} LK=1",
    ]
    return lines


@st.composite
def streaming_days(draw):
    """A day of drives: what was driven, and single values in the order of measuring."""
    odometer, metres, lines, driven = 1000, 0, ["0:00 OD=1000", "0:00 POS=0", "0:00 HD=90"], []
    for hour in range(1, 1 + draw(st.integers(1, 4))):
        km = draw(st.integers(3, 40))
        odometer += km
        lines += [line.format(odometer=odometer) for line in _drive(draw, hour, km, metres)]
        metres += (2 + km) * 900
        driven.append(km)
    return driven, lines


def _feed(lines: list[str], restarts: set[int], drive_train=EV, *, delay_s: int = 0):
    """Feed a tracker that is stored and restored at these places."""
    tracker, events = TripTracker(HOME), []
    for index, line in enumerate(lines):
        seen = observation(line, drive_train)
        if delay_s:
            seen = type(seen)(
                **{name: getattr(seen, name) for name in seen.__dataclass_fields__}
                | {"received_at": seen.received_at + timedelta(seconds=delay_s)}
            )
        events += pass_time(tracker, seen.received_at)
        events += tracker.update(seen)
        if index in restarts:
            tracker = TripTracker(HOME, state=json.loads(json.dumps(tracker.state)))
    events += pass_time(tracker, at("99:00"))
    return records(events)


def shuffle_bursts(draw, lines: list[str]) -> list[str]:
    """Change the order among values of the same minute, and send some twice or never."""
    bursts: dict[str, list[str]] = {}
    for line in lines:
        bursts.setdefault(":".join(line.split()[0].split(":")[:2]), []).append(line)
    result = []
    for burst in bursts.values():
        arrived = draw(st.permutations(burst))
        result += arrived + draw(st.lists(st.sampled_from(burst), max_size=2))
    return result


def _assert_sound(trips) -> None:
    assert len({trip.key for trip in trips}) == len(trips)
    before = None
    for trip in trips:
        assert trip.km is None or trip.km > 0
        assert trip.start_at is None or trip.start_at <= trip.end_at
        assert trip.litres is None or trip.litres >= 0
        if before is not None:
            assert trip.end_at > before.end_at
            assert trip.start_at is None or trip.start_at >= before.end_at
        before = trip


@settings(max_examples=60, deadline=None)
@given(streaming_days(), st.data())
def test_any_order_within_a_burst_duplicates_and_restarts_change_no_distance(day, data):
    driven, lines = day
    arrived = shuffle_bursts(data.draw, lines)
    restarts = data.draw(st.sets(st.integers(0, len(arrived))))
    trips, _ = _feed(arrived, restarts)
    _assert_sound(trips)
    assert [trip.km for trip in trips] == driven


@settings(max_examples=60, deadline=None)
@given(streaming_days(), st.data())
def test_dropped_messages_neither_lose_nor_double_a_kilometre_of_the_odometer(day, data):
    _, lines = day
    arrived = [line for line in lines if data.draw(st.booleans())]
    trips, _ = _feed(arrived, data.draw(st.sets(st.integers(0, len(lines)))))
    _assert_sound(trips)
    by_odometer = [trip.km for trip in trips if trip.distance_source == "odometer"]
    told = [int(line.split("OD=")[1]) for line in arrived if "OD=" in line]
    assert sum(by_odometer) == (told[-1] - told[0] if told else 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 60)), max_size=12), st.data())
def test_a_car_that_reports_at_the_end_only_loses_no_kilometre(steps, data):
    odometer, litres, lines = 5000, 50, ["0:00 OD=5000 FL=50"]
    for index, (km, level) in enumerate(steps, start=1):
        odometer, litres = odometer + km, level
        line = f"{index * 5}:00 OD={odometer} FL={litres} POS={index * 700}"
        lines += [line] * data.draw(st.integers(1, 3))
    restarts = data.draw(st.sets(st.integers(0, 20)))
    trips, refuels = _feed(lines, restarts, ICE)
    _assert_sound(trips)
    assert [trip.km for trip in trips] == [km for km, _ in steps]
    assert all(refuel.litres >= 5 for refuel in refuels)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_nonsense_breaks_nothing(data):
    words = st.builds(
        lambda name, value, stamp: f"{name}={value}" + (f"@{stamp}:00" if stamp else ""),
        st.sampled_from(["OD", "POS", "MV", "IG", "DO", "LK", "PL", "CH", "HD", "FL", "FP", "END"]),
        st.integers(0, 100_000),
        st.one_of(st.none(), st.integers(-200, 40)),
    )
    times = data.draw(st.lists(st.integers(0, 20 * 60), max_size=15).map(sorted))
    lines = [
        f"{minute // 60}:{minute % 60:02} {' '.join(data.draw(st.lists(words, max_size=4)))}"
        for minute in times
    ]
    trips, _ = _feed(lines, data.draw(st.sets(st.integers(0, 15))), ICE)
    _assert_sound(trips)


def test_a_restart_makes_no_event_of_what_is_known():
    lines = ["0:00 OD=1000 POS=0 HD=80 FL=20", "1:00 OD=1010 POS=9000 MV=1"]
    tracker = TripTracker(HOME)
    follow(tracker, [observation(line, ICE) for line in lines], at("9:00"))
    restored = TripTracker(HOME, state=tracker.state)
    assert restored.update(observation("10:00 OD=1010@1:00 POS=9000@1:00 MV=1@1:00", ICE)) == []
