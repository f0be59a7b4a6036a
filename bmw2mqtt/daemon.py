"""The daemon's process: log, signals, exit status."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NoReturn

import structlog

from bmw2mqtt import log as logging_set_up
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import Configuration, Settings
from bmw2mqtt.vehicle.errors import ConfigError
from bmw2mqtt.web.setup.service import Setup

log = structlog.get_logger(__name__)

EXIT_OK, EXIT_BUG, EXIT_CONFIG = 0, 1, 2
THREAD_END_S = 0.2
"""Time an idle thread needs to end."""


def run(configuration: Configuration, load: Callable[[], Configuration]) -> int:
    """Run the daemon until SIGTERM or SIGINT; return the exit status.

    `load` reads every source of settings again, after the page's setup has changed one.
    """
    setup = Setup(configuration, load, check=Bridge)
    setup.save_new_token()
    settings = setup.settings()
    _set_up_log(settings)
    status = EXIT_OK
    try:
        asyncio.run(_serve(setup, settings))
    except* ConfigError as errors:
        for error in _flat(errors):
            with suppress(OSError):
                print(error, file=sys.stderr)  # noqa: T201 - for the person who starts it
        status = EXIT_CONFIG
    except* Exception:
        log.exception("daemon_crashed", remedy="please report this")
        status = EXIT_BUG
    return status


def _set_up_log(settings: Settings) -> None:
    logging_set_up.hide("settings", settings.secrets())
    logging_set_up.set_up(settings.log.level, settings.log.format)
    for warning in settings.warnings():
        log.warning("setting_not_recommended", setting=warning)


def _flat(errors: BaseExceptionGroup[ConfigError]) -> Iterator[ConfigError]:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error


async def _serve(setup: Setup, settings: Settings) -> None:
    """Run a bridge; when the setup has saved other settings, another one with them."""
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    stop = stop_on_signals()
    while True:
        ended = asyncio.Event()
        setup.on_restart = ended.set
        stopping = asyncio.create_task(_forward(stop, ended))
        try:
            await Bridge(settings, setup=setup).run(ended)
        finally:
            stopping.cancel()
        if stop.is_set():
            return
        gc.unfreeze()  # the bridge that has ended is garbage, see `Bridge._run_account`
        gc.collect()  # else the next bridge would freeze it
        settings = setup.restarted()
        _set_up_log(settings)


async def _forward(source: asyncio.Event, target: asyncio.Event) -> None:
    await source.wait()
    target.set()


class DaemonThreads(ThreadPoolExecutor):
    """A thread pool that does not delay the end: a DNS lookup may hang for minutes."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Do not wait for threads; the process ends together with them (see `leave`)."""
        super().shutdown(wait=False, cancel_futures=True)

    def are_hanging(self) -> bool:
        """Return whether a thread is still running after the shutdown."""
        for thread in self._threads:
            thread.join(THREAD_END_S)
        return any(thread.is_alive() for thread in self._threads)


def leave(status: int) -> NoReturn:
    """Exit at once, without waiting for threads that hang."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # a terminal that was closed
            stream.flush()
    os._exit(status)


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM, SIGINT and a closed terminal set.

    A second signal ends the process at once.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
        numbers.append(signal.SIGHUP)

    def request_stop() -> None:
        stop.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, request_stop)
    return stop
