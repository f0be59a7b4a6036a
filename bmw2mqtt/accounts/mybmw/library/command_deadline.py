"""The deadline of a command, checked at the last moment: as its request is written to the socket.

Between the decision to send a command and the request lie a lock, perhaps a renewed login, BMW's
"too many requests" with a pause and another attempt, and the TLS handshake. The library makes its
HTTP clients itself, so the deadline travels in a context variable to where they log in.
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
"""httpcore's names of the moments in which a request is about to leave."""


@contextmanager
def send_before(deadline: Deadline) -> Iterator[None]:
    """Stop each request to BMW that would leave after the deadline, until `command_is_sent`.

    Every request counts, not only those whose path is known to be a command's: a path that
    somebody forgot would let an old command through.

    Raises:
        CommandError: from the request, with the reason `expired`; it has not left.
    """
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def command_is_sent() -> None:
    """Lift the deadline: what is asked from now on follows a command that BMW has."""
    _deadline.set(None)


def apply_deadline(request: httpx.Request) -> None:
    """Make a request, and each attempt to repeat it, subject to the deadline, if there is one."""
    deadline = _deadline.get()
    if deadline is None:
        return

    async def check(event: str, _: dict[str, Any]) -> None:
        if event.endswith(_WRITING) and deadline.is_over:
            raise CommandError(Reason.EXPIRED, TOO_LATE)

    request.extensions["trace"] = check
