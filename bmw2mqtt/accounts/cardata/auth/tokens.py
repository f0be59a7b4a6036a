"""BMW's OAuth tokens: on disk before they are used, renewed before they expire.

A refresh token works once and for 14 days. If the newest one is lost, a person has to log in again.
"""

import asyncio
import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BeforeValidator, PlainSerializer, StringConstraints

from bmw2mqtt.accounts.cardata.auth.oauth import SCOPES, OAuth, OAuthRefusal, read_seconds
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_document import Time
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.token_file import TokenFile
from bmw2mqtt.vehicle.errors import AccountError, BadAnswer, LoginOutage, LoginRequired

REFRESH_TOKEN_LIFE = timedelta(days=14)
RENEW_AHEAD = timedelta(minutes=10)
RENEW_JITTER_S = 60
RENEW_AT_MOST_EVERY = timedelta(seconds=60)
"""Also if BMW sends a shorter lifetime, or refuses the tokens."""
PAUSE_AFTER_FAILURE = timedelta(seconds=30)
CLOSE_WITHIN_S = 5
_LIFETIME_S = 3600
_CLOCK_SLACK = timedelta(minutes=5)
_LOST = {"invalid_grant", "expired_token"}
_GCID = r"^[A-Za-z0-9_.~-]{1,200}$"
"""It becomes part of a topic."""
_UNKNOWN_CLIENT = {"invalid_client", "unauthorized_client"}

_Secret = Annotated[str, StringConstraints(min_length=1)]
_Scope = Annotated[
    frozenset[str],
    BeforeValidator(lambda value: _scope(value) if isinstance(value, str) else value),
    PlainSerializer(lambda scope: " ".join(sorted(scope))),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthTokens:
    """What a login yields; `repr` shows no secret."""

    gcid: Annotated[str, StringConstraints(pattern=_GCID)] = field(repr=False)
    """The account's id at BMW: the stream's user name."""
    access_token: _Secret = field(repr=False)
    id_token: _Secret = field(repr=False)
    """The stream's password."""
    refresh_token: _Secret = field(repr=False)
    scope: _Scope
    issued_at: Time
    expires_at: Time
    """Until when access and id token work."""

    @classmethod
    def parse(cls, answer: Mapping[str, Any], now: datetime, previous: Self | None = None) -> Self:
        """Read BMW's answer; what a renewal leaves out is kept from the tokens before.

        Raises:
            BadAnswer: a token is missing.
        """
        texts = {
            name: _text(answer.get(name)) or (getattr(previous, name) if previous else "")
            for name in ("gcid", "refresh_token")
        }
        if not re.match(_GCID, texts["gcid"]):
            texts["gcid"] = ""
        texts |= {name: _text(answer.get(name)) for name in ("access_token", "id_token")}
        missing = sorted(name for name, text in texts.items() if not text)
        if missing:
            raise BadAnswer(f"BMW sent no {', '.join(missing)}; trying again")
        scope = _text(answer.get("scope"))
        life_s = read_seconds(answer.get("expires_in"), _LIFETIME_S, 24 * _LIFETIME_S)
        return cls(
            **texts,
            scope=_scope(scope) if scope else previous.scope if previous else frozenset(SCOPES),
            issued_at=now,
            expires_at=now + timedelta(seconds=life_s),
        )

    def secrets(self) -> Iterable[str]:
        """Return everything in them that must not reach a log."""
        return (self.access_token, self.id_token, self.refresh_token, self.gcid)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _scope(text: str) -> frozenset[str]:
    return frozenset(text.split())


class _Failure(NamedTuple):
    error: AccountError
    at: datetime


class Credentials:
    """The tokens of one account: on disk before they are used."""

    def __init__(
        self, account: str, oauth: OAuth, store: Store, now: Callable[[], datetime] = utc_now
    ) -> None:
        self.current: OAuthTokens | None = None
        self.renew_at: datetime | None = None
        """When `fresh` renews them: ahead of their expiry."""
        self._oauth = oauth
        self._file = TokenFile(
            store, account, OAuthTokens, owner={"client_id": oauth.client_id}, now=now
        )
        self._now = now
        self._replacing = asyncio.Lock()
        """Held while new tokens go to the disk, so that nothing older replaces them."""
        self._renewal: asyncio.Task[OAuthTokens] | None = None
        self._renewed_at: datetime | None = None
        self._failure: _Failure | None = None
        self._lost: str | None = None
        """Why BMW requires a login."""
        self._bad_requests = 0

    def restore(self) -> None:
        """Use what an earlier run saved, unless it is for another client id."""
        if tokens := self._file.read():
            self._use(tokens)

    async def replace(self, tokens: OAuthTokens) -> None:
        """Save new tokens, then use them."""
        async with self._replacing:
            await self._file.write(tokens)
            self._use(tokens)

    async def fresh(self) -> OAuthTokens:
        """Return tokens that work for some more minutes, renewed if need be.

        Raises:
            AccountError: as `renew`.
        """
        tokens = self._present()
        if not self._file.is_saved:
            await self._save_again(tokens)
        if self.renew_at and self._is_within(tokens, self.renew_at):
            return tokens
        try:
            return await self.renew()
        except LoginRequired:
            raise
        except AccountError:
            if self._is_within(tokens, tokens.expires_at):
                return tokens  # they still work; there is time to try again
            raise

    async def renew(self) -> OAuthTokens:
        """Renew them now; callers at the same time share one renewal.

        Tokens that are less than a minute old are returned as they are.

        Raises:
            LoginRequired: BMW will not renew them any more.
            LoginOutage: BMW's login is out of order; the tokens are kept.
            NoConnection: BMW was not reached; the tokens are kept.
        """
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(_retrieve_error)
        # A cancelled caller must not lose the new tokens: the old ones stop working.
        return await asyncio.shield(self._renewal)

    async def close(self) -> None:
        """Wait for a running renewal: its tokens would be lost."""
        if self._renewal is not None:
            await asyncio.wait([self._renewal], timeout=CLOSE_WITHIN_S)

    async def _renew(self) -> OAuthTokens:
        tokens = self._present()
        now = self._now()
        if self._renewed_at and timedelta() <= now - self._renewed_at < RENEW_AT_MOST_EVERY:
            return tokens
        if self._failure and timedelta() <= now - self._failure.at < PAUSE_AFTER_FAILURE:
            raise type(self._failure.error)(str(self._failure.error))
        try:
            renewed = await self._ask(tokens, now)
        except LoginRequired as error:
            async with self._replacing:
                if self.current is not tokens:
                    return self._present()  # a new login has come meanwhile
                self._lost = str(error)
                self.current = self.renew_at = None
                self._file.delete()
            raise
        except AccountError as error:
            self._failure = _Failure(error, now)
            raise
        async with self._replacing:
            if self.current is not tokens:
                return self._present()
            await self._file.write(renewed)
            self._use(renewed)
            self._renewed_at = now
        return renewed

    def _present(self) -> OAuthTokens:
        if self.current is None:
            raise LoginRequired(self._lost or "BMW wants a login: begin one and confirm its code")
        return self.current

    def _is_within(self, tokens: OAuthTokens, end: datetime) -> bool:
        """Whether it is before `end`, and the clock was not set back since the tokens came."""
        return tokens.issued_at - _CLOCK_SLACK <= self._now() < end

    async def _ask(self, tokens: OAuthTokens, now: datetime) -> OAuthTokens:
        try:
            answer = await self._oauth.refresh(tokens.refresh_token)
        except OAuthRefusal as refusal:
            raise self._read_refusal(refusal, now - tokens.issued_at) from refusal
        self._bad_requests = 0
        try:
            return OAuthTokens.parse(answer, now, previous=tokens)
        except BadAnswer as error:
            if newer := _text(answer.get("refresh_token")):
                async with self._replacing:
                    if self.current is tokens:
                        # the old one has stopped working
                        self.current = replace(tokens, refresh_token=newer)
                        await self._file.write(self.current)
            raise LoginOutage(str(error)) from error

    def _read_refusal(self, refusal: OAuthRefusal, age: timedelta) -> AccountError:
        """Return the error for a refusal to renew.

        BMW calls an expired token a bad request, too: the second one in a row counts as lost.
        """
        if refusal.is_outage:
            return LoginOutage(f"BMW's login is out of order ({refusal}); trying again")
        if refusal.word in _UNKNOWN_CLIENT:
            return LoginRequired(
                "BMW does not know the client any more: create one in BMW's portal, set client_id"
                " and log in again"
            )
        self._bad_requests += refusal.word == "invalid_request"
        if refusal.word in _LOST or self._bad_requests > 1:
            if age > REFRESH_TOKEN_LIFE:
                return LoginRequired(
                    "bmw2mqtt was off for more than 14 days, so BMW's login has expired: log in"
                    " again"
                )
            return LoginRequired(
                f"BMW's login is lost ({refusal.word}): log in again; it happens when a service is"
                " switched off in the portal, or another program uses the same tokens"
            )
        return LoginOutage(f"BMW does not renew the login ({refusal}); trying again")

    def _use(self, tokens: OAuthTokens) -> None:
        lifetime = tokens.expires_at - tokens.issued_at
        ahead = RENEW_AHEAD + timedelta(seconds=random.uniform(0, RENEW_JITTER_S))
        self.current = tokens
        self.renew_at = max(
            tokens.expires_at - min(ahead, lifetime / 4), tokens.issued_at + RENEW_AT_MOST_EVERY
        )
        self._failure = self._lost = self._renewed_at = None
        self._bad_requests = 0

    async def _save_again(self, tokens: OAuthTokens) -> None:
        async with self._replacing:
            if self.current is tokens:
                await self._file.write(tokens)


def _retrieve_error(renewal: asyncio.Task[OAuthTokens]) -> None:
    """Retrieve a renewal's exception, so that asyncio does not log it."""
    if not renewal.cancelled():
        renewal.exception()
