"""BMW's tokens: on disk before they are used, renewed before they expire.

A refresh token works once and for 14 days. Whoever loses the newest one has to log in again.
"""

import asyncio
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

import structlog

from bmw2mqtt.accounts.cardata.auth.oauth import SCOPES, OAuth, OAuthRefusal
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_file import moment
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.log import hide
from bmw2mqtt.vehicle.errors import (
    AccountError,
    BadAnswer,
    LoginOutage,
    LoginRequired,
    StoreError,
)

log = structlog.get_logger(__name__)

REFRESH_TOKEN_LIFE = timedelta(days=14)
RENEW_AHEAD = timedelta(minutes=10)
RENEW_JITTER_S = 60
RENEW_AT_MOST_EVERY = timedelta(seconds=60)
"""Whatever BMW says of how long tokens work, and whoever refuses them."""
PAUSE_AFTER_FAILURE = timedelta(seconds=30)
CLOSE_WITHIN_S = 5
_LIFETIME_S = 3600
_CLOCK_SLACK = timedelta(minutes=5)
_LOST = {"invalid_grant", "expired_token"}
_GCID = re.compile(r"[\w.~-]{1,200}", re.ASCII)
"""It becomes part of a topic."""
_UNKNOWN_CLIENT = {"invalid_client", "unauthorized_client"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthTokens:
    """What a login yields; `repr` shows no secret."""

    gcid: str = field(repr=False)
    """The account's id at BMW: the stream's user name."""
    access_token: str = field(repr=False)
    id_token: str = field(repr=False)
    """The stream's password."""
    refresh_token: str = field(repr=False)
    scope: frozenset[str]
    issued_at: datetime
    expires_at: datetime
    """Until when access and id token work."""

    @classmethod
    def parse(cls, answer: Mapping[str, Any], now: datetime, previous: Self | None = None) -> Self:
        """Read BMW's answer; what a renewal leaves out is carried forward.

        Raises:
            BadAnswer: a token is missing.
        """
        texts = {
            name: _text(answer.get(name)) or (getattr(previous, name) if previous else "")
            for name in ("gcid", "refresh_token")
        }
        if not _GCID.fullmatch(texts["gcid"]):
            texts["gcid"] = ""
        texts |= {name: _text(answer.get(name)) for name in ("access_token", "id_token")}
        missing = sorted(name for name, text in texts.items() if not text)
        if missing:
            raise BadAnswer(f"BMW sent no {', '.join(missing)}; trying again")
        scope = _text(answer.get("scope"))
        return cls(
            **texts,
            scope=_scope(scope) if scope else previous.scope if previous else frozenset(SCOPES),
            issued_at=now,
            expires_at=now + timedelta(seconds=_seconds(answer.get("expires_in"))),
        )

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> Self | None:
        """Read what `document` has written; `None` if it is not whole."""
        issued_at, expires_at = (
            moment(document.get("issued_at")),
            moment(document.get("expires_at")),
        )
        if issued_at is None or expires_at is None:
            return None
        try:
            tokens = cls.parse(document, issued_at)
        except BadAnswer:
            return None
        return cls(**{name: getattr(tokens, name) for name in _FIELDS} | {"expires_at": expires_at})

    def document(self) -> dict[str, Any]:
        """Return it as it is kept on disk."""
        return {
            "gcid": self.gcid,
            "access_token": self.access_token,
            "id_token": self.id_token,
            "refresh_token": self.refresh_token,
            "scope": " ".join(sorted(self.scope)),
            "issued_at": self.issued_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
        }


_FIELDS = ("gcid", "access_token", "id_token", "refresh_token", "scope", "issued_at")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _scope(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _seconds(value: object) -> float:
    try:
        seconds = float(value) if isinstance(value, int | float | str) else _LIFETIME_S
    except (ValueError, OverflowError):
        return _LIFETIME_S
    return seconds if 0 < seconds <= 24 * _LIFETIME_S else _LIFETIME_S


class _Failure(NamedTuple):
    error: AccountError
    at: datetime


class Credentials:
    """The tokens of one account: in `tokens-{account}.json` before they are used."""

    def __init__(
        self, account: str, oauth: OAuth, store: Store, now: Callable[[], datetime] = utc_now
    ) -> None:
        self.current: OAuthTokens | None = None
        self.renew_at: datetime | None = None
        """When `fresh` renews them: ahead of their expiry."""
        self._account = account
        self._oauth = oauth
        self._store = store
        self._now = now
        self._is_saved = True
        self._taking = asyncio.Lock()
        """Held while new tokens go to the disk, so that nothing older replaces them."""
        self._renewal: asyncio.Task[OAuthTokens] | None = None
        self._renewed_at: datetime | None = None
        self._failure: _Failure | None = None
        self._lost: str | None = None
        """Why BMW wants a login."""
        self._bad_requests = 0

    def restore(self) -> None:
        """Take what an earlier run saved, unless it is for another client id."""
        drafted = self._known(self._store.load_draft(self._file))
        saved = self._known(self._store.load(self._file))
        if drafted and (saved is None or drafted.issued_at > saved.issued_at):
            self._adopt_draft()  # the process was killed between writing and renaming
            self._use(drafted)
        elif saved:
            self._use(saved)

    async def take(self, tokens: OAuthTokens) -> None:
        """Save new tokens, then use them."""
        async with self._taking:
            await self._save(tokens)
            self._use(tokens)

    def forget(self) -> None:
        """Give the login up, on disk too."""
        self.current = self.renew_at = None
        if not self._taking.locked():  # else a new login is on its way to the disk
            self._store.save_later(self._file, {}, self._report)

    async def fresh(self) -> OAuthTokens:
        """Return tokens that work for minutes yet, renewed if need be; else raise as `renew`."""
        tokens = self._present()
        if not self._is_saved:
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

        OAuthTokens that a renewal brought within the last minute are returned as they are.

        Raises:
            LoginRequired: BMW will not renew them any more.
            LoginOutage: BMW's login is out of order; the tokens are kept.
            NoConnection: BMW was not reached; the tokens are kept.
        """
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(_take_notice)
        # A caller that is cancelled must not lose the new tokens: the old ones are dead by then.
        return await asyncio.shield(self._renewal)

    async def close(self) -> None:
        """Wait for a renewal that is under way: its tokens would be lost."""
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
            async with self._taking:
                if self.current is not tokens:
                    return self._present()  # a new login has come meanwhile
                self._lost = str(error)
                self.current = self.renew_at = None
                self._store.save_later(self._file, {}, self._report)
            raise
        except AccountError as error:
            self._failure = _Failure(error, now)
            raise
        async with self._taking:
            if self.current is not tokens:
                return self._present()
            await self._save(renewed)
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
            raise self._meaning(refusal, now - tokens.issued_at) from refusal
        self._bad_requests = 0
        try:
            return OAuthTokens.parse(answer, now, previous=tokens)
        except BadAnswer as error:
            if newer := _text(answer.get("refresh_token")):
                async with self._taking:
                    if self.current is tokens:
                        self.current = replace(tokens, refresh_token=newer)  # the old one is dead
                        await self._save(self.current)
            raise LoginOutage(str(error)) from error

    def _meaning(self, refusal: OAuthRefusal, age: timedelta) -> AccountError:
        """Return what a refusal to renew means; BMW also calls an expired token a bad request."""
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
                    "the bridge was off for more than 14 days, so BMW's login has expired: log in"
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
        self._hide(tokens)
        self.current = tokens
        self.renew_at = max(
            tokens.expires_at - min(ahead, lifetime / 4), tokens.issued_at + RENEW_AT_MOST_EVERY
        )
        self._failure = self._lost = self._renewed_at = None
        self._bad_requests = 0

    def _hide(self, tokens: OAuthTokens) -> None:
        hide(self._file, (tokens.access_token, tokens.id_token, tokens.refresh_token, tokens.gcid))

    # On disk

    @property
    def _file(self) -> str:
        return f"tokens-{self._account}"

    def _known(self, document: Mapping[str, Any]) -> OAuthTokens | None:
        is_ours = document.get("client_id") == self._oauth.client_id
        return OAuthTokens.load(document) if is_ours else None

    def _document(self, tokens: OAuthTokens) -> dict[str, Any]:
        return {"client_id": self._oauth.client_id, **tokens.document()}

    def _adopt_draft(self) -> None:
        try:
            self._store.adopt_draft(self._file)
        except StoreError as error:
            self._report(error)

    async def _save_again(self, tokens: OAuthTokens) -> None:
        async with self._taking:
            if self.current is tokens:
                await self._save(tokens)

    async def _save(self, tokens: OAuthTokens) -> None:
        self._hide(tokens)
        try:
            await self._store.save_now(self._file, self._document(tokens))
        except StoreError as error:
            self._report(error)
        else:
            self._report(None)

    def _report(self, error: StoreError | None) -> None:
        if error and self._is_saved:
            log.error(
                "tokens_not_saved",
                account=self._account,
                reason=str(error),
                remedy="make room, or let the bridge write there; a restart will need a login",
            )
        self._is_saved = error is None


def _take_notice(renewal: asyncio.Task[OAuthTokens]) -> None:
    """Look at how a renewal ended, even if nobody waits for it any more."""
    if not renewal.cancelled():
        renewal.exception()
