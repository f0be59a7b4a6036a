"""The 12 V battery: what rests, what a day's minimum is, when there is a problem."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bmw2mqtt.vehicle.battery_12v import Battery12VTracker, has_problem
from bmw2mqtt.vehicle.history import VehicleHistory
from bmw2mqtt.vehicle.snapshot import Battery12V
from bmw2mqtt.vehicle.states import Battery12VHealth
from bmw2mqtt.vehicle.trips import Measured, Observation

BERLIN = ZoneInfo("Europe/Berlin")
MIDNIGHT = datetime(2026, 11, 10, tzinfo=BERLIN)
NAMES = {"MV": "is_moving", "IG": "is_ignition_on", "CH": "is_charging", "OD": "odometer_km"}


def at(text: str) -> datetime:
    """Return the time of `day hh:mm`, as `0 07:30`, Berlin's clock."""
    day, clock = text.split()
    hours, minutes = map(int, clock.split(":"))
    return (MIDNIGHT + timedelta(days=int(day), hours=hours, minutes=minutes)).astimezone(UTC)


def follow(steps: list[str], *, is_restarted: bool = False) -> Battery12VTracker:
    """Feed a tracker: `0 07:30 V=12.4 MV=1`; what did not change is repeated with its old time."""
    tracker, known = Battery12VTracker(BERLIN), dict[str, Measured[Any]]()
    for step in steps:
        *time, words = step.split(maxsplit=2)
        now = at(" ".join(time))
        tracker.advance(now)
        for word in words.split():
            name, value = word.split("=")
            kind = float if name in {"V", "OD"} else lambda text: text == "1"
            known[name] = Measured(kind(value), now)
        signs: Any = {NAMES[name]: sign for name, sign in known.items() if name != "V"}
        tracker.update(known.get("V"), Observation(received_at=now, **signs))
        if is_restarted:
            tracker = Battery12VTracker(BERLIN, json.loads(json.dumps(tracker.state)))
    tracker.advance(now + timedelta(minutes=2))
    return tracker


QUIET = "0 00:00 MV=0 OD=1000"
RESTING: dict[str, tuple[list[str], float | None]] = {
    "at rest": ([QUIET, "0 07:30 V=12.5"], 12.5),
    "nothing but the voltage is known": (["0 07:30 V=12.5"], 12.5),
    "half an hour after a trip": (
        [QUIET, "0 07:00 MV=1", "0 07:20 MV=0 OD=1012", "0 07:50 V=12.7"], 12.7),
    "29 minutes after a trip": (
        [QUIET, "0 07:00 MV=1 V=14.4", "0 07:20 MV=0 OD=1012", "0 07:49 V=12.9"], None),
    "under way": ([QUIET, "0 07:00 MV=1", "0 08:30 V=12.4"], None),
    "a car that reports only its odometer": ([QUIET, "0 07:20 OD=1012", "0 07:30 V=12.6"], None),
    "the same car an hour later": ([QUIET, "0 07:20 OD=1012", "0 08:20 V=12.6"], 12.6),
    "the ignition is on": ([QUIET, "0 07:00 IG=1", "0 08:30 V=12.4"], None),
    "after the ignition": ([QUIET, "0 07:00 IG=1", "0 07:10 IG=0", "0 07:40 V=12.4"], 12.4),
    "it charges": ([QUIET, "0 07:00 CH=1", "0 09:00 V=13.4"], None),
    "after a charge": ([QUIET, "0 07:00 CH=1", "0 09:00 CH=0", "0 09:30 V=12.8"], 12.8),
    "soon after a charge": ([QUIET, "0 07:00 CH=1", "0 09:00 CH=0", "0 09:29 V=12.8"], None),
    "the trip's start comes after its voltage": (
        [QUIET, "0 07:00 V=13.1", "0 07:01 MV=1"], None),
    "the last one at rest stays": (
        [QUIET, "0 06:00 V=12.5", "0 07:00 MV=1", "0 07:10 V=13.4"], 12.5),
    "the end of a trip was never reported": (
        [QUIET, "0 07:00 MV=1", "0 20:00 V=12.3"], 12.3),
    "something charges it": ([QUIET, "0 07:00 V=14.1"], None),
    "no voltage of a battery": ([QUIET, "0 07:00 V=1.5"], None),
    "a word that is repeated is no new end of a trip": (
        [QUIET, "0 06:00 V=12.5", "0 07:00 MV=0", "0 07:10 V=12.4"], 12.4),
}  # fmt: skip


@pytest.mark.parametrize("is_restarted", [False, True], ids=["in one run", "restarted"])
@pytest.mark.parametrize("case", RESTING)
def test_resting_voltage(case: str, *, is_restarted: bool) -> None:
    steps, expected = RESTING[case]
    summary = follow(steps, is_restarted=is_restarted).summary
    assert (summary and summary.resting_v) == expected


def test_a_voltage_waits_until_its_burst_has_settled() -> None:
    tracker = Battery12VTracker(BERLIN)
    seen = Observation(received_at=at("0 07:00"))
    tracker.update(Measured(12.5, at("0 07:00")), seen)
    tracker.advance(at("0 07:01"))
    assert tracker.summary is None
    tracker.advance(at("0 07:02"))
    assert tracker.summary is not None


def test_a_day_is_that_of_the_owners_clock() -> None:
    summary = follow(["0 23:30 V=12.4", "0 23:50 V=12.3", "1 00:10 V=12.5"]).summary
    assert summary is not None
    assert [(day.day, day.voltage_v) for day in summary.days] == [
        ("2026-11-10", 12.3),
        ("2026-11-11", 12.5),
    ]


LOW: dict[str, tuple[list[str], bool]] = {
    "one bad day": (["0 07:00 V=12.0", "0 19:00 V=11.9"], False),
    "two bad days": (["0 07:00 V=12.1", "1 07:00 V=12.1"], True),
    "two bad days with silence between": (["0 07:00 V=12.1", "4 07:00 V=12.1"], True),
    "a good day between": (["0 07:00 V=12.1", "1 07:00 V=12.4", "2 07:00 V=12.1"], False),
    "12.2 V is not low": (["0 07:00 V=12.2", "1 07:00 V=12.2"], False),
    "good for an hour of the second day": (
        ["0 07:00 V=12.1", "1 07:00 V=12.1", "1 19:00 V=12.7"], True),
    "good so far, but the day is not over": (
        ["0 07:00 V=12.1", "1 07:00 V=12.1", "2 07:00 V=12.7"], True),
    "a whole day was good": (
        ["0 07:00 V=12.1", "1 07:00 V=12.1", "2 07:00 V=12.7", "3 07:00 V=12.6"], False),
}  # fmt: skip


@pytest.mark.parametrize("is_restarted", [False, True], ids=["in one run", "restarted"])
@pytest.mark.parametrize("case", LOW)
def test_low_battery(case: str, *, is_restarted: bool) -> None:
    steps, expected = LOW[case]
    summary = follow(steps, is_restarted=is_restarted).summary
    assert summary is not None
    assert summary.is_low is expected


def test_only_the_last_days_are_remembered() -> None:
    tracker = follow([f"{day} 07:00 V=12.4" for day in range(20)])
    assert len(tracker.state["days"]) == 7
    assert tracker.state["waiting"] == []


def test_a_state_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="not a"):
        Battery12VTracker(UTC, {"days": 3})


NONE, GOOD, BAD = (
    None,
    VehicleHistory(battery_12v=follow(["0 07:00 V=12.5"]).summary),
    VehicleHistory(battery_12v=follow(LOW["two bad days"][0]).summary),
)
PROBLEM = [
    (Battery12V(), NONE, None),
    (Battery12V(voltage_v=11), VehicleHistory(), None),
    (Battery12V(), GOOD, False),
    (Battery12V(), BAD, True),
    (Battery12V(health=Battery12VHealth.GOOD), NONE, False),
    (Battery12V(health=Battery12VHealth.ADVISED), GOOD, False),
    (Battery12V(health=Battery12VHealth.NEEDED), GOOD, True),
    (Battery12V(health=Battery12VHealth.URGENT), NONE, True),
    (Battery12V(health=Battery12VHealth.GOOD), BAD, True),
    (Battery12V(needs_charging=True), GOOD, True),
    (Battery12V(needs_charging=False), NONE, False),
]


@pytest.mark.parametrize(("battery", "history", "expected"), PROBLEM)
def test_problem(
    battery: Battery12V, history: VehicleHistory | None, *, expected: bool | None
) -> None:
    assert has_problem(battery, history) is expected
