"""Every request to BMW, counted: whoever made it, whether it was answered or not."""

import logging
from collections.abc import Callable
from contextvars import ContextVar

_on_request: ContextVar[Callable[[int | None], None] | None] = ContextVar(
    "on_request", default=None
)


def count_requests(callback: Callable[[int | None], None]) -> None:
    """Let every request of the current task call back once it is answered, with its status.

    A request without an answer calls back with `None`, one that never left not at all.
    """
    logger = logging.getLogger("httpx")
    if not any(isinstance(handler, _RequestCounter) for handler in logger.handlers):
        logger.addHandler(_RequestCounter())
        logger.setLevel(logging.INFO)
        logger.propagate = False  # its lines hold VINs and account ids
    _on_request.set(callback)


def count(status: int | None) -> None:
    """Count one request by the status of its answer, `None` if none came."""
    if (callback := _on_request.get()) is not None:
        callback(status)


class _RequestCounter(logging.Handler):
    """Counts: httpx reports each answered request to its log, logins included.

    Its record holds method, address, version of HTTP, and the answer's status.
    """

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        count(next((word for word in arguments if isinstance(word, int)), None))
