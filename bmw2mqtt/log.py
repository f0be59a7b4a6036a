"""Logging: events with key-values, for a person on a terminal and as JSON elsewhere."""

import json
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any, Literal
from urllib.parse import quote, quote_plus

import structlog

SECRET_KEYS = frozenset(
    {"password", "token", "access_token", "refresh_token", "id_token", "captcha_token", "gcid"}
)
POSITION_KEYS = frozenset({"latitude", "longitude", "position", "address"})
SHORTEST_HIDDEN = 6
"""A shorter secret is part of too many words."""

_hidden: dict[str, frozenset[str]] = {}


def hide(owner: str, secrets: Iterable[str]) -> None:
    """Never show these words in the log, whoever says them: libraries, tracebacks.

    They take the place of what the same owner hid before.
    """
    words = [word for word in secrets if len(word) >= SHORTEST_HIDDEN]
    escaped = [(w, json.dumps(w)[1:-1], quote(w), quote_plus(w)) for w in words]
    _hidden[owner] = frozenset(form for forms in escaped for form in forms)


def _without_secrets(render: Callable[..., Any]) -> Callable[..., str]:
    def rendered(*arguments: Any) -> str:
        line = str(render(*arguments))
        for words in _hidden.values():
            for word in words:
                line = line.replace(word, "***")
        return line

    return rendered


def set_up(level: str = "info", format_: Literal["auto", "console", "json"] = "auto") -> None:
    """Configure the whole process's log, on standard error."""
    if format_ == "auto":
        format_ = "console" if sys.stderr.isatty() else "json"
    renderer = _without_secrets(
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if format_ == "console"
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    if format_ == "json":
        shared.append(structlog.processors.format_exc_info)
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer)
    )
    handler.addFilter(_Demote())
    logging.basicConfig(level=number, handlers=[handler], force=True)
    _quieten(is_debugging=level == "debug")


class _Demote(logging.Filter):
    """Let a library speak at debug level only: this bridge says in its own words what is wrong."""

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


def redact(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """Remove what must never be in a log, and positions above debug level."""
    for key in event.keys() & SECRET_KEYS:
        event[key] = "***"
    if event.get("level") != "debug":
        for key in event.keys() & POSITION_KEYS:
            event[key] = "***"
    return event
