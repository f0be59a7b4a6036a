"""The budget of CarData's requests: never exceeded, whatever happens."""

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bmw2mqtt.accounts.cardata.rest.quota import Priority, RequestQuota
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.local_time import local_time
from bmw2mqtt.vehicle.errors import QuotaExceeded
from tests.accounts.cardata.account_parts import SteppedClock
from tests.accounts.state_parts import write_part

pytestmark = pytest.mark.no_cover

DAY = timedelta(hours=24)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


def open_budget(folder: Path, clock: SteppedClock, size: int = 45) -> RequestQuota:
    """Return a budget as a new process has it."""
    budget = RequestQuota(StateFile(Store(folder), "home"), size, clock)
    budget.restore()
    return budget


def spend_all(budget: RequestQuota, priority: Priority = Priority.FIRST) -> datetime | None:
    """Spend what this priority may; return when it may again."""
    while True:
        try:
            budget.spend(priority)
        except QuotaExceeded as error:
            return error.retry_at
        budget.add(200)


def test_what_is_spent_is_free_again_after_a_day(tmp_path: Path, clock: SteppedClock) -> None:
    budget = open_budget(tmp_path, clock)
    assert (budget.count(), budget.left()) == (0, 45)
    retry_at = spend_all(budget)
    assert retry_at
    assert (budget.count(), budget.left()) == (45, 0)
    assert DAY < retry_at - clock.now < DAY + timedelta(minutes=1)
    clock.now = retry_at
    budget.spend(Priority.REPEATED)
    assert (budget.count(), budget.left()) == (1, 44)


def test_a_failed_request_counts_and_is_told_by_its_kind(
    tmp_path: Path, clock: SteppedClock
) -> None:
    budget = open_budget(tmp_path, clock)
    for status in (200, 201, 403, 500, None):
        budget.spend(Priority.FIRST)
        budget.add(status)
    assert budget.count() == 5
    assert budget.totals == {"2xx": 2, "4xx": 1, "5xx": 1, "none": 1}


def test_a_kill_after_a_request_was_allowed_does_not_make_room(
    tmp_path: Path, clock: SteppedClock
) -> None:
    for spent in range(45):
        budget = open_budget(tmp_path, clock)
        assert budget.count() == spent
        budget.spend(Priority.FIRST)  # and the process is killed
    with pytest.raises(QuotaExceeded, match="45 of 45"):
        open_budget(tmp_path, clock).spend(Priority.FIRST)


def test_what_matters_more_has_something_left(tmp_path: Path, clock: SteppedClock) -> None:
    budget = open_budget(tmp_path, clock)
    left = []
    for priority in reversed(Priority):
        spend_all(budget, priority)
        left.append(budget.left())
    assert left == sorted(left, reverse=True)
    assert len(set(left)) == len(Priority)
    assert left[-1] == 0, "whoever has just installed it may use everything"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 10, 45, 50])
def test_every_budget_serves_every_purpose(tmp_path: Path, clock: SteppedClock, size: int) -> None:
    for priority in Priority:
        folder = tmp_path / priority.name
        budget = open_budget(folder, clock, size)
        spend_all(budget, priority)
        assert 1 <= budget.count() <= size


def test_a_smaller_budget_holds_at_once(tmp_path: Path, clock: SteppedClock) -> None:
    spend_all(open_budget(tmp_path, clock, 20))
    smaller = open_budget(tmp_path, clock, 10)
    assert smaller.left() == 0
    with pytest.raises(QuotaExceeded):
        smaller.spend(Priority.FIRST)


def test_a_month_never_sees_46_requests_in_a_day(tmp_path: Path, clock: SteppedClock) -> None:
    chance = random.Random(1)
    budget = open_budget(tmp_path, clock)
    sent: list[datetime] = []
    end = clock.now + timedelta(days=30)
    while clock.now < end:
        clock.forward(seconds=chance.expovariate(1 / 900))
        if chance.random() < 0.1:
            budget = open_budget(tmp_path, clock)
        try:
            budget.spend(chance.choice(list(Priority)))
        except QuotaExceeded:
            continue
        sent.append(clock.now)
        if chance.random() < 0.9:  # else it was killed before the answer came
            budget.add(chance.choice([200, 500, None]))
        if chance.random() < 0.01:
            budget.exhausted()
    assert len(sent) > 45 * 10
    for first, last in zip(sent, sent[45:], strict=False):
        assert last - first > DAY


# BMW's own quota


def test_another_program_is_not_suspected_without_reason(
    tmp_path: Path, clock: SteppedClock
) -> None:
    budget = open_budget(tmp_path, clock)
    for _ in range(44):
        budget.spend(Priority.FIRST)
    assert "sent only" not in str(budget.exhausted())


def test_when_bmw_says_enough_nobody_asks_before_the_next_day(
    tmp_path: Path, clock: SteppedClock
) -> None:
    budget = open_budget(tmp_path, clock)
    budget.spend(Priority.FIRST)
    budget.add(403, is_exhausted=True)
    error = budget.exhausted()
    assert error.retry_at == datetime.fromisoformat("2026-11-02T00:05:00+00:00")
    assert error.retry_at is not None
    assert f"Next request: {local_time(error.retry_at)}" in str(error)
    assert "sent only 1 request in the last 24 hours: another program" in str(error)
    assert budget.left() == 0
    budget = open_budget(tmp_path, clock)
    for _ in range(14):
        with pytest.raises(QuotaExceeded, match="00:05"):
            budget.spend(Priority.FIRST)
        clock.forward(hours=1)


def test_then_it_is_asked_once(tmp_path: Path, clock: SteppedClock) -> None:
    budget = open_budget(tmp_path, clock)
    retry_at = budget.exhausted().retry_at
    assert retry_at
    clock.now = retry_at
    budget.spend(Priority.REPEATED)
    with pytest.raises(QuotaExceeded):
        budget.spend(Priority.FIRST)
    budget.add(403, is_exhausted=True)
    assert budget.exhausted().retry_at == retry_at + DAY
    clock.now = retry_at + DAY + timedelta(minutes=1)
    budget.spend(Priority.REPEATED)
    budget.add(200)
    budget.spend(Priority.REPEATED)
    assert open_budget(tmp_path, clock).left() == 45 - 2


def test_a_request_that_never_left_is_taken_back(tmp_path: Path, clock: SteppedClock) -> None:
    budget = open_budget(tmp_path, clock)
    clock.now = budget.exhausted().retry_at or clock.now
    for _ in range(100):
        budget.refund(budget.spend(Priority.REPEATED))
    assert open_budget(tmp_path, clock).count() == 0
    budget.add(200)
    assert budget.left() == 45


def test_a_kill_during_the_probe_is_no_reason_to_wait(tmp_path: Path, clock: SteppedClock) -> None:
    budget = open_budget(tmp_path, clock)
    clock.now = budget.exhausted().retry_at or clock.now
    budget.spend(Priority.FIRST)
    open_budget(tmp_path, clock).spend(Priority.FIRST)


# Clocks go wrong


def test_a_clock_that_was_far_ahead_blocks_nobody(tmp_path: Path, clock: SteppedClock) -> None:
    clock.forward(days=3000)
    budget = open_budget(tmp_path, clock)
    spend_all(budget)
    budget.exhausted()
    clock.forward(days=-3000)
    assert open_budget(tmp_path, clock).left() == 45
    open_budget(tmp_path, clock).spend(Priority.PICTURE)


def test_a_clock_that_was_set_back_makes_no_room(tmp_path: Path, clock: SteppedClock) -> None:
    spend_all(open_budget(tmp_path, clock))
    clock.forward(hours=-5)
    with pytest.raises(QuotaExceeded):
        open_budget(tmp_path, clock).spend(Priority.FIRST)


@pytest.mark.parametrize(
    "content", [{"sent_at": 7}, {"sent_at": ["x", 7, None]}, {"parked_until": "x"}, {}]
)
def test_a_damaged_memory_is_an_empty_one(
    tmp_path: Path, clock: SteppedClock, content: dict[str, object]
) -> None:
    write_part(StateFile(Store(tmp_path), "home"), "requests", content)
    assert open_budget(tmp_path, clock).left() == 45
