"""Commands: checked, queued per car, carried out one at a time, and always answered.

A car that can be unlocked by a message needs care: whatever is not exactly right is refused, costs
BMW no request, and the answer says why.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

import structlog

from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.entities.base import Entity, Value, iso
from bmw2mqtt.mqtt.device import dump_json
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.session import Received
from bmw2mqtt.mqtt.topics import CommandTopic, Topics
from bmw2mqtt.vehicle.commands import Command, EventType, Outcome, Reason
from bmw2mqtt.vehicle.snapshot import Vehicle

log = structlog.get_logger(__name__)

MAX_WAITING = 4
MAX_PAYLOAD_BYTES = 4096
SHOWN_PAYLOAD = 255

COMMANDS: dict[tuple[str, str, str], Entity[Vehicle]] = {
    (entity.platform, entity.key, entity.command_suffix): entity
    for entity in VEHICLE_ENTITIES
    if entity.command_suffix is not None
}


class Executor(Protocol):
    """A car's account, as commands see it."""

    takes_commands: bool

    def refusal(self, vin: str, command: Command) -> Outcome | None:
        """Return why it would not send this command now; costs no request."""

    async def execute(self, vin: str, command: Command) -> Outcome:
        """Carry out a command; never raises for what BMW does."""

    def needs_refresh(self, command: Command) -> bool:
        """Whether the car has something new to tell after this command."""

    def settling_s(self) -> float:
        """How long BMW takes to show what a car has done."""

    async def refresh_vehicle(self, vin: str) -> None:
        """Ask BMW about one car; never raises for what BMW does."""


class Cars(Protocol):
    """All cars, as commands see them."""

    def find(self, vin: str) -> Vehicle | None:
        """Return the car's last snapshot; `None` for a car that is not ours."""

    def account_of(self, vin: str) -> Executor:
        """Return the account of a car that `find` knows."""

    def is_read_only_vehicle(self, vin: str) -> bool:
        """Whether the car's account is in read-only mode."""

    def show_pending(self, vin: str, entity: Entity[Vehicle], value: Value) -> None:
        """Show where an entity is going."""

    def show_current(self, vin: str, entity: Entity[Vehicle] | None = None) -> None:
        """Show again what the car says: of one entity, or of all."""


@dataclass(slots=True, eq=False)
class _Job:
    """One command on its way."""

    vin: str
    entity_id: str
    payload: str
    response_topic: str | None
    correlation_data: bytes | None
    expires_at: float | None
    """On the event loop's clock."""
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """A job that was checked: what to do, and who does it."""

    job: _Job
    entity: Entity[Vehicle]
    command: Command
    account: Executor


@dataclass(slots=True)
class _Lane:
    """The commands of one car, first come first served."""

    waiting: deque[_Order] = field(default_factory=deque)
    running: _Order | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def has(self, command: Command) -> bool:
        """Whether the same command waits or runs."""
        orders = [*self.waiting, *([self.running] if self.running else [])]
        return any(order.command == command for order in orders)


class _Refused(Exception):  # noqa: N818 - it is an answer
    """A command is not carried out."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.outcome = Outcome(event_type=EventType.REJECTED, reason=reason, message=message)


class Commands:
    """Takes command messages, answers each with one event."""

    def __init__(self, cars: Cars, topics: Topics, publisher: Publisher) -> None:
        self._cars = cars
        self._topics = topics
        self._publisher = publisher
        self._lanes: dict[str, _Lane] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._is_stopped = False

    async def run(self) -> None:
        """Carry out commands until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            await asyncio.Event().wait()

    def take(self, topic: CommandTopic, message: Received) -> None:
        """Take one message on a car's command topic: queue it or refuse it."""
        job = _job(topic, message)
        try:
            order = self._check(job, topic, message)
        except _Refused as refusal:
            self._finish(job, refusal.outcome)
            return
        if self._is_stopped:
            self._finish(job, _STOPPED_BEFORE)
            return
        lane = self._lanes.setdefault(job.vin, _Lane())
        lane.waiting.append(order)
        lane.arrived.set()
        if lane.task is None and self._tasks is not None:
            lane.task = self._tasks.create_task(self._work(job.vin, lane))

    def stop(self) -> None:
        """Answer what is not finished: nothing is repeated after a restart."""
        self._is_stopped = True
        for vin, lane in self._lanes.items():
            if lane.task is not None:
                lane.task.cancel()
            if lane.running is not None:
                self._finish(lane.running.job, _STOPPED_WHILE_RUNNING)
            for order in lane.waiting:
                self._finish(order.job, _STOPPED_BEFORE)
            self._cars.show_current(vin)
        self._lanes.clear()

    # Checks

    def _check(self, job: _Job, topic: CommandTopic, message: Received) -> _Order:
        """Find out what is meant, and whether it may be done.

        Raises:
            _Refused: it may not; BMW was not asked.
        """
        if message.retain:
            raise _Refused(Reason.RETAINED, "retained commands are never executed")
        vehicle = self._cars.find(job.vin)
        if vehicle is None:
            raise _Refused(Reason.UNKNOWN_VEHICLE, "no account has this car")
        entity = COMMANDS.get((topic.platform, topic.key, topic.suffix))
        if entity is None or entity.command is None:
            raise _Refused(Reason.UNKNOWN_ENTITY, "there is no such command")
        account = self._cars.account_of(job.vin)
        if not account.takes_commands:
            raise _Refused(Reason.UNSUPPORTED, "BMW's CarData is read-only: it has no commands")
        if self._cars.is_read_only_vehicle(job.vin) and not entity.works_read_only:
            raise _Refused(Reason.READ_ONLY, "the account is in read-only mode")
        if not entity.exists(vehicle):
            raise _Refused(Reason.UNSUPPORTED, "BMW does not offer this for the car")
        command = _read(entity.command, vehicle, message.payload)
        self._check_lane(job.vin, command)
        if outcome := account.refusal(job.vin, command):
            raise _Refused(outcome.reason or Reason.UNSUPPORTED, outcome.message or "")
        return _Order(job=job, entity=entity, command=command, account=account)

    def _check_lane(self, vin: str, command: Command) -> None:
        lane = self._lanes.get(vin)
        if lane is None:
            return
        if lane.has(command):
            raise _Refused(Reason.IN_PROGRESS, "the same command is already on its way")
        if len(lane.waiting) >= MAX_WAITING:
            raise _Refused(Reason.QUEUE_FULL, f"{MAX_WAITING} commands are waiting already")

    # Work

    async def _work(self, vin: str, lane: _Lane) -> None:
        """Carry out what waits; then let the car tell what it has become."""
        with_news: Executor | None = None
        while lane.waiting or with_news:
            while lane.waiting:
                lane.arrived.clear()
                with_news = await self._carry_out(lane) or with_news
            if with_news and not await _arrives(lane, with_news.settling_s()):
                await _refresh(with_news, vin)
                with_news = None
        lane.task = None
        self._cars.show_current(vin)

    async def _carry_out(self, lane: _Lane) -> Executor | None:
        """Carry out the next command; return its account if the car has news afterwards."""
        order = lane.running = lane.waiting.popleft()
        job = order.job
        if job.expires_at is not None and asyncio.get_running_loop().time() >= job.expires_at:
            outcome = _EXPIRED
        elif refusal := order.account.refusal(job.vin, order.command):
            outcome = refusal  # it was none when the command came
        else:
            log.info("command_running", vin=job.vin, entity=job.entity_id, id=job.id)
            self._cars.show_pending(job.vin, order.entity, order.entity.pending(job.payload))
            outcome = await _execute(order)
        lane.running = None
        self._finish(job, outcome)
        is_news = (
            outcome.event_type in {EventType.EXECUTED, EventType.TIMED_OUT}
            or outcome.reason is Reason.REFUSED_BY_VEHICLE
        )
        if is_news and order.account.needs_refresh(order.command):
            return order.account
        self._cars.show_current(job.vin, order.entity)
        return None

    # Answers

    def _finish(self, job: _Job, outcome: Outcome) -> None:
        """Answer: one event on the car's topic, on the response topic, in the log."""
        is_well = outcome.event_type in {EventType.EXECUTED, EventType.IGNORED}
        level = log.info if is_well else log.warning
        level(
            "command_finished",
            vin=job.vin,
            entity=job.entity_id,
            id=job.id,
            outcome=outcome.event_type.value,
            reason=outcome.reason.value if outcome.reason else None,
            message=outcome.message,
        )
        event = dump_json(_event(job, outcome))
        self._publisher.send(self._topics.vehicle(job.vin).command_event, event)
        if job.response_topic is not None:
            if self._topics.is_foreign(job.response_topic):
                self._publisher.send(
                    job.response_topic, event, correlation_data=job.correlation_data
                )
            else:
                log.warning("response_topic_refused", topic=job.response_topic)


def _event(job: _Job, outcome: Outcome) -> dict[str, Any]:
    return {
        "event_type": outcome.event_type,
        "id": job.id,
        "entity": job.entity_id,
        "payload": job.payload[:SHOWN_PAYLOAD],
        "reason": outcome.reason,
        "message": outcome.message,
        "received_at": iso(job.received_at),
        "finished_at": iso(datetime.now(UTC)),
    }


def _job(topic: CommandTopic, message: Received) -> _Job:
    expires_at = None
    if message.expiry_s is not None:
        expires_at = asyncio.get_running_loop().time() + message.expiry_s
    return _Job(
        vin=topic.vin or "",
        entity_id=f"{topic.platform}/{topic.key}",
        payload=message.payload.decode(errors="replace"),
        response_topic=message.response_topic,
        correlation_data=message.correlation_data,
        expires_at=expires_at,
    )


def _read(parse: Callable[[Vehicle, str], Command], vehicle: Vehicle, payload: bytes) -> Command:
    """Read a payload.

    Raises:
        _Refused: it does not fit.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise _Refused(Reason.INVALID_PAYLOAD, f"more than {MAX_PAYLOAD_BYTES} bytes")
    try:
        return parse(vehicle, payload.decode())
    except UnicodeDecodeError as error:
        raise _Refused(Reason.INVALID_PAYLOAD, "invalid payload: not UTF-8") from error
    except ValueError as error:
        raise _Refused(Reason.INVALID_PAYLOAD, f"invalid payload: {error}") from error


async def _execute(order: _Order) -> Outcome:
    try:
        return await order.account.execute(order.job.vin, order.command)
    except Exception as error:  # a bug must not take the daemon along
        log.exception("command_crashed", vin=order.job.vin)
        return Outcome(
            event_type=EventType.TIMED_OUT,
            reason=Reason.UNREACHABLE,
            message=f"internal error ({type(error).__name__}); please report it",
        )


async def _refresh(account: Executor, vin: str) -> None:
    try:
        await account.refresh_vehicle(vin)
    except Exception:  # a bug must not take the daemon along
        log.exception("refresh_crashed", vin=vin)


_EXPIRED = Outcome(
    event_type=EventType.REJECTED,
    reason=Reason.EXPIRED,
    message="it waited longer than its message expiry",
)
_STOPPED_WHILE_RUNNING = Outcome(
    event_type=EventType.TIMED_OUT,
    reason=Reason.BRIDGE_STOPPED,
    message="bridge stopped; the car may still do it",
)
_STOPPED_BEFORE = Outcome(
    event_type=EventType.FAILED,
    reason=Reason.BRIDGE_STOPPED,
    message="bridge stopped before the command was sent",
)


async def _arrives(lane: _Lane, timeout_s: float) -> bool:
    """Wait whether another command comes within this time."""
    try:
        async with asyncio.timeout(timeout_s):
            await lane.arrived.wait()
    except TimeoutError:
        return False
    return True
