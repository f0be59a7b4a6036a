"""Status reporter: an account's state, published and logged once per change."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog

from bmw2mqtt.vehicle.account import AccountState, AccountStatus
from bmw2mqtt.vehicle.commands import REASON_OF_STATUS
from bmw2mqtt.vehicle.errors import AccountError

log = structlog.get_logger(__name__)


class StatusReporter:
    """The state of one account."""

    def __init__(self, state: AccountState, on_change: Callable[[AccountState], None]) -> None:
        """Begin with a state; `on_change` is called with each one that differs from the last."""
        self.state = state
        self.poll_status = state.status
        """What the last poll came to, also while polling is paused."""
        self._on_change = on_change
        self._without_bugs = state
        self._bugs: dict[str, str] = {}
        """Messages about crashed tasks, by task."""

    def update(self, **changes: Any) -> None:
        """Replace fields of the `AccountState`."""
        self._without_bugs = replace(self._without_bugs, **changes)
        self._publish()

    def report_bug(self, task: str, message: str | None) -> None:
        """Report that a task of the account has crashed; `None`: it runs again.

        A required login stays visible: nothing works without it.
        """
        if message is None:
            self._bugs.pop(task, None)
        else:
            self._bugs[task] = message
        self._publish()

    def _publish(self) -> None:
        state = self._without_bugs
        bug = next(iter(self._bugs.values()), None)
        if bug and not state.is_login_required:
            state = replace(state, status=AccountStatus.ERROR, message=bug)
        if state != self.state:
            self.state = state
            self._on_change(state)

    def record(
        self, error: AccountError | None, *, message: str | None = None, **changes: Any
    ) -> None:
        """Record a poll's outcome, with what else of the state changes.

        While polling is paused the status stays `paused`, except for login_required, blocked and
        quota_exceeded. The owner reads `message` instead of the error's own one.
        """
        status = error.status if error else AccountStatus.OK
        message = message or (str(error) if error else None)
        if (status, message) != (self.poll_status, self._without_bugs.message):
            level = log.info if error is None else log.warning
            if status is self.poll_status:
                level = log.debug
            level("account_status", account=self.state.name, status=status.value, reason=message)
        self.poll_status = status
        if not self.state.is_polling and status not in REASON_OF_STATUS:
            status = AccountStatus.PAUSED
        self.update(status=status, message=message, **changes)
