"""What a server answers instead of the truth, on demand."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is answered instead of the truth.

    `path` is a regular expression that is searched in the path. With neither `status` nor `drop`
    the true answer is given, after `delay_s` and when `hold` has returned. `drop` ends the
    connection before a request is processed, with `is_processed` before its answer is sent.
    `on_hit` is called before that, or before the answer is sent. `times` is how often it happens;
    `None` is for ever.
    """

    path: str = ""
    method: str | None = None
    vin: str | None = None
    status: int | None = None
    body: str | bytes | dict[str, Any] | list[Any] = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = None
    delay_s: float = 0.0
    hold: Callable[[], Awaitable[None]] | None = None
    drop: bool = False
    is_processed: bool = False
    on_hit: Callable[[], None] | None = None

    def matches(self, method: str, path: str, vin: str | None) -> bool:
        """Tell whether a request is hit by this fault."""
        return (
            (self.method is None or self.method == method)
            and (self.vin is None or self.vin == vin)
            and re.search(self.path, path) is not None
        )

    def response(self) -> web.Response | None:
        """Return the false answer, or `None` if there is only a delay."""
        if self.status is None:
            return None
        headers = dict(self.headers)
        if isinstance(self.body, dict | list):
            headers.setdefault("content-type", "application/json")
            body = json.dumps(self.body).encode()
        else:
            headers.setdefault("content-type", "text/plain; charset=utf-8")
            body = self.body.encode() if isinstance(self.body, str) else self.body
        return web.Response(status=self.status, body=body, headers=headers)


@dataclass(slots=True)
class _Pending:
    fault: Fault
    left: int | None


@dataclass(slots=True)
class Faults:
    """The faults in force; the first one added that matches a request is played."""

    _pending: list[_Pending] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        self._pending.append(_Pending(fault, fault.times))

    def clear(self) -> None:
        """Let everything work again."""
        self._pending.clear()

    def consume(self, method: str, path: str, vin: str | None) -> Fault | None:
        """Return the fault to play for a request, and count it."""
        for pending in self._pending:
            if not pending.fault.matches(method, path, vin):
                continue
            if pending.left is not None:
                pending.left -= 1
                if pending.left <= 0:
                    self._pending.remove(pending)
            return pending.fault
        return None
