"""One CarData account: puts its login, stream, REST polls, cars and status together."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from bmw2mqtt.accounts.account import AccountListener
from bmw2mqtt.accounts.cardata.auth.device_login import DeviceLogin
from bmw2mqtt.accounts.cardata.auth.manager import LoginManager
from bmw2mqtt.accounts.cardata.auth.oauth import OAuth
from bmw2mqtt.accounts.cardata.auth.owner import is_another_owner, save_owner
from bmw2mqtt.accounts.cardata.auth.tokens import Credentials, OAuthTokens
from bmw2mqtt.accounts.cardata.http import HttpClient
from bmw2mqtt.accounts.cardata.receiver import VehicleReceiver
from bmw2mqtt.accounts.cardata.rest.client import RestClient
from bmw2mqtt.accounts.cardata.rest.container_lists import wanted_descriptors
from bmw2mqtt.accounts.cardata.rest.containers import Containers
from bmw2mqtt.accounts.cardata.rest.follow_up import FollowUpReads
from bmw2mqtt.accounts.cardata.rest.poller import RestPoller
from bmw2mqtt.accounts.cardata.rest.quota import RequestQuota
from bmw2mqtt.accounts.cardata.snapshot.updater import SnapshotUpdater
from bmw2mqtt.accounts.cardata.status import CarDataStatus
from bmw2mqtt.accounts.cardata.stream.connection import StreamConnection
from bmw2mqtt.accounts.cardata.stream.relayed import RelayedStream, Stream
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.accounts.cardata.traits import CARDATA_TRAITS
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.accounts.guarded_listener import GuardedListener
from bmw2mqtt.accounts.refresh import RefreshRecorder
from bmw2mqtt.accounts.relay_input import RelayInput
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.scheduler import PollScheduler
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.status import StatusReporter
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import CarDataSettings as AccountSettings
from bmw2mqtt.guard import BugLogger, run_side_by_side
from bmw2mqtt.vehicle.account import AccountState, AccountStatus, StreamedData
from bmw2mqtt.vehicle.errors import AccountError, LoginRequired, QuotaExceeded

STALE_AFTER: Final = timedelta(minutes=30)
"""How long cars count as current without login or stream; their own silence means nothing."""
CHECK_EVERY_S: Final = 60.0
LONGEST_TICK_S: Final = 3600.0
"""How often to check which REST requests are due; checking costs no request."""


class CarDataAccount:
    """One login at BMW's CarData."""

    executor = None
    """CarData has no commands."""
    stale_after: timedelta | None = STALE_AFTER

    def __init__(
        self,
        name: str,
        settings: AccountSettings,
        *,
        store: Store,
        listener: AccountListener,
        tls: ssl.SSLContext,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Prepare an account; nothing is sent before `run`."""
        self.name = name
        self._now = now
        self._store = store
        self._bug_logger = bugs = BugLogger()
        self._state_file = state_file = StateFile(store, name)
        self.requests = RequestQuota(state_file, settings.request_budget, now)
        tick_s = min(settings.poll_interval_s, LONGEST_TICK_S)
        self.polling = PollScheduler(tick_s, self._poll, self._polled, state_file, now)
        self._tokens: OAuthTokens | None = None
        self._refresh = RefreshRecorder(self.requests, now)
        # The cars
        guarded = GuardedListener(listener, bugs)
        self._readings = ReadingStore(
            store.directory / f"values-{name}.db", store.writer, has_locks=store.has_locks
        )
        self._vehicles = vehicles = VehicleRegistry(name, store, self._readings, bugs)
        self._updater = SnapshotUpdater(
            name, vehicles, self._readings, listener, bug_logger=bugs, now=now
        )
        self._receiver = VehicleReceiver(
            name, vehicles, self._readings, self._updater, guarded, now
        )
        # BMW
        self._http = HttpClient(tls)
        oauth = OAuth(self._http, settings.auth_url, settings.client_id)
        self._credentials = Credentials(name, oauth, store, now)
        self._login = self._make_login(DeviceLogin(oauth, now=now))
        self._login.is_optional = settings.stream_topics is not None
        self._relayed: RelayedStream | None = None
        """What another program passes on, in the place of BMW's stream."""
        self._stream = self._make_stream(settings)
        self._poller = self._make_poller(settings)
        self._follow_ups = FollowUpReads(name, vehicles, self._poller, self._follow_up_failed, now)
        self._has_follow_ups = settings.follow_up_reads
        self._reporter = StatusReporter(
            AccountState(name=name, backend=CARDATA_TRAITS), guarded.account_changed
        )
        self._status = CarDataStatus(
            self._reporter,
            login=self._login,
            stream=self._stream,
            poller=self._poller,
            scheduler=self.polling,
            quota=self.requests,
            receiver=self._receiver,
            vehicles=vehicles,
        )

    def _make_login(self, device_login: DeviceLogin) -> LoginManager:
        guarded = partial(self._bug_logger.guarded, "update_crashed", account=self.name)
        return LoginManager(
            self.name,
            self._credentials,
            device_login,
            self._state_file,
            on_tokens=guarded(self._use_tokens),
            on_login=guarded(self._logged_in),
            on_change=guarded(self._update_status),
            now=self._now,
        )

    def _make_stream(self, settings: AccountSettings) -> Stream:
        on_change = self._bug_logger.guarded(
            "update_crashed", self._stream_changed, account=self.name
        )
        if settings.stream_topics is not None:
            self._relayed = RelayedStream(self._receive_relayed, on_change, self._now)
            return self._relayed
        return StreamConnection(
            settings,
            self._state_file,
            tls=client_context(self.name, settings.ca_file, ssl.TLSVersion.TLSv1_3),
            on_message=self._receive,
            on_change=on_change,
            on_refused=self._login.renew_soon,
            now=self._now,
        )

    def _make_poller(self, settings: AccountSettings) -> RestPoller:
        rest = RestClient(self._http, settings.api_url, self._credentials, self.requests)
        return RestPoller(
            self.name,
            self._vehicles,
            rest,
            Containers(rest, self._state_file, wanted_descriptors(), self._now),
            state_file=self._state_file,
            listener=self._receiver,
            poll_interval_s=settings.poll_interval_s,
            now=self._now,
        )

    def read_relay(self, relay: RelayInput) -> None:
        """Read the stream where another program passes it on; the settings say so."""
        if self._relayed is not None:
            self._relayed.relay = relay

    def _receive_relayed(self, topic: str, payload: bytes, is_retained: bool) -> None:  # noqa: FBT001
        self._receive(topic, payload, is_old=is_retained)

    def _receive(self, topic: str, payload: bytes, *, is_old: bool = False) -> None:
        """Record a message of the stream; the first one shows at once, later times regularly."""
        is_first = self._receiver.message_at is None
        self._receiver.stream_message(topic, payload, is_old=is_old)
        if is_first and self._receiver.message_at is not None:
            self._update_status()

    @property
    def state(self) -> AccountState:
        """Its present status."""
        return self._reporter.state

    def streamed(self, vin: str) -> StreamedData:
        """Return what the stream has brought of a car."""
        data = self._receiver.arrivals.of(vin)
        return data if self._relayed is None else replace(data, is_silent=False)

    async def run(self) -> None:
        """Listen to the stream, and poll what it does not carry, until cancelled."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._http)
            await asyncio.to_thread(self._readings.open)
            stack.push_async_callback(self._store.flushed)
            stack.callback(self._readings.close)
            stack.callback(self._updater.close)
            stack.push_async_callback(self._credentials.close)
            stack.callback(self._receiver.save, self._state_file)
            self._restore()
            await run_side_by_side(
                self.name,
                {
                    "login": self._login.run,
                    "stream": self._stream.run,
                    "polling": self.polling.run,
                    "availability": self._check_regularly,
                    "follow-up reads": self._follow_up,
                },
                bug_logger=self._bug_logger,
                on_bug=self._reporter.report_bug,
            )

    def _restore(self) -> None:
        """Publish what an earlier run knew."""
        self._credentials.restore()
        self.requests.restore()
        self._poller.restore()
        # the login and the quota know themselves whether they are still in the way
        self.polling.restore(LoginRequired, QuotaExceeded)
        if self.polling.is_paused:
            self._reporter.update(
                status=AccountStatus.PAUSED, is_polling=False, paused_at=self.polling.paused_at
            )
        is_complete = self._poller.list.listed_at is not None
        self._receiver.restore(self._state_file, is_complete=is_complete)
        self._update_status()

    # What a person wants

    def refresh(self) -> None:
        """Poll now, also for cars that are new."""
        self._refresh.request()
        self.polling.request()

    def set_polling(self, *, is_polling: bool) -> None:
        """Pause or resume, the stream too: BMW allows one connection, others may want it."""
        if is_polling:
            self._reporter.update(status=AccountStatus.STARTING, is_polling=True, paused_at=None)
            self.polling.resume()
        else:
            self.polling.pause()
            self._reporter.update(
                status=AccountStatus.PAUSED,
                message=None,
                is_polling=False,
                paused_at=self.polling.paused_at,
            )
        self._stream.use(self._tokens if is_polling else None)

    def log_in(self, captcha_token: str | None) -> None:  # noqa: ARG002 - CarData has no captcha
        """Request a new code from BMW; the status shows it."""
        self._login.request_login()

    # Login, polls, stream

    def _use_tokens(self, tokens: OAuthTokens | None) -> None:
        self._tokens = tokens
        self._updater.waits_for_basic_data = tokens is not None or self._relayed is None
        if tokens is not None:
            self._check_owner(tokens.gcid)
        self._stream.use(None if self.polling.is_paused else tokens)

    def _check_owner(self, gcid: str) -> None:
        """Remove the cars of another BMW account, if that was logged in here before."""
        if is_another_owner(self.name, self._state_file, gcid, self._now()):
            self._receiver.received_at = self._receiver.message_at = None
            self._status.reset()
            self._poller.remove_all()
            self._receiver.arrivals.forget()
            self.polling.request()
        save_owner(self._state_file, gcid)

    def _logged_in(self) -> None:
        self._receiver.arrivals.logged_in()
        self._poller.login_renewed()
        has_missed_poll = self._status.clear_login_failure() or self._relayed is not None
        if has_missed_poll and not self.polling.is_paused:
            self.polling.request()

    async def _poll(self) -> None:
        by_person = self._refresh.poll_started()
        if self._tokens is None:
            if self._relayed is not None and self._login.problem is None:
                return  # the cars come without a login, and nobody has tried one
            raise self._login.problem or LoginRequired("waiting for a code from BMW to log in with")
        await self._poller.poll(by_person=by_person)

    def _polled(self, error: AccountError | None) -> None:
        why = {} if self._tokens else {"why_nothing": "the account is not logged in"}
        self._status.record_poll(error, **self._refresh.poll_ended(error, **why))
        if self._tokens is not None:
            self._updater.publish_without_basic_data()
        self._update_status()

    async def _follow_up(self) -> None:
        """Send follow-up reads, unless the settings disable them."""
        while self._has_follow_ups:
            if self._tokens is not None and not self.polling.is_paused:
                await self._follow_ups.check()
            await asyncio.sleep(self._follow_ups.pause_s())

    def _follow_up_failed(self, error: AccountError) -> None:
        """Let the scheduler back off as after a poll, unless only our own reserve is used up."""
        if not isinstance(error, QuotaExceeded) or self.requests.is_parked:
            self.polling.report(error)

    def _stream_changed(self) -> None:
        """While the stream is connected, everything known of the cars is current."""
        if self._stream.is_connected:
            self._receiver.confirm_all()
        self._update_status()

    def _update_status(self) -> None:
        self._status.update()

    async def _check_regularly(self) -> None:
        """Check from time to time what changes by itself."""
        while True:
            self._stream_changed()
            self._updater.check_held_back()
            self._receiver.save(self._state_file)
            await asyncio.sleep(CHECK_EVERY_S)
