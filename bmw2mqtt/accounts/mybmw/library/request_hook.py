"""Counts every request to BMW that the library makes, answered or not."""

import logging
from collections.abc import Callable
from contextvars import ContextVar

_on_request: ContextVar[Callable[[int | None], None] | None] = ContextVar(
    "on_request", default=None
)


def count_requests(callback: Callable[[int | None], None]) -> None:
    """Call back for every request of the current task with its HTTP status.

    A request without an answer calls back with `None`, one that was never sent not at all.
    """
    logger = logging.getLogger("httpx")
    if not any(isinstance(handler, _CountingHandler) for handler in logger.handlers):
        logger.addHandler(_CountingHandler())
        logger.setLevel(logging.INFO)
        logger.propagate = False  # its lines hold VINs and account ids
    _on_request.set(callback)


def count(status: int | None) -> None:
    """Count one request by the status of its answer, `None` without one."""
    if (callback := _on_request.get()) is not None:
        callback(status)


class _CountingHandler(logging.Handler):
    """A log handler that counts: httpx logs each answered request, logins included.

    The record has method, address, version of HTTP, and the answer's status.
    """

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        count(next((word for word in arguments if isinstance(word, int)), None))
