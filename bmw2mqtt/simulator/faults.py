"""Faults: what a server answers instead of its normal response."""

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
    """What a server answers instead of its normal response.

    `path` is a regular expression that is searched in the path. With neither `status` nor `drop`
    the normal response is sent, after `delay_s` and when `hold` has returned. `drop` ends the
    connection before a request is processed, with `is_processed` before its answer is sent.
    `on_hit` is called before that, or before the answer is sent. `times` is how often the fault
    applies; `None` is always.
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
        """Return whether the fault applies to a request."""
        return (
            (self.method is None or self.method == method)
            and (self.vin is None or self.vin == vin)
            and re.search(self.path, path) is not None
        )

    def response(self) -> web.Response | None:
        """Return the fault's response, or `None` for the normal one."""
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
    """The active faults; of those that match a request, the one added first applies."""

    _pending: list[_Pending] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Activate a fault."""
        self._pending.append(_Pending(fault, fault.times))

    def clear(self) -> None:
        """Remove all faults."""
        self._pending.clear()

    def consume(self, method: str, path: str, vin: str | None) -> Fault | None:
        """Return the fault that applies to a request, and count it; `None` if none does."""
        for pending in self._pending:
            if not pending.fault.matches(method, path, vin):
                continue
            if pending.left is not None:
                pending.left -= 1
                if pending.left <= 0:
                    self._pending.remove(pending)
            return pending.fault
        return None
