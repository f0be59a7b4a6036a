"""Logging in: what BMW's answer to a login means, and how often it may be tried.

The library takes every failure to renew a login for a lost login and goes on with the password and
the captcha; so an outage of BMW's login would cost people their login. Here each answer is read
before the library sees it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
from bimmer_connected.api import authentication
from bimmer_connected.api.authentication import MyBMWAuthentication, MyBMWLoginClient

from bmw2mqtt.accounts.mybmw.answers import (
    NEVER_SENT,
    UNREADABLE,
    blocked,
    quota_exceeded,
)
from bmw2mqtt.accounts.mybmw.guard import LoginGuard
from bmw2mqtt.accounts.requests import utc_now
from bmw2mqtt.vehicle.errors import AccountError, LoginOutage, LoginRequired

CAPTCHA_LIFE = timedelta(minutes=10)
"""A captcha's token works for minutes; an older one would only be a failed login."""
REFUSALS_TO_RENEW = 5
"""So many times BMW may refuse to renew a login without saying that it is lost."""
_LOST = {"invalid_grant"}
"""OAuth's word (RFC 6749, 5.2) for a refresh token that is expired, revoked or used."""
_TIMEOUT, _SERVER_ERROR = 408, 500


class _RefusedToRenew(LoginOutage):
    """BMW does not renew the login, and does not say that it is lost."""


class LoginClient(MyBMWLoginClient):
    """The library's client for logins, which reads BMW's refusals first."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        hooks = {"response": [_read_answer]}
        super().__init__(*args, event_hooks=hooks, **kwargs)  # type: ignore[no-untyped-call]


setattr(authentication, MyBMWLoginClient.__name__, LoginClient)  # the library finds it by name


async def _read_answer(response: httpx.Response) -> None:
    """Raise what an answer of BMW's login means, if it is not good.

    A refresh token that is lost for good passes: the library then uses password and captcha.
    """
    if not response.is_error:
        return
    await response.aread()
    status = response.status_code
    if error := blocked(response) or quota_exceeded(response):
        raise error
    if status >= _SERVER_ERROR or status == _TIMEOUT:
        raise LoginOutage(f"BMW's login is out of order (HTTP {status}); trying again")
    if b"grant_type=refresh_token" in await _body(response.request):
        if _word(response) not in _LOST:
            raise _RefusedToRenew(f"BMW does not renew the login (HTTP {status}); trying again")
    elif _is_about_password(response.request):
        raise LoginRequired("")  # `Authentication` says what to do about it
    else:
        raise LoginOutage(f"BMW's login refuses to begin (HTTP {status}); trying again")


async def _body(request: httpx.Request) -> bytes:
    return await request.aread()


def _is_about_password(request: httpx.Request) -> bool:
    return request.url.path.endswith(("/authenticate", "/token", "/login/pwd"))


def _word(response: httpx.Response) -> str | None:
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer.get("error") if isinstance(answer, dict) else None


class Authentication(MyBMWAuthentication):
    """The library's login, guarded: tokens are saved, and a refused password is not repeated."""

    guard: LoginGuard
    captcha_page: str | None
    """Where a person solves BMW's captcha; China has none."""
    captcha_at: datetime
    """When the captcha's token was given."""
    on_login: Callable[[], None] | None = None
    """Called with new tokens in place, before they are used."""
    _refusals = 0

    def give_captcha(self, token: str | None) -> None:
        """Take a captcha's token for the next login; it works once."""
        self.hcaptcha_token = token or None
        self.captcha_at = utc_now()

    async def login(self) -> None:
        """Renew the login, or log in if it is lost.

        Raises:
            AccountError: BMW refuses, or cannot be asked.
        """
        await super().login()
        if self.on_login is not None:
            self.on_login()
        self._refusals = 0
        self.guard.logged_in()

    async def _refresh_token_row_na(self) -> dict[str, Any]:
        return await self._renew(super()._refresh_token_row_na)

    async def _refresh_token_china(self) -> dict[str, Any]:
        return await self._renew(super()._refresh_token_china)

    async def _renew(self, renew: Any) -> dict[str, Any]:
        """Return new tokens, `{}` if the refresh token is lost."""
        try:
            return dict(await renew())
        except _RefusedToRenew:
            self._refusals += 1
            if self._refusals < REFUSALS_TO_RENEW:
                raise
            return {}
        except UNREADABLE as error:
            raise LoginOutage(
                f"BMW does not renew the login in a form that can be read"
                f" ({type(error).__name__}); trying again"
            ) from error

    async def _login_row_na(self) -> dict[str, Any]:
        token = self.hcaptcha_token
        if token and (self.guard.is_spent(token) or utc_now() - self.captcha_at > CAPTCHA_LIFE):
            token = self.hcaptcha_token = None
        if token is None:
            raise LoginRequired(
                f"BMW wants a captcha: solve it at {self.captcha_page} and hand over its token"
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
        self, log_in: Any, remedy: str, captcha: str | None = None
    ) -> dict[str, Any]:
        self.guard.begin(captcha)
        try:
            return dict(await log_in())
        except LoginRequired as error:
            raise LoginRequired(remedy) from error
        except AccountError:
            self.guard.interrupted(is_captcha_left=self.hcaptcha_token is not None)
            raise
        except NEVER_SENT:
            self.guard.interrupted(is_captcha_left=self.hcaptcha_token is not None)
            raise
        except httpx.RequestError as error:
            self.guard.interrupted(is_captcha_left=self.hcaptcha_token is not None)
            raise LoginOutage(
                f"BMW's login does not answer ({type(error).__name__}); trying again"
            ) from error
        except UNREADABLE as error:
            raise LoginOutage(
                f"BMW's login sent an answer that cannot be read ({type(error).__name__});"
                " trying again"
            ) from error
