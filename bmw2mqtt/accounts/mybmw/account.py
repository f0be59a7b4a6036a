"""One MyBMW account: puts the parts together and reports its status."""

import asyncio
import ssl
from datetime import timedelta

from bmw2mqtt.accounts.account import AccountListener
from bmw2mqtt.accounts.guarded_listener import GuardedListener
from bmw2mqtt.accounts.mybmw.auth.account import captcha_form, captcha_page, make_account
from bmw2mqtt.accounts.mybmw.auth.tokens import SavedTokens
from bmw2mqtt.accounts.mybmw.commands import RemoteCommands
from bmw2mqtt.accounts.mybmw.library.installation_id import use_kept_installation_id
from bmw2mqtt.accounts.mybmw.library.request_hook import count_requests
from bmw2mqtt.accounts.mybmw.poller import VehiclePoller
from bmw2mqtt.accounts.mybmw.traits import MYBMW_TRAITS
from bmw2mqtt.accounts.refresh import RefreshRecorder
from bmw2mqtt.accounts.request_counter import BUCKET, RequestCounter
from bmw2mqtt.accounts.scheduler import PollScheduler
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.status import StatusReporter
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import MyBmwSettings as AccountSettings
from bmw2mqtt.guard import BugLogger, run_side_by_side
from bmw2mqtt.vehicle.account import AccountState, AccountStatus
from bmw2mqtt.vehicle.errors import AccountError, LoginRequired

STALE_AFTER_AT_LEAST = timedelta(minutes=30)
STALE_AFTER_INTERVALS = 3


class MyBmwAccount:
    """Polls the vehicles of one login and sends their commands."""

    def __init__(
        self,
        name: str,
        settings: AccountSettings,
        *,
        store: Store,
        listener: AccountListener,
        tls: ssl.SSLContext,
    ) -> None:
        """Prepare an account; nothing is sent before `run`."""
        self.name = name
        self._settings = settings
        self._store = store
        self._bug_logger = BugLogger()
        listener = GuardedListener(listener, self._bug_logger)
        state_file = StateFile(store, name)
        use_kept_installation_id(store)
        library, self._authentication = make_account(settings, tls, state_file)
        self._tokens = SavedTokens(store, name, self._authentication)
        self.requests = RequestCounter(state_file)
        self._refresh = RefreshRecorder(self.requests)
        self.polling = PollScheduler(
            settings.poll_interval_s, self._poll, self._record_poll, state_file
        )
        self._poller = VehiclePoller(
            name,
            library,
            store=store,
            listener=listener,
            bug_logger=self._bug_logger,
            is_in_china=settings.region == "china",
            state_file=state_file,
        )
        self._status = StatusReporter(
            AccountState(name=name, backend=MYBMW_TRAITS), listener.account_changed
        )
        self.executor = RemoteCommands(
            name,
            self._poller,
            self.polling,
            self._status,
            self.requests,
            has_location=settings.location is not None,
        )

    @property
    def state(self) -> AccountState:
        """Its current state."""
        return self._status.state

    @property
    def stale_after(self) -> timedelta | None:
        """How long a vehicle's data counts as current; `None`: it is polled only on request."""
        interval_s = self._settings.poll_interval_s
        if not interval_s:
            return None
        return max(STALE_AFTER_AT_LEAST, STALE_AFTER_INTERVALS * timedelta(seconds=interval_s))

    def streamed(self, vin: str) -> None:
        """Return nothing: MyBMW has no stream."""

    async def run(self) -> None:
        """Poll at intervals until cancelled."""
        count_requests(self.requests.add)
        self._tokens.restore()
        self.requests.restore()
        self._poller.restore()
        self.polling.restore(
            *([LoginRequired] if self._authentication.attempts.are_credentials_new() else [])
        )
        self._status.update(
            requests_24h=self.requests.count(),
            last_update=self.polling.succeeded_at,
            next_update=self.polling.next_at,
        )
        if self.polling.is_paused:
            self._status.update(
                status=AccountStatus.PAUSED, is_polling=False, paused_at=self.polling.paused_at
            )
        elif self.polling.notice:
            self._status.update(message=self.polling.notice)
        try:
            await run_side_by_side(
                self.name,
                {
                    "polling": self.polling.run,
                    "request counter": self._update_request_count,
                    "charging": self._poller.follow_time,
                },
                bug_logger=self._bug_logger,
                on_bug=self._status.report_bug,
            )
        finally:
            self.requests.save()
            self._poller.save()
            await self._store.flushed()

    async def _update_request_count(self) -> None:
        """Publish the count between polls, too: commands add requests, old ones drop out."""
        while True:
            await asyncio.sleep(BUCKET.total_seconds())
            self._status.update(requests_24h=self.requests.count())

    def refresh(self) -> None:
        """Poll now, including the list of vehicles."""
        self._poller.listed.make_due()
        self._refresh.request()
        self.polling.request()

    def set_polling(self, *, is_polling: bool) -> None:
        """Pause or resume polling; survives a restart."""
        if is_polling:
            self._status.update(status=AccountStatus.STARTING, is_polling=True, paused_at=None)
            self.polling.resume()
        else:
            self.polling.pause()
            self._status.update(
                status=AccountStatus.PAUSED,
                message=None,
                is_polling=False,
                paused_at=self.polling.paused_at,
                next_update=None,
            )

    def log_in(self, captcha_token: str | None) -> None:
        """Try to log in now; the status reports the outcome."""
        self._authentication.set_captcha(captcha_token)
        self._status.update(status=AccountStatus.STARTING, message="logging in …")
        self.polling.request()

    async def _poll(self) -> None:
        self._refresh.poll_started()
        await self._poller.poll()

    def _record_poll(self, error: AccountError | None) -> None:
        """Report a poll's outcome in the status."""
        needs_login = isinstance(error, LoginRequired)
        if needs_login:
            self._authentication.attempts.record_failure()
        self._status.record(
            error or self._poller.listed.problem,
            login_url=captcha_page(self._settings.region) if needs_login else None,
            login_form_url=captcha_form(self._settings.region) if needs_login else None,
            last_update=self.polling.succeeded_at,
            next_update=self.polling.next_at,
            requests_24h=self.requests.count(),
            **self._refresh.poll_ended(error),
        )
        self.requests.save()
