"""The status of a CarData account: what its login, cars, stream and REST polls add up to."""

from datetime import datetime
from typing import Any

from bmw2mqtt.accounts.cardata.auth.manager import LoginManager
from bmw2mqtt.accounts.cardata.receiver import VehicleReceiver
from bmw2mqtt.accounts.cardata.rest.poller import RestPoller
from bmw2mqtt.accounts.cardata.rest.quota import RequestQuota
from bmw2mqtt.accounts.cardata.stream.relayed import Stream
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.accounts.scheduler import PollScheduler
from bmw2mqtt.accounts.status import StatusReporter
from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.vehicle.errors import AccountError, LoginRequired, QuotaExceeded, Unreachable


class CarDataStatus:
    """Reports the status whenever one of its parts may have changed."""

    def __init__(
        self,
        reporter: StatusReporter,
        *,
        login: LoginManager,
        stream: Stream,
        poller: RestPoller,
        scheduler: PollScheduler,
        quota: RequestQuota,
        receiver: VehicleReceiver,
        vehicles: VehicleRegistry,
    ) -> None:
        self._reporter = reporter
        self._login = login
        self._stream = stream
        self._poller = poller
        self._scheduler = scheduler
        self._quota = quota
        self._receiver = receiver
        self._vehicles = vehicles
        self._poll_error: AccountError | None = None
        """Why the last poll failed."""
        self._has_polled = False
        self._last_refresh: str | None = None

    def record_poll(self, error: AccountError | None, *, last_refresh: str | None = None) -> None:
        """Record a poll's outcome, and its sentence if a person has requested it."""
        self._last_refresh = last_refresh or self._last_refresh
        self._poll_error = error
        self._has_polled |= error is None

    def clear_login_failure(self) -> bool:
        """Clear a poll's failure that was caused by the login; return whether there was one."""
        if not isinstance(self._poll_error, LoginRequired):
            return False
        self._poll_error = None
        return True

    def reset(self) -> None:
        """Forget the last poll's outcome: it belongs to another BMW account."""
        self._poll_error = None

    def update(self) -> None:
        """Report the status: the login matters most, then the cars, the stream, and REST."""
        login, scheduler = self._login, self._scheduler
        error = login.problem or self._poller.list.problem or self._stream.problem
        error, note = (error, None) if error else self._rest_problem()
        if error is None:
            note = note or scheduler.notice
        if login.note:
            also = None if login.codes else note or error
            note = "; ".join(str(part) for part in (login.note, also) if part)
        facts = self._facts()
        if login.is_requesting_code:
            self._reporter.update(status=AccountStatus.STARTING, message=None, **facts)
        elif error or self._stream.is_connected or self._has_polled:
            self._reporter.record(error, message=note, **facts)
        else:
            status = AccountStatus.PAUSED if scheduler.is_paused else AccountStatus.STARTING
            self._reporter.update(status=status, message=scheduler.notice, **facts)

    def _facts(self) -> dict[str, Any]:
        codes = self._login.codes
        return {
            "login_url": codes.verification_url if codes else None,
            "user_code": codes.user_code if codes else None,
            "expires_at": codes.expires_at if codes else None,
            "last_update": self._receiver.received_at,
            "next_update": self._next_poll_at(),
            "requests_24h": self._quota.count(),
            "requests_left": self._quota.left(),
            "last_refresh": self._last_refresh,
            **self._stream_facts(),
        }

    def _stream_facts(self) -> dict[str, Any]:
        is_connected = self._stream.is_connected
        reason = None
        if not is_connected:
            reason = self._stream.disconnect_reason or "not connected yet"
            if self._scheduler.is_paused:
                reason = "polling is paused"
            elif self._login.problem:
                reason = "the account is not logged in"
        return {
            "is_stream_connected": is_connected,
            "stream_since": self._stream.since,
            "stream_reason": reason,
            "last_message_at": self._receiver.message_at,
        }

    def _rest_problem(self) -> tuple[AccountError | None, str | None]:
        """Return why REST fails, or only a note about it while the stream works.

        REST may be out of order for hours, and a person may have pressed refresh too often.
        """
        error = self._poll_error
        if error is None or not (self._stream.is_connected and len(self._vehicles)):
            return error, None
        if isinstance(error, Unreachable):
            return None, f"the stream works; REST does not: {error}"
        if isinstance(error, QuotaExceeded):
            note = f"{error}; the stream goes on"
            return (error if self._quota.is_parked else None), note
        return error, None

    def _next_poll_at(self) -> datetime | None:
        """Return when REST is polled next; `None`: only at a refresh."""
        next_at = self._scheduler.next_at
        return None if next_at is None else max(next_at, self._poller.due_at())
