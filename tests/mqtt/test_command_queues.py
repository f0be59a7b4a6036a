"""Rare moments in the life of a command, each reached on purpose."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.vehicle.commands import EXECUTED, Action, CommandResult, EventType, Reason
from bmw2mqtt.vehicle.history import VehicleHistory
from bmw2mqtt.vehicle.snapshot import LockState
from tests.mqtt.recorded_commands import RecordedCommands


@pytest.fixture
async def commands_run() -> AsyncIterator[RecordedCommands]:
    made = RecordedCommands()
    await made.start()
    yield made
    assert made.task is not None
    assert not made.task.done()
    made.task.cancel()
    await asyncio.wait([made.task])


def stumble(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError


def verdicts(commands_run: RecordedCommands) -> list[tuple[str, str | None]]:
    return [(event["event_type"], event["reason"]) for event in commands_run.events()]


async def test_a_command_that_comes_after_the_stop_is_answered(
    commands_run: RecordedCommands,
) -> None:
    commands_run.commands.stop()
    assert commands_run.task is not None
    commands_run.task.cancel()
    await asyncio.wait([commands_run.task])
    commands_run.receive("lock/lock/set", "UNLOCK")
    commands_run.receive("lock/lock/set", "nonsense")
    assert verdicts(commands_run) == [("failed", "bridge_stopped"), ("rejected", "invalid_payload")]
    assert commands_run.account.executed == []
    await commands_run.start()


async def test_a_command_that_ends_in_the_moment_of_the_stop_has_one_event(
    commands_run: RecordedCommands,
) -> None:
    done: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()

    async def execute() -> CommandResult:
        return await done

    commands_run.account.on_execute = execute
    commands_run.receive("lock/lock/set", "UNLOCK")
    commands_run.receive("button/sound_horn/press")
    await asyncio.sleep(0)
    assert commands_run.shown("lock/lock") == "UNLOCKING"
    done.set_result(EXECUTED)

    commands_run.commands.stop()
    for _ in range(10):
        await asyncio.sleep(0)

    assert verdicts(commands_run) == [("timed_out", "bridge_stopped"), ("failed", "bridge_stopped")]
    assert commands_run.account.executed == [Action.UNLOCK]
    assert commands_run.shown("lock/lock") == "LOCKED"


async def test_a_bug_ends_one_command_only(commands_run: RecordedCommands) -> None:
    async def execute() -> CommandResult:
        raise ZeroDivisionError

    commands_run.account.on_execute = execute
    commands_run.receive("lock/lock/set", "UNLOCK")
    await commands_run.settle()
    assert verdicts(commands_run) == [("timed_out", "unreachable")]
    assert commands_run.shown("lock/lock") == "LOCKED"
    commands_run.account.on_execute = None
    commands_run.receive("lock/lock/set", "UNLOCK")
    await commands_run.settle()
    assert verdicts(commands_run)[1:] == [("executed", None)]


async def test_a_bug_of_a_worker_ends_neither_its_queue_nor_others(
    commands_run: RecordedCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = commands_run.registry.find(commands_run.vin)
    assert handle is not None
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(type(handle.device), "publish_current", stumble)
        commands_run.receive("button/sound_horn/press")
        commands_run.receive("lock/lock/set", "UNLOCK")
        await commands_run.settle()
    assert verdicts(commands_run) == [("executed", None), ("executed", None)]
    assert {line["event"] for line in logs if line.get("exc_info")} == {
        "command_worker_crashed",
        "publish_current_crashed",
    }
    commands_run.receive("lock/lock/set", "LOCK")
    await commands_run.settle()
    assert verdicts(commands_run)[2:] == [("executed", None)]


async def test_waiting_commands_are_carried_out_after_a_restart_of_the_task(
    commands_run: RecordedCommands,
) -> None:
    assert commands_run.task is not None
    commands_run.task.cancel()
    await asyncio.wait([commands_run.task])
    commands_run.receive("lock/lock/set", "UNLOCK")
    assert verdicts(commands_run) == []
    await commands_run.start()
    await commands_run.settle()
    assert verdicts(commands_run) == [("executed", None)]


async def test_a_bug_in_the_refresh_ends_nothing(commands_run: RecordedCommands) -> None:
    async def refresh() -> None:
        raise ZeroDivisionError

    commands_run.account.has_news = True
    commands_run.account.on_refresh = refresh
    for payload in ("UNLOCK", "LOCK"):
        commands_run.receive("lock/lock/set", payload)
        await commands_run.settle()
    assert verdicts(commands_run) == [("executed", None)] * 2
    assert commands_run.account.refreshed == 2
    assert commands_run.shown("lock/lock") == "LOCKED"


async def test_words_of_bmw_that_are_no_text_do_no_harm(commands_run: RecordedCommands) -> None:
    async def execute() -> CommandResult:
        return CommandResult(
            event_type=EventType.FAILED, reason=Reason.REFUSED_BY_VEHICLE, message="no \ud83d"
        )

    commands_run.account.on_execute = execute
    commands_run.receive("button/sound_horn/press")
    await commands_run.settle()
    assert [event["message"] for event in commands_run.events()] == ["no ?"]


async def test_a_car_that_left_while_a_command_waited_is_not_asked(
    commands_run: RecordedCommands,
) -> None:
    gone = CommandResult(
        event_type=EventType.REJECTED, reason=Reason.UNKNOWN_VEHICLE, message="gone"
    )

    async def execute() -> CommandResult:
        commands_run.registry.vehicles_listed("home", frozenset(), is_complete=True)
        commands_run.account.refuses = gone
        return EXECUTED

    commands_run.account.on_execute = execute
    commands_run.receive("lock/lock/set", "UNLOCK")
    commands_run.receive("button/sound_horn/press")
    await commands_run.settle()
    assert verdicts(commands_run) == [("executed", None), ("rejected", "unknown_vehicle")]
    assert commands_run.account.executed == [Action.UNLOCK]
    commands_run.receive("lock/lock/set", "LOCK")
    assert verdicts(commands_run)[2:] == [("rejected", "unknown_vehicle")]


async def test_commands_in_a_row_are_followed_by_one_refresh(
    commands_run: RecordedCommands,
) -> None:
    commands_run.account.has_news = True
    for topic, payload in (
        ("lock/lock/set", "UNLOCK"),
        ("switch/climate/set", "ON"),
        ("number/target_soc/set", "95"),
    ):
        commands_run.receive(topic, payload)
    await commands_run.settle()
    assert verdicts(commands_run) == [("executed", None)] * 3
    assert commands_run.account.refreshed == 1


async def test_an_expiry_of_nothing_is_over_at_once(commands_run: RecordedCommands) -> None:
    commands_run.receive("lock/lock/set", "UNLOCK", MessageExpiryInterval=0)
    await commands_run.settle()
    assert verdicts(commands_run) == [("rejected", "expired")]
    assert commands_run.account.executed == []


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
    commands_run: RecordedCommands, missing: str, path: str, payload: str
) -> None:
    capabilities = replace(commands_run.vehicle.capabilities, **{missing: False})
    commands_run.registry.vehicle_changed(
        "home", replace(commands_run.vehicle, capabilities=capabilities)
    )
    commands_run.receive(path, payload)
    await commands_run.settle()
    assert verdicts(commands_run) == [("rejected", "unsupported")]
    assert commands_run.account.executed == []


async def test_what_changes_while_a_command_waits_counts(commands_run: RecordedCommands) -> None:
    gate: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()

    async def execute() -> CommandResult:
        return await gate

    commands_run.account.on_execute = execute
    commands_run.receive("button/sound_horn/press")
    commands_run.receive("lock/lock/set", "UNLOCK")
    await asyncio.sleep(0)
    capabilities = replace(commands_run.vehicle.capabilities, unlock=False)
    commands_run.registry.vehicle_changed(
        "home", replace(commands_run.vehicle, capabilities=capabilities)
    )
    gate.set_result(EXECUTED)
    await commands_run.settle()
    assert verdicts(commands_run) == [("executed", None), ("rejected", "unsupported")]
    assert commands_run.account.executed == [Action.SOUND_HORN]


async def test_what_cannot_be_sent_is_refused_before_its_turn(
    commands_run: RecordedCommands,
) -> None:
    gate: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()

    async def execute() -> CommandResult:
        return await gate

    commands_run.account.on_execute = execute
    commands_run.receive("button/sound_horn/press")
    await asyncio.sleep(0)
    commands_run.account.refuses = CommandResult(
        event_type=EventType.REJECTED, reason=Reason.LOGIN_REQUIRED, message="log in"
    )
    commands_run.receive("lock/lock/set", "UNLOCK")
    assert verdicts(commands_run) == [("rejected", "login_required")]
    gate.set_result(EXECUTED)
    await commands_run.settle()
    assert commands_run.account.executed == [Action.SOUND_HORN]


async def test_a_poll_ends_the_transition_though_another_command_runs(
    commands_run: RecordedCommands,
) -> None:
    gate: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()
    outcomes = [EXECUTED]

    async def execute() -> CommandResult:
        return outcomes.pop() if outcomes else await gate

    commands_run.account.on_execute = execute
    commands_run.account.needs_refresh = lambda _: True
    commands_run.receive("lock/lock/set", "UNLOCK")
    commands_run.receive("button/sound_horn/press")
    for _ in range(10):
        await asyncio.sleep(0)
    assert commands_run.shown("lock/lock") == "UNLOCKING"
    commands_run.registry.history_changed(commands_run.vehicle.vin, VehicleHistory(energy_kwh=1.0))
    assert commands_run.shown("lock/lock") == "UNLOCKING", "that says nothing about the doors"
    unlocked = replace(commands_run.vehicle, door_lock=LockState.UNLOCKED)
    commands_run.registry.vehicle_changed("home", unlocked)
    assert commands_run.shown("lock/lock") == "UNLOCKED"
    gate.set_result(EXECUTED)
    await commands_run.settle()


async def test_what_is_not_finished_is_known(commands_run: RecordedCommands) -> None:
    """The page shows it: a car may need a minute."""
    done: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()

    async def execute() -> CommandResult:
        return await done

    commands_run.account.on_execute = execute
    commands_run.receive("lock/lock/set", "UNLOCK")
    commands_run.receive("button/sound_horn/press")
    await asyncio.sleep(0)
    unfinished = commands_run.commands.unfinished()
    assert [(request.entity_id, is_running) for request, is_running in unfinished] == [
        ("lock/lock", True),
        ("button/sound_horn", False),
    ]
    done.set_result(EXECUTED)
    commands_run.account.on_execute = None
    await commands_run.settle()
    assert commands_run.commands.unfinished() == []
