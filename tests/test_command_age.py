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
from tests.command_bench import Bench

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


def in_virtual_time(test: Callable[[Bench, SuspendableClock], Awaitable[None]]) -> None:
    async def run() -> None:
        clock = SuspendableClock()
        bench = Bench(clock)
        await bench.start()
        await test(bench, clock)
        assert bench.task is not None
        assert not bench.task.done()
        bench.task.cancel()
        await asyncio.wait([bench.task])

    virtual_time.run(run)


def slow(bench: Bench, *durations_s: float) -> None:
    """Let the first commands take so long, and the others no time."""
    left = list(durations_s)

    async def execute() -> CommandResult:
        await asyncio.sleep(left.pop(0) if left else 0)
        return EXECUTED

    bench.account.on_execute = execute


def verdicts(bench: Bench) -> list[tuple[str, str, str | None]]:
    return [(e["entity"], e["event_type"], e["reason"]) for e in bench.events()]


def test_an_unlock_that_waits_behind_two_slow_commands() -> None:
    async def test(bench: Bench, _: SuspendableClock) -> None:
        slow(bench, SLOW_S, SLOW_S)
        for command in (FLASH, HORN, UNLOCK):
            bench.take(*command)
        await asyncio.sleep(59)
        assert bench.events() == []
        await asyncio.sleep(2)
        assert verdicts(bench) == [("lock/lock", "rejected", "expired")], "as soon as it is too old"
        await asyncio.sleep(3 * SLOW_S)
        assert bench.account.executed == [Action.FLASH_LIGHTS, Action.SOUND_HORN]
        assert len(bench.events()) == 3

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
    async def test(bench: Bench, _: SuspendableClock) -> None:
        slow(bench, waits_s)
        bench.take(*FLASH)
        bench.take(*command)
        await asyncio.sleep(2 * waits_s)
        assert len(bench.account.executed) == 1 + is_executed
        assert len(bench.events()) == 2
        reasons = {event["reason"] for event in bench.events()}
        assert reasons == ({None} if is_executed else {None, "expired"})

    in_virtual_time(test)


@pytest.mark.parametrize(
    ("expiry_s", "waits_s", "is_executed"),
    [(30, 29, True), (30, 31, False), (3600, 59, True), (3600, 61, False)],
)
def test_message_expiry_may_only_shorten_it(
    expiry_s: int, waits_s: float, *, is_executed: bool
) -> None:
    async def test(bench: Bench, _: SuspendableClock) -> None:
        slow(bench, waits_s)
        bench.take(*FLASH)
        bench.take(*UNLOCK, MessageExpiryInterval=expiry_s)
        await asyncio.sleep(2 * waits_s)
        assert (Action.UNLOCK in bench.account.executed) == is_executed

    in_virtual_time(test)


@pytest.mark.parametrize(
    ("suspended_s", "is_executed"), [(5, True), (20, True), (90, False), (900, False)]
)
def test_time_counts_while_the_host_is_suspended(suspended_s: float, *, is_executed: bool) -> None:
    """Timers of the loop do not see it: the age is looked at once more before it is sent."""

    async def test(bench: Bench, clock: SuspendableClock) -> None:
        slow(bench, 30)
        bench.take(*FLASH)
        bench.take(*UNLOCK)
        await asyncio.sleep(10)
        clock.suspend(suspended_s)
        await asyncio.sleep(21)
        assert (Action.UNLOCK in bench.account.executed) == is_executed
        assert len(bench.events()) == 2

    in_virtual_time(test)


@pytest.mark.parametrize(("age_s", "is_executed"), [(59, True), (61, False)])
def test_it_counts_from_when_the_message_was_read(age_s: float, *, is_executed: bool) -> None:
    async def test(bench: Bench, _: SuspendableClock) -> None:
        bench.take(*UNLOCK, age_s=age_s)
        await bench.settle()
        assert (Action.UNLOCK in bench.account.executed) == is_executed
        assert len(bench.events()) == 1

    in_virtual_time(test)


def test_one_that_is_too_old_makes_room() -> None:
    async def test(bench: Bench, clock: SuspendableClock) -> None:
        slow(bench, SLOW_S)
        bench.take(*FLASH)
        bench.take(*UNLOCK)
        clock.suspend(61)
        bench.take(*UNLOCK)
        assert verdicts(bench) == [("lock/lock", "rejected", "expired")], "the old one, at once"
        await asyncio.sleep(59)
        bench.account.on_execute = None
        await asyncio.sleep(SLOW_S)
        assert [event["reason"] for event in bench.events()] == ["expired", "expired", None]
        bench.take(*UNLOCK)
        await bench.settle()
        assert bench.account.executed == [Action.FLASH_LIGHTS, Action.UNLOCK]

    in_virtual_time(test)


def test_one_that_expires_while_the_worker_waits_with_news_does_no_harm() -> None:
    async def test(bench: Bench, clock: SuspendableClock) -> None:
        bench.account.has_news = True
        bench.account.settling_s = lambda: 7.0
        bench.take(*FLASH)
        await asyncio.sleep(1)
        bench.take(*UNLOCK)
        clock.suspend(61)
        bench.take(*HORN)
        await asyncio.sleep(20)
        assert bench.account.executed == [Action.FLASH_LIGHTS, Action.SOUND_HORN]
        assert bench.account.refreshed == 1

    in_virtual_time(test)


def test_a_command_takes_its_deadline_along() -> None:
    async def test(bench: Bench, clock: SuspendableClock) -> None:
        slow(bench, 20)
        bench.take(*FLASH)
        bench.take(*UNLOCK)
        await asyncio.sleep(20)
        await bench.settle()
        assert [round(d.at_s) for d in bench.account.deadlines] == [300, 60]
        assert {d.clock for d in bench.account.deadlines} == {clock}

    in_virtual_time(test)


@pytest.mark.parametrize("set_s", [-86_400, 86_400])
async def test_setting_the_time_changes_nothing(set_s: float) -> None:
    with time_machine.travel(1_800_000_000.0) as traveller:
        gate: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()

        async def execute() -> CommandResult:
            return await gate

        bench = Bench()
        await bench.start()
        bench.account.on_execute = execute
        bench.take(*FLASH)
        bench.take(*UNLOCK)
        await asyncio.sleep(0)
        traveller.shift(set_s)
        gate.set_result(EXECUTED)
        await bench.settle()
        assert [event["event_type"] for event in bench.events()] == ["executed"] * 2
        assert bench.task is not None
        bench.task.cancel()


def test_the_clock_counts_real_time() -> None:
    before = elapsed_s()
    deadline = Deadline.after(0.0)
    assert deadline.is_over
    assert Deadline.after(60).remaining_s == pytest.approx(60, abs=5)
    assert elapsed_s() >= before


def test_what_came_during_a_standstill_is_refused() -> None:
    async def test(bench: Bench, _: SuspendableClock) -> None:
        for command in (UNLOCK, FLASH, ("notify/poi/set", "48.1,11.5")):
            bench.take(*command, is_stale=True)
        await bench.settle()
        assert [(e["event_type"], e["reason"]) for e in bench.events()] == [
            ("rejected", "expired")
        ] * 3
        assert bench.account.executed == []
        bench.take(*UNLOCK)
        await bench.settle()
        assert bench.account.executed == [Action.UNLOCK]

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
    bench = Bench()
    accounts: Any = {"home": mybmw, "eu": cardata}
    controls = AccountCommands(accounts, bench.publisher)
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
            command = bench.topics.parse_command(topic)
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
