"""REST when it matters: reads between two polls, in virtual time, and what whole days cost."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    CHARGING_POWER,
    CHARGING_STATUS,
    IS_MOVING,
    PLUG,
    SOC,
    TIME_TO_TARGET,
)
from bmw2mqtt.simulator.cardata import cu_error
from tests.accounts.cardata.account_parts import VIN, AccountParts, car
from tests.accounts.cardata.running_account import MILEAGE, RunningAccount
from tests.accounts.waiting import until

pytestmark = pytest.mark.no_cover

STATUS, HEADER = CHARGING_STATUS[0], SOC[0]
BUDGET = 45
DOCS = Path(__file__).parents[4] / "docs" / "cardata.md"
PLUGGED = {PLUG[0]: "CONNECTED", STATUS: "CHARGINGACTIVE"}
UNPLUGGED = {PLUG[0]: "DISCONNECTED", STATUS: "NOCHARGING"}


def electric(vin: str = VIN) -> Any:
    """Return a parked electric car."""
    found = car(vin)
    found.store({MILEAGE: 41250, HEADER: 50, **UNPLUGGED})
    return found


@pytest.fixture
async def home(parts: AccountParts) -> Any:
    """An account with one electric car, half an hour after its first poll."""
    parts.user.cars[:] = [electric()]
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        await home.clock.forward(minutes=30)
        yield home


class Reads:
    """Counts the reads of the car from here on, and why they were made."""

    def __init__(self, home: RunningAccount) -> None:
        self._home = home
        self._begin = self._asked()

    def _asked(self) -> int:
        return self._home.asked(f"{VIN}/telematicData")

    @property
    def count(self) -> int:
        return self._asked() - self._begin


async def send(home: RunningAccount, values: dict[str, Any]) -> None:
    """Let the car stream something, one descriptor a message, and REST know it too."""
    car: Any = home.user.cars[0]
    car.store(values)
    for name, value in values.items():
        assert home.bmw.publish(VIN, {name: value})
    await home.clock.forward(seconds=2)


def reasons(logs: list[Any]) -> list[str]:
    return [entry["reason"] for entry in logs if entry["event"] == "follow_up_read"]


async def test_a_charge_that_begins_without_data_is_read_after_a_minute(
    home: RunningAccount,
) -> None:
    reads = Reads(home)
    with capture_logs() as logs:
        await send(home, PLUGGED)
        await home.clock.forward(seconds=50)
        assert reads.count == 0
        await home.clock.forward(seconds=50)
        assert reads.count == 1
        await home.clock.forward(minutes=50)
    assert reads.count == 1
    assert reasons(logs) == ["a charge began without data"]
    assert logs[[entry["event"] for entry in logs].index("follow_up_read")]["vin"] == VIN


@pytest.mark.parametrize("data", [{HEADER: 51}, {CHARGING_POWER: 7000}])
async def test_a_charge_that_streams_is_left_alone(
    home: RunningAccount, data: dict[str, Any]
) -> None:
    reads = Reads(home)
    await send(home, PLUGGED)
    await send(home, data)
    for minute in range(9):
        await home.clock.forward(minutes=10)
        await send(home, {HEADER: 52 + minute})
    assert reads.count == 0


async def test_a_silent_charge_is_read_each_hour(home: RunningAccount) -> None:
    reads = Reads(home)
    with capture_logs() as logs:
        await send(home, PLUGGED | {HEADER: 51})
        await home.clock.forward(minutes=59)
        assert reads.count == 0
        await home.clock.forward(hours=5)
    assert reads.count == 5
    assert set(reasons(logs)) == {"a charge is silent"}
    await send(home, UNPLUGGED)
    await home.clock.forward(hours=5)
    assert reads.count == 5


async def test_a_charge_is_read_once_when_it_should_be_over(home: RunningAccount) -> None:
    """Scenario 4a of the history facts: asked once at 1:35."""
    reads = Reads(home)
    with capture_logs() as logs:
        await send(home, PLUGGED | {HEADER: 60, TIME_TO_TARGET: 90})
        await home.clock.forward(minutes=60)
        await send(home, {HEADER: 74, TIME_TO_TARGET: 30})
        silent = {STATUS: "CHARGINGENDED", HEADER: 80}
        await home.clock.forward(minutes=28)
        car: Any = home.user.cars[0]
        car.store(silent)
        await home.clock.forward(minutes=6)
        assert reads.count == 0
        await home.clock.forward(minutes=2)
        assert reads.count == 1
        await home.clock.forward(hours=6)
    assert reads.count == 1, "exactly one request"
    assert reasons(logs) == ["a charge should be over"]
    assert home.car("sensor/remaining_battery_percent") == "80"


async def test_a_charge_is_read_if_the_report_of_its_end_is_late(home: RunningAccount) -> None:
    """So late that the read is due at once, before anybody has waited for it."""
    await send(home, PLUGGED | {HEADER: 60})
    await home.clock.forward(minutes=10)
    reads = Reads(home)
    with capture_logs() as logs:
        measured = (home.clock.now - timedelta(minutes=6)).isoformat()
        late = {"timestamp": measured, "value": "0", "unit": "min"}
        home.bmw.publish_raw(VIN, json.dumps({"vin": VIN, "data": {TIME_TO_TARGET: late}}).encode())
        await home.clock.forward(minutes=2)
    assert reads.count == 1
    assert reasons(logs) == ["a charge should be over"]


@pytest.mark.parametrize("has_word", [True, False])
async def test_a_trip_is_read_once_after_its_end(home: RunningAccount, has_word: Any) -> None:
    reads = Reads(home)
    with capture_logs() as logs:
        if has_word:
            await send(home, {IS_MOVING: True})
        for minute in range(10):
            await home.clock.forward(minutes=3)
            await send(home, {MILEAGE: 41251 + minute})
        assert reads.count == 0, "it drives"
        if has_word:
            await send(home, {IS_MOVING: False})
        await home.clock.forward(minutes=2 if has_word else 12)
        assert reads.count == 1
        await home.clock.forward(hours=6)
    assert reads.count == 1
    assert reasons(logs) == ["a trip ended"]


async def test_at_most_one_read_an_hour(home: RunningAccount) -> None:
    reads = Reads(home)
    for trip in range(6):
        await send(home, {IS_MOVING: True, MILEAGE: 41260 + trip})
        await home.clock.forward(minutes=5)
        await send(home, {IS_MOVING: False})
        await home.clock.forward(minutes=5)
    assert reads.count == 1


@pytest.mark.parametrize("settings", [{"follow_up_reads": False}, {}])
async def test_not_where_it_is_not_wanted(parts: AccountParts, settings: dict[str, Any]) -> None:
    parts.user.cars[:] = [electric()]
    async with RunningAccount(parts, **settings).running() as home:
        await home.log_in()
        await home.clock.forward(minutes=30)
        reads = Reads(home)
        if not settings:
            home.account.set_polling(is_polling=False)
        else:
            await send(home, PLUGGED)
        await home.clock.forward(hours=5)
        assert reads.count == 0


async def test_a_reserve_is_kept_for_the_person(parts: AccountParts) -> None:
    parts.user.cars[:] = [electric()]
    async with RunningAccount(parts, request_budget=12).running() as home:
        await home.log_in()
        await home.clock.forward(minutes=30)
        await send(home, PLUGGED | {HEADER: 51})
        await home.clock.forward(hours=12)
        left = int(home.entity("sensor/requests_left") or 0)
        assert left >= 3
        assert (home.status, home.message) == ("ok", ""), "that is as it should be"
        reads = Reads(home)
        await home.refresh()
        await until(lambda: reads.count == 1, "a person gets the reserve")


async def test_a_quota_that_others_have_used_is_named(home: RunningAccount) -> None:
    home.bmw.faults.add(cu_error("CU-429", status=403))
    await send(home, PLUGGED)
    await home.is_status("quota_exceeded", "another program uses this BMW account", within_s=300)
    asked = home.asked()
    await home.clock.forward(hours=3)
    assert home.asked() == asked


# What whole days cost


def promised() -> dict[str, list[str]]:
    """Return the table of requests in docs/cardata.md: its cells by the first one."""
    section = DOCS.read_text().split("\n## Fifty requests a day")[1].split("\n## ")[0]
    rows = [line.strip(" |").split("|") for line in section.splitlines() if line.startswith("|")]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


@pytest.mark.parametrize(("column", "cars", "settling_h"), [(0, 1, 12), (2, 20, 24)])
async def test_the_first_days(parts: AccountParts, column: int, cars: int, settling_h: int) -> None:
    """The second read comes some 22 hours after the first, the third after 44: one is counted."""
    parts.user.cars[:] = [electric(f"WBA{number:014}") for number in range(cars)]
    async with RunningAccount(parts).running() as home:
        await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(home.attributes["user_code"])
        await home.clock.forward(hours=20)
        first = home.asked()
        await home.clock.forward(hours=settling_h)
        before = home.asked()
        await home.clock.forward(days=1)
        quiet = home.asked() - before
    assert str(first) == promised()["first day"][column]
    bound = promised()["a quiet day"][column]
    assert quiet == int(bound) if bound.isdigit() else quiet <= int(bound.removeprefix("at most "))
    assert_within_budget(home)


async def test_the_first_day_of_three_cars(parts: AccountParts) -> None:
    parts.user.cars[:] = [electric(f"WBA{number:014}") for number in range(3)]
    async with RunningAccount(parts).running() as home:
        await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(home.attributes["user_code"])
        await home.clock.forward(hours=20)
        assert str(home.asked()) == promised()["first day"][1]


async def charge_in_silence(home: RunningAccount) -> None:
    """Charge for three hours; the car says that it begins, and wakes when it is unplugged."""
    await send(home, PLUGGED)
    await home.clock.forward(hours=3)
    await send(home, UNPLUGGED | {HEADER: 80})


async def charge_and_fall_asleep(home: RunningAccount) -> None:
    """Charge for two hours; the car says how it goes, but not that it is over."""
    await send(home, PLUGGED | {HEADER: 60, TIME_TO_TARGET: 120})
    for minute in range(10, 120, 10):
        await home.clock.forward(minutes=10)
        await send(home, {HEADER: 60 + minute // 10, TIME_TO_TARGET: 120 - minute})
    car: Any = home.user.cars[0]
    car.store({STATUS: "CHARGINGENDED", HEADER: 80})
    await home.clock.forward(hours=1)
    await send(home, UNPLUGGED)


async def drive(home: RunningAccount) -> None:
    """Drive for half an hour."""
    km = int(home.car("sensor/mileage") or 0)
    await send(home, {IS_MOVING: True})
    for step in range(1, 11):
        await home.clock.forward(minutes=3)
        await send(home, {MILEAGE: km + 2 * step})
    await send(home, {IS_MOVING: False})
    await home.clock.forward(hours=1)


async def test_a_day_with_two_charges_and_six_trips(home: RunningAccount) -> None:
    await home.clock.forward(days=1)
    before = home.asked()
    begin = home.clock.now
    acts: list[Callable[[RunningAccount], Any]] = [
        charge_in_silence,
        drive,
        drive,
        drive,
        charge_and_fall_asleep,
        drive,
        drive,
        drive,
    ]
    with capture_logs() as logs:
        for act in acts:
            await act(home)
        await home.clock.forward_to(begin + timedelta(days=1))
    assert Counter(reasons(logs)) == {
        "a charge began without data": 1,
        "a charge is silent": 2,
        "a charge should be over": 1,
        "a trip ended": 6,
    }
    assert str(home.asked() - before) == promised()["two charges and six trips"][0]
    assert_within_budget(home)


async def test_many_busy_cars_stay_within_the_budget(parts: AccountParts) -> None:
    vins = [f"WBA{number:014}" for number in range(6)]
    parts.user.cars[:] = [electric(vin) for vin in vins]
    async with RunningAccount(parts).running() as home:
        await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(home.attributes["user_code"])
        await home.clock.forward(hours=1)
        for _ in range(26):
            for vin in vins:
                for name, value in PLUGGED.items():
                    home.bmw.publish(vin, {name: value})
            await home.clock.forward(hours=1)
        assert home.status == "ok"
    assert_within_budget(home)
    assert home.asked() > 28, "and what is allowed is used"


def assert_within_budget(home: RunningAccount) -> None:
    """Check that no 24 hours have more requests than allowed."""
    sent = sorted(r.at for r in home.bmw.requests if r.path.startswith("/customers/"))
    most = max(sum(at <= other < at + timedelta(days=1) for other in sent) for at in sent)
    assert most <= BUDGET
