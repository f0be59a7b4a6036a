"""The library's login, with limited attempts, saved tokens, and errors that name the remedy."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog
from bimmer_connected.api.authentication import MyBMWAuthentication

from bmw2mqtt.accounts.mybmw.auth.attempts import LoginAttempts
from bmw2mqtt.accounts.mybmw.auth.login_client import RefusedToRenew, issues_tokens, observer
from bmw2mqtt.accounts.mybmw.library.command_deadline import apply_deadline
from bmw2mqtt.accounts.mybmw.library.errors import NEVER_SENT, UNREADABLE
from bmw2mqtt.accounts.mybmw.library.request_hook import count
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.log import hide
from bmw2mqtt.network_errors import describe_network_error
from bmw2mqtt.vehicle.errors import AccountError, LoginOutage, LoginRequired

log = structlog.get_logger(__name__)

CAPTCHA_LIFE = timedelta(minutes=10)
"""A captcha's token works for minutes; with an older one the login would fail."""
REFUSALS_TO_RENEW = 5
"""After so many refusals to renew a login without a reason, the login counts as lost."""
MAX_LOGINS, LOGINS_WITHIN_S = 4, 3600
"""A request that BMW always answers with 401 must not renew the login at each poll."""
_TOKENS = ("access_token", "refresh_token", "gcid")

Request = Callable[[], Awaitable[dict[str, Any]]]


class _AnswerLost(LoginOutage):
    """BMW got a request for tokens, and its answer did not arrive."""


class Authentication(MyBMWAuthentication):
    """The library's login: saves tokens at once, and does not repeat a refused password."""

    attempts: LoginAttempts
    captcha_page: str | None
    """Where a person solves BMW's captcha; China has none."""
    captcha_at: datetime
    """When the captcha's token was set."""
    on_login: Callable[[], Awaitable[None]] | None = None
    """Called with new tokens in place, before they are used."""
    _refusals = 0
    _is_password_sent = False
    _logins_s: tuple[float, ...] = ()
    """When it logged in or renewed the login lately, by the event loop's clock."""

    def set_captcha(self, token: str | None) -> None:
        """Set the captcha's token for the next login; it works once."""
        self.hcaptcha_token = token or None
        hide(f"captcha-{id(self)}", [token or ""])
        self.captcha_at = utc_now()
        self._logins_s = ()

    def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Authorize a request and repeat it as the library does; commands have a deadline."""
        apply_deadline(request)
        return super().async_auth_flow(request)

    async def login(self) -> None:
        """Renew the login, or log in if it is lost.

        Raises:
            AccountError: BMW refuses, or cannot be reached.
        """
        now_s = asyncio.get_running_loop().time()
        self._logins_s = tuple(at for at in self._logins_s if now_s - at < LOGINS_WITHIN_S)
        if self.access_token and len(self._logins_s) >= MAX_LOGINS:
            return  # the library tries once more with the tokens it has
        observer.set(self)
        await super().login()
        await self._save()
        self._logins_s += (now_s,)
        self._refusals = 0
        self.attempts.reset()

    def password_sent(self) -> None:
        """Record that the password is on its way to BMW."""
        self._is_password_sent = True

    async def tokens_received(self, answer: Mapping[str, Any]) -> None:
        """Save new tokens: the old refresh token works no more."""
        for name in _TOKENS:
            if isinstance(value := answer.get(name), str):
                setattr(self, name, value)
        self.expires_at = None  # the library computes it
        await self._save()

    async def _save(self) -> None:
        if self.on_login is not None:
            await self.on_login()

    # Renewing

    async def _refresh_token_row_na(self) -> dict[str, Any]:
        return await self._renew(super()._refresh_token_row_na)

    async def _refresh_token_china(self) -> dict[str, Any]:
        return await self._renew(super()._refresh_token_china)

    async def _renew(self, renew: Request) -> dict[str, Any]:
        """Return new tokens, `{}` if the refresh token is lost.

        A renewal is repeated at once if the answer with new tokens was lost on the way: OAuth
        servers commonly accept a used refresh token once more, for some seconds.
        """
        try:
            try:
                return await _request(renew)
            except _AnswerLost:
                return await _request(renew)
        except RefusedToRenew:
            self._refusals += 1
            if self._refusals < REFUSALS_TO_RENEW:
                raise
            return {}

    # Password and captcha

    async def _login_row_na(self) -> dict[str, Any]:
        token = self.hcaptcha_token
        if token and (self.attempts.is_spent(token) or utc_now() - self.captcha_at > CAPTCHA_LIFE):
            token = self.hcaptcha_token = None
        if token is None:
            raise LoginRequired(
                f"BMW wants a captcha: solve it at {self.captcha_page} and enter its token"
            )
        return await self._with_password(
            super()._login_row_na,
            f"BMW refuses the login: check username and password, then solve a new captcha at"
            f" {self.captcha_page}",
            captcha=token,
        )

    async def _login_china(self) -> dict[str, Any]:
        return await self._with_password(
            super()._login_china,
            "BMW refuses the login: check phone number (with 86) and password; bimmer_connected's"
            " login to China is reported broken since 2023-12",
        )

    async def _with_password(
        self, log_in: Request, remedy: str, captcha: str | None = None
    ) -> dict[str, Any]:
        self._is_password_sent = False
        await self.attempts.begin(captcha)
        try:
            return await _request(log_in)
        except LoginRequired as error:
            raise LoginRequired(remedy) from error
        except (AccountError, *NEVER_SENT) as error:
            # An answer that cannot be read may be a refusal of the password.
            may_be_refused = isinstance(error, _Unreadable) and self._is_password_sent
            if not may_be_refused:
                self.attempts.cancel(is_captcha_left=self.hcaptcha_token is not None)
            raise


class _Unreadable(LoginOutage):
    """BMW's login sent an answer that cannot be read."""


async def _request(login: Request) -> dict[str, Any]:
    """Translate HTTP and parse errors into LoginOutage; connection errors pass through."""
    try:
        return dict(await login())
    except NEVER_SENT:
        raise
    except httpx.RequestError as error:
        count(None)
        kind = _AnswerLost if issues_tokens(error.request) else LoginOutage
        reason = describe_network_error(error)
        raise kind(f"BMW's login does not answer ({reason}); trying again") from error
    except UNREADABLE as error:
        log.debug("answer_not_read", error=type(error).__name__)
        raise _Unreadable("BMW's login sent an answer that cannot be read; trying again") from error
