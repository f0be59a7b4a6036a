"""The bridge as a process: its log, its signals, its exit status."""

import asyncio
import signal
import sys
from collections.abc import Iterator

import structlog

from bmw2mqtt import log as logging_set_up
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import Settings
from bmw2mqtt.vehicle.errors import ConfigError

log = structlog.get_logger(__name__)

EXIT_OK, EXIT_BUG, EXIT_CONFIG = 0, 1, 2


def run(settings: Settings) -> int:
    """Run the daemon until SIGTERM or SIGINT; return the exit status."""
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
    stop = stop_on_signals()
    await Bridge(settings).run(stop)


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
