"""The deadline of a command, checked when its request is written to the socket.

Between the decision to send a command and its request are a lock, perhaps a renewed login, BMW's
"too many requests" with a pause and another attempt, and the TLS handshake. The library creates its
HTTP clients itself, so a context variable passes the deadline to where they log in.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpx

from bmw2mqtt.vehicle.commands import Reason
from bmw2mqtt.vehicle.deadline import Deadline
from bmw2mqtt.vehicle.errors import CommandError

TOO_LATE = "it could not be sent to BMW in time, so it was not sent at all"
_deadline: ContextVar[Deadline | None] = ContextVar("command_deadline", default=None)
_WRITING = (".send_request_headers.started", ".send_request_body.started")
"""httpcore's events just before a request is sent."""


@contextmanager
def send_before(deadline: Deadline) -> Iterator[None]:
    """Stop each request to BMW that would be sent after the deadline, until `command_is_sent`.

    Every request counts, not only known command paths: a forgotten path would let an old command
    through.

    Raises:
        CommandError: from the request, with the reason `expired`; it was not sent.
    """
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def command_is_sent() -> None:
    """Remove the deadline: the requests from now on only follow a command that BMW has received."""
    _deadline.set(None)


def apply_deadline(request: httpx.Request) -> None:
    """Check the deadline, if there is one, before a request and each repetition of it is sent."""
    deadline = _deadline.get()
    if deadline is None:
        return

    async def check(event: str, _: dict[str, Any]) -> None:
        if event.endswith(_WRITING) and deadline.is_over:
            raise CommandError(Reason.EXPIRED, TOO_LATE)

    request.extensions["trace"] = check
