"""Whatever BMW answers: no exception, no damage to what is known otherwise, and recovery."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.simulator.mybmw import Fault
from bmw2mqtt.vehicle.account import AccountStatus
from tests.accounts.mybmw.snapshot.conversion import answers_of, convert
from tests.accounts.mybmw.snapshot.leaves import (
    Path,
    branches,
    derived_from,
    leaves,
    replaced,
    shown,
    value_at,
)
from tests.fixture_cars import copies_of, fixture_car, fixture_cars

pytestmark = pytest.mark.no_cover

IX, REX = "WBA00000000DEMO01", "WBY00000000REXI01"
VINS = [car.vin for car in fixture_cars()]
WRONG: tuple[Any, ...] = (None, "x", [], {}, -1, 1e400, True, "", float("nan"), 1e300, 10**400)
EACH = 3
"""A path gets each third wrong value."""

GARBAGE = {
    "empty": b"",
    "truncated": b'{"state": {"isLscSupported": tr',
    "list": b"[]",
    "list of text": b'["x"]',
    "text": b'"x"',
    "null": b"null",
    "number": b"42",
    "true": b"true",
    "empty object": b"{}",
    "not JSON": b"<html>Bad Gateway</html>",
    "not UTF-8": b'{"state": "\xff"}',
    "parts of wrong type": b'{"state": "x", "capabilities": [], "mappingInfos": 7}',
    "parts of null": b'{"state": null, "capabilities": null, "mappingInfos": null}',
    "numbers too large": b'{"state": 1e999, "capabilities": 1e999, "mappingInfos": 1e999}',
    "deep": b"[" * 5000,
}
STATE, PROFILE, LIST, CHARGING = (
    "/eadrax-vcs/v4/vehicles/state",
    "/eadrax-vcs/v5/vehicle-data/profile",
    "/eadrax-vcs/v5/vehicle-list",
    "/eadrax-crccs/v2/vehicles",
)


@cache
def cars_with() -> dict[Path, list[str]]:
    """Return which cars' answers have a single value at each path."""
    cars: dict[Path, list[str]] = {}
    for vin in VINS:
        for path in leaves(answers_of(fixture_car(vin))):
            if len(path) > 1 and path[0] != "attributes":
                cars.setdefault(path, []).append(vin)
    return cars


@pytest.mark.parametrize("vin", VINS)
def test_a_wrong_value_costs_only_what_is_made_of_it(vin: str) -> None:
    answers = answers_of(fixture_car(vin))
    vehicle = convert(vin, answers)
    before = shown(vehicle)
    damage = []
    paths = {path: vins for path, vins in cars_with().items() if vin in vins}
    assert len(paths) > 60
    for path, vins in paths.items():
        allowed = derived_from(path)
        is_flag = isinstance(value_at(answers, path), bool)
        for wrong in WRONG[vins.index(vin) :: len(vins)]:  # the cars share them
            if is_flag and wrong is True:
                continue  # not wrong
            section = {path[0]: replaced(answers[path[0]], path[1:], wrong)}
            after = shown(convert(vin, answers | section, vehicle))
            changed = {
                entity for entity in before | after if before.get(entity) != after.get(entity)
            }
            damage += [(path, wrong, entity) for entity in changed - allowed]
    assert damage == []


@pytest.mark.parametrize("vin", [IX, REX])
def test_no_wrong_value_or_part_makes_the_first_snapshot_fail(vin: str) -> None:
    answers = answers_of(fixture_car(vin))
    parts = (*WRONG[:7], [None], [{}], 1e300, 10**400, "9999-12-31T23:59:59-12:00")
    for section, document in answers.items():
        paths = sorted({*leaves(document), *branches(document)} - {()}, key=str)
        for number, path in enumerate(paths):
            for wrong in parts[number % EACH :: EACH]:
                shown(convert(vin, answers | {section: replaced(document, path, wrong)}))
        for wrong in WRONG:
            shown(convert(vin, answers | {section: wrong}))


def test_a_wrong_value_is_unknown_not_shown() -> None:
    answers = answers_of(fixture_car(IX))
    states = leaves({"state": answers["state"]})
    for path in states:
        for wrong in (None, "x", [], {}, 1e400, float("nan")):
            section = {"state": replaced(answers["state"], path[1:], wrong)}
            texts = [state for state, _ in shown(convert(IX, answers | section)).values()]
            assert not {"x", "[]", "{}", "inf", "nan", ""} & set(texts), (path, wrong)


@pytest.mark.parametrize("path", [STATE, CHARGING])
async def test_garbage_about_one_car_leaves_the_others_alone(
    watch: Any, near_bmw: Any, path: str
) -> None:
    bad, good = fixture_car(IX), fixture_car(REX)
    watched = await watch(bad, good)
    await watched.poll()
    before = watched.consumer.car(IX)
    with capture_logs() as logs:
        for mileage, (name, body) in enumerate(GARBAGE.items(), start=200_000):
            good.state_data["state"]["currentMileage"] = mileage
            near_bmw.faults.clear()
            near_bmw.faults.add(Fault(path=path, vin=IX, status=200, body=body))
            account = await watched.poll()
            assert account.status is AccountStatus.OK, name
            assert watched.consumer.car(REX)["sensor/mileage"] == str(mileage), name
            assert watched.consumer.car(IX) == before, name
        near_bmw.faults.clear()
        bad.state_data["state"]["currentMileage"] = 1300
        await watched.poll()
    assert watched.consumer.car(IX)["sensor/mileage"] == "1300"
    assert [log for log in logs if log["log_level"] in {"error", "critical"}] == []


async def test_a_profile_that_is_garbage_is_asked_for_again(watch: Any, near_bmw: Any) -> None:
    plain, *cars = copies_of(IX, *(IX for _ in GARBAGE))
    for car, body in zip(cars, GARBAGE.values(), strict=True):
        near_bmw.faults.add(Fault(path=PROFILE, vin=car.vin, status=200, body=body, times=1))
    watched = await watch(*cars, plain)
    assert (await watched.poll()).status is AccountStatus.OK
    at_once = {"parts of wrong type", "parts of null", "numbers too large"}  # no words in it
    expected = {car.vin for car, name in zip(cars, GARBAGE, strict=True) if name in at_once}
    assert watched.consumer.vins == expected | {plain.vin}
    await watched.poll()
    assert watched.consumer.vins == {car.vin for car in (*cars, plain)}
    for car, name in zip(cars, GARBAGE, strict=True):
        topics = watched.consumer.car(car.vin)
        assert name in at_once or topics.keys() == watched.consumer.car(plain.vin).keys(), name
        assert topics["sensor/mileage"] == "1121", name


async def test_a_list_that_is_garbage_is_asked_for_again(watch: Any, near_bmw: Any) -> None:
    watched = await watch(fixture_car(IX))
    for name, body in GARBAGE.items():
        near_bmw.faults.add(Fault(path=LIST, status=200, body=body, times=1))
        account = await watched.poll()
        assert account.status is AccountStatus.ERROR, name
        assert account.message
        assert watched.consumer.vins == set(), "no car is shown, none is taken away"
    assert (await watched.poll()).status is AccountStatus.OK
    assert watched.consumer.vins == {IX}


async def test_a_list_with_bad_entries_shows_the_good_ones(watch: Any, near_bmw: Any) -> None:
    entries = [None, "x", {}, {"vin": None}, {"vin": "short"}, {"vin": "../etc/passwd/../1"}]
    body = {"mappingInfos": [*entries, {"vin": IX}]}
    near_bmw.faults.add(Fault(path=LIST, status=200, body=body, times=1))
    watched = await watch(fixture_car(IX))
    assert (await watched.poll()).status is AccountStatus.OK
    assert watched.consumer.vins == watched.consumer.listed == {IX}


async def test_a_later_list_that_fails_takes_no_car_away(watch: Any, near_bmw: Any) -> None:
    car = fixture_car(IX)
    watched = await watch(car)
    await watched.poll()
    near_bmw.faults.add(Fault(path=LIST, status=503))
    car.state_data["state"]["currentMileage"] = 1400
    with capture_logs() as logs:
        await watched.poll_with_list()
        account = await watched.poll()
    assert [log["event"] for log in logs if log["log_level"] == "warning"] == [
        "vehicles_not_listed"
    ]
    assert watched.consumer.vins == watched.consumer.listed == {IX}
    assert account.status is AccountStatus.OK
    assert watched.consumer.car(IX)["sensor/mileage"] == "1400", "known cars are asked about"


async def test_a_brand_whose_list_fails_does_not_hide_the_others(watch: Any, near_bmw: Any) -> None:
    near_bmw.faults.add(Fault(path=LIST, status=503, times=1))  # BMW comes first, then MINI
    mini = fixture_car(IX)
    mini.brand = "mini"
    watched = await watch(mini, fixture_car(REX))
    with capture_logs() as logs:
        await watched.poll()
        assert watched.consumer.vins == {IX}
        await watched.poll()
    assert watched.consumer.vins == watched.consumer.listed == {IX, REX}
    warnings = [log["event"] for log in logs if log["log_level"] == "warning"]
    assert warnings == ["vehicles_not_listed"]


BAD_CAR = {
    "404": Fault(path=STATE, status=404),
    "403": Fault(path=STATE, status=403, body={"message": "Forbidden"}),
    "408": Fault(path=STATE, status=408),
    "500": Fault(path=STATE, status=500, body=["an", "error"]),
    "503": Fault(path=STATE, status=503),
    "connection lost": Fault(path=STATE, drop=True),
    "garbage": Fault(path=STATE, status=200, body=b"\x00\x01"),
    "no profile": Fault(path=PROFILE, status=500),
    "forbidden profile": Fault(path=PROFILE, status=403),
}
TIME_OUT = Fault(path=STATE, delay_s=3)


async def test_bad_cars_never_hide_the_other_nine(watch: Any, near_bmw: Any) -> None:
    await try_bad_cars(watch, near_bmw, *BAD_CAR.values())


async def test_a_car_whose_answer_takes_too_long_never_hides_the_others(
    watch: Any, near_bmw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bimmer_connected.api.client.HTTPX_TIMEOUT", 0.5)
    await try_bad_cars(watch, near_bmw, TIME_OUT)


async def try_bad_cars(watch: Any, near_bmw: Any, *faults: Fault) -> None:
    """Let each fault have a car of its own; the recorded cars come after them."""
    bad, good = copies_of(*(IX for _ in faults)), fixture_cars()
    for car, fault in zip(bad, faults, strict=True):
        near_bmw.faults.add(replace(fault, vin=car.vin))
    state = good[VINS.index(IX)].state_data["state"]
    state["electricChargingState"]["remainingChargingMinutes"] = float("inf")
    state["tireState"], state["doorsState"] = "x", 7
    watched = await watch(*bad, *good)
    with capture_logs() as logs:
        for _ in range(2):
            assert (await watched.poll()).status is AccountStatus.OK
    assert watched.consumer.vins == set(VINS)
    assert watched.consumer.listed == {car.vin for car in (*bad, *good)}
    assert [log for log in logs if log["log_level"] in {"error", "critical"}] == []
    warnings = [
        (log.get("vin") or log.get("field"), log["event"])
        for log in logs
        if log["log_level"] == "warning"
    ]
    events = {STATE: "vehicle_not_updated", PROFILE: "profile_not_received"}
    expected = [(car.vin, events[fault.path]) for car, fault in zip(bad, faults, strict=True)]
    expected += [("tireState", "unknown_word"), ("doorsState", "unknown_word")]
    assert sorted(warnings) == sorted(expected), "said once, not at every poll"
    near_bmw.faults.clear()
    near_bmw.faults.add(Fault(path="/eadrax-ics/", status=404))
    await watched.poll()
    assert watched.consumer.vins == watched.consumer.listed


async def test_no_profile_at_all_is_an_outage(watch: Any, near_bmw: Any) -> None:
    watched = await watch(fixture_car(IX))
    near_bmw.faults.add(Fault(path=PROFILE, status=503))
    assert (await watched.poll()).status is AccountStatus.UNREACHABLE
    near_bmw.faults.clear()
    assert (await watched.poll()).status is AccountStatus.OK
    assert watched.consumer.vins == {IX}


async def test_every_car_failing_is_an_outage_and_ends(watch: Any, near_bmw: Any) -> None:
    watched = await watch(*fixture_cars())
    await watched.poll()
    before = dict(watched.consumer.broker.topics)
    near_bmw.faults.add(Fault(path=STATE, status=503))
    assert (await watched.poll()).status is AccountStatus.UNREACHABLE
    assert watched.consumer.broker.topics == before, "what is known stays"
    near_bmw.faults.clear()
    assert (await watched.poll()).status is AccountStatus.OK
