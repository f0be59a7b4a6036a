"""Set up logging: where the lines go, and how they look."""

import logging
import os
import re
import sys
from collections import deque
from contextlib import suppress
from typing import Any, Final, Literal, TextIO, cast

import structlog
from structlog.dev import Column, ConsoleRenderer, KeyValueColumnFormatter, LogLevelColumnFormatter

from bmw2mqtt.log.hidden import redact, without_secrets
from bmw2mqtt.log.sentences import printable, sentence

_LEVEL_COLOURS = {
    "debug": "\033[2m",
    "info": "\033[32m",
    "warning": "\033[33m",
    "error": "\033[31m",
    "critical": "\033[31m",
}
_DIM, _RESET = "\033[2m", "\033[0m"
_COLOUR: Final = re.compile(r"\033\[[0-9;]*m")
LINES_KEPT: Final = 200
_LONGEST_LINE: Final = 2000

_last_lines: deque[str] = deque(maxlen=LINES_KEPT)
"""As they were logged: without secrets."""


def set_up(level: str = "info", format_: Literal["auto", "console", "json"] = "auto") -> None:
    """Configure logging of the whole process, to standard error.

    Args:
        level: the lowest level that is logged.
        format_: `auto`, `console`: sentences in local time, coloured on a terminal; `json`: one
            object per line, with the event's name, its sentence as `message`, and times in UTC.
    """
    shared: list[Any] = [structlog.stdlib.add_log_level]
    if format_ == "json":
        render = without_secrets(structlog.processors.JSONRenderer(ensure_ascii=False))
        shared += [
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            add_message,
            structlog.processors.format_exc_info,
        ]
    else:
        is_coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        render = without_secrets(_console(is_coloured=is_coloured))
        shared += [
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            redact,
            for_people,
        ]
    number = logging.getLevelNamesMapping()[level.upper()]
    stream = cast("TextIO", _Stream(sys.stderr))
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    handler.addFilter(_Demote())
    logging.basicConfig(level=number, handlers=[handler], force=True)
    _quieten(is_debugging=level == "debug")


def last_lines(count: int = LINES_KEPT) -> list[str]:
    """Return the last lines of the log, oldest first."""
    return list(_last_lines)[-count:]


def add_message(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """Add an event's sentence as `message`, where it has one."""
    if words := sentence(event):
        event["message"] = words.text
    return event


def for_people(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """Replace an event's name by its sentence; leave out facts that are in the sentence."""
    words = sentence(event)
    line: dict[str, Any] = {key: event[key] for key in ("timestamp", "level") if key in event}
    line["message"] = words.text if words else printable(event.get("event"))
    used = words.used if words else frozenset()
    for key, value in event.items():
        if key not in line and key != "event" and key not in used and value is not None:
            line[key] = value
    return line


def _console(*, is_coloured: bool) -> ConsoleRenderer:
    dim, reset = (_DIM, _RESET) if is_coloured else ("", "")
    levels = dict.fromkeys(_LEVEL_COLOURS, "") | (_LEVEL_COLOURS if is_coloured else {})

    def text(style: str = "") -> KeyValueColumnFormatter:
        return KeyValueColumnFormatter(None, style, reset if style else "", value_repr=str)

    return ConsoleRenderer(
        columns=[
            Column("timestamp", text(dim)),
            Column("level", LogLevelColumnFormatter(levels, reset)),
            Column("message", text()),
            Column("", KeyValueColumnFormatter(dim, dim, reset, value_repr=_fact)),
        ],
        exception_formatter=structlog.dev.plain_traceback,
        sort_keys=False,
    )


def _fact(value: object) -> str:
    """Return a value on one line, in quotes where a reader could not see its end."""
    text = printable(value)
    return repr(text) if isinstance(value, str) and (not text or " " in text) else text


class _Stream:
    """Keeps the last lines, and drops what cannot be written.

    A terminal that was closed must not stop the daemon's end.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        _last_lines.extend(
            line[:_LONGEST_LINE] for line in _COLOUR.sub("", text).splitlines() if line
        )
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


class _Demote(logging.Filter):
    """Lower a library's messages to debug: bmw2mqtt logs the same problems in its own words."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith(("bimmer_connected", "mqtt")):
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return True


def _quieten(*, is_debugging: bool) -> None:
    quiet = logging.DEBUG if is_debugging else logging.CRITICAL + 1
    logging.getLogger("bimmer_connected").setLevel(quiet)
    logging.getLogger("mqtt").setLevel(max(quiet, logging.WARNING))
    for name in ("asyncio", "httpcore", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
