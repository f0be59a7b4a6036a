"""A long-lived task with a bug: logged once, started again, and never in anybody's way."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.guard import LONGEST_RETRY_S, BugLogger, run_guarded
from tests import virtual_time


def logged(logs: list[Any], event: str = "task_crashed") -> list[Any]:
    return [entry for entry in logs if (entry["event"], entry["log_level"]) == (event, "error")]


class Task:
    """Fails a number of times, then runs."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.left = failures
        self.error = error or ZeroDivisionError("a secret")
        self.started_s: list[float] = []

    async def __call__(self) -> None:
        self.started_s.append(asyncio.get_running_loop().time())
        if self.left:
            self.left -= 1
            raise self.error
        await asyncio.Event().wait()


async def cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.no_cover
def test_a_bug_is_logged_once_and_the_task_is_started_again_ever_more_slowly() -> None:
    task = Task(1_100)
    said: list[str | None] = []

    async def main() -> None:
        guarded = asyncio.create_task(run_guarded("work", task, on_bug=said.append))
        await asyncio.sleep(1_100 * LONGEST_RETRY_S + 120)
        assert not guarded.done()
        await cancelled(guarded)

    with capture_logs() as logs:
        virtual_time.run(main)
    assert len(task.started_s) == 1_101
    pauses_s = [b - a for a, b in zip(task.started_s, task.started_s[1:], strict=False)]
    assert pauses_s[0] <= 5
    assert all(LONGEST_RETRY_S / 2 <= pause_s <= LONGEST_RETRY_S for pause_s in pauses_s[8:])
    assert len(logged(logs)) == 1
    assert logged(logs)[0]["exc_info"] is task.error
    assert set(said[:-1]) == {"internal error (ZeroDivisionError); please report it"}
    assert said[-1] is None, "it has recovered"


def test_another_bug_is_logged_too() -> None:
    bugs = BugLogger()

    async def main() -> None:
        for error in (ValueError(), KeyError()):
            guarded = asyncio.create_task(run_guarded("work", Task(3, error), bug_logger=bugs))
            await asyncio.sleep(3600)
            await cancelled(guarded)

    with capture_logs() as logs:
        virtual_time.run(main)
    assert [type(entry["exc_info"]) for entry in logged(logs)] == [ValueError, KeyError]


def test_a_task_that_ends_is_not_started_again() -> None:
    async def main() -> None:
        await run_guarded("work", lambda: asyncio.sleep(1))

    virtual_time.run(main)


def test_a_cancel_that_ends_in_an_error_is_still_a_cancel() -> None:
    async def stumble() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    async def main() -> None:
        guarded = asyncio.create_task(run_guarded("work", stumble))
        await asyncio.sleep(1)
        await cancelled(guarded)

    virtual_time.run(main)


def test_who_is_told_of_a_bug_may_have_one() -> None:
    def stumble(_: str | None) -> None:
        raise KeyError

    async def main() -> None:
        guarded = asyncio.create_task(run_guarded("work", Task(2), on_bug=stumble))
        await asyncio.sleep(3600)
        assert not guarded.done()
        await cancelled(guarded)

    with capture_logs() as logs:
        virtual_time.run(main)
    assert len(logged(logs, "bug_not_shown")) >= 1
