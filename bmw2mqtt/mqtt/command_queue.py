"""The request, the validated command, and the queue of a vehicle."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from bmw2mqtt.entities.base import Entity, iso
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.topics import CommandTopic
from bmw2mqtt.vehicle.commands import (
    Command,
    CommandResult,
    EventType,
    Executor,
    Reason,
    fresh_for_s,
)
from bmw2mqtt.vehicle.deadline import Clock, Deadline
from bmw2mqtt.vehicle.snapshot import Vehicle

MAX_WAITING: Final = 4
MAX_PAYLOAD_BYTES: Final = 4096
MAX_PAYLOAD_IN_EVENT: Final = 255


@dataclass(slots=True, eq=False)
class CommandRequest:
    """A message on a vehicle's command topic, before it is validated."""

    vin: str
    entity_id: str
    payload: str
    response_topic: str | None
    correlation_data: bytes | None
    expiry_s: float | None
    """Message Expiry of MQTT 5, counted from `received_s`."""
    received_s: float
    """By the clock of the deadlines."""
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    id: str = field(default_factory=lambda: uuid4().hex)

    @classmethod
    def from_message(cls, topic: CommandTopic, message: Received) -> "CommandRequest":
        """Read a message without checking it."""
        return cls(
            vin=topic.vin or "",
            entity_id=f"{topic.platform}/{topic.key}",
            payload=message.payload[:MAX_PAYLOAD_BYTES].decode(errors="replace"),
            response_topic=message.response_topic,
            correlation_data=message.correlation_data,
            expiry_s=message.expiry_s,
            received_s=message.received_s,
        )

    def deadline(self, command: Command, clock: Clock) -> Deadline:
        """Return until when the command may be sent to BMW."""
        limit_s = fresh_for_s(command)
        if self.expiry_s is not None:
            limit_s = min(limit_s, self.expiry_s)
        return Deadline(self.received_s + limit_s, clock)

    def event(self, result: CommandResult) -> dict[str, Any]:
        """Return the event that answers the command (see docs/automations.md)."""
        return {
            "event_type": result.event_type,
            "id": self.id,
            "entity": self.entity_id,
            "payload": self.payload[:MAX_PAYLOAD_IN_EVENT],
            "reason": result.reason,
            "message": result.message,
            "received_at": iso(self.received_at),
            "finished_at": iso(datetime.now(UTC)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatedCommand:
    """A request that may be carried out: which command, by whom, until when."""

    request: CommandRequest
    entity: Entity[Vehicle]
    command: Command
    executor: Executor
    deadline: Deadline


class CommandQueue:
    """The commands of one vehicle, first come first served."""

    def __init__(self, vin: str, on_expired: Callable[[ValidatedCommand], None]) -> None:
        """Create an empty queue.

        Args:
            vin: the vehicle.
            on_expired: called with each command that expires while it waits.
        """
        self.vin = vin
        self.waiting: deque[ValidatedCommand] = deque()
        self.running: ValidatedCommand | None = None
        self.worker: asyncio.Task[None] | None = None
        """Carries the commands out; `None`: nothing waits or runs."""
        self._on_expired = on_expired
        self._arrived = asyncio.Event()
        self._expiry: asyncio.TimerHandle | None = None
        """Fires when the next waiting command expires."""

    def add(self, command: ValidatedCommand) -> None:
        """Append a command."""
        self.waiting.append(command)
        self._arrived.set()
        self._schedule_expiry()

    def start_next(self) -> ValidatedCommand:
        """Return the command whose turn it is, running from now on."""
        self.running = self.waiting.popleft()
        self._schedule_expiry()
        return self.running

    def drop_expired(self) -> None:
        """Drop the commands that have expired; that makes room in the queue."""
        expired = [command for command in self.waiting if command.deadline.is_over]
        if expired:
            self.waiting = deque(c for c in self.waiting if c not in expired)
        for command in expired:
            self._on_expired(command)
        self._schedule_expiry()

    def _schedule_expiry(self) -> None:
        """Let a command expire in time, not when its turn comes."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if self.waiting:
            next_s = max(0.0, min(command.deadline.remaining_s for command in self.waiting))
            loop = asyncio.get_running_loop()
            self._expiry = loop.call_later(next_s, self.drop_expired)

    def check_room(self, command: Command) -> None:
        """Check whether another command may wait.

        Raises:
            CommandRefused: the same one waits or runs, or too many wait.
        """
        pending = [*self.waiting, *([self.running] if self.running else [])]
        if any(other.command == command for other in pending):
            raise CommandRefused(Reason.IN_PROGRESS, "the same command is waiting or running")
        if len(self.waiting) >= MAX_WAITING:
            raise CommandRefused(Reason.QUEUE_FULL, f"{MAX_WAITING} commands are waiting already")

    async def wait_for_arrival(self, timeout_s: float) -> bool:
        """Return whether another command arrives within this time."""
        self._arrived.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Cancel the worker and the expiry; what waits stays."""
        if self.worker is not None:
            self.worker.cancel()
        if self._expiry is not None:
            self._expiry.cancel()


class CommandRefused(Exception):  # noqa: N818 - a result, not an error
    """A command is not carried out."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.result = CommandResult(event_type=EventType.REJECTED, reason=reason, message=message)


def parse_payload(
    parse: Callable[[Vehicle, str], Command], vehicle: Vehicle, payload: bytes
) -> Command:
    """Return the command that a payload asks for.

    Raises:
        CommandRefused: the payload is not valid.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise CommandRefused(Reason.INVALID_PAYLOAD, f"more than {MAX_PAYLOAD_BYTES} bytes")
    try:
        return parse(vehicle, payload.decode())
    except UnicodeDecodeError as error:
        raise CommandRefused(Reason.INVALID_PAYLOAD, "invalid payload: not UTF-8") from error
    except ValueError as error:
        raise CommandRefused(Reason.INVALID_PAYLOAD, f"invalid payload: {error}") from error
