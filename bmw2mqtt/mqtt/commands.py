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
from bmw2mqtt.mqtt.command_rules import VehicleHandle, VehicleLookup, refusal
from bmw2mqtt.mqtt.device import dump_json
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.topics import CommandTopic, Topics
from bmw2mqtt.vehicle.commands import (
    CommandResult,
    EventType,
    Executor,
    Reason,
)
from bmw2mqtt.vehicle.deadline import Clock, elapsed_s
from bmw2mqtt.vehicle.snapshot import Vehicle

log = structlog.get_logger(__name__)

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
                for queue in self._queues.values():
                    queue.worker = self._tasks.create_task(self._work(queue))
                await asyncio.Event().wait()
        finally:
            self._tasks = None

    def receive(self, topic: CommandTopic, message: Received) -> None:
        """Queue the command of one message, or refuse it."""
        request = CommandRequest.from_message(topic, message)
        queue = self._queues.get(request.vin) or CommandQueue(request.vin, self._expired)
        queue.drop_expired()
        try:
            command = self._validate(request, topic, message, queue)
        except CommandRefused as refused:
            self._finish(request, refused.result)
            return
        if self._is_stopped:
            self._finish(request, _STOPPED_BEFORE)
            return
        self._queues[request.vin] = queue
        queue.add(command)
        if queue.worker is None and self._tasks is not None:
            queue.worker = self._tasks.create_task(self._work(queue))

    def unfinished(self) -> list[tuple[CommandRequest, bool]]:
        """Return the commands that run or wait, and whether each is running."""
        found = []
        for queue in self._queues.values():
            if queue.running is not None:
                found.append((queue.running.request, True))
            found += [(command.request, False) for command in queue.waiting]
        return found

    def stop(self) -> None:
        """Answer what is not finished: nothing is repeated after a restart."""
        self._is_stopped = True
        for vin, queue in self._queues.items():
            queue.close()
            if queue.running is not None:
                self._finish(queue.running.request, _STOPPED_WHILE_RUNNING)
            for command in queue.waiting:
                self._finish(command.request, _STOPPED_BEFORE)
            self._publish_current(vin)
        self._queues.clear()

    # Validation

    def _validate(
        self,
        request: CommandRequest,
        topic: CommandTopic,
        message: Received,
        queue: CommandQueue,
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
        queue.check_room(command)
        self._check(validated)
        return validated

    def _check(self, command: ValidatedCommand) -> VehicleHandle:
        """Check what may change while a command waits: at its arrival, and before it is sent.

        Returns:
            The vehicle.

        Raises:
            CommandRefused: it cannot be carried out now.
        """
        handle = self._registry.find(command.request.vin)
        if handle is None or handle.executor is not command.executor:
            raise CommandRefused(Reason.UNKNOWN_VEHICLE, "the car has left the account")
        if command.deadline.is_over:
            raise CommandRefused(Reason.EXPIRED, _TOO_OLD)
        _raise_for(refusal(handle, command.entity, command.command))
        return handle

    # Execution

    async def _work(self, queue: CommandQueue) -> None:
        """Carry out what waits, then refresh the vehicle once its changes can be seen.

        A bug ends one command, and never the queue of another vehicle.
        """
        changed: Executor | None = None
        try:
            while queue.waiting or changed:
                try:
                    while queue.waiting:
                        command = queue.start_next()
                        result = await self._carry_out(command)
                        queue.running = None
                        self._finish(command.request, result)
                        if self._end_pending(command, result):
                            changed = command.executor
                    if changed and not await queue.wait_for_arrival(changed.settling_s()):
                        await changed.refresh_vehicle(queue.vin)
                        changed = None
                except Exception:
                    self._bug_logger.exception("command_worker_crashed", vin=queue.vin)
                    changed = None
            with self._bug_logger.caught("publish_current_crashed", vin=queue.vin):
                self._publish_current(queue.vin)
        finally:
            queue.worker = queue.running = None

    async def _carry_out(self, command: ValidatedCommand) -> CommandResult:
        """Carry out one command, unless something has changed while it waited."""
        request = command.request
        try:
            handle = self._check(command)
            log.info("command_started", vin=request.vin, entity=request.entity_id, id=request.id)
            handle.device.publish_pending(command.entity, command.entity.pending(request.payload))
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

    def _end_pending(self, command: ValidatedCommand, result: CommandResult) -> bool:
        """End the value that a running command leads to; return whether a refresh has to follow."""
        may_have_changed = result.event_type in _MAY_CHANGE and result.reason not in _NOT_SENT
        is_needed = may_have_changed and command.executor.needs_refresh(command.command)
        if handle := self._registry.find(command.request.vin):
            if is_needed:
                handle.device.end_pending(command.entity)
            else:
                handle.device.publish_current(command.entity)
        return is_needed

    def _publish_current(self, vin: str) -> None:
        if handle := self._registry.find(vin):
            handle.device.publish_current()

    # Answers

    def _expired(self, command: ValidatedCommand) -> None:
        self._finish(command.request, CommandRefused(Reason.EXPIRED, _TOO_OLD).result)

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
