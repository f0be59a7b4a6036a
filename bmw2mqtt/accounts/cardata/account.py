"""One CarData account: its login, its stream, its REST reads, and how it stands with BMW."""

import asyncio
import hashlib
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog

from bmw2mqtt.accounts.account import AccountListener
from bmw2mqtt.accounts.cardata.auth.device_login import DeviceLogin
from bmw2mqtt.accounts.cardata.auth.manager import LoginManager
from bmw2mqtt.accounts.cardata.auth.oauth import OAuth
from bmw2mqtt.accounts.cardata.auth.tokens import Credentials, OAuthTokens
from bmw2mqtt.accounts.cardata.http import HttpClient
from bmw2mqtt.accounts.cardata.rest.client import RestClient
from bmw2mqtt.accounts.cardata.rest.containers import Containers, wanted_descriptors
from bmw2mqtt.accounts.cardata.rest.poller import RestPoller
from bmw2mqtt.accounts.cardata.rest.quota import RequestQuota
from bmw2mqtt.accounts.cardata.snapshot.updater import SnapshotUpdater
from bmw2mqtt.accounts.cardata.stream.connection import StreamConnection
from bmw2mqtt.accounts.cardata.telemetry.store import MAX_CARS, ReadingStore
from bmw2mqtt.accounts.cardata.traits import CARDATA_TRAITS
from bmw2mqtt.accounts.guarded_listener import GuardedListener
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.scheduler import PollScheduler
from bmw2mqtt.accounts.state_file import StateFile, moment
from bmw2mqtt.accounts.status import StatusReporter
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import CarDataSettings as AccountSettings
from bmw2mqtt.guard import BugLogger, run_guarded
from bmw2mqtt.vehicle.account import AccountState, AccountStatus
from bmw2mqtt.vehicle.errors import AccountError, LoginRequired, QuotaExceeded, Unreachable
from bmw2mqtt.vehicle.vin import is_vin

log = structlog.get_logger(__name__)

STALE_AFTER: Final = timedelta(minutes=30)
"""How long cars count as current without login or stream; their own silence means nothing."""
LOOK_EVERY_S: Final = 60.0
LONGEST_TICK_S: Final = 3600.0
"""How often to see which REST reads are due; seeing costs no request."""
MAX_MESSAGE_BYTES: Final = 256 * 1024
"""Every descriptor at once takes some 40 kB; what is relayed may have to wait in memory."""


class CarDataAccount:
    """Listens to BMW about the cars of one login."""

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
        self._settings = settings
        self._bug_logger = BugLogger()
        guarded = partial(self._bug_logger.guarded, "update_crashed", account=name)
        self._listener = listener = GuardedListener(listener, self._bug_logger)
        self._now = now
        self._memory = memory = StateFile(store, name)
        self.requests = RequestQuota(memory, settings.request_budget, now)
        tick_s = min(settings.poll_interval_s, LONGEST_TICK_S)
        self.polling = PollScheduler(tick_s, self._poll, self._polled, memory, now)
        self._store = store
        self._values = ReadingStore(
            store.directory / f"values-{name}.db", store.writer, has_locks=store.has_locks
        )
        self._standing = StatusReporter(
            AccountState(name=name, backend=CARDATA_TRAITS), listener.account_changed
        )
        self._trouble: AccountError | None = None
        """What the last round of REST reads came to."""
        self._has_read = False
        self._heard_at: datetime | None = None
        """When BMW last told something of a car."""
        self._tokens: OAuthTokens | None = None
        self._is_by_person = False
        self._session = HttpClient(tls)
        oauth = OAuth(self._session, settings.auth_url, settings.client_id)
        self._credentials = Credentials(name, oauth, store, now)
        self._keeper = LoginManager(
            name,
            self._credentials,
            DeviceLogin(oauth, now=now),
            memory,
            on_tokens=guarded(self._take_tokens),
            on_login=guarded(self._logged_in),
            on_change=guarded(self._tell),
            now=now,
        )
        self._stream = StreamConnection(
            settings,
            memory,
            tls=client_context(name, settings.ca_file, ssl.TLSVersion.TLSv1_3),
            on_message=guarded(self._take_message),
            on_change=guarded(self._stream_changed),
            on_refused=self._keeper.renew_soon,
            now=now,
        )
        self._garage = self._make_garage(store)
        self._showroom = SnapshotUpdater(
            name,
            self._values,
            listener,
            basic=self._garage.basic,
            images=self._garage.images,
            bug_logger=self._bug_logger,
            now=now,
        )

    @property
    def state(self) -> AccountState:
        """How it stands now."""
        return self._standing.state

    async def run(self) -> None:
        """Listen, and ask what the stream does not carry, until cancelled."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._session)
            await asyncio.to_thread(self._values.open)
            stack.push_async_callback(self._store.flushed)
            stack.callback(self._values.close)
            stack.callback(self._showroom.close)
            stack.push_async_callback(self._credentials.close)
            stack.callback(self._remember)
            self._restore()
            async with asyncio.TaskGroup() as tasks:
                for task_name, task in (
                    ("login", self._keeper.run),
                    ("stream", self._stream.run),
                    ("polling", self.polling.run),
                    ("availability", self._vouch),
                ):
                    tasks.create_task(self._guarded(task_name, task))

    async def _guarded(self, name: str, task: Callable[[], Awaitable[None]]) -> None:
        await run_guarded(
            f"{name} of {self.name}",
            task,
            bug_logger=self._bug_logger,
            on_bug=partial(self._standing.show_bug, name),
        )

    def _make_garage(self, store: Store) -> RestPoller:
        rest = RestClient(self._session, self._settings.api_url, self._credentials, self.requests)
        return RestPoller(
            self.name,
            rest,
            Containers(rest, self._memory, wanted_descriptors(), self._now),
            store=store,
            memory=self._memory,
            listener=self,
            poll_interval_s=self._settings.poll_interval_s,
            now=self._now,
        )

    def _restore(self) -> None:
        """Show at once what an earlier run knew."""
        self._credentials.restore()
        self.requests.restore()
        self._garage.restore()
        self._heard_at = moment(self._memory.recall("heard").get("at"))
        # the keeper knows how it stands with the login, the budget what is left of it
        self.polling.restore(LoginRequired, QuotaExceeded)
        if self.polling.is_paused:
            self._standing.change(status=AccountStatus.PAUSED, is_polling=False)
        known = self._garage.vins | self._values.vins()
        is_complete = self._garage.cars.listed_at is not None
        self._listener.vehicles_listed(self.name, known, is_complete=is_complete)
        for vin in known:
            self.car_described(vin)
            self._listener.vehicle_seen(self.name, vin)
        self._tell()

    # What a person wants

    def refresh(self) -> None:
        """Ask BMW now for what the stream does not carry, also which cars there are."""
        self._is_by_person = True
        self.polling.request()

    def set_polling(self, *, is_polling: bool) -> None:
        """Pause or resume, the stream too: BMW allows one connection, others may want it."""
        if is_polling:
            self._standing.change(status=AccountStatus.STARTING, is_polling=True)
            self.polling.resume()
        else:
            self.polling.pause()
            self._standing.change(status=AccountStatus.PAUSED, message=None, is_polling=False)
        self._stream.use(self._tokens if is_polling else None)

    def log_in(self, captcha_token: str | None) -> None:  # noqa: ARG002 - CarData has no captcha
        """Ask BMW for a new code; it shows in the status."""
        self._keeper.want()

    # What BMW tells

    def _take_message(self, topic: str, payload: bytes) -> None:
        """Take a message of the stream."""
        if len(payload) > MAX_MESSAGE_BYTES:
            log.debug("stream_message_unreadable", reason="too long", payload_bytes=len(payload))
            return
        try:
            message = json.loads(payload)
            data = message["data"]
            vin = message.get("vin") or topic.rpartition("/")[2]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            log.debug("stream_message_unreadable", reason=type(error).__name__)
            return
        if not is_vin(vin) or not isinstance(data, dict):
            log.debug("stream_message_unreadable", reason="no car or no data")
            return
        if vin not in self._garage.vins and not self._values.knows(vin):
            if len(self._values.vins()) >= MAX_CARS:
                log.debug("stream_message_unreadable", reason="too many cars")
                return
            self._listener.vehicles_listed(self.name, frozenset({vin}), is_complete=False)
        self._heard_at = now = self._now()
        self._listener.message_received(self.name, vin, payload)
        if self._values.take(vin, data, now):
            self._showroom.change(vin)

    def cars_listed(self, vins: frozenset[str]) -> None:
        """Take the complete list of the account's cars."""
        for vin in self._values.vins() - vins:
            self._values.forget(vin)
            self._showroom.forget(vin)
        self._listener.vehicles_listed(self.name, vins, is_complete=True)
        for vin in vins:
            self._showroom.change(vin)

    def car_described(self, vin: str) -> None:
        """Take it that BMW has told what a car is, or sent its picture."""
        self._showroom.change(vin)

    def telematic_data(self, vin: str, data: Mapping[str, Any], received_at: datetime) -> None:
        """Take what REST knows of a car."""
        self._heard_at = received_at
        self._values.take(vin, data, received_at)
        self._showroom.change(vin)
        self._listener.vehicle_seen(self.name, vin)

    def told_at(self) -> Mapping[str, datetime]:
        """Return when each car that has told anything last measured something."""
        return self._values.measured_at()

    def is_wanted(self, vin: str) -> bool:
        """Whether BMW is to be asked about this car."""
        return self._listener.is_wanted(self.name, vin)

    async def _poll(self) -> None:
        """Ask for what is due, or for everything because a person wants it."""
        by_person, self._is_by_person = self._is_by_person, False
        if self._tokens is None:
            raise self._keeper.problem or LoginRequired("asking BMW for a code to log in with")
        await self._garage.read(by_person=by_person)

    def _polled(self, error: AccountError | None) -> None:
        self._trouble = error
        self._has_read |= error is None
        if self._tokens is not None:
            self._showroom.wait_no_longer()
        self._tell()

    def _take_tokens(self, tokens: OAuthTokens | None) -> None:
        self._tokens = tokens
        if tokens is not None:
            self._belong_to(tokens.gcid)
        self._stream.use(None if self.polling.is_paused else tokens)

    def _belong_to(self, gcid: str) -> None:
        """Forget another BMW account's cars, whose login this was before."""
        owner = hashlib.sha256(gcid.encode()).hexdigest()
        known = self._memory.recall("owner").get("gcid_sha256")
        self._memory.remember("owner", {"gcid_sha256": owner})
        if known in {None, owner}:
            return
        log.warning("another_bmw_account", account=self.name, remedy="its cars are looked for anew")
        self._heard_at = self._trouble = None
        self._garage.forget()
        self.polling.request()

    def _logged_in(self) -> None:
        self._garage.forgive()
        if isinstance(self._trouble, LoginRequired):
            self._trouble = None
            if not self.polling.is_paused:
                self.polling.request()

    async def _vouch(self) -> None:
        """Look now and then at what changes by itself."""
        while True:
            self._stream_changed()
            self._showroom.look_again(self._garage.vins | self._values.vins())
            self._remember()
            await asyncio.sleep(LOOK_EVERY_S)

    def _stream_changed(self) -> None:
        """While the stream is there, what is known of the cars is current."""
        if self._stream.is_connected:
            for vin in self._garage.vins | self._values.vins():
                self._listener.vehicle_seen(self.name, vin)
        self._tell()

    def _remember(self) -> None:
        if self._heard_at is not None:
            self._memory.remember("heard", {"at": self._heard_at.isoformat()})

    # How it stands

    def _tell(self) -> None:
        """Say how it stands: the login matters most, then the cars, the stream, and REST."""
        keeper = self._keeper
        codes = keeper.codes
        error = keeper.problem or self._garage.cars.problem or self._stream.problem
        error, note = (error, None) if error else self._rest_trouble()
        if error is None:
            note = note or self.polling.notice
        if keeper.note:
            also = None if codes else note or error
            note = "; ".join(str(part) for part in (keeper.note, also) if part)
        facts: dict[str, Any] = {
            "login_url": codes.verification_url if codes else None,
            "user_code": codes.user_code if codes else None,
            "expires_at": codes.expires_at if codes else None,
            "last_update": self._heard_at,
            "next_update": self._next_update(),
            "requests_24h": self.requests.count(),
            "requests_left": self.requests.left(),
        }
        if keeper.is_asking:
            self._standing.change(status=AccountStatus.STARTING, message=None, **facts)
        elif error or self._stream.is_connected or self._has_read:
            self._standing.take(error, note=note, **facts)
        else:
            is_paused = self.polling.is_paused
            status = AccountStatus.PAUSED if is_paused else AccountStatus.STARTING
            self._standing.change(status=status, message=self.polling.notice, **facts)

    def _rest_trouble(self) -> tuple[AccountError | None, str | None]:
        """Return what REST's last round came to, or a note of it while the stream tells enough.

        REST may be out of order for hours, and a person may have asked too often.
        """
        error = self._trouble
        if error is None or not (self._stream.is_connected and self._garage.vins):
            return error, None
        if isinstance(error, Unreachable):
            return None, f"the stream works; REST does not: {error}"
        if isinstance(error, QuotaExceeded):
            note = f"{error}; the stream goes on"
            return (error if self.requests.is_parked else None), note
        return error, None

    def _next_update(self) -> datetime | None:
        """Return when REST is asked next; the stream comes when it comes."""
        tick_at, due_at = self.polling.next_at, self._garage.due_at()
        if tick_at is None or due_at is None:
            return None
        return max(tick_at, due_at)
