"""How an account stands with BMW: told when it changes, logged once per change."""

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

    def __init__(self, state: AccountState, tell: Callable[[AccountState], None]) -> None:
        """Begin with a state; `tell` is called with each one that differs from the last."""
        self.state = state
        self.with_bmw = state.status
        """How it stands with BMW, also while polling is paused."""
        self._tell = tell
        self._without_bugs = state
        self._bugs: dict[str, str] = {}
        """What to say of tasks that have crashed, by task."""

    def change(self, **changes: Any) -> None:
        """Take new values of `AccountState`'s fields."""
        self._without_bugs = replace(self._without_bugs, **changes)
        self._update()

    def show_bug(self, task: str, message: str | None) -> None:
        """Show that a task of the account is out of order by a bug of ours; `None`: it runs again.

        A login that waits for a person stays visible: nothing goes on without it.
        """
        if message is None:
            self._bugs.pop(task, None)
        else:
            self._bugs[task] = message
        self._update()

    def _update(self) -> None:
        state = self._without_bugs
        bug = next(iter(self._bugs.values()), None)
        if bug and not state.is_login_required:
            state = replace(state, status=AccountStatus.ERROR, message=bug)
        if state != self.state:
            self.state = state
            self._tell(state)

    def take(self, error: AccountError | None, *, note: str | None = None, **changes: Any) -> None:
        """Take what became of a poll, with whatever else changed by it.

        A `note` is what a person should read instead of the error's own sentence, or although all
        is well. While polling is paused the status says so, unless BMW wants nothing more to do
        with it.
        """
        status = error.status if error else AccountStatus.OK
        message = note or (str(error) if error else None)
        if (status, message) != (self.with_bmw, self._without_bugs.message):
            level = log.info if error is None else log.warning
            if status is self.with_bmw:
                level = log.debug
            level("account_status", account=self.state.name, status=status.value, message=message)
        self.with_bmw = status
        if not self.state.is_polling and status not in REASON_OF_STATUS:
            status = AccountStatus.PAUSED
        self.change(status=status, message=message, **changes)
