"""Login client: reads BMW's answers to a login before the library does.

The library treats every failed renewal as a lost login and goes on with password and captcha, so an
outage of BMW's login would cost owners their login. Here each refusal becomes an exact error, and
new tokens are passed on as soon as they arrive.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Protocol

import httpx
from bimmer_connected.api import authentication
from bimmer_connected.api.authentication import MyBMWLoginClient

from bmw2mqtt.accounts.mybmw.library.errors import blocked, quota_exceeded
from bmw2mqtt.vehicle.errors import LoginOutage, LoginRequired

_LOST = {"invalid_grant"}
"""OAuth's error (RFC 6749, 5.2) for a refresh token that is expired, revoked or used."""
_TIMEOUT, _SERVER_ERROR = 408, 500


class RefusedToRenew(LoginOutage):
    """BMW does not renew the login, without saying that it is lost."""


class LoginObserver(Protocol):
    """Gets the events of one login."""

    def password_sent(self) -> None:
        """Called when the password is on its way to BMW."""

    async def tokens_received(self, answer: Mapping[str, Any]) -> None:
        """Called with BMW's answer with new tokens; the old refresh token works no more."""


observer: ContextVar[LoginObserver] = ContextVar("login_observer")
"""The login that is running: the library creates its client without a reference to it."""


class LoginClient(MyBMWLoginClient):
    """The library's client for logins, with hooks on requests and answers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        hooks = {"request": [_on_request], "response": [_on_answer]}
        super().__init__(*args, event_hooks=hooks, **kwargs)  # type: ignore[no-untyped-call]


setattr(authentication, MyBMWLoginClient.__name__, LoginClient)  # the library finds it by name


async def _on_request(request: httpx.Request) -> None:
    if request.url.path.endswith(("/authenticate", "/login/pwd")):
        observer.get().password_sent()


async def _on_answer(response: httpx.Response) -> None:
    """Pass new tokens on, and raise the error for a refusal.

    A lost refresh token raises nothing: the library then uses password and captcha.
    """
    await response.aread()
    if not response.is_error:
        if issues_tokens(response.request):
            await _pass_tokens_on(response)
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
        raise LoginRequired("")  # `Authentication` adds the remedy
    else:
        raise LoginOutage(f"BMW's login refuses the request (HTTP {status}); trying again")


def issues_tokens(request: httpx.Request) -> bool:
    """Whether the answer to this request contains new tokens."""
    return request.url.path.endswith(("/token", "/login/pwd"))


def _is_about_password(request: httpx.Request) -> bool:
    return request.url.path.endswith(("/authenticate", "/token", "/login/pwd"))


async def _pass_tokens_on(response: httpx.Response) -> None:
    answer = _json(response)
    nested = answer.get("data")  # China's login puts the tokens one level deeper
    tokens = nested if isinstance(nested, dict) else answer
    if isinstance(tokens.get("refresh_token"), str):
        await observer.get().tokens_received(tokens)


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
