"""A command is carried out while it is fresh, and never later."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiomqtt
import pytest
import time_machine
from structlog.testing import capture_logs

from bmw2mqtt.account_commands import AccountCommands
from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.mqtt.session import Received
from bmw2mqtt.vehicle.commands import EXECUTED, Action, CommandResult
from bmw2mqtt.vehicle.deadline import Deadline, elapsed_s
from tests import virtual_time
from tests.mqtt.recorded_commands import RecordedCommands

UNLOCK = ("lock/lock/set", "UNLOCK")
HORN = ("button/sound_horn/press", "PRESS")
FLASH = ("button/light_flash/press", "PRESS")
SLOW_S = 200.0


class SuspendableClock:
    """Goes with the loop, and also while the host is suspended, when the loop's stands still."""

    def __init__(self) -> None:
        self._suspended_s = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self._suspended_s

    def suspend(self, seconds: float) -> None:
        self._suspended_s += seconds


def in_virtual_time(test: Callable[[RecordedCommands, SuspendableClock], Awaitable[None]]) -> None:
    async def run() -> None:
        clock = SuspendableClock()
        commands_run = RecordedCommands(clock)
        await commands_run.start()
        await test(commands_run, clock)
        assert commands_run.task is not None
        assert not commands_run.task.done()
        commands_run.task.cancel()
        await asyncio.wait([commands_run.task])

    virtual_time.run(run)


def slow(commands_run: RecordedCommands, *durations_s: float) -> None:
    """Let the first commands take so long, and the others no time."""
    left = list(durations_s)

    async def execute() -> CommandResult:
        await asyncio.sleep(left.pop(0) if left else 0)
        return EXECUTED

    commands_run.account.on_execute = execute


def verdicts(commands_run: RecordedCommands) -> list[tuple[str, str, str | None]]:
    return [(e["entity"], e["event_type"], e["reason"]) for e in commands_run.events()]


def test_an_unlock_that_waits_behind_two_slow_commands() -> None:
    async def test(commands_run: RecordedCommands, _: SuspendableClock) -> None:
        slow(commands_run, SLOW_S, SLOW_S)
        for command in (FLASH, HORN, UNLOCK):
            commands_run.receive(*command)
        await asyncio.sleep(59)
        assert commands_run.events() == []
        await asyncio.sleep(2)
        assert verdicts(commands_run) == [("lock/lock", "rejected", "expired")], (
            "as soon as it is too old"
        )
        await asyncio.sleep(3 * SLOW_S)
        assert commands_run.account.executed == [Action.FLASH_LIGHTS, Action.SOUND_HORN]
        assert len(commands_run.events()) == 3

    in_virtual_time(test)


@pytest.mark.parametrize(
    ("command", "waits_s", "is_executed"),
    [
        (UNLOCK, 59, True),
        (UNLOCK, 61, False),
        (("lock/lock/set", "LOCK"), 61, True),
        (HORN, 299, True),
        (HORN, 301, False),
        (("notify/poi/set", "48.1,11.5"), 301, False),
        (("button/find_vehicle/press", "PRESS"), 301, False),
        (("number/target_soc/set", "80"), 301, False),
    ],
)
def test_how_long_a_command_may_wait(
    command: tuple[str, str], waits_s: float, *, is_executed: bool
) -> None:
    async def test(commands_run: RecordedCommands, _: SuspendableClock) -> None:
        slow(commands_run, waits_s)
        commands_run.receive(*FLASH)
        commands_run.receive(*command)
        await asyncio.sleep(2 * waits_s)
        assert len(commands_run.account.executed) == 1 + is_executed
        assert len(commands_run.events()) == 2
        reasons = {event["reason"] for event in commands_run.events()}
        assert reasons == ({None} if is_executed else {None, "expired"})

    in_virtual_time(test)


@pytest.mark.parametrize(
    ("expiry_s", "waits_s", "is_executed"),
    [(30, 29, True), (30, 31, False), (3600, 59, True), (3600, 61, False)],
)
def test_message_expiry_may_only_shorten_it(
    expiry_s: int, waits_s: float, *, is_executed: bool
) -> None:
    async def test(commands_run: RecordedCommands, _: SuspendableClock) -> None:
        slow(commands_run, waits_s)
        commands_run.receive(*FLASH)
        commands_run.receive(*UNLOCK, MessageExpiryInterval=expiry_s)
        await asyncio.sleep(2 * waits_s)
        assert (Action.UNLOCK in commands_run.account.executed) == is_executed

    in_virtual_time(test)


@pytest.mark.parametrize(
    ("suspended_s", "is_executed"), [(5, True), (20, True), (90, False), (900, False)]
)
def test_time_counts_while_the_host_is_suspended(suspended_s: float, *, is_executed: bool) -> None:
    """Timers of the loop do not see it: the age is looked at once more before it is sent."""

    async def test(commands_run: RecordedCommands, clock: SuspendableClock) -> None:
        slow(commands_run, 30)
        commands_run.receive(*FLASH)
        commands_run.receive(*UNLOCK)
        await asyncio.sleep(10)
        clock.suspend(suspended_s)
        await asyncio.sleep(21)
        assert (Action.UNLOCK in commands_run.account.executed) == is_executed
        assert len(commands_run.events()) == 2

    in_virtual_time(test)


@pytest.mark.parametrize(("age_s", "is_executed"), [(59, True), (61, False)])
def test_it_counts_from_when_the_message_was_read(age_s: float, *, is_executed: bool) -> None:
    async def test(commands_run: RecordedCommands, _: SuspendableClock) -> None:
        commands_run.receive(*UNLOCK, age_s=age_s)
        await commands_run.settle()
        assert (Action.UNLOCK in commands_run.account.executed) == is_executed
        assert len(commands_run.events()) == 1

    in_virtual_time(test)


def test_one_that_is_too_old_makes_room() -> None:
    async def test(commands_run: RecordedCommands, clock: SuspendableClock) -> None:
        slow(commands_run, SLOW_S)
        commands_run.receive(*FLASH)
        commands_run.receive(*UNLOCK)
        clock.suspend(61)
        commands_run.receive(*UNLOCK)
        assert verdicts(commands_run) == [("lock/lock", "rejected", "expired")], (
            "the old one, at once"
        )
        await asyncio.sleep(59)
        commands_run.account.on_execute = None
        await asyncio.sleep(SLOW_S)
        assert [event["reason"] for event in commands_run.events()] == ["expired", "expired", None]
        commands_run.receive(*UNLOCK)
        await commands_run.settle()
        assert commands_run.account.executed == [Action.FLASH_LIGHTS, Action.UNLOCK]

    in_virtual_time(test)


def test_one_that_expires_while_the_worker_waits_with_news_does_no_harm() -> None:
    async def test(commands_run: RecordedCommands, clock: SuspendableClock) -> None:
        commands_run.account.has_news = True
        commands_run.account.settling_s = lambda: 7.0
        commands_run.receive(*FLASH)
        await asyncio.sleep(1)
        commands_run.receive(*UNLOCK)
        clock.suspend(61)
        commands_run.receive(*HORN)
        await asyncio.sleep(20)
        assert commands_run.account.executed == [Action.FLASH_LIGHTS, Action.SOUND_HORN]
        assert commands_run.account.refreshed == 1

    in_virtual_time(test)


def test_a_command_takes_its_deadline_along() -> None:
    async def test(commands_run: RecordedCommands, clock: SuspendableClock) -> None:
        slow(commands_run, 20)
        commands_run.receive(*FLASH)
        commands_run.receive(*UNLOCK)
        await asyncio.sleep(20)
        await commands_run.settle()
        assert [round(d.at_s) for d in commands_run.account.deadlines] == [300, 60]
        assert {d.clock for d in commands_run.account.deadlines} == {clock}

    in_virtual_time(test)


@pytest.mark.parametrize("set_s", [-86_400, 86_400])
async def test_setting_the_time_changes_nothing(set_s: float) -> None:
    with time_machine.travel(1_800_000_000.0) as traveller:
        gate: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()

        async def execute() -> CommandResult:
            return await gate

        commands_run = RecordedCommands()
        await commands_run.start()
        commands_run.account.on_execute = execute
        commands_run.receive(*FLASH)
        commands_run.receive(*UNLOCK)
        await asyncio.sleep(0)
        traveller.shift(set_s)
        gate.set_result(EXECUTED)
        await commands_run.settle()
        assert [event["event_type"] for event in commands_run.events()] == ["executed"] * 2
        assert commands_run.task is not None
        commands_run.task.cancel()


def test_the_clock_counts_real_time() -> None:
    before = elapsed_s()
    deadline = Deadline.after(0.0)
    assert deadline.is_over
    assert Deadline.after(60).remaining_s == pytest.approx(60, abs=5)
    assert elapsed_s() >= before


def test_what_came_during_a_standstill_is_refused() -> None:
    async def test(commands_run: RecordedCommands, _: SuspendableClock) -> None:
        for command in (UNLOCK, FLASH, ("notify/poi/set", "48.1,11.5")):
            commands_run.receive(*command, is_stale=True)
        await commands_run.settle()
        assert [(e["event_type"], e["reason"]) for e in commands_run.events()] == [
            ("rejected", "expired")
        ] * 3
        assert commands_run.account.executed == []
        commands_run.receive(*UNLOCK)
        await commands_run.settle()
        assert commands_run.account.executed == [Action.UNLOCK]

    in_virtual_time(test)


class RecordingControls:
    """An account that remembers what it was told."""

    name = "home"

    def __init__(self, backend: str) -> None:
        self.told: list[Any] = []
        self.state = type("State", (), {"backend": BACKENDS[backend].traits})()

    def refresh(self) -> None:
        self.told.append("refresh")

    def set_polling(self, *, is_polling: bool) -> None:
        self.told.append(is_polling)

    def log_in(self, token: str | None) -> None:
        self.told.append(token)


@pytest.mark.parametrize("is_stale", [False, True])
def test_an_account_is_not_told_old_things_either(*, is_stale: bool) -> None:
    mybmw, cardata = RecordingControls("mybmw"), RecordingControls("cardata")
    commands_run = RecordedCommands()
    accounts: Any = {"home": mybmw, "eu": cardata}
    controls = AccountCommands(accounts, commands_run.publisher)
    sent = [
        ("home", "switch/polling/set", b"OFF"),
        ("home", "button/refresh/press", b"PRESS"),
        ("home", "login/set", b"a-captcha"),
        ("eu", "button/login/press", b"PRESS"),
    ]
    with capture_logs() as logs:
        for account, path, payload in sent:
            topic = f"bmw2mqtt/account/{account}/{path}"
            message = Received(
                aiomqtt.Message(topic, payload, qos=1, retain=False, mid=0, properties=None),
                is_stale=is_stale,
            )
            command = commands_run.topics.parse_command(topic)
            if command is None:
                controls.receive_login(account, message)
            else:
                controls.receive(command, message)
    assert (mybmw.told, cardata.told) == (
        ([], []) if is_stale else ([False, "refresh", "a-captcha"], [None])
    )
    assert [line.get("reason") for line in logs if line["event"] == "command_refused"] == (
        ["expired"] * 4 if is_stale else []
    )
    assert "a-captcha" not in str(logs)
