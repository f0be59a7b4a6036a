"""Keeps an account logged in: renews its tokens in time, and asks a person when there are none.

A login starts by itself when there is no token, a few times; after a person has declined, or BMW
has failed, no new code is asked for before a person wants one.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from bmw2mqtt.accounts.cardata.auth.device_login import Codes, DeviceLogin
from bmw2mqtt.accounts.cardata.auth.tokens import Credentials, OAuthTokens
from bmw2mqtt.accounts.cardata.errors import LoginFailed, LoginFailure
from bmw2mqtt.accounts.state_file import StateFile, moment
from bmw2mqtt.backoff import Backoff
from bmw2mqtt.guard import BugLogger, bug_message, run_guarded
from bmw2mqtt.vehicle.account import NEW_LOGIN_FAILED
from bmw2mqtt.vehicle.errors import AccountError, LoginRequired

log = structlog.get_logger(__name__)

CODES_BY_ITSELF: Final = 6
CODES_WITHIN: Final = timedelta(hours=24)
"""A code lives for five minutes; whoever has just installed this has half an hour."""
RETRY_S: Final = 30.0
"""The shortest pause after a failure."""
LONGEST_RETRY_S: Final = 600.0
RETRY_JITTER: Final = 0.25
KEEP_CODE: Final = timedelta(seconds=30)
"""Whoever presses again so soon has not yet seen the code."""
LOOK_EVERY_S: Final = 60.0
"""By the wall clock: hosts are suspended."""
ASK: Final = "not logged in: press Log in for a new code (page, Home Assistant, bmw2mqtt login)"


class LoginManager:
    """The login of one account."""

    def __init__(
        self,
        account: str,
        credentials: Credentials,
        login: DeviceLogin,
        memory: StateFile,
        *,
        on_tokens: Callable[[OAuthTokens | None], None],
        on_login: Callable[[], None],
        on_change: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        """Prepare it; nothing is sent before `run`.

        Args:
            account: its name.
            credentials: the tokens.
            login: how to get the first ones.
            memory: where it is written down that a person has to act.
            on_tokens: given each new set of tokens, `None` when the login is lost.
            on_login: told after each login, when the first tokens of it have been given.
            on_change: told when `problem`, `note`, `codes` or `is_asking` has changed.
            now: the wall clock.
        """
        self.problem: AccountError | None = None
        """Why BMW cannot be asked; `None` while the login is good."""
        self.note: str | None = None
        """What a person should know of a new login beside a good one."""
        self.codes: Codes | None = None
        """What a person has to confirm at BMW now."""
        self.is_asking = False
        """Whether BMW is about to be asked for a code that a person wants."""
        self._account = account
        self._credentials = credentials
        self._login = login
        self._memory = memory
        self._on_tokens = on_tokens
        self._on_login = on_login
        self._on_change = on_change
        self._now = now
        self._begun_at: datetime | None = None
        self._renewals, self._logins = _backoff(), _backoff()
        self._retry_at = now()
        """When a renewal that failed is tried again."""
        self._bug_logger = BugLogger()
        self._is_wanted = asyncio.Event()
        """A person wants to log in."""
        self._is_lost = asyncio.Event()
        self._is_there = asyncio.Event()
        self._is_refused = asyncio.Event()
        """BMW's stream does not accept the token."""

    def want(self) -> None:
        """Ask BMW for a new code, because a person wants one; a very new one stays."""
        if self.codes and self._begun_at:
            age = self._now() - self._begun_at
            if timedelta() <= age < KEEP_CODE:
                return
        self.is_asking = True
        self._is_wanted.set()
        self._on_change()

    def renew_soon(self) -> None:
        """Renew the tokens, whatever their expiry says."""
        self._is_refused.set()

    async def run(self) -> None:
        """Keep the account logged in until cancelled."""
        self._set_tokens(self._credentials.current)
        async with asyncio.TaskGroup() as tasks:
            for name, task in (
                ("token renewal", self._renew_in_time),
                ("login", self._log_in_when_needed),
            ):
                tasks.create_task(
                    run_guarded(f"{name} of {self._account}", task, bug_logger=self._bug_logger)
                )

    def _set_tokens(self, tokens: OAuthTokens | None) -> None:
        if tokens is None and self.codes is None:
            self.note = None
        there, lost = self._is_there, self._is_lost
        (there.clear if tokens is None else there.set)()
        (lost.set if tokens is None else lost.clear)()
        self._on_tokens(tokens)

    def _tell(self, problem: AccountError | None) -> None:
        self.problem = problem
        self._on_change()

    # Renewals

    async def _renew_in_time(self) -> None:
        while True:
            await self._is_there.wait()
            await self._wait_until_due()
            self._is_refused.clear()
            try:
                await self._credentials.renew()
            except LoginRequired as error:
                self._renewals.reset()
                if self._credentials.current is None:  # else a new login has come meanwhile
                    self._wait_for_person(str(error))
                    self._set_tokens(None)
                    self._tell(error)
            except AccountError as error:
                self._retry_at = self._after(self._renewals.fail())
                self._tell(None if self._is_good() else error)
            except Exception as error:
                self._bug_logger.exception("renewal_crashed", account=self._account)
                self._retry_at = self._after(self._renewals.fail())
                self._tell(_bug(error))
            else:
                self._renewals.reset()
                self._set_tokens(self._credentials.current)
                self._tell(None)

    def _after(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)

    def _is_good(self) -> bool:
        """Whether the tokens still work: then there is time to try again."""
        tokens = self._credentials.current
        return tokens is not None and self._now() < tokens.expires_at

    async def _wait_until_due(self) -> None:
        """Wait until the tokens should be renewed, or BMW's stream refuses them.

        Whoever else renewed them may have been told that the login is lost.
        """
        has_failed = self._renewals.failures > 0
        at = self._retry_at if has_failed else self._credentials.renew_at or self._now()
        while (left_s := (at - self._now()).total_seconds()) > 0:
            if self._credentials.current is None:
                return
            try:
                async with asyncio.timeout(min(left_s, LOOK_EVERY_S)):
                    await self._is_refused.wait()
            except TimeoutError:
                continue
            if not has_failed:
                return
            self._is_refused.clear()

    # Logins

    async def _log_in_when_needed(self) -> None:
        while True:
            await self._wait_until_wanted()
            try:
                tokens = await self._log_in()
            except LoginFailed as error:
                if error.failure is not LoginFailure.EXPIRED or self._waits_for_person():
                    self._wait_for_person(str(error))
                had_code = self.codes is not None
                self._tell_failure(error)
                if not had_code:  # people press again and again; each try is three requests
                    await asyncio.sleep(RETRY_S)
            except AccountError as error:  # there was no code yet, so nobody's time is lost
                await self._fail(error)
            except Exception as error:
                self._bug_logger.exception("login_crashed", account=self._account)
                await self._fail(_bug(error))
            else:
                self._logins.reset()
                await self._credentials.take(tokens)
                self._memory.remember("login", {})
                self.codes = self.note = self.problem = None
                log.info("logged_in", account=self._account)
                self._set_tokens(tokens)
                self._on_login()
                self._on_change()

    async def _fail(self, error: AccountError) -> None:
        """Tell of trouble that passes, and wait until it may have; a person may cut that short."""
        self._tell_failure(error)
        pause_s = self._logins.fail()
        await asyncio.sleep(RETRY_S)
        await _either(asyncio.sleep(pause_s - RETRY_S), self._is_wanted.wait())
        self._is_wanted.set()

    async def _wait_until_wanted(self) -> None:
        """Wait until a person wants a login, or one may start by itself."""
        while not self._is_wanted.is_set():
            if self._is_there.is_set():
                await _either(self._is_wanted.wait(), self._is_lost.wait())
            elif self._may_begin():
                return
            else:
                known = self._recall().get("reason")
                self._tell(LoginRequired(known if isinstance(known, str) else ASK))
                await self._is_wanted.wait()

    def _may_begin(self) -> bool:
        """Whether a code may be asked for without a person."""
        return not self._waits_for_person() and len(self._recent_codes()) < CODES_BY_ITSELF

    def _waits_for_person(self) -> bool:
        return "reason" in self._recall()

    def _recent_codes(self) -> list[datetime]:
        codes = self._recall().get("codes")
        now = self._now()
        times = map(moment, codes if isinstance(codes, list) else ())
        return [at for at in times if at and timedelta() <= now - at < CODES_WITHIN]

    def _count_code(self) -> None:
        """Note that there is another code, unless none is asked for without a person anyway."""
        if not self._waits_for_person():
            codes = [*self._recent_codes(), self._now()]
            self._remember({"codes": [at.isoformat() for at in codes]})

    def _wait_for_person(self, reason: str) -> None:
        self._remember({"reason": reason})

    def _recall(self) -> dict[str, Any]:
        """Return what is known of this client's logins; another client's say nothing."""
        known = self._memory.recall("login")
        return known if known.get("client_id") == self._login.client_id else {}

    def _remember(self, content: dict[str, Any]) -> None:
        self._memory.remember("login", {"client_id": self._login.client_id, **content})

    async def _log_in(self) -> OAuthTokens:
        """Get a code, show it, wait for the person; start again if a new code is wanted."""
        while True:
            self.codes = None
            try:
                codes = await self._login.begin()
            finally:  # it is the answer to whoever has asked meanwhile, too
                self._is_wanted.clear()
                self.is_asking = False
            self._count_code()
            self.codes, self._begun_at = codes, self._now()
            log.warning(
                "login_waits_for_you",
                account=self._account,
                open=codes.verification_url,
                confirm=codes.user_code,
                until=codes.expires_at.isoformat(timespec="seconds"),
            )
            waiting_for_you = (
                f"open {codes.verification_url} and confirm the code {codes.user_code};"
                " waiting for you"
            )
            if self._is_there.is_set():
                self.note = waiting_for_you
                self._on_change()
            else:
                self._tell(LoginRequired(waiting_for_you))
            waiting = asyncio.ensure_future(self._login.wait(codes))
            await _either(waiting, self._is_wanted.wait())
            if waiting.done():
                return await waiting

    def _tell_failure(self, error: AccountError) -> None:
        """Say that a login came to nothing; whoever is logged in stays so."""
        self.codes = self.note = None
        if self._is_there.is_set():
            log.warning("login_failed", account=self._account, reason=str(error))
            self.note = f"{NEW_LOGIN_FAILED}{error}"
            self._on_change()
        else:
            self._tell(error)


def _backoff() -> Backoff:
    """Return pauses of at least `RETRY_S`: nearer attempts repeat an answer of before."""
    return Backoff(
        first_s=RETRY_S / (1 - RETRY_JITTER), longest_s=LONGEST_RETRY_S, jitter=RETRY_JITTER
    )


def _bug(error: Exception) -> AccountError:
    """Return what a bug of ours means to a person; it must not end the other accounts."""
    return AccountError(bug_message(error))


async def _either(*futures: Any) -> None:
    """Wait for the first to end; the others are given up."""
    tasks = [asyncio.ensure_future(future) for future in futures]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
