"""The login: OAuth's device code flow with PKCE, and token refresh."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from bmw2mqtt.simulator.https import form_body

from .answers import KEY_MANAGEMENT_FAULT, refuse_oauth
from .id_token import jwt
from .users import ALWAYS_GRANTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .users import CarDataUser, Grant, UserRegistry

DEVICE_CODE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
DEVICE_PARAMETERS: Final = frozenset(
    {"client_id", "response_type", "scope", "code_challenge", "code_challenge_method"}
)
USER_CODE_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
USER_CODE_LENGTH: Final = 8
PUNCTUAL: Final = 0.9
"""The part of the interval that must pass between polls; clocks differ a little."""


class Decision(Enum):
    """The state of a login."""

    PENDING = auto()
    APPROVED = auto()
    DECLINED = auto()
    SPENT = auto()


@dataclass(slots=True, kw_only=True)
class Login:
    """A device code login in progress."""

    user: CarDataUser
    client_id: str
    scope: tuple[str, ...]
    code_challenge: str
    user_code: str
    device_code: str = field(repr=False)
    begun_at: datetime
    expires_at: datetime
    polled_at: datetime | None = None
    decision: Decision = Decision.PENDING


class UnknownCodeError(Exception):
    """No login with this user code is pending."""


@dataclass(slots=True)
class DeviceCodeFlow:
    """BMW's login server for CarData clients."""

    registry: UserRegistry
    interval_s: float = 5
    """The shortest time between a client's polls for tokens."""
    approve_after_s: float | None = None
    """The time after which a login is approved automatically; `None` is never."""
    exchange_failures: int = 0
    """How many of the next approved logins fail with BMW's key management fault."""
    omitted_on_refresh: set[str] = field(default_factory=set)
    """Fields that are missing in the answer to a refresh, such as `gcid`."""
    _logins: dict[str, Login] = field(default_factory=dict)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the login's addresses."""
        router.add_post("/gcdm/oauth/device/code", self.device_code)
        router.add_post("/gcdm/oauth/token", self.token)

    @property
    def user_codes(self) -> list[str]:
        """The user codes of pending logins, oldest first."""
        return [
            login.user_code
            for login in self._logins.values()
            if self._decision(login) is Decision.PENDING
        ]

    def login(self, user_code: str) -> Login:
        """Return the pending login with a user code.

        Raises:
            UnknownCodeError: there is none, or it is no longer pending.
        """
        wanted = user_code.strip().upper().replace("-", "")
        for login in self._logins.values():
            if login.user_code == wanted and login.decision is Decision.PENDING:
                if self.registry.clock() < login.expires_at:
                    return login
                break
        raise UnknownCodeError(wanted)

    def approve(self, user_code: str) -> None:
        """Approve a login, as its user would.

        Raises:
            UnknownCodeError: no login with this code is pending.
        """
        self.login(user_code).decision = Decision.APPROVED

    def decline(self, user_code: str) -> None:
        """Decline a login, as its user would.

        Raises:
            UnknownCodeError: no login with this code is pending.
        """
        self.login(user_code).decision = Decision.DECLINED

    async def device_code(self, request: web.Request) -> web.Response:
        """Start a login: return device code and user code."""
        form = await form_body(request)
        user = self.registry.user_of_client(form.get("client_id", ""))
        scope = tuple(form.get("scope", "").split())
        if (
            user is None
            or not all(form.get(name) for name in DEVICE_PARAMETERS)
            or form["response_type"] != "device_code"
            or form["code_challenge_method"] != "S256"
            or not set(scope) <= user.granted | ALWAYS_GRANTED
        ):
            raise refuse_oauth(
                400, "invalid_request", "The request is missing a parameter or is malformed."
            )
        login = self._begin(user, form, scope)
        lifetime_s = (login.expires_at - login.begun_at).total_seconds()
        return web.json_response(
            {
                "user_code": login.user_code,
                "device_code": login.device_code,
                "interval": self.interval_s,
                "expires_in": int(lifetime_s),
                "verification_uri": f"https://{request.host}/oneid/link",
            }
        )

    def _begin(self, user: CarDataUser, form: Mapping[str, str], scope: tuple[str, ...]) -> Login:
        now = self.registry.clock()
        expires_at = now + timedelta(seconds=self.registry.lifetimes.code_s)
        claims = {"client_id": form["client_id"], "exp": int(expires_at.timestamp())}
        login = Login(
            user=user,
            client_id=form["client_id"],
            scope=scope,
            code_challenge=form["code_challenge"],
            user_code="".join(secrets.choice(USER_CODE_LETTERS) for _ in range(USER_CODE_LENGTH)),
            device_code=jwt(claims),
            begun_at=now,
            expires_at=expires_at,
        )
        self._logins[login.device_code] = login
        return login

    async def token(self, request: web.Request) -> web.Response:
        """Exchange a device code or a refresh token for tokens."""
        form = await form_body(request)
        client_id = form.get("client_id", "")
        if self.registry.user_of_client(client_id) is None:
            raise refuse_oauth(401, "invalid_client", "Client authentication failed.")
        match form.get("grant_type"):
            case "refresh_token":
                grant = self.registry.refresh(form.get("refresh_token", ""), client_id)
                if grant is None:
                    raise _invalid_grant()
                omitted = self.omitted_on_refresh
            case grant_type if grant_type == DEVICE_CODE_GRANT:
                login = self._poll(form, client_id)
                if self.exchange_failures > 0:
                    self.exchange_failures -= 1
                    login.decision = Decision.DECLINED
                    return web.json_response(KEY_MANAGEMENT_FAULT, status=500)
                login.decision = Decision.SPENT
                grant = self.registry.issue(login.user, client_id, login.scope)
                omitted = set()
            case _:
                raise refuse_oauth(400, "unsupported_grant_type", "Unknown grant_type.")
        answer = _answer(grant, self.registry.clock())
        return web.json_response({key: answer[key] for key in answer if key not in omitted})

    def _poll(self, form: Mapping[str, str], client_id: str) -> Login:
        """Return the login if it is approved, or refuse the request."""
        login = self._logins.get(form.get("device_code", ""))
        if login is None or login.client_id != client_id:
            raise _invalid_grant()
        now, polled_at = self.registry.clock(), login.polled_at
        login.polled_at = now
        if login.decision is Decision.SPENT:
            raise _invalid_grant()
        if login.decision is Decision.DECLINED:
            raise refuse_oauth(403, "access_denied", "The user declined, or the code is spent.")
        if now >= login.expires_at:
            raise refuse_oauth(401, "expired_token", "The device code has expired.")
        if polled_at and (now - polled_at).total_seconds() < PUNCTUAL * self.interval_s:
            raise refuse_oauth(400, "slow_down", "The client polls too often.")
        if self._decision(login) is Decision.PENDING:
            raise refuse_oauth(403, "authorization_pending", "The user is not done.")
        if login.code_challenge != _challenge(form.get("code_verifier", "")):
            login.decision = Decision.SPENT
            raise _invalid_grant()
        return login

    def _decision(self, login: Login) -> Decision:
        if login.decision is Decision.PENDING and self.approve_after_s is not None:
            age = self.registry.clock() - login.begun_at
            if age.total_seconds() >= self.approve_after_s:
                login.decision = Decision.APPROVED
        return login.decision


def _answer(grant: Grant, now: datetime) -> dict[str, Any]:
    answer = {
        "access_token": grant.access_token,
        "token_type": "Bearer",
        "expires_in": round((grant.access_expires_at - now).total_seconds()),
        "refresh_token": grant.refresh_token,
        "scope": " ".join(grant.scope),
        "gcid": grant.user.gcid,
    }
    if grant.id_token is not None:
        answer["id_token"] = grant.id_token
    return answer


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _invalid_grant() -> Exception:
    return refuse_oauth(
        400, "invalid_grant", "The code or refresh token is invalid, expired or revoked."
    )
