"""The bridge as a process: its log, its signals, its exit status."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import structlog

from bmw2mqtt import log as logging_set_up
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import Settings
from bmw2mqtt.vehicle.errors import ConfigError

log = structlog.get_logger(__name__)

EXIT_OK, EXIT_BUG, EXIT_CONFIG = 0, 1, 2
END_S = 0.2
"""How long a thread that has nothing to do takes to end."""


def run(settings: Settings) -> int:
    """Run the daemon until SIGTERM or SIGINT; return the exit status."""
    logging_set_up.hide("settings", settings.secrets())
    logging_set_up.set_up(settings.log.level, settings.log.format)
    for warning in settings.warnings():
        log.warning("configuration", message=warning)
    status = EXIT_OK
    try:
        asyncio.run(_serve(settings))
    except* ConfigError as errors:
        for error in _flat(errors):
            print(error, file=sys.stderr)  # noqa: T201 - for a person who has just started it
        status = EXIT_CONFIG
    except* Exception:
        log.exception("bug", remedy="please report this")
        status = EXIT_BUG
    return status


def _flat(errors: BaseExceptionGroup[ConfigError]) -> Iterator[ConfigError]:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error


async def _serve(settings: Settings) -> None:
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    await Bridge(settings).run(stop_on_signals())


class DaemonThreads(ThreadPoolExecutor):
    """Threads that do not hold up the end: a look-up of a host's name may hang for long."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Leave them behind; the process ends with them (see `leave`)."""
        super().shutdown(wait=False, cancel_futures=True)

    def are_hanging(self) -> bool:
        """Return whether a thread goes on though the executor was shut down."""
        for thread in self._threads:
            thread.join(END_S)
        return any(thread.is_alive() for thread in self._threads)


def run_and_leave(settings: Settings) -> NoReturn:
    """Run the daemon and end the process with its status, not waiting for threads that hang."""
    leave(run(settings))


def leave(status: int) -> NoReturn:
    """End the process at once, whatever threads still do."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def request_stop() -> None:
        stop.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, request_stop)
    return stop
