"""Accounts at the simulated BMW, and the issued tokens."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from .cars import SimulatedCar

Region = Literal["china", "north_america", "rest_of_world"]
"""The regions, each with its own accounts; a code in the app's `x-user-agent` names it."""

REGION_OF_CODE: Final[dict[str, Region]] = {
    "cn": "china",
    "na": "north_america",
    "row": "rest_of_world",
}


@dataclass(slots=True, kw_only=True)
class SimulatedUser:
    """A user with an account in one region, and its cars.

    In china the user name is the phone number with the prefix 86.
    """

    username: str
    password: str = field(repr=False)
    region: Region = "rest_of_world"
    cars: Sequence[SimulatedCar] = ()

    @property
    def gcid(self) -> str:
        """BMW's identifier of the user, the same in every run."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.username}.{self.region}.gcid"))

    def car(self, vin: str | None) -> SimulatedCar | None:
        """Return the car with this VIN if it is this user's."""
        return next((car for car in self.cars if car.vin == vin), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTokens:
    """The tokens that a login or a refresh issues."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime


@dataclass(slots=True)
class _AccessToken:
    user: SimulatedUser
    expires_at: datetime


@dataclass(slots=True)
class AppAccounts:
    """All users and all issued tokens.

    A refresh token is valid for one refresh, and for another `refresh_grace_s` after it; an access
    token until it expires.
    """

    users: list[SimulatedUser]
    clock: Callable[[], datetime]
    access_token_lifetime_s: float
    refresh_grace_s: float = 0.0
    _access: dict[str, _AccessToken] = field(default_factory=dict)
    _refresh: dict[str, SimulatedUser] = field(default_factory=dict)
    _used_at: dict[str, datetime] = field(default_factory=dict)
    """Used refresh tokens, and when each was first used."""
    _issued: set[str] = field(default_factory=set)

    @classmethod
    def of(
        cls,
        users: Iterable[SimulatedUser],
        *,
        clock: Callable[[], datetime],
        access_token_lifetime_s: float,
        refresh_grace_s: float = 0.0,
    ) -> AppAccounts:
        """Create accounts for `users`."""
        return cls(list(users), clock, access_token_lifetime_s, refresh_grace_s)

    def log_in(self, username: str, password: str, region: Region | None) -> SimulatedUser | None:
        """Return the user with these credentials, or `None`."""
        for user in self.users:
            if (user.username, user.region) == (username, region):
                return user if user.password == password else None
        return None

    def issue(self, user: SimulatedUser, access_token: str | None = None) -> IssuedTokens:
        """Issue a new pair of tokens, with the given access token if there is one."""
        now = self.clock()
        tokens = IssuedTokens(
            access_token=access_token or secrets.token_urlsafe(24),
            refresh_token=secrets.token_urlsafe(24),
            issued_at=now,
            expires_at=self.next_expiry(now),
        )
        self._access[tokens.access_token] = _AccessToken(user, tokens.expires_at)
        self._refresh[tokens.refresh_token] = user
        self._issued |= {tokens.access_token, tokens.refresh_token}
        return tokens

    def next_expiry(self, now: datetime) -> datetime:
        """Return when an access token issued `now` expires."""
        return now + timedelta(seconds=self.access_token_lifetime_s)

    def redeem(self, refresh_token: str, region: Region | None) -> SimulatedUser | None:
        """Use a refresh token: return its user, or `None` if it is not valid in this region."""
        user = self.owner(refresh_token)
        if user is None or user.region != region:
            return None
        self._used_at.setdefault(refresh_token, self.clock())
        return user

    def owner(self, refresh_token: str) -> SimulatedUser | None:
        """Return the user of a valid refresh token, without using it."""
        used_at = self._used_at.get(refresh_token)
        if used_at and self.clock() - used_at >= timedelta(seconds=self.refresh_grace_s):
            return None
        return self._refresh.get(refresh_token)

    def authenticate(self, access_token: str, region: Region | None) -> SimulatedUser | None:
        """Return the user of an access token, or `None` if it is not valid in this region."""
        access = self._access.get(access_token)
        if access is None or access.user.region != region:
            return None
        return access.user if self.clock() < access.expires_at else None

    @property
    def issued(self) -> frozenset[str]:
        """Every issued access and refresh token."""
        return frozenset(self._issued)

    def expire_access_tokens(self) -> None:
        """Invalidate all issued access tokens."""
        self._access.clear()

    def revoke_refresh_tokens(self) -> None:
        """Invalidate all issued refresh tokens."""
        self._refresh.clear()
