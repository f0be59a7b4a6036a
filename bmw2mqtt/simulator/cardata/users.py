"""Users, their client IDs from BMW's portal, and the issued tokens."""

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
    """A user with cars and a CarData client; a test may change every attribute at any time."""

    name: str = "driver"
    client_ids: set[str] = field(default_factory=lambda: {CLIENT_ID})
    cars: list[CarDataCar] = field(default_factory=list)
    gcid: str = ""
    """BMW's identifier of the user; derived from the name if not given."""
    granted: set[str] = field(default_factory=lambda: {API_SCOPE, STREAM_SCOPE})
    """The services enabled in the portal. Disabling one invalidates its tokens."""
    secondary_vins: set[str] = field(default_factory=set)
    """The cars with another main user; they are listed, but no data is available."""
    streams_secondary: bool = False
    """Whether the stream carries those too, as some owners see it."""
    unconfigured_vins: set[str] = field(default_factory=set)
    """The cars without a stream configured in the portal."""
    selected_descriptors: set[str] | None = None
    """The descriptors selected for the stream in the portal; `None` is all."""
    containers: dict[str, Container] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gcid = self.gcid or str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.name}.gcid"))

    def car(self, vin: str) -> CarDataCar | None:
        """Return the car with this VIN if it is this user's, as the main user of it."""
        if vin in self.secondary_vins:
            return None
        return next((car for car in self.cars if car.vin == vin), None)

    def streams(self, vin: str) -> bool:
        """Return whether the stream carries this car's messages to this user."""
        is_carried = self.streams_secondary or vin not in self.secondary_vins
        is_listed = any(car.vin == vin for car in self.cars)
        return is_listed and is_carried and vin not in self.unconfigured_vins


@dataclass(slots=True, kw_only=True)
class Lifetimes:
    """The lifetimes of codes and tokens, in seconds."""

    code_s: float = 300
    access_token_s: float = 3600
    id_token_s: float = 3600
    refresh_token_s: float = 14 * 24 * 3600


@dataclass(slots=True, kw_only=True)
class Grant:
    """Tokens that were issued together."""

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
    """When the refresh token was used."""


@dataclass(slots=True)
class UserRegistry:
    """All users and all issued tokens."""

    users: list[CarDataUser]
    clock: Callable[[], datetime]
    lifetimes: Lifetimes
    refresh_grace_s: float = 0.0
    """How long a used refresh token stays valid; at BMW it is invalid at once."""
    rotates: bool = True
    """Whether a refresh issues a new refresh token."""
    _by_access_token: dict[str, Grant] = field(default_factory=dict)
    _by_refresh_token: dict[str, Grant] = field(default_factory=dict)
    _by_id_token: dict[str, Grant] = field(default_factory=dict)

    def user_of_client(self, client_id: str) -> CarDataUser | None:
        """Return the user with a client ID."""
        return next((user for user in self.users if client_id in user.client_ids), None)

    def stream_users(self, vin: str) -> list[CarDataUser]:
        """Return the users to whom the stream carries a car's messages."""
        return [user for user in self.users if user.streams(vin)]

    def issue(
        self, user: CarDataUser, client_id: str, scope: Iterable[str], refresh_token: str = ""
    ) -> Grant:
        """Issue new tokens, with a new refresh token unless one is given."""
        now, lifetimes = self.clock(), self.lifetimes
        # A JWT's expiry is in whole seconds.
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
        """Exchange a refresh token for new tokens; `None` if it is not valid."""
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
        """All issued tokens that are not revoked."""
        return list(self._by_access_token.values())

    def by_access_token(self, access_token: str) -> Grant | None:
        """Return the grant of an access token, expired or not."""
        return self._by_access_token.get(access_token)

    def by_id_token(self, id_token: str) -> Grant | None:
        """Return the grant of an ID token, expired or not."""
        return self._by_id_token.get(id_token)

    def revoke(self, user: CarDataUser | None = None) -> None:
        """Invalidate all issued tokens of one user, or of all users."""
        for tokens in (self._by_access_token, self._by_refresh_token, self._by_id_token):
            for token, grant in list(tokens.items()):
                if user is None or grant.user is user:
                    del tokens[token]

    def expire_access_tokens(self) -> None:
        """Expire all issued access tokens."""
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
