"""BMW's answers to a login, read before the library sees them.

The library takes every failure to renew a login for a lost login and goes on with the password and
the captcha; so an outage of BMW's login would cost people their login. Here a refusal becomes an
error that says what it means, and new tokens are handed on the moment they are there.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Protocol

import httpx
from bimmer_connected.api import authentication
from bimmer_connected.api.authentication import MyBMWLoginClient

from bmw2mqtt.accounts.mybmw.library.http_errors import blocked, quota_exceeded
from bmw2mqtt.vehicle.errors import LoginOutage, LoginRequired

_LOST = {"invalid_grant"}
"""OAuth's word (RFC 6749, 5.2) for a refresh token that is expired, revoked or used."""
_TIMEOUT, _SERVER_ERROR = 408, 500


class RefusedToRenew(LoginOutage):
    """BMW does not renew the login, and does not say that it is lost."""


class Watcher(Protocol):
    """Whose login it is."""

    def password_sent(self) -> None:
        """Take it that BMW is being told the password."""

    async def tokens_came(self, answer: Mapping[str, Any]) -> None:
        """Take BMW's answer with new tokens; the old refresh token works no more."""


watcher: ContextVar[Watcher] = ContextVar("watcher")
"""Who is logging in: the library makes the client without a word about that."""


class LoginClient(MyBMWLoginClient):
    """The library's client for logins, which shows what goes in and out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        hooks = {"request": [_watch_request], "response": [_read_answer]}
        super().__init__(*args, event_hooks=hooks, **kwargs)  # type: ignore[no-untyped-call]


setattr(authentication, MyBMWLoginClient.__name__, LoginClient)  # the library finds it by name


async def _watch_request(request: httpx.Request) -> None:
    if request.url.path.endswith(("/authenticate", "/login/pwd")):
        watcher.get().password_sent()


async def _read_answer(response: httpx.Response) -> None:
    """Hand new tokens on, and raise what a refusal means.

    A refresh token that is lost for good passes: the library then uses password and captcha.
    """
    await response.aread()
    if not response.is_error:
        if hands_out_tokens(response.request):
            await _hand_on(response)
        return
    status = response.status_code
    if error := blocked(response) or quota_exceeded(response):
        raise error
    if status >= _SERVER_ERROR or status == _TIMEOUT:
        raise LoginOutage(f"BMW's login is out of order (HTTP {status}); trying again")
    if b"grant_type=refresh_token" in await response.request.aread():
        if _json(response).get("error") not in _LOST:
            raise RefusedToRenew(f"BMW does not renew the login (HTTP {status}); trying again")
    elif _is_about_password(response.request):
        raise LoginRequired("")  # `Authentication` says what to do about it
    else:
        raise LoginOutage(f"BMW's login refuses to begin (HTTP {status}); trying again")


def hands_out_tokens(request: httpx.Request) -> bool:
    """Whether the answer to this request has new tokens."""
    return request.url.path.endswith(("/token", "/login/pwd"))


def _is_about_password(request: httpx.Request) -> bool:
    return request.url.path.endswith(("/authenticate", "/token", "/login/pwd"))


async def _hand_on(response: httpx.Response) -> None:
    answer = _json(response)
    nested = answer.get("data")  # China's login puts the tokens one level deeper
    tokens = nested if isinstance(nested, dict) else answer
    if isinstance(tokens.get("refresh_token"), str):
        await watcher.get().tokens_came(tokens)


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
