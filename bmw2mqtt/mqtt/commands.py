"""Commands to vehicles: validated, queued per vehicle, carried out one at a time, always answered.

A message can unlock a car, so whatever is not exactly right is refused. A refused command costs no
request to BMW, and its event says why.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final

import structlog

from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.entities.base import Entity
from bmw2mqtt.guard import BugLogger, bug_message
from bmw2mqtt.log_once import LogOnce
from bmw2mqtt.mqtt.command_queue import (
    MAX_PAYLOAD_IN_EVENT,
    CommandQueue,
    CommandRefused,
    CommandRequest,
    ValidatedCommand,
    parse_payload,
)
from bmw2mqtt.mqtt.command_rules import VehicleLookup, refusal
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

MAX_WAITING: Final = 4
MAX_RECENT_EVENTS: Final = 20
REFUSAL_LOG_INTERVAL_S: Final = 60

COMMANDS: Final[dict[tuple[str, str, str], Entity[Vehicle]]] = {
    (entity.platform, entity.key, entity.command_suffix): entity
    for entity in VEHICLE_ENTITIES
    if entity.command_suffix is not None
}


class Commands:
    """Receives command messages and answers each with one event."""

    def __init__(
        self,
        registry: VehicleLookup,
        topics: Topics,
        publisher: Publisher,
        clock: Clock = elapsed_s,
    ) -> None:
        """Prepare it.

        Args:
            registry: the vehicles.
            topics: where the events are published.
            publisher: publishes them.
            clock: measures how old a command is; it must count while the host is suspended.
        """
        self._registry = registry
        self._topics = topics
        self._publisher = publisher
        self._clock = clock
        self._queues: dict[str, CommandQueue] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._is_stopped = False
        self._bug_logger = BugLogger()
        self._refusals = LogOnce()
        self.last: deque[dict[str, Any]] = deque(maxlen=MAX_RECENT_EVENTS)
        """The last events, newest first, each with its `vin`."""
        self.counts: Counter[tuple[str, str]] = Counter()
        """Commands since the start by event type and reason."""

    async def run(self) -> None:
        """Carry out commands until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for vin, queue in self._queues.items():
                    self._start_worker(vin, queue)
                await asyncio.Event().wait()
        finally:
            self._tasks = None

    def receive(self, topic: CommandTopic, message: Received) -> None:
        """Queue the command of one message, or refuse it."""
        request = CommandRequest.from_message(topic, message)
        self._drop_expired(request.vin)
        try:
            command = self._validate(request, topic, message)
        except CommandRefused as refused:
            self._finish(request, refused.result)
            return
        if self._is_stopped:
            self._finish(request, _STOPPED_BEFORE)
            return
        queue = self._queues.setdefault(request.vin, CommandQueue())
        queue.add(command)
        self._schedule_expiry(request.vin, queue)
        self._start_worker(request.vin, queue)

    def stop(self) -> None:
        """Answer what is not finished: nothing is repeated after a restart."""
        self._is_stopped = True
        for vin, queue in self._queues.items():
            if queue.worker is not None:
                queue.worker.cancel()
            if queue.expiry is not None:
                queue.expiry.cancel()
            if queue.running is not None:
                self._finish(queue.running.request, _STOPPED_WHILE_RUNNING)
            for command in queue.waiting:
                self._finish(command.request, _STOPPED_BEFORE)
            self._publish_current(vin)
        self._queues.clear()

    # Validation

    def _validate(
        self, request: CommandRequest, topic: CommandTopic, message: Received
    ) -> ValidatedCommand:
        """Return what a message asks for, if it may be carried out.

        Raises:
            CommandRefused: it may not.
        """
        if message.retain:
            raise CommandRefused(Reason.RETAINED, "retained commands are never executed")
        if message.is_stale:
            raise CommandRefused(Reason.EXPIRED, _STALE)
        handle = self._registry.find(request.vin)
        if handle is None:
            raise CommandRefused(*self._registry.why_unknown(request.vin))
        entity = COMMANDS.get((topic.platform, topic.key, topic.suffix))
        if entity is None or entity.command is None:
            raise CommandRefused(Reason.UNKNOWN_ENTITY, "there is no such command")
        _raise_for(refusal(handle, entity))
        assert handle.executor is not None  # noqa: S101 - refused otherwise
        command = parse_payload(entity.command, handle.vehicle, message.payload)
        validated = ValidatedCommand(
            request=request,
            entity=entity,
            command=command,
            executor=handle.executor,
            deadline=request.deadline(command, self._clock),
        )
        self._check_queue(request.vin, command)
        self._check(validated)
        return validated

    def _check_queue(self, vin: str, command: Command) -> None:
        queue = self._queues.get(vin)
        if queue is None:
            return
        if queue.has(command):
            raise CommandRefused(Reason.IN_PROGRESS, "the same command is waiting or running")
        if len(queue.waiting) >= MAX_WAITING:
            raise CommandRefused(Reason.QUEUE_FULL, f"{MAX_WAITING} commands are waiting already")

    def _check(self, command: ValidatedCommand) -> None:
        """Check what may change while a command waits: at its arrival, and before it is sent.

        Raises:
            CommandRefused: it cannot be carried out now.
        """
        handle = self._registry.find(command.request.vin)
        if handle is None or handle.executor is not command.executor:
            raise CommandRefused(Reason.UNKNOWN_VEHICLE, "the car has left the account")
        if command.deadline.is_over:
            raise CommandRefused(Reason.EXPIRED, _TOO_OLD)
        _raise_for(refusal(handle, command.entity, command.command))

    # Expiry

    def _drop_expired(self, vin: str) -> None:
        """Answer waiting commands that have expired; that makes room in the queue."""
        queue = self._queues.get(vin)
        if queue is None:
            return
        for command in queue.remove_expired():
            self._finish(command.request, CommandRefused(Reason.EXPIRED, _TOO_OLD).result)
        self._schedule_expiry(vin, queue)

    def _schedule_expiry(self, vin: str, queue: CommandQueue) -> None:
        """Answer a command when it expires, not when its turn comes."""
        if queue.expiry is not None:
            queue.expiry.cancel()
            queue.expiry = None
        if queue.waiting:
            next_s = max(0.0, min(command.deadline.remaining_s for command in queue.waiting))
            loop = asyncio.get_running_loop()
            queue.expiry = loop.call_later(next_s, self._drop_expired, vin)

    # Execution

    def _start_worker(self, vin: str, queue: CommandQueue) -> None:
        if self._tasks is not None and queue.waiting and queue.worker is None:
            queue.worker = self._tasks.create_task(self._work(vin, queue))

    async def _work(self, vin: str, queue: CommandQueue) -> None:
        """Carry out what waits, then refresh the vehicle once its changes can be seen.

        A bug ends one command, and never the queue of another vehicle.
        """
        changed: Executor | None = None
        try:
            while queue.waiting or changed:
                try:
                    while queue.waiting:
                        changed = await self._carry_out(queue) or changed
                    if changed and not await queue.wait_for_arrival(changed.settling_s()):
                        await changed.refresh_vehicle(vin)
                        changed = None
                except Exception:
                    self._bug_logger.exception("command_worker_crashed", vin=vin)
                    changed = None
            with self._bug_logger.caught("publish_current_crashed", vin=vin):
                self._publish_current(vin)
        finally:
            queue.worker = queue.running = None

    async def _carry_out(self, queue: CommandQueue) -> Executor | None:
        """Carry out the next command; return its executor if the vehicle has changed by it."""
        command = queue.running = queue.waiting.popleft()
        self._schedule_expiry(command.request.vin, queue)
        result = await self._execute(command)
        queue.running = None
        self._finish(command.request, result)
        may_have_changed = result.event_type in _MAY_CHANGE and result.reason not in _NOT_SENT
        handle = self._registry.find(command.request.vin)
        if may_have_changed and command.executor.needs_refresh(command.command):
            if handle is not None:
                handle.device.end_pending(command.entity)
            return command.executor
        if handle is not None:
            handle.device.publish_current(command.entity)
        return None

    async def _execute(self, command: ValidatedCommand) -> CommandResult:
        """Carry out one command, unless something has changed while it waited."""
        request = command.request
        try:
            self._check(command)
            log.info("command_started", vin=request.vin, entity=request.entity_id, id=request.id)
            if handle := self._registry.find(request.vin):
                handle.device.publish_pending(
                    command.entity, command.entity.pending(request.payload)
                )
            return await command.executor.execute(request.vin, command.command, command.deadline)
        except CommandRefused as refused:
            return refused.result
        except Exception as error:
            self._bug_logger.exception("command_crashed", vin=request.vin)
            return CommandResult(
                event_type=EventType.TIMED_OUT,
                reason=Reason.UNREACHABLE,
                message=bug_message(error),
            )

    def _publish_current(self, vin: str) -> None:
        if handle := self._registry.find(vin):
            handle.device.publish_current()

    # Answers

    def _finish(self, request: CommandRequest, result: CommandResult) -> None:
        """Publish a command's result as an event, on the response topic too, and log it."""
        self._log_level(result)(
            "command_finished",
            vin=request.vin,
            entity=request.entity_id,
            id=request.id,
            outcome=result.event_type.value,
            reason=result.reason.value if result.reason else None,
            detail=result.message,
        )
        self.counts[result.event_type.value, result.reason.value if result.reason else ""] += 1
        content = request.event(result)
        self.last.appendleft({"vin": request.vin, **content})
        event = dump_json(content)
        is_refusal = result.event_type is EventType.REJECTED
        self._publisher.send(
            self._topics.vehicle(request.vin).command_event, event, is_expendable=is_refusal
        )
        if request.response_topic is not None:
            self._respond(request.response_topic, request.correlation_data, event)

    def _respond(self, topic: str, correlation_data: bytes | None, event: bytes) -> None:
        if self._topics.is_foreign(topic):
            self._publisher.send(
                topic, event, correlation_data=correlation_data, is_expendable=True
            )
        else:
            log.warning("response_topic_refused", topic=topic[:MAX_PAYLOAD_IN_EVENT])

    def _log_level(self, result: CommandResult) -> Callable[..., Any]:
        """Log refusals for the same reason once a minute: a flood must not fill the log."""
        if result.event_type in {EventType.EXECUTED, EventType.IGNORED}:
            return log.info  # type: ignore[no-any-return]
        if result.event_type is EventType.REJECTED:
            minute = time.monotonic() // REFUSAL_LOG_INTERVAL_S
            if not self._refusals.is_new(result.reason, minute):
                return log.debug  # type: ignore[no-any-return]
        return log.warning  # type: ignore[no-any-return]


def _raise_for(result: CommandResult | None) -> None:
    if result is not None:
        raise CommandRefused(result.reason or Reason.UNSUPPORTED, result.message or "")


_MAY_CHANGE: Final = {EventType.EXECUTED, EventType.FAILED, EventType.TIMED_OUT}
_NOT_SENT: Final = {Reason.LOGIN_REQUIRED, Reason.QUOTA_EXCEEDED, Reason.BLOCKED}
"""A refresh would fail for the same reason."""

_TOO_OLD: Final = "it is too old: it could not be sent to BMW in time"
_STALE: Final = (
    "it came while the bridge or its connection stood still, and may be old; send it again"
)
_STOPPED_WHILE_RUNNING: Final = CommandResult(
    event_type=EventType.TIMED_OUT,
    reason=Reason.BRIDGE_STOPPED,
    message="bridge stopped; the car may still do it",
)
_STOPPED_BEFORE: Final = CommandResult(
    event_type=EventType.FAILED,
    reason=Reason.BRIDGE_STOPPED,
    message="bridge stopped before the command was sent",
)
