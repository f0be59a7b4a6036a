"""The result of a refresh as one sentence for the person who pressed the button."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bmw2mqtt.accounts.request_counter import RequestCounter, utc_now
from bmw2mqtt.vehicle.errors import AccountError


class RefreshRecorder:
    """Follows one account's refreshes."""

    def __init__(self, requests: RequestCounter, now: Callable[[], datetime] = utc_now) -> None:
        self._requests = requests
        self._now = now
        self._is_requested = False
        self._sent_before: int | None = None
        """Requests before the refresh that runs; `None`: none runs."""

    def request(self) -> None:
        """Record that a person wants a refresh: the next poll is one."""
        self._is_requested = True

    def poll_started(self) -> bool:
        """Record that a poll starts; return whether it is a refresh."""
        if self._is_requested:
            self._is_requested = False
            self._sent_before = self._requests.totals.total()
            return True
        return False

    def poll_ended(
        self,
        error: AccountError | None,
        *,
        why_nothing: str = "all data is less than ten minutes old",
    ) -> dict[str, Any]:
        """Return the changes of the account's state; none if the poll was not a refresh."""
        if self._sent_before is None:
            return {}
        sent = self._requests.totals.total() - self._sent_before
        self._sent_before = None
        if error is not None:
            result = str(error)
        elif sent:
            result = f"{sent} {'request' if sent == 1 else 'requests'} sent"
        else:
            result = f"nothing was requested: {why_nothing}"
        return {"last_refresh": f"{self._now().astimezone():%Y-%m-%d %H:%M}: {result}"}
