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


@dataclass(slots=True)
class CommandQueue:
    """The commands of one vehicle, first come first served."""

    waiting: deque[ValidatedCommand] = field(default_factory=deque)
    running: ValidatedCommand | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    worker: asyncio.Task[None] | None = None
    expiry: asyncio.TimerHandle | None = None
    """Fires when the next waiting command expires."""

    def add(self, command: ValidatedCommand) -> None:
        """Append a command."""
        self.waiting.append(command)
        self.arrived.set()

    def remove_expired(self) -> list[ValidatedCommand]:
        """Remove the waiting commands that have expired, and return them."""
        expired = [command for command in self.waiting if command.deadline.is_over]
        if expired:
            self.waiting = deque(c for c in self.waiting if c not in expired)
        return expired

    def has(self, command: Command) -> bool:
        """Whether the same command waits or runs."""
        pending = [*self.waiting, *([self.running] if self.running else [])]
        return any(other.command == command for other in pending)

    async def wait_for_arrival(self, timeout_s: float) -> bool:
        """Return whether another command arrives within this time."""
        self.arrived.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self.arrived.wait()
        except TimeoutError:
            return False
        return True


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
