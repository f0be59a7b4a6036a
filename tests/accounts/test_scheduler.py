"""When BMW is asked, by a clock that the test sets."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bmw2mqtt.accounts import scheduler as module
from bmw2mqtt.accounts.request_counter import RequestCounter
from bmw2mqtt.accounts.scheduler import (
    BLOCKED_RETRY_S,
    FIRST_RETRY_S,
    JITTER,
    LONGEST_RETRY_S,
    QUOTA_RETRY_S,
    PollScheduler,
)
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.vehicle.errors import (
    AccountError,
    BadAnswer,
    Blocked,
    LoginRequired,
    NoConnection,
    QuotaExceeded,
    Unreachable,
)
from tests.accounts.state_parts import read_part, write_part

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
INTERVAL_S = 300


class ScheduledPolls:
    """A poll scheduler with a clock and outcomes that tests set."""

    def __init__(self, interval_s: float = INTERVAL_S, state_file: StateFile | None = None) -> None:
        self.now = NOON
        self.answers: list[Exception | None] = []
        self.polls = 0
        self.outcomes: list[AccountError | None] = []
        self.state_file = state_file or StateFile(Store(Path(tempfile.mkdtemp())), "home")
        self.polling = PollScheduler(
            interval_s, self._poll, self.outcomes.append, self.state_file, lambda: self.now
        )

    async def _poll(self) -> None:
        self.polls += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer

    @property
    def delay_s(self) -> float | None:
        at = self.polling.next_at
        return None if at is None else (at - self.now).total_seconds()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.polling.run())
        await settle()
        yield
        task.cancel()
        await asyncio.wait([task])

    async def request(self, answer: Exception | None = None) -> None:
        """Let a person ask."""
        self.answers = [answer]
        self.polling.request()
        await settle()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture(params=["least", "most"])
def extreme(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Chance at its extremes."""
    which = 0 if request.param == "least" else 1
    monkeypatch.setattr(module.random, "uniform", lambda *bounds: bounds[which])
    return str(request.param)


def jittered(seconds: float, extreme: str) -> float:
    return seconds * (1 - JITTER if extreme == "least" else 1 + JITTER)


async def test_at_once_and_then_at_intervals(extreme: str) -> None:
    polls_run = ScheduledPolls()
    async with polls_run.running():
        assert (polls_run.polls, polls_run.outcomes) == (1, [None])
        assert polls_run.delay_s == pytest.approx(jittered(INTERVAL_S, extreme))


async def test_the_clock_brings_the_next_poll() -> None:
    polls_run = ScheduledPolls(interval_s=0.05)
    polls_run.polling._now = lambda: datetime.now(UTC)
    async with polls_run.running():
        async with asyncio.timeout(5):
            while polls_run.polls < 3:  # noqa: ASYNC110 - the real clock is what is tested
                await asyncio.sleep(0.01)


async def test_interval_zero_waits_for_a_request() -> None:
    polls_run = ScheduledPolls(interval_s=0)
    async with polls_run.running():
        assert (polls_run.polls, polls_run.delay_s) == (1, None)
        await polls_run.request()
        assert (polls_run.polls, polls_run.delay_s) == (2, None)


@pytest.mark.parametrize("error", [Unreachable("x"), BadAnswer("x")])
async def test_backs_off_and_recovers(error: Exception, extreme: str) -> None:
    polls_run = ScheduledPolls()
    factor = 0.5 if extreme == "least" else 1
    async with polls_run.running():
        for doubled in range(10):
            await polls_run.request(error)
            expected = min(FIRST_RETRY_S * 2**doubled, LONGEST_RETRY_S)
            assert polls_run.delay_s == pytest.approx(expected * factor)
        assert isinstance(polls_run.outcomes[-1], AccountError)
        await polls_run.request()
        assert polls_run.delay_s == pytest.approx(jittered(INTERVAL_S, extreme))
        await polls_run.request(error)
        assert polls_run.delay_s == pytest.approx(FIRST_RETRY_S * factor)


async def test_a_bug_backs_off_too_and_does_not_show_what_it_held() -> None:
    polls_run = ScheduledPolls()
    async with polls_run.running():
        await polls_run.request(RuntimeError("secret"))
        assert polls_run.delay_s is not None
        assert FIRST_RETRY_S / 2 <= polls_run.delay_s <= FIRST_RETRY_S
    assert "secret" not in str(polls_run.outcomes[-1])
    assert "RuntimeError" in str(polls_run.outcomes[-1])


async def test_bmws_own_time_is_honoured(extreme: str) -> None:
    polls_run = ScheduledPolls()
    async with polls_run.running():
        await polls_run.request(QuotaExceeded("x", NOON + timedelta(hours=2)))
        assert polls_run.delay_s == 7200 + (5 if extreme == "least" else 60)
        await polls_run.request(QuotaExceeded("x", NOON - timedelta(hours=2)))
        assert polls_run.delay_s == pytest.approx(
            2 * FIRST_RETRY_S * (0.5 if extreme == "least" else 1)
        )
        await polls_run.request(QuotaExceeded("x"))
        assert polls_run.delay_s == pytest.approx(jittered(QUOTA_RETRY_S, extreme))


async def test_a_long_interval_is_never_shortened_by_a_quota(extreme: str) -> None:
    polls_run = ScheduledPolls(interval_s=86_400)
    async with polls_run.running():
        await polls_run.request(QuotaExceeded("x"))
        assert polls_run.delay_s == pytest.approx(jittered(86_400, extreme))


async def test_blocked(extreme: str) -> None:
    polls_run = ScheduledPolls()
    async with polls_run.running():
        await polls_run.request(Blocked("x"))
        assert polls_run.delay_s == pytest.approx(jittered(BLOCKED_RETRY_S, extreme))


async def test_a_login_waits_for_a_person() -> None:
    polls_run = ScheduledPolls()
    polls_run.answers = [LoginRequired("x")]
    async with polls_run.running():
        assert (polls_run.polls, polls_run.delay_s) == (1, None)
        polls_run.now += timedelta(days=1)
        await settle()
        assert polls_run.polls == 1
        await polls_run.request()
        assert polls_run.polls == 2
        assert polls_run.delay_s is not None


async def test_a_request_does_not_wait_for_the_back_off() -> None:
    polls_run = ScheduledPolls()
    polls_run.answers = [Blocked("x")]
    async with polls_run.running():
        assert polls_run.polls == 1
        await polls_run.request()
        assert (polls_run.polls, polls_run.outcomes[-1]) == (2, None)


async def test_pause_and_resume() -> None:
    polls_run = ScheduledPolls()
    polls_run.polling.pause()
    async with polls_run.running():
        assert polls_run.polls == 0
        await polls_run.request()
        assert (polls_run.polls, polls_run.delay_s) == (1, None)
        polls_run.polling.resume()
        await settle()
        assert polls_run.polls == 2
        assert polls_run.delay_s is not None
        polls_run.polling.pause()
        polls_run.now += timedelta(days=1)
        await settle()
        assert (polls_run.polls, polls_run.delay_s) == (2, None)


async def test_since_when_it_is_paused_is_known_after_a_restart() -> None:
    before = ScheduledPolls()
    before.polling.pause()
    before.now += timedelta(minutes=5)
    before.polling.pause()  # pressed again
    after = ScheduledPolls(state_file=before.state_file)
    after.now += timedelta(days=1)
    after.polling.restore()
    assert (after.polling.is_paused, after.polling.paused_at) == (True, NOON)
    after.polling.resume()
    assert after.polling.paused_at is None


async def test_a_pause_during_a_poll() -> None:
    polls_run = ScheduledPolls()
    stop_polling: Callable[[], None] = polls_run.polling.pause

    async def poll() -> None:
        polls_run.polls += 1
        stop_polling()

    polls_run.polling._poll = poll
    async with polls_run.running():
        assert (polls_run.polls, polls_run.delay_s) == (1, None)


async def test_a_request_during_a_poll_is_kept() -> None:
    polls_run = ScheduledPolls()

    async def poll() -> None:
        polls_run.polls += 1
        if polls_run.polls == 1:
            polls_run.polling.request()

    polls_run.polling._poll = poll
    async with polls_run.running():
        assert polls_run.polls == 2


def test_requests_are_counted_for_24_hours(tmp_path: Path) -> None:
    now = NOON
    memory = StateFile(Store(tmp_path), "home")
    requests = RequestCounter(memory, lambda: now)
    for minutes in (0, 0, 11, 600):
        now = NOON + timedelta(minutes=minutes)
        requests.add(200)
    requests.add(None)
    assert requests.count() == 5
    assert requests.totals == {"2xx": 4, "none": 1}
    requests.save()
    restarted = RequestCounter(StateFile(Store(tmp_path), "home"), lambda: now)
    restarted.restore()
    assert restarted.count() == 5
    for hours, left in ((24, 3), (25, 2), (72, 0)):
        now = NOON + timedelta(hours=hours)
        assert restarted.count() == left


@pytest.mark.parametrize(
    "error", [Unreachable("x"), BadAnswer("x"), Blocked("x"), QuotaExceeded("x")]
)
async def test_a_restart_does_not_shorten_the_wait(error: AccountError) -> None:
    first = ScheduledPolls()
    first.answers = [error]
    async with first.running():
        waits_until = first.polling.next_at
    second = ScheduledPolls(state_file=first.state_file)
    second.polling.restore(LoginRequired)
    async with second.running():
        assert (second.polls, second.polling.next_at) == (0, waits_until)
        assert [str(outcome) for outcome in second.outcomes] == ["x"]
        assert second.outcomes[0] is not None
        assert second.outcomes[0].status is error.status
        await second.request()
        assert (second.polls, second.outcomes[-1]) == (1, None)


@pytest.mark.parametrize("is_login_new", [False, True])
async def test_a_refused_login_is_tried_again_with_new_credentials_only(
    *, is_login_new: bool
) -> None:
    first = ScheduledPolls()
    first.answers = [LoginRequired("x")]
    async with first.running():
        assert first.polls == 1
    second = ScheduledPolls(state_file=first.state_file)
    second.polling.restore(*([LoginRequired] if is_login_new else []))
    async with second.running():
        assert second.polls == (1 if is_login_new else 0)


async def test_a_clock_that_was_wrong_holds_nothing_up() -> None:
    first = ScheduledPolls()
    first.now += timedelta(days=3000)
    first.answers = [Blocked("x")]
    async with first.running():
        assert first.polls == 1
    second = ScheduledPolls(state_file=first.state_file)
    second.polling.restore()
    async with second.running():
        assert second.polls == 1


async def test_who_is_started_again_and_again_asks_no_more() -> None:
    memory = ScheduledPolls().state_file
    polls = 0
    for _ in range(9):
        polls_run = ScheduledPolls(state_file=memory)
        polls_run.polling.restore()
        async with polls_run.running():
            polls += polls_run.polls
    assert polls == module.MANY_STARTS
    polls_run = ScheduledPolls(state_file=memory)
    polls_run.now += module.MANY_STARTS_WITHIN
    polls_run.polling.restore()
    async with polls_run.running():
        assert polls_run.polls == 1


async def test_without_a_connection_it_tries_every_few_minutes() -> None:
    polls_run = ScheduledPolls()
    async with polls_run.running():
        for _ in range(10):
            await polls_run.request(NoConnection("x"))
        assert polls_run.delay_s is not None
        assert polls_run.delay_s <= module.LONGEST_RECONNECT_S


async def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    polls_run = ScheduledPolls()
    polls_run.polling._plan(NOON + timedelta(seconds=INTERVAL_S))
    polls_run.now = NOON - timedelta(hours=2)
    async with polls_run.running():
        assert polls_run.delay_s == INTERVAL_S


async def test_pressing_refresh_in_a_loop_asks_a_few_times_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "REQUESTS", 3)
    monkeypatch.setattr(module, "REQUESTS_WITHIN_S", 0.2)
    polls_run = ScheduledPolls()
    started = asyncio.get_running_loop().time()
    async with polls_run.running():
        while polls_run.polls < 9:
            polls_run.polling.request()
            await asyncio.sleep(0.001)
    assert asyncio.get_running_loop().time() - started >= 0.4


async def test_on_request_only_it_tries_until_bmw_has_answered_once() -> None:
    polls_run = ScheduledPolls(interval_s=0)
    polls_run.answers = [NoConnection("x")]
    async with polls_run.running():
        assert polls_run.delay_s is not None
        await polls_run.request()
        assert polls_run.delay_s is None
        await polls_run.request(Unreachable("x"))
        assert polls_run.delay_s is None


@pytest.mark.parametrize("count", [100_000, 10**400, 0, -5, True, "x", None])
@pytest.mark.parametrize("error", [Unreachable("x"), NoConnection("x"), QuotaExceeded("x", NOON)])
async def test_any_number_of_failures_of_an_earlier_run_is_taken(
    error: AccountError, count: object
) -> None:
    first = ScheduledPolls()
    first.answers = [error]
    async with first.running():
        known = read_part(first.state_file, "polling")
    write_part(
        first.state_file, "polling", known | {"failure": known["failure"] | {"count": count}}
    )
    second = ScheduledPolls(state_file=first.state_file)
    second.polling.restore()
    async with second.running():
        await second.request(error)
        assert second.delay_s is not None
        assert FIRST_RETRY_S / 2 <= second.delay_s <= LONGEST_RETRY_S
