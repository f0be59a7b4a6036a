"""Recorded requests, for tests that count and compare them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MAX_RECORDED: Final = 10_000

RECORDED_HEADERS: Final = (
    "accept",
    "bmw-session-id",
    "content-type",
    "hcaptchatoken",
    "latitude",
    "longitude",
    "ocp-apim-subscription-key",
    "user-agent",
    "x-login-nonce",
    "x-user-agent",
    "x-version",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """One request and the status it was answered with; 0 if the connection was dropped."""

    at: datetime
    method: str
    path: str
    query: Mapping[str, str]
    vin: str | None
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int


def recorder() -> deque[RecordedRequest]:
    """Return an empty record, which drops the oldest request when it is full."""
    return deque(maxlen=MAX_RECORDED)
