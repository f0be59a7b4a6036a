"""Login by device code (RFC 8628) with PKCE: BMW issues a code, a person confirms it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from oauthlib.oauth2 import DeviceClient

from bmw2mqtt.accounts.cardata.auth.oauth import (
    API_SCOPE,
    IDENTITY_SCOPES,
    SCOPES,
    STREAM_SCOPE,
    OAuth,
    OAuthRefusal,
    read_seconds,
)
from bmw2mqtt.accounts.cardata.auth.tokens import OAuthTokens
from bmw2mqtt.accounts.cardata.errors import CodeExpired, LoginFailed
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.backoff import Backoff
from bmw2mqtt.vehicle.errors import AccountError, LoginOutage, Unreachable

log = structlog.get_logger(__name__)

FIRST_POLL_AFTER_INTERVALS = 2.4
"""12 s at BMW. Its login fails most often when it is polled at the moment of the approval."""
SLOW_DOWN_S = 5
"""RFC 8628: so much longer is each pause from then on."""
LONGEST_OUTAGE_PAUSE_S = 40
"""A code works for five minutes: after an outage there must be time for some more polls."""
_INTERVAL_S, _LIFE_S, _LONGEST_S = 5, 300, 3600
_SHORTEST_INTERVAL_S = 0.25
_VERIFIER_LENGTH = 64
SUPPORT = "bmwcardata-b2c-support@bmwgroup.com"
SERVICES = {API_SCOPE: "CarData API", STREAM_SCOPE: "CarData Stream"}
"""Their names in BMW's portal."""
_UNKNOWN_CLIENT = {"invalid_client", "unauthorized_client"}
_BMW_FAULT = (
    "BMW's login failed on BMW's side, and the code cannot be used again: log in again in some"
    " hours; if it fails again, delete the client in BMW's portal, create a new one and set"
    f" client_id, or write to {SUPPORT}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """A login that waits for a person; `repr` shows no secret."""

    user_code: str
    verification_url: str
    """BMW's page with the code filled in."""
    expires_at: datetime
    interval_s: float
    """The least time between two polls."""
    device_code: str = field(repr=False)
    code_verifier: str = field(repr=False)


class DeviceLogin:
    """Does logins, one after the other; none begins by itself."""

    def __init__(
        self,
        oauth: OAuth,
        *,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.client_id = oauth.client_id
        self._oauth = oauth
        self._now = now
        self._sleep = sleep

    async def begin(self) -> Codes:
        """Request a code from BMW.

        Raises:
            LoginFailed: BMW refuses; the message tells the owner what to do in the portal.
            LoginOutage: BMW's login is out of order.
            NoConnection: BMW was not reached.
        """
        client = DeviceClient(self._oauth.client_id)
        verifier = client.create_code_verifier(_VERIFIER_LENGTH)
        challenge = client.create_code_challenge(verifier, "S256")
        now = self._now()
        try:
            answer = await self._oauth.device_code(challenge, SCOPES)
        except OAuthRefusal as refusal:
            raise await self._no_code(refusal, challenge) from refusal
        return _codes(answer, verifier, now)

    async def wait(self, codes: Codes) -> OAuthTokens:
        """Poll until the person has confirmed the code, also through outages.

        Raises:
            LoginFailed: it was declined, it expired, BMW's login failed, or a service is missing.
                The code cannot be used again.
        """
        interval_s = codes.interval_s
        outage: str | None = None
        backoff = Backoff(first_s=interval_s, longest_s=LONGEST_OUTAGE_PAUSE_S)
        await self._sleep(FIRST_POLL_AFTER_INTERVALS * interval_s)
        while self._now() < codes.expires_at:
            try:
                answer = await self._oauth.exchange(codes.device_code, codes.code_verifier)
                return _checked(answer, self._now())
            except OAuthRefusal as refusal:
                if refusal.is_outage and not refusal.is_key_fault:
                    outage = str(refusal)
                    backoff.fail()
                elif refusal.word not in {"slow_down", "authorization_pending"}:
                    raise _no_tokens(refusal, is_after_fault=outage is not None) from refusal
                else:
                    backoff.reset()
                    interval_s += SLOW_DOWN_S if refusal.word == "slow_down" else 0
            except Unreachable as error:
                outage = str(error)
                backoff.fail()
            await self._sleep(max(interval_s, backoff.pause_s()))
        raise CodeExpired(
            f"BMW's login did not answer before the code expired ({outage}): log in again later"
            if outage
            else "the code was not confirmed in time: log in again, and confirm the new code within"
            " 5 minutes",
        )

    async def _no_code(self, refusal: OAuthRefusal, challenge: str) -> AccountError:
        if refusal.is_outage:
            return LoginOutage(f"BMW's login is out of order ({refusal}); try again later")
        if refusal.word in _UNKNOWN_CLIENT:
            return _unknown_client()
        missing = await self._refused_services(challenge)
        if len(missing) == 1:
            return _missing_scope(missing)
        return LoginFailed(
            f"BMW refuses to begin a login ({refusal.word}): check client_id, and that CarData API"
            " and CarData Stream are both switched on in BMW's portal (reload the page: they"
            " switch back at times); if they are, delete the client, create a new one and set"
            " client_id",
        )

    async def _refused_services(self, challenge: str) -> set[str]:
        """Request a code for one service at a time: BMW does not name the one it refuses."""
        refused = set()
        for scope in SERVICES:
            try:
                await self._oauth.device_code(challenge, (*IDENTITY_SCOPES, scope))
            except OAuthRefusal as refusal:
                if refusal.is_outage:
                    return set()
                refused.add(scope)
            except AccountError:
                return set()
        return refused


def _codes(answer: dict[str, Any], verifier: str, now: datetime) -> Codes:
    user_code, device_code = answer.get("user_code"), answer.get("device_code")
    page = answer.get("verification_uri")
    complete = answer.get("verification_uri_complete")
    if not (isinstance(user_code, str) and isinstance(device_code, str)):
        raise LoginOutage("BMW sent a login without a code; try again later")
    if not _is_page(complete):
        if not _is_page(page):
            raise LoginOutage("BMW sent a login without a page; try again later")
        complete = f"{page}?user_code={quote(user_code)}"
    life_s = read_seconds(answer.get("expires_in"), _LIFE_S, _LONGEST_S)
    interval_s = read_seconds(answer.get("interval"), _INTERVAL_S, _LONGEST_S)
    return Codes(
        user_code=user_code,
        verification_url=str(complete),
        expires_at=now + timedelta(seconds=life_s),
        interval_s=max(interval_s, _SHORTEST_INTERVAL_S),
        device_code=device_code,
        code_verifier=verifier,
    )


def _is_page(value: object) -> bool:
    try:
        return isinstance(value, str) and urlsplit(value).scheme in {"https", "http"}
    except ValueError:
        return False


def _no_tokens(refusal: OAuthRefusal, *, is_after_fault: bool) -> LoginFailed:
    """Return the error for a login that BMW ended."""
    if refusal.is_key_fault or (refusal.word == "access_denied" and is_after_fault):
        return LoginFailed(_BMW_FAULT)
    if refusal.word == "access_denied":
        return LoginFailed(
            "the login was declined on BMW's page: log in again and confirm the code; if you did"
            " not decline it, it is a fault of BMW's: delete the client in BMW's portal, create a"
            " new one and set client_id",
        )
    if refusal.word == "expired_token":
        return CodeExpired(
            "the code has expired: log in again, and confirm the new code within 5 minutes; if the"
            " account is new, activate it first",
        )
    if refusal.word in _UNKNOWN_CLIENT:
        return _unknown_client()
    return LoginFailed(
        f"BMW does not accept the code any more ({refusal.word}): log in again with a new one, and"
        " wait for BMW's success page",
    )


def _checked(answer: dict[str, Any], now: datetime) -> OAuthTokens:
    """Return the tokens of a login, if they are valid for both services."""
    try:
        tokens = OAuthTokens.parse(answer, now)
    except AccountError as error:
        raise LoginFailed(f"BMW's login gave no usable tokens ({error}): log in again") from error
    if missing := {scope for scope in SERVICES if scope not in tokens.scope}:
        raise _missing_scope(missing)
    return tokens


def _unknown_client() -> LoginFailed:
    return LoginFailed(
        "BMW does not know this client: copy client_id from BMW's portal again, or create a new"
        " client there and set client_id (BMW has deleted clients before); then log in again",
    )


def _missing_scope(scopes: set[str]) -> LoginFailed:
    names = " and ".join(SERVICES[scope] for scope in sorted(scopes))
    return LoginFailed(
        f"BMW does not grant {names} ({', '.join(sorted(scopes))}) to this client: switch it off"
        " and on again in BMW's portal, wait two minutes, then log in again; if that does not"
        " help, delete the client, create a new one and set client_id",
    )
