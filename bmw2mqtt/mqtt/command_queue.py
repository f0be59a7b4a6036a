"""A command on its way: the message, what it asks for, and the queue it waits in."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
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

MAX_PAYLOAD_BYTES = 4096
SHOWN_PAYLOAD = 255


@dataclass(slots=True, eq=False)
class CommandRequest:
    """One command on its way."""

    vin: str
    entity_id: str
    payload: str
    response_topic: str | None
    correlation_data: bytes | None
    expiry_s: float | None
    """Message Expiry of MQTT 5: how long the sender wants it to be tried."""
    received_s: float
    """By the clock of the deadlines."""
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    id: str = field(default_factory=lambda: uuid4().hex)

    def deadline(self, command: Command, clock: Clock) -> Deadline:
        """Return until when the command may be sent to BMW."""
        limit_s = fresh_for_s(command)
        if self.expiry_s is not None:
            limit_s = min(limit_s, self.expiry_s)
        return Deadline(self.received_s + limit_s, clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatedCommand:
    """A job that was checked: what to do, and who does it."""

    job: CommandRequest
    entity: Entity[Vehicle]
    command: Command
    account: Executor
    deadline: Deadline


@dataclass(slots=True)
class CommandQueue:
    """The commands of one car, first come first served."""

    waiting: deque[ValidatedCommand] = field(default_factory=deque)
    running: ValidatedCommand | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    expiry: asyncio.TimerHandle | None = None
    """Goes off when the next waiting command is too old."""

    def remove_expired(self) -> list[ValidatedCommand]:
        """Remove waiting commands that are too old, and return them."""
        expired = [order for order in self.waiting if order.deadline.is_over]
        if expired:
            self.waiting = deque(o for o in self.waiting if o not in expired)
        return expired

    def has(self, command: Command) -> bool:
        """Whether the same command waits or runs."""
        orders = [*self.waiting, *([self.running] if self.running else [])]
        return any(order.command == command for order in orders)


class CommandRefused(Exception):  # noqa: N818 - it is an answer
    """A command is not carried out."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.outcome = CommandResult(event_type=EventType.REJECTED, reason=reason, message=message)


def event_of(job: CommandRequest, outcome: CommandResult) -> dict[str, Any]:
    """Return the event that answers a command (see docs/automations.md)."""
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


def job_of(topic: CommandTopic, message: Received) -> CommandRequest:
    """Return a message as a job."""
    return CommandRequest(
        vin=topic.vin or "",
        entity_id=f"{topic.platform}/{topic.key}",
        payload=message.payload[:MAX_PAYLOAD_BYTES].decode(errors="replace"),
        response_topic=message.response_topic,
        correlation_data=message.correlation_data,
        expiry_s=message.expiry_s,
        received_s=message.received_s,
    )


def read_payload(
    parse: Callable[[Vehicle, str], Command], vehicle: Vehicle, payload: bytes
) -> Command:
    """Read a payload.

    Raises:
        CommandRefused: it does not fit.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise CommandRefused(Reason.INVALID_PAYLOAD, f"more than {MAX_PAYLOAD_BYTES} bytes")
    try:
        return parse(vehicle, payload.decode())
    except UnicodeDecodeError as error:
        raise CommandRefused(Reason.INVALID_PAYLOAD, "invalid payload: not UTF-8") from error
    except ValueError as error:
        raise CommandRefused(Reason.INVALID_PAYLOAD, f"invalid payload: {error}") from error
