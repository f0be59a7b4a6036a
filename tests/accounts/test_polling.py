"""When BMW is asked, by a clock that the test sets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from bmw2mqtt.accounts import polling as module
from bmw2mqtt.accounts.polling import (
    BLOCKED_RETRY_S,
    FIRST_RETRY_S,
    JITTER,
    LONGEST_RETRY_S,
    QUOTA_RETRY_S,
    Polling,
)
from bmw2mqtt.accounts.requests import RequestLog
from bmw2mqtt.vehicle.errors import (
    AccountError,
    BadAnswer,
    Blocked,
    LoginRequired,
    QuotaExceeded,
    Unreachable,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
INTERVAL_S = 300


class Bench:
    """A polling clock with a BMW that answers as told."""

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self.now = NOON
        self.answers: list[Exception | None] = []
        self.polls = 0
        self.outcomes: list[AccountError | None] = []
        self.polling = Polling(interval_s, self._poll, self.outcomes.append, lambda: self.now)

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
    bench = Bench()
    async with bench.running():
        assert (bench.polls, bench.outcomes) == (1, [None])
        assert bench.delay_s == pytest.approx(jittered(INTERVAL_S, extreme))


async def test_the_clock_brings_the_next_poll() -> None:
    bench = Bench(interval_s=0.05)
    bench.polling._now = lambda: datetime.now(UTC)
    async with bench.running():
        async with asyncio.timeout(5):
            while bench.polls < 3:  # noqa: ASYNC110 - the real clock is what is tested
                await asyncio.sleep(0.01)


async def test_interval_zero_waits_for_a_request() -> None:
    bench = Bench(interval_s=0)
    async with bench.running():
        assert (bench.polls, bench.delay_s) == (1, None)
        await bench.request()
        assert (bench.polls, bench.delay_s) == (2, None)


@pytest.mark.parametrize("error", [Unreachable("x"), BadAnswer("x")])
async def test_backs_off_and_recovers(error: Exception, extreme: str) -> None:
    bench = Bench()
    factor = 0.5 if extreme == "least" else 1
    async with bench.running():
        for doubled in range(10):
            await bench.request(error)
            expected = min(FIRST_RETRY_S * 2**doubled, LONGEST_RETRY_S)
            assert bench.delay_s == pytest.approx(expected * factor)
        assert isinstance(bench.outcomes[-1], AccountError)
        await bench.request()
        assert bench.delay_s == pytest.approx(jittered(INTERVAL_S, extreme))
        await bench.request(error)
        assert bench.delay_s == pytest.approx(FIRST_RETRY_S * factor)


async def test_a_bug_backs_off_too_and_does_not_show_what_it_held() -> None:
    bench = Bench()
    async with bench.running():
        await bench.request(RuntimeError("secret"))
        assert bench.delay_s is not None
        assert FIRST_RETRY_S / 2 <= bench.delay_s <= FIRST_RETRY_S
    assert "secret" not in str(bench.outcomes[-1])
    assert "RuntimeError" in str(bench.outcomes[-1])


async def test_bmws_own_time_is_honoured(extreme: str) -> None:
    bench = Bench()
    async with bench.running():
        await bench.request(QuotaExceeded("x", NOON + timedelta(hours=2)))
        assert bench.delay_s == 7200 + (5 if extreme == "least" else 60)
        await bench.request(QuotaExceeded("x", NOON - timedelta(hours=2)))
        assert bench.delay_s == (5 if extreme == "least" else 60)
        await bench.request(QuotaExceeded("x"))
        assert bench.delay_s == pytest.approx(jittered(QUOTA_RETRY_S, extreme))


async def test_a_long_interval_is_never_shortened_by_a_quota(extreme: str) -> None:
    bench = Bench(interval_s=86_400)
    async with bench.running():
        await bench.request(QuotaExceeded("x"))
        assert bench.delay_s == pytest.approx(jittered(86_400, extreme))


async def test_blocked(extreme: str) -> None:
    bench = Bench()
    async with bench.running():
        await bench.request(Blocked("x"))
        assert bench.delay_s == pytest.approx(jittered(BLOCKED_RETRY_S, extreme))


async def test_a_login_waits_for_a_person() -> None:
    bench = Bench()
    bench.answers = [LoginRequired("x")]
    async with bench.running():
        assert (bench.polls, bench.delay_s) == (1, None)
        bench.now += timedelta(days=1)
        await settle()
        assert bench.polls == 1
        await bench.request()
        assert bench.polls == 2
        assert bench.delay_s is not None


async def test_a_request_does_not_wait_for_the_back_off() -> None:
    bench = Bench()
    bench.answers = [Blocked("x")]
    async with bench.running():
        assert bench.polls == 1
        await bench.request()
        assert (bench.polls, bench.outcomes[-1]) == (2, None)


async def test_pause_and_resume() -> None:
    bench = Bench()
    bench.polling.pause()
    async with bench.running():
        assert bench.polls == 0
        await bench.request()
        assert (bench.polls, bench.delay_s) == (1, None)
        bench.polling.resume()
        await settle()
        assert bench.polls == 2
        assert bench.delay_s is not None
        bench.polling.pause()
        bench.now += timedelta(days=1)
        await settle()
        assert (bench.polls, bench.delay_s) == (2, None)


async def test_a_pause_during_a_poll() -> None:
    bench = Bench()
    stop_polling: Callable[[], None] = bench.polling.pause

    async def poll() -> None:
        bench.polls += 1
        stop_polling()

    bench.polling._poll = poll
    async with bench.running():
        assert (bench.polls, bench.delay_s) == (1, None)


async def test_a_request_during_a_poll_is_kept() -> None:
    bench = Bench()

    async def poll() -> None:
        bench.polls += 1
        if bench.polls == 1:
            bench.polling.request()

    bench.polling._poll = poll
    async with bench.running():
        assert bench.polls == 2


def test_requests_are_counted_for_24_hours() -> None:
    now = NOON
    requests = RequestLog(lambda: now)
    for minutes in (0, 0, 1, 600):
        now = NOON + timedelta(minutes=minutes)
        requests.add()
    assert requests.count() == 4
    now = NOON + timedelta(hours=24)
    assert requests.count() == 2
    now = NOON + timedelta(hours=24, minutes=1)
    assert requests.count() == 1
    now = NOON + timedelta(days=3)
    assert requests.count() == 0
