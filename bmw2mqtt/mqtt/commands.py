"""Commands: checked, queued per car, carried out one at a time, and always answered.

A car that can be unlocked by a message needs care: whatever is not exactly right is refused, costs
BMW no request, and the answer says why.
"""

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Protocol

import structlog

from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.entities.base import Entity, Value
from bmw2mqtt.mqtt.command_queue import (
    SHOWN_PAYLOAD,
    CommandQueue,
    CommandRefused,
    CommandRequest,
    ValidatedCommand,
    event_of,
    job_of,
    read_payload,
)
from bmw2mqtt.mqtt.device import dump_json
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.topics import CommandTopic, Topics
from bmw2mqtt.vehicle.commands import (
    Command,
    CommandResult,
    EventType,
    Executor,
    Reason,
)
from bmw2mqtt.vehicle.deadline import Clock, elapsed_s
from bmw2mqtt.vehicle.snapshot import Vehicle

log = structlog.get_logger(__name__)

MAX_WAITING = 4
SHOWN_EVENTS = 20
NOT_OFFERED = "BMW does not offer this for the car"
SAME_REFUSAL_LOGGED_EVERY_S = 60

COMMANDS: dict[tuple[str, str, str], Entity[Vehicle]] = {
    (entity.platform, entity.key, entity.command_suffix): entity
    for entity in VEHICLE_ENTITIES
    if entity.command_suffix is not None
}


class Cars(Protocol):
    """All cars, as commands see them."""

    def find(self, vin: str) -> Vehicle | None:
        """Return the car's last snapshot; `None` for a car that is not ours."""

    def why_unknown(self, vin: str) -> tuple[Reason, str]:
        """Return why `find` does not know a car: not ours, or BMW has not told yet."""

    def account_of(self, vin: str) -> Executor:
        """Return the account of a car that `find` knows."""

    def is_read_only_vehicle(self, vin: str) -> bool:
        """Whether the car's account is in read-only mode."""

    def show_pending(self, vin: str, entity: Entity[Vehicle], value: Value) -> None:
        """Show where an entity is going."""

    def end_pending(self, vin: str, entity: Entity[Vehicle]) -> None:
        """Show what the car says of an entity as soon as it says something new."""

    def show_current(self, vin: str, entity: Entity[Vehicle] | None = None) -> None:
        """Show again what the car says: of one entity, or of all."""


class Commands:
    """Takes command messages, answers each with one event."""

    def __init__(
        self, cars: Cars, topics: Topics, publisher: Publisher, clock: Clock = elapsed_s
    ) -> None:
        """Prepare it.

        Args:
            cars: what there is to command.
            topics: where the answers go.
            publisher: what brings them there.
            clock: measures how old a command is; it must count while the host is suspended.
        """
        self._cars = cars
        self._topics = topics
        self._publisher = publisher
        self._clock = clock
        self._lanes: dict[str, CommandQueue] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._is_stopped = False
        self._refusals_logged_s: dict[Reason, float] = {}
        self.last: deque[dict[str, Any]] = deque(maxlen=SHOWN_EVENTS)
        """The last events, newest first, each with its `vin`."""
        self.counts: Counter[tuple[str, str]] = Counter()
        """Commands since the start by what became of them: event type and reason."""

    async def run(self) -> None:
        """Carry out commands until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            await asyncio.Event().wait()

    def take(self, topic: CommandTopic, message: Received) -> None:
        """Take one message on a car's command topic: queue it or refuse it."""
        job = job_of(topic, message)
        self._drop_expired(job.vin)
        try:
            order = self._check(job, topic, message)
        except CommandRefused as refusal:
            self._finish(job, refusal.outcome)
            return
        if self._is_stopped:
            self._finish(job, _STOPPED_BEFORE)
            return
        lane = self._lanes.setdefault(job.vin, CommandQueue())
        lane.waiting.append(order)
        lane.arrived.set()
        self._schedule_expiry(job.vin, lane)
        if lane.task is None and self._tasks is not None:
            lane.task = self._tasks.create_task(self._work(job.vin, lane))

    def stop(self) -> None:
        """Answer what is not finished: nothing is repeated after a restart."""
        self._is_stopped = True
        for vin, lane in self._lanes.items():
            if lane.task is not None:
                lane.task.cancel()
            if lane.expiry is not None:
                lane.expiry.cancel()
            if lane.running is not None:
                self._finish(lane.running.job, _STOPPED_WHILE_RUNNING)
            for order in lane.waiting:
                self._finish(order.job, _STOPPED_BEFORE)
            self._cars.show_current(vin)
        self._lanes.clear()

    # Checks

    def _check(
        self, job: CommandRequest, topic: CommandTopic, message: Received
    ) -> ValidatedCommand:
        """Find out what is meant, and whether it may be done.

        Raises:
            CommandRefused: it may not; BMW does not get it.
        """
        if message.retain:
            raise CommandRefused(Reason.RETAINED, "retained commands are never executed")
        if message.is_stale:
            raise CommandRefused(Reason.EXPIRED, _STALE)
        vehicle = self._cars.find(job.vin)
        if vehicle is None:
            raise CommandRefused(*self._cars.why_unknown(job.vin))
        entity = COMMANDS.get((topic.platform, topic.key, topic.suffix))
        if entity is None or entity.command is None:
            raise CommandRefused(Reason.UNKNOWN_ENTITY, "there is no such command")
        account = self._cars.account_of(job.vin)
        self._check_rights(job.vin, entity, account)
        if not entity.exists(vehicle):
            raise CommandRefused(Reason.UNSUPPORTED, NOT_OFFERED)
        command = read_payload(entity.command, vehicle, message.payload)
        order = ValidatedCommand(
            job=job,
            entity=entity,
            command=command,
            account=account,
            deadline=job.deadline(command, self._clock),
        )
        self._check_lane(job.vin, command)
        self._check_order(order)
        return order

    def _check_rights(self, vin: str, entity: Entity[Vehicle], account: Executor) -> None:
        if not account.takes_commands:
            raise CommandRefused(
                Reason.UNSUPPORTED, "BMW's CarData is read-only: it has no commands"
            )
        if self._cars.is_read_only_vehicle(vin) and not entity.works_read_only:
            raise CommandRefused(Reason.READ_ONLY, "the account is in read-only mode")

    def _check_order(self, order: ValidatedCommand) -> None:
        """Check what may change while a command waits; called again before it is sent.

        Raises:
            CommandRefused: it may not be carried out now.
        """
        vin = order.job.vin
        vehicle = self._cars.find(vin)
        if vehicle is None or self._cars.account_of(vin) is not order.account:
            raise CommandRefused(Reason.UNKNOWN_VEHICLE, "the car has left the account")
        self._check_rights(vin, order.entity, order.account)
        if not order.entity.offers(vehicle, order.command):
            raise CommandRefused(Reason.UNSUPPORTED, NOT_OFFERED)
        if order.deadline.is_over:
            raise CommandRefused(Reason.EXPIRED, _TOO_OLD)
        if outcome := order.account.refusal(vin, order.command):
            raise CommandRefused(outcome.reason or Reason.UNSUPPORTED, outcome.message or "")

    def _check_lane(self, vin: str, command: Command) -> None:
        lane = self._lanes.get(vin)
        if lane is None:
            return
        if lane.has(command):
            raise CommandRefused(Reason.IN_PROGRESS, "the same command is already on its way")
        if len(lane.waiting) >= MAX_WAITING:
            raise CommandRefused(Reason.QUEUE_FULL, f"{MAX_WAITING} commands are waiting already")

    # Age

    def _drop_expired(self, vin: str) -> None:
        """Answer waiting commands that are too old; they make room at once."""
        lane = self._lanes.get(vin)
        if lane is None:
            return
        for order in lane.remove_expired():
            self._finish(order.job, CommandRefused(Reason.EXPIRED, _TOO_OLD).outcome)
        self._schedule_expiry(vin, lane)

    def _schedule_expiry(self, vin: str, lane: CommandQueue) -> None:
        """See to it that a command is answered when it becomes too old, not when its turn comes."""
        if lane.expiry is not None:
            lane.expiry.cancel()
            lane.expiry = None
        if lane.waiting:
            next_s = max(0.0, min(order.deadline.remaining_s for order in lane.waiting))
            loop = asyncio.get_running_loop()
            lane.expiry = loop.call_later(next_s, self._drop_expired, vin)

    # Work

    async def _work(self, vin: str, lane: CommandQueue) -> None:
        """Carry out what waits; then let the car tell what it has become."""
        with_news: Executor | None = None
        while lane.waiting or with_news:
            while lane.waiting:
                with_news = await self._carry_out(lane) or with_news
            lane.arrived.clear()
            if with_news and not await _arrives(lane, with_news.settling_s()):
                await _refresh(with_news, vin)
                with_news = None
        lane.task = None
        self._cars.show_current(vin)

    async def _carry_out(self, lane: CommandQueue) -> Executor | None:
        """Carry out the next command; return its account if the car has news afterwards."""
        order = lane.running = lane.waiting.popleft()
        self._schedule_expiry(order.job.vin, lane)
        outcome = await self._attempt(order)
        lane.running = None
        self._finish(order.job, outcome)
        is_news = outcome.event_type in _WITH_NEWS and outcome.reason not in _WITHOUT_BMW
        if is_news and order.account.needs_refresh(order.command):
            self._cars.end_pending(order.job.vin, order.entity)
            return order.account
        self._cars.show_current(order.job.vin, order.entity)
        return None

    async def _attempt(self, order: ValidatedCommand) -> CommandResult:
        """Carry out one command, unless something has changed while it waited."""
        job = order.job
        try:
            self._check_order(order)
            log.info("command_running", vin=job.vin, entity=job.entity_id, id=job.id)
            self._cars.show_pending(job.vin, order.entity, order.entity.pending(job.payload))
            return await order.account.execute(job.vin, order.command, order.deadline)
        except CommandRefused as refusal:
            return refusal.outcome
        except Exception as error:  # a bug must not take the daemon along
            log.exception("command_crashed", vin=job.vin)
            return CommandResult(
                event_type=EventType.TIMED_OUT,
                reason=Reason.UNREACHABLE,
                message=f"internal error ({type(error).__name__}); please report it",
            )

    # Answers

    def _finish(self, job: CommandRequest, outcome: CommandResult) -> None:
        """Answer: one event on the car's topic, on the response topic, in the log."""
        self._log_level(outcome)(
            "command_finished",
            vin=job.vin,
            entity=job.entity_id,
            id=job.id,
            outcome=outcome.event_type.value,
            reason=outcome.reason.value if outcome.reason else None,
            message=outcome.message,
        )
        self.counts[outcome.event_type.value, outcome.reason.value if outcome.reason else ""] += 1
        content = event_of(job, outcome)
        self.last.appendleft({"vin": job.vin, **content})
        event = dump_json(content)
        is_refusal = outcome.event_type is EventType.REJECTED
        self._publisher.send(
            self._topics.vehicle(job.vin).command_event, event, is_expendable=is_refusal
        )
        if job.response_topic is not None:
            if self._topics.is_foreign(job.response_topic):
                self._publisher.send(
                    job.response_topic,
                    event,
                    correlation_data=job.correlation_data,
                    is_expendable=True,
                )
            else:
                log.warning("response_topic_refused", topic=job.response_topic[:SHOWN_PAYLOAD])

    def _log_level(self, outcome: CommandResult) -> Callable[..., Any]:
        """Say the same refusal once a minute: whoever floods the bridge must not fill the log."""
        if outcome.event_type in {EventType.EXECUTED, EventType.IGNORED}:
            return log.info  # type: ignore[no-any-return]
        now_s = time.monotonic()
        if outcome.event_type is EventType.REJECTED and outcome.reason is not None:
            last_s = self._refusals_logged_s.get(outcome.reason, -math.inf)
            if now_s - last_s < SAME_REFUSAL_LOGGED_EVERY_S:
                return log.debug  # type: ignore[no-any-return]
            self._refusals_logged_s[outcome.reason] = now_s
        return log.warning  # type: ignore[no-any-return]


async def _refresh(account: Executor, vin: str) -> None:
    try:
        await account.refresh_vehicle(vin)
    except Exception:  # a bug must not take the daemon along
        log.exception("refresh_crashed", vin=vin)


_WITH_NEWS = {EventType.EXECUTED, EventType.FAILED, EventType.TIMED_OUT}
_WITHOUT_BMW = {Reason.LOGIN_REQUIRED, Reason.QUOTA_EXCEEDED, Reason.BLOCKED}
"""Asking about the car would fail the same way."""

_TOO_OLD = "it is too old: it could not be sent to BMW in time"
_STALE = "it came while the bridge or its connection stood still, and may be old; send it again"
_STOPPED_WHILE_RUNNING = CommandResult(
    event_type=EventType.TIMED_OUT,
    reason=Reason.BRIDGE_STOPPED,
    message="bridge stopped; the car may still do it",
)
_STOPPED_BEFORE = CommandResult(
    event_type=EventType.FAILED,
    reason=Reason.BRIDGE_STOPPED,
    message="bridge stopped before the command was sent",
)


async def _arrives(lane: CommandQueue, timeout_s: float) -> bool:
    """Wait whether another command comes within this time."""
    try:
        async with asyncio.timeout(timeout_s):
            await lane.arrived.wait()
    except TimeoutError:
        return False
    return True
