"""Rare moments in the life of a command, each reached on purpose."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.vehicle.commands import EXECUTED, Action, CommandResult, EventType, Reason
from bmw2mqtt.vehicle.snapshot import LockState
from tests.command_bench import Bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    await made.start()
    yield made
    assert made.task is not None
    assert not made.task.done()
    made.task.cancel()
    await asyncio.wait([made.task])


def stumble(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError


def verdicts(bench: Bench) -> list[tuple[str, str | None]]:
    return [(event["event_type"], event["reason"]) for event in bench.events()]


async def test_a_command_that_comes_after_the_stop_is_answered(bench: Bench) -> None:
    bench.commands.stop()
    assert bench.task is not None
    bench.task.cancel()
    await asyncio.wait([bench.task])
    bench.take("lock/lock/set", "UNLOCK")
    bench.take("lock/lock/set", "nonsense")
    assert verdicts(bench) == [("failed", "bridge_stopped"), ("rejected", "invalid_payload")]
    assert bench.account.executed == []
    await bench.start()


async def test_a_command_that_ends_in_the_moment_of_the_stop_has_one_event(bench: Bench) -> None:
    done: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()

    async def execute() -> CommandResult:
        return await done

    bench.account.on_execute = execute
    bench.take("lock/lock/set", "UNLOCK")
    bench.take("button/sound_horn/press")
    await asyncio.sleep(0)
    assert bench.shown("lock/lock") == "UNLOCKING"
    done.set_result(EXECUTED)

    bench.commands.stop()
    for _ in range(10):
        await asyncio.sleep(0)

    assert verdicts(bench) == [("timed_out", "bridge_stopped"), ("failed", "bridge_stopped")]
    assert bench.account.executed == [Action.UNLOCK]
    assert bench.shown("lock/lock") == "LOCKED"


async def test_a_bug_ends_one_command_only(bench: Bench) -> None:
    async def execute() -> CommandResult:
        raise ZeroDivisionError

    bench.account.on_execute = execute
    bench.take("lock/lock/set", "UNLOCK")
    await bench.settle()
    assert verdicts(bench) == [("timed_out", "unreachable")]
    assert bench.shown("lock/lock") == "LOCKED"
    bench.account.on_execute = None
    bench.take("lock/lock/set", "UNLOCK")
    await bench.settle()
    assert verdicts(bench)[1:] == [("executed", None)]


async def test_a_bug_of_a_worker_ends_neither_its_queue_nor_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = bench.fleet.find(bench.vin)
    assert handle is not None
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(type(handle.device), "show_current", stumble)
        bench.take("button/sound_horn/press")
        bench.take("lock/lock/set", "UNLOCK")
        await bench.settle()
    assert verdicts(bench) == [("executed", None), ("executed", None)]
    assert {line["event"] for line in logs if line.get("exc_info")} == {
        "command_worker_crashed",
        "show_current_crashed",
    }
    bench.take("lock/lock/set", "LOCK")
    await bench.settle()
    assert verdicts(bench)[2:] == [("executed", None)]


async def test_waiting_commands_are_carried_out_after_a_restart_of_the_task(bench: Bench) -> None:
    assert bench.task is not None
    bench.task.cancel()
    await asyncio.wait([bench.task])
    bench.take("lock/lock/set", "UNLOCK")
    assert verdicts(bench) == []
    await bench.start()
    await bench.settle()
    assert verdicts(bench) == [("executed", None)]


async def test_a_bug_in_the_refresh_ends_nothing(bench: Bench) -> None:
    async def refresh() -> None:
        raise ZeroDivisionError

    bench.account.has_news = True
    bench.account.on_refresh = refresh
    for payload in ("UNLOCK", "LOCK"):
        bench.take("lock/lock/set", payload)
        await bench.settle()
    assert verdicts(bench) == [("executed", None)] * 2
    assert bench.account.refreshed == 2
    assert bench.shown("lock/lock") == "LOCKED"


async def test_words_of_bmw_that_are_no_text_do_no_harm(bench: Bench) -> None:
    async def execute() -> CommandResult:
        return CommandResult(
            event_type=EventType.FAILED, reason=Reason.REFUSED_BY_VEHICLE, message="no \ud83d"
        )

    bench.account.on_execute = execute
    bench.take("button/sound_horn/press")
    await bench.settle()
    assert [event["message"] for event in bench.events()] == ["no ?"]


async def test_a_car_that_left_while_a_command_waited_is_not_asked(bench: Bench) -> None:
    gone = CommandResult(
        event_type=EventType.REJECTED, reason=Reason.UNKNOWN_VEHICLE, message="gone"
    )

    async def execute() -> CommandResult:
        bench.fleet.vehicles_listed("home", frozenset(), is_complete=True)
        bench.account.refuses = gone
        return EXECUTED

    bench.account.on_execute = execute
    bench.take("lock/lock/set", "UNLOCK")
    bench.take("button/sound_horn/press")
    await bench.settle()
    assert verdicts(bench) == [("executed", None), ("rejected", "unknown_vehicle")]
    assert bench.account.executed == [Action.UNLOCK]
    bench.take("lock/lock/set", "LOCK")
    assert verdicts(bench)[2:] == [("rejected", "unknown_vehicle")]


async def test_commands_in_a_row_are_followed_by_one_refresh(bench: Bench) -> None:
    bench.account.has_news = True
    for topic, payload in (
        ("lock/lock/set", "UNLOCK"),
        ("switch/climate/set", "ON"),
        ("number/target_soc/set", "95"),
    ):
        bench.take(topic, payload)
    await bench.settle()
    assert verdicts(bench) == [("executed", None)] * 3
    assert bench.account.refreshed == 1


async def test_an_expiry_of_nothing_is_over_at_once(bench: Bench) -> None:
    bench.take("lock/lock/set", "UNLOCK", MessageExpiryInterval=0)
    await bench.settle()
    assert verdicts(bench) == [("rejected", "expired")]
    assert bench.account.executed == []


@pytest.mark.parametrize(
    ("missing", "path", "payload"),
    [
        ("unlock", "lock/lock/set", "UNLOCK"),
        ("lock", "lock/lock/set", "LOCK"),
        ("charge_start", "switch/charging/set", "ON"),
        ("climate_start", "switch/climate/set", "ON"),
    ],
)
async def test_half_a_service_is_not_the_whole(
    bench: Bench, missing: str, path: str, payload: str
) -> None:
    capabilities = replace(bench.vehicle.capabilities, **{missing: False})
    bench.fleet.vehicle_changed("home", replace(bench.vehicle, capabilities=capabilities))
    bench.take(path, payload)
    await bench.settle()
    assert verdicts(bench) == [("rejected", "unsupported")]
    assert bench.account.executed == []


async def test_what_changes_while_a_command_waits_counts(bench: Bench) -> None:
    gate: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()

    async def execute() -> CommandResult:
        return await gate

    bench.account.on_execute = execute
    bench.take("button/sound_horn/press")
    bench.take("lock/lock/set", "UNLOCK")
    await asyncio.sleep(0)
    capabilities = replace(bench.vehicle.capabilities, unlock=False)
    bench.fleet.vehicle_changed("home", replace(bench.vehicle, capabilities=capabilities))
    gate.set_result(EXECUTED)
    await bench.settle()
    assert verdicts(bench) == [("executed", None), ("rejected", "unsupported")]
    assert bench.account.executed == [Action.SOUND_HORN]


async def test_a_poll_ends_the_transition_though_another_command_runs(bench: Bench) -> None:
    gate: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()
    outcomes = [EXECUTED]

    async def execute() -> CommandResult:
        return outcomes.pop() if outcomes else await gate

    bench.account.on_execute = execute
    bench.account.needs_refresh = lambda _: True
    bench.take("lock/lock/set", "UNLOCK")
    bench.take("button/sound_horn/press")
    for _ in range(10):
        await asyncio.sleep(0)
    assert bench.shown("lock/lock") == "UNLOCKING"
    unlocked = replace(bench.vehicle, door_lock=LockState.UNLOCKED)
    bench.fleet.vehicle_changed("home", unlocked)
    assert bench.shown("lock/lock") == "UNLOCKED"
    gate.set_result(EXECUTED)
    await bench.settle()
