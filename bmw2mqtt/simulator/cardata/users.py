"""People with cars, the clients they made in BMW's portal, and the tokens those hold."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from .id_token import jwt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .cars import CarDataCar
    from .container import Container

API_SCOPE: Final = "cardata:api:read"
STREAM_SCOPE: Final = "cardata:streaming:read"
ALWAYS_GRANTED: Final = frozenset({"authenticate_user", "openid"})
CLIENT_ID: Final = "0f0e0d0c-0b0a-4908-8706-050403020100"


@dataclass(slots=True, kw_only=True)
class CarDataUser:
    """Somebody with cars and a CarData client; every attribute may be changed at any time."""

    name: str = "driver"
    client_ids: set[str] = field(default_factory=lambda: {CLIENT_ID})
    cars: list[CarDataCar] = field(default_factory=list)
    gcid: str = ""
    """BMW's identifier of the customer; without one it is made of the name."""
    granted: set[str] = field(default_factory=lambda: {API_SCOPE, STREAM_SCOPE})
    """The services switched on in the portal. Switching one off kills the tokens that hold it."""
    secondary_vins: set[str] = field(default_factory=set)
    """The cars of which somebody else is the main user; they are listed and nothing more."""
    unconfigured_vins: set[str] = field(default_factory=set)
    """The cars for which no stream was configured in the portal."""
    selected_descriptors: set[str] | None = None
    """What was selected for the stream in the portal; `None` is everything."""
    containers: dict[str, Container] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gcid = self.gcid or str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.name}.gcid"))

    def car(self, vin: str) -> CarDataCar | None:
        """Return the car with this VIN if it is this user's, as the main user of it."""
        if vin in self.secondary_vins:
            return None
        return next((car for car in self.cars if car.vin == vin), None)


@dataclass(slots=True, kw_only=True)
class Lifetimes:
    """How long what BMW hands out is good for, in seconds."""

    code_s: float = 300
    access_token_s: float = 3600
    id_token_s: float = 3600
    refresh_token_s: float = 14 * 24 * 3600


@dataclass(slots=True, kw_only=True)
class Grant:
    """Tokens handed out together."""

    user: CarDataUser
    client_id: str
    scope: tuple[str, ...]
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    id_token: str | None = field(repr=False)
    access_expires_at: datetime
    id_expires_at: datetime
    refresh_expires_at: datetime
    replaced_at: datetime | None = None
    """When a refresh made newer tokens of the refresh token."""


@dataclass(slots=True)
class UserRegistry:
    """Who is a customer, and which tokens are good."""

    users: list[CarDataUser]
    clock: Callable[[], datetime]
    lifetimes: Lifetimes
    refresh_grace_s: float = 0.0
    """How long a refresh token still works after it was used; BMW gives it no time at all."""
    rotates: bool = True
    """Whether a refresh hands out a new refresh token in place of the used one."""
    _by_access_token: dict[str, Grant] = field(default_factory=dict)
    _by_refresh_token: dict[str, Grant] = field(default_factory=dict)
    _by_id_token: dict[str, Grant] = field(default_factory=dict)

    def user_of_client(self, client_id: str) -> CarDataUser | None:
        """Return whose client this is."""
        return next((user for user in self.users if client_id in user.client_ids), None)

    def owner(self, vin: str) -> CarDataUser | None:
        """Return the main user of a car."""
        return next((user for user in self.users if user.car(vin) is not None), None)

    def issue(
        self, user: CarDataUser, client_id: str, scope: Iterable[str], refresh_token: str = ""
    ) -> Grant:
        """Hand out new tokens, with a new refresh token unless one is given."""
        now, lifetimes = self.clock(), self.lifetimes
        # A JWT tells its expiry in whole seconds.
        id_expires_at = (now + timedelta(seconds=lifetimes.id_token_s)).replace(microsecond=0)
        scopes = list(scope)
        secrets.SystemRandom().shuffle(scopes)
        grant = Grant(
            user=user,
            client_id=client_id,
            scope=tuple(scopes),
            access_token=secrets.token_urlsafe(32),
            refresh_token=refresh_token or secrets.token_urlsafe(32),
            id_token=None,
            access_expires_at=now + timedelta(seconds=lifetimes.access_token_s),
            id_expires_at=id_expires_at,
            refresh_expires_at=now + timedelta(seconds=lifetimes.refresh_token_s),
        )
        if "openid" in scopes:
            grant.id_token = jwt(_claims(grant, now))
            self._by_id_token[grant.id_token] = grant
        self._by_access_token[grant.access_token] = grant
        self._by_refresh_token[grant.refresh_token] = grant
        return grant

    def refresh(self, refresh_token: str, client_id: str) -> Grant | None:
        """Turn a refresh token into new tokens; `None` if it is not good for that."""
        grant, now = self._by_refresh_token.get(refresh_token), self.clock()
        if grant is None or grant.client_id != client_id or now >= grant.refresh_expires_at:
            return None
        if not set(grant.scope) <= grant.user.granted | ALWAYS_GRANTED:
            return None
        if grant.replaced_at is not None:
            grace = timedelta(seconds=self.refresh_grace_s)
            if now >= grant.replaced_at + grace:
                return None
        elif self.rotates:
            grant.replaced_at = now
        kept = "" if self.rotates else refresh_token
        return self.issue(grant.user, client_id, grant.scope, kept)

    @property
    def issued(self) -> list[Grant]:
        """What was handed out so far and not revoked."""
        return list(self._by_access_token.values())

    def by_access_token(self, access_token: str) -> Grant | None:
        """Return what was handed out with an access token, be it expired or not."""
        return self._by_access_token.get(access_token)

    def by_id_token(self, id_token: str) -> Grant | None:
        """Return what was handed out with an id token, be it expired or not."""
        return self._by_id_token.get(id_token)

    def revoke(self, user: CarDataUser | None = None) -> None:
        """Make every token handed out so far, to a user or to anybody, stop working."""
        for tokens in (self._by_access_token, self._by_refresh_token, self._by_id_token):
            for token, grant in list(tokens.items()):
                if user is None or grant.user is user:
                    del tokens[token]

    def expire_access_tokens(self) -> None:
        """Let every access token handed out so far have expired."""
        for grant in self._by_access_token.values():
            grant.access_expires_at = self.clock()


def _claims(grant: Grant, now: datetime) -> dict[str, object]:
    gcid, issued = grant.user.gcid, int(now.timestamp())
    claims: dict[str, object] = {
        "iss": "https://customer.bmwgroup.com/oneid",
        "sub": gcid,
        "aud": grant.client_id,
        "azp": grant.client_id,
        "iat": issued,
        "auth_time": issued,
        "exp": int(grant.id_expires_at.timestamp()),
        "jti": str(uuid.uuid4()),
        "at_hash": secrets.token_urlsafe(16),
        "tokenType": "JWTToken",
        "tokenName": "id_token",
        "realm": "/customers",
        "acr": "0",
        "amr": ["device"],
        "auditTrackingId": str(uuid.uuid4()),
        "ops": secrets.token_urlsafe(24),
        "gcid": gcid,
    }
    if STREAM_SCOPE in grant.scope:
        claims["dynamic scopes"] = f"read:streaming/*/{gcid}.*"
    return claims
