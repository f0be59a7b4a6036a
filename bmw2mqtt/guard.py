"""Guards against bugs of our own: a long-lived task that fails is logged and started again."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, ParamSpec

import structlog

from bmw2mqtt.backoff import Backoff
from bmw2mqtt.log_once import LogOnce

log = structlog.get_logger(__name__)

FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 300.0
STABLE_AFTER_S = 60.0
"""A task that has run for so long since its last bug has recovered."""
MAX_BUGS = 200
"""More different bugs are not logged."""
REMEDY = "please report this"

_P = ParamSpec("_P")
OnBug = Callable[[str | None], None]
"""Called with one sentence for the owner, and with `None` after recovery."""


class BugLogger:
    """Logs each distinct bug once, with its trace."""

    def __init__(self) -> None:
        self._logged = LogOnce(MAX_BUGS)

    def exception(self, event: str, **context: Any) -> None:
        """Log the exception that is being handled, unless the same bug was logged before.

        Two bugs are the same if event, context, exception type and line of code are.
        """
        error = sys.exception()
        key = (event, repr(sorted(context.items())), *_origin(error))
        if self._logged.is_new(key):
            log.error(event, exc_info=error, remedy=REMEDY, **context)

    def caught(self, event: str, **context: Any) -> "_Caught":
        """Log a bug in the body of a `with` statement instead of raising it."""
        return _Caught(self, event, context)

    def guarded(
        self, event: str, callback: Callable[_P, None], **context: Any
    ) -> Callable[_P, None]:
        """Return a callback that logs a bug instead of raising it."""

        def call(*args: _P.args, **kwargs: _P.kwargs) -> None:
            with self.caught(event, **context):
                callback(*args, **kwargs)

        return call


class _Caught:
    """`contextlib`'s generators would take much of the time of a message of BMW's stream."""

    __slots__ = ("_bug_logger", "_context", "_event")

    def __init__(self, bug_logger: BugLogger, event: str, context: dict[str, Any]) -> None:
        self._bug_logger = bug_logger
        self._event = event
        self._context = context

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self._bug_logger.exception(self._event, **self._context)  # noqa: LOG004 - here it is
        return True


def bug_message(error: Exception) -> str:
    """Return the message about a bug for the owner; the exception's text may hold a secret."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return f"internal error ({type(error).__name__}); please report it"


async def run_guarded(
    name: str,
    task: Callable[[], Awaitable[None]],
    *,
    bug_logger: BugLogger | None = None,
    on_bug: OnBug | None = None,
    fatal: type[Exception] | tuple[type[Exception], ...] = (),
) -> None:
    """Run a long-lived task until it returns or is cancelled; after a bug start it again.

    `on_bug` is called with each bug, and on recovery. What is `fatal` is no bug, and passes.
    """
    bug_logger = bug_logger or BugLogger()
    backoff = Backoff(first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S)
    notify = bug_logger.guarded("bug_not_shown", on_bug, task=name) if on_bug else None

    def recover() -> None:
        backoff.reset()
        log.info("task_recovered", task=name)
        if notify:
            notify(None)

    loop = asyncio.get_running_loop()
    while True:
        timer = loop.call_later(STABLE_AFTER_S, recover) if backoff.failures else None
        try:
            await task()
        except fatal:
            raise
        except Exception as error:
            _raise_if_cancelled()
            bug_logger.exception("task_crashed", task=name)
            if notify:
                notify(bug_message(error))
        else:
            if backoff.failures and notify:
                notify(None)
            return
        finally:
            if timer is not None:
                timer.cancel()
        await asyncio.sleep(backoff.fail())


async def run_side_by_side(
    owner: str,
    tasks: Mapping[str, Callable[[], Awaitable[None]]],
    *,
    bug_logger: BugLogger,
    on_bug: Callable[[str, str | None], None] | None = None,
) -> None:
    """Run long-lived tasks of one owner, each guarded; `on_bug` gets the task's name first."""
    async with asyncio.TaskGroup() as group:
        for name, task in tasks.items():
            notify = partial(on_bug, name) if on_bug else None
            group.create_task(
                run_guarded(f"{name} of {owner}", task, bug_logger=bug_logger, on_bug=notify)
            )


def _raise_if_cancelled() -> None:
    """End here if a cancellation was lost: an exception raised while ending replaces it."""
    current = asyncio.current_task()
    if current is not None and current.cancelling():
        raise asyncio.CancelledError


def _origin(error: BaseException | None) -> tuple[str, str]:
    """Return the type of an exception and the line of code that raised it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    line = error.__traceback__ if error else None
    while line is not None and line.tb_next is not None:
        line = line.tb_next
    place = f"{line.tb_frame.f_code.co_filename}:{line.tb_lineno}" if line else ""
    return type(error).__name__, place
