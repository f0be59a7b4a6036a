"""Login manager: renews an account's tokens in time, and asks a person to log in without any.

A login starts by itself, a few times, when there is no token. After a person has declined, or BMW's
login broke down, the next code is requested only when a person wants one.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import structlog

from bmw2mqtt.accounts.cardata.auth.device_login import Codes, DeviceLogin
from bmw2mqtt.accounts.cardata.auth.tokens import Credentials, OAuthTokens
from bmw2mqtt.accounts.cardata.errors import CodeExpired, LoginFailed
from bmw2mqtt.accounts.state_document import StateDocument, Time, within
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.backoff import Backoff
from bmw2mqtt.guard import BugLogger, bug_message, run_side_by_side
from bmw2mqtt.vehicle.account import NEW_LOGIN_FAILED
from bmw2mqtt.vehicle.errors import AccountError, LoginRequired

log = structlog.get_logger(__name__)

CODES_BY_ITSELF: Final = 6
CODES_WITHIN: Final = timedelta(hours=24)
"""A code works for five minutes; so a new installation offers one for half an hour."""
RETRY_S: Final = 30.0
"""The shortest pause after a failure."""
LONGEST_RETRY_S: Final = 600.0
RETRY_JITTER: Final = 0.25
KEEP_CODE: Final = timedelta(seconds=30)
"""So soon after a code was made, another request for one returns the same code."""
CHECK_EVERY_S: Final = 60.0
"""How often a pause is compared with the wall clock: hosts are suspended."""
LOG_IN_AGAIN: Final = (
    "not logged in: press Log in for a new code (page, Home Assistant, bmw2mqtt login)"
)


class LoginDocument(StateDocument):
    """What is kept of the logins of one client id."""

    client_id: str | None = None
    codes: tuple[Annotated[Time, within(past=CODES_WITHIN, future=timedelta())], ...] = ()
    """When codes were requested without a person."""
    reason: str | None = None
    """Why a person has to start the next login; `None`: it may start by itself."""


class LoginManager:
    """The login of one account."""

    def __init__(
        self,
        account: str,
        credentials: Credentials,
        login: DeviceLogin,
        state_file: StateFile,
        *,
        on_tokens: Callable[[OAuthTokens | None], None],
        on_login: Callable[[], None],
        on_change: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        """Prepare it; nothing is sent before `run`.

        `on_tokens` gets each new set of tokens, and `None` when the login is lost. `on_login` is
        called after each login, once `on_tokens` was called with its tokens; `on_change` when
        `problem`, `note`, `codes` or `is_requesting_code` has changed.
        """
        self.problem: AccountError | None = None
        """Why no request to BMW is possible; `None` while the login is valid."""
        self.retry_at: datetime | None = None
        """When the login is tried again by itself; `None`: no such try is planned."""
        self.note: str | None = None
        """What a person should know of a new login beside a good one."""
        self.codes: Codes | None = None
        """What a person has to confirm at BMW now."""
        self.is_requesting_code = False
        """Whether a code that a person wants is about to be requested."""
        self.is_optional = False
        """Whether the account works without a login, so that none starts by itself.

        None is required then as long as nobody has tried one.
        """
        self._account = account
        self._credentials = credentials
        self._login = login
        self._state_file = state_file
        self._on_tokens = on_tokens
        self._on_login = on_login
        self._on_change = on_change
        self._now = now
        self._kept: LoginDocument | None = None
        self._begun_at: datetime | None = None
        self._renewals, self._logins = _backoff(), _backoff()
        self._retry_at = now()
        """When a renewal that failed is tried again."""
        self._bug_logger = BugLogger()
        self._login_requested = asyncio.Event()
        """A person has requested a login."""
        self._logged_out = asyncio.Event()
        self._logged_in = asyncio.Event()
        self._token_refused = asyncio.Event()
        """BMW's stream does not accept the token."""

    def request_login(self) -> None:
        """Request a new code from BMW, because a person wants one; a very new one is kept."""
        if self.codes and self._begun_at:
            age = self._now() - self._begun_at
            if timedelta() <= age < KEEP_CODE:
                return
        self.is_requesting_code = True
        self._login_requested.set()
        self._on_change()

    def renew_soon(self) -> None:
        """Renew the tokens before their expiry."""
        self._token_refused.set()

    async def run(self) -> None:
        """Keep the account logged in until cancelled."""
        self._set_tokens(self._credentials.current)
        tasks = {"token renewal": self._renew_in_time, "login": self._log_in_when_needed}
        await run_side_by_side(self._account, tasks, bug_logger=self._bug_logger)

    def _set_tokens(self, tokens: OAuthTokens | None) -> None:
        if tokens is None and self.codes is None:
            self.note = None
        if tokens is None:
            self._logged_in.clear()
            self._logged_out.set()
        else:
            self._logged_in.set()
            self._logged_out.clear()
        self._on_tokens(tokens)

    def _set_problem(self, problem: AccountError | None) -> None:
        self.problem = problem
        self._on_change()

    # Renewals

    async def _renew_in_time(self) -> None:
        while True:
            await self._logged_in.wait()
            await self._wait_until_due()
            self._token_refused.clear()
            try:
                await self._credentials.renew()
            except LoginRequired as error:
                self._renewals.reset()
                if self._credentials.current is None:  # else a new login has come meanwhile
                    self._write(reason=str(error))
                    self._set_tokens(None)
                    self._set_problem(error)
            except AccountError as error:
                self._retry_at = self._after(self._renewals.fail())
                self._set_problem(None if self._is_good() else error)
            except Exception as error:
                self._bug_logger.exception("renewal_crashed", account=self._account)
                self._retry_at = self._after(self._renewals.fail())
                self._set_problem(_bug(error))
            else:
                self._renewals.reset()
                self._set_tokens(self._credentials.current)
                self._set_problem(None)

    def _after(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)

    def _is_good(self) -> bool:
        """Whether the tokens still work: then there is time to try again."""
        tokens = self._credentials.current
        return tokens is not None and self._now() < tokens.expires_at

    async def _wait_until_due(self) -> None:
        """Wait until the tokens should be renewed, or BMW's stream refuses them.

        It ends, too, when a renewal elsewhere found the login lost.
        """
        has_failed = self._renewals.failures > 0
        at = self._retry_at if has_failed else self._credentials.renew_at or self._now()
        while (left_s := (at - self._now()).total_seconds()) > 0:
            if self._credentials.current is None:
                return
            try:
                async with asyncio.timeout(min(left_s, CHECK_EVERY_S)):
                    await self._token_refused.wait()
            except TimeoutError:
                continue
            if not has_failed:
                return
            self._token_refused.clear()

    # Logins

    async def _log_in_when_needed(self) -> None:
        while True:
            await self._wait_until_wanted()
            try:
                tokens = await self._log_in()
            except LoginFailed as error:
                is_final = not (isinstance(error, CodeExpired) or self.is_optional)
                if is_final or self._is_person_required():
                    self._write(reason=str(error))
                had_code = self.codes is not None
                self._login_failed(error)
                if not had_code:  # people press again and again; each attempt is three requests
                    await asyncio.sleep(RETRY_S)
            except AccountError as error:  # there was no code yet
                await self._fail_and_wait(error)
            except Exception as error:
                self._bug_logger.exception("login_crashed", account=self._account)
                await self._fail_and_wait(_bug(error))
            else:
                self._logins.reset()
                await self._credentials.replace(tokens)
                self._write()
                self.codes = self.note = self.problem = None
                log.info("logged_in", account=self._account)
                self._set_tokens(tokens)
                self._on_login()
                self._on_change()

    async def _fail_and_wait(self, error: AccountError) -> None:
        """Report a failure that passes by itself, and wait; a person may shorten the wait."""
        pause_s = self._logins.fail()
        self.retry_at = self._now() + timedelta(seconds=pause_s)
        self._login_failed(error)
        await asyncio.sleep(RETRY_S)
        await _either(asyncio.sleep(pause_s - RETRY_S), self._login_requested.wait())
        self.retry_at = None
        self._login_requested.set()

    async def _wait_until_wanted(self) -> None:
        """Wait until a person wants a login, or one may start by itself."""
        while not self._login_requested.is_set():
            if self._logged_in.is_set():
                await _either(self._login_requested.wait(), self._logged_out.wait())
            elif self._may_begin():
                return
            else:
                self._set_problem(self._login_required())
                await self._login_requested.wait()

    def _login_required(self) -> LoginRequired | None:
        """Return why a person has to log in; `None` if that is up to them."""
        reason = self._document().reason
        if self.is_optional and reason is None:
            return None
        return LoginRequired(reason or LOG_IN_AGAIN)

    def _may_begin(self) -> bool:
        """Whether a code may be requested without a person."""
        if self.is_optional or self._is_person_required():
            return False
        return len(self._recent_codes()) < CODES_BY_ITSELF

    def _is_person_required(self) -> bool:
        return self._document().reason is not None

    def _recent_codes(self) -> tuple[datetime, ...]:
        now = self._now()
        return tuple(at for at in self._document().codes if now - at < CODES_WITHIN)

    def _count_code(self) -> None:
        """Record a code that was requested without a person."""
        if not self._is_person_required():
            self._write(codes=(*self._recent_codes(), self._now()))

    def _document(self) -> LoginDocument:
        """Return what is kept of this client's logins; another client's do not count."""
        if self._kept is None:
            kept = self._state_file.read("login", LoginDocument, self._now())
            is_ours = kept.client_id == self._login.client_id
            self._kept = kept if is_ours else LoginDocument()
        return self._kept

    def _write(self, **content: Any) -> None:
        self._kept = LoginDocument(client_id=self._login.client_id, **content)
        self._state_file.write("login", self._kept)

    async def _log_in(self) -> OAuthTokens:
        """Request a code, report it, wait for the person; start again if a new code is wanted."""
        while True:
            self.codes = None
            try:
                codes = await self._login.begin()
            finally:  # it answers every request of a person so far
                self._login_requested.clear()
                self.is_requesting_code = False
            self._count_code()
            self.codes, self._begun_at = codes, self._now()
            log.warning(
                "login_code_issued",
                account=self._account,
                open=codes.verification_url,
                confirm=codes.user_code,
                until=codes.expires_at.isoformat(timespec="seconds"),
            )
            waiting_for_you = (
                f"open {codes.verification_url} and confirm the code {codes.user_code};"
                " waiting for you"
            )
            if self._logged_in.is_set():
                self.note = waiting_for_you
                self._on_change()
            else:
                self._set_problem(LoginRequired(waiting_for_you))
            waiting = asyncio.ensure_future(self._login.wait(codes))
            await _either(waiting, self._login_requested.wait())
            if waiting.done():
                return await waiting

    def _login_failed(self, error: AccountError) -> None:
        """Report that a login failed; a login that is still good stays."""
        self.codes = self.note = None
        # The status is logged when its word changes; that of a login that failed stays the same.
        if self._logged_in.is_set() or isinstance(error, LoginFailed):
            log.warning("login_failed", account=self._account, reason=str(error))
        if self._logged_in.is_set():
            self.note = f"{NEW_LOGIN_FAILED}{error}"
            self._on_change()
        else:
            self._set_problem(error)


def _backoff() -> Backoff:
    """Return pauses of at least `RETRY_S`: sooner, BMW repeats its last answer."""
    return Backoff(
        first_s=RETRY_S / (1 - RETRY_JITTER), longest_s=LONGEST_RETRY_S, jitter=RETRY_JITTER
    )


def _bug(error: Exception) -> AccountError:
    """Return an error for a bug of our own; it must not end the other accounts."""
    return AccountError(bug_message(error))


async def _either(*futures: Any) -> None:
    """Wait for the first to end and cancel the others."""
    tasks = [asyncio.ensure_future(future) for future in futures]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
