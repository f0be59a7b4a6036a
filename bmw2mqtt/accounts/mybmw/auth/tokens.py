"""The library's tokens, saved as soon as BMW's answer is read, before the new ones are used."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import uuid4

from bmw2mqtt.accounts.mybmw.auth.authentication import Authentication
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_document import StateDocument, Time, within
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.token_file import TokenFile

SESSION_LIFE = timedelta(days=14)
"""After which the library's own program makes a new session id."""
_FIELDS = ("refresh_token", "gcid", "access_token", "session_id")


class MyBmwTokens(StateDocument):
    """What the library needs to continue without a password."""

    refresh_token: str | None = None
    gcid: str | None = None
    access_token: str | None = None
    session_id: str | None = None
    expires_at: Time | None = None
    session_at: Annotated[Time, within(past=SESSION_LIFE, future=timedelta())] | None = None
    """When the session id was made."""
    issued_at: Time = datetime.min.replace(tzinfo=UTC)

    def secrets(self) -> Iterable[str]:
        """Return everything in them that must not reach a log."""
        return [value for name in _FIELDS if (value := getattr(self, name))]


class SavedTokens:
    """Keeps the tokens of the library's authentication on disk."""

    def __init__(self, store: Store, account: str, authentication: Authentication) -> None:
        self._authentication = authentication
        self._file = TokenFile(
            store,
            account,
            MyBmwTokens,
            owner={"username": authentication.username, "region": authentication.region},
            now=utc_now,
        )
        self._session_at = utc_now()
        self._written: dict[str, Any] = {}
        authentication.on_login = self.save

    def restore(self) -> None:
        """Give the library what an earlier run saved, unless it was for another login."""
        tokens = self._file.read()
        if tokens is None:
            return
        for name in _FIELDS:
            if (value := getattr(tokens, name)) and (name != "session_id" or tokens.session_at):
                setattr(self._authentication, name, value)
        self._authentication.expires_at = tokens.expires_at
        self._session_at = tokens.session_at or self._session_at
        self._file.hide(self._current())

    async def save(self) -> None:
        """Write the library's tokens if they have changed, also after a failure to write them."""
        if not timedelta() <= utc_now() - self._session_at < SESSION_LIFE:
            self._session_at = utc_now()
            self._authentication.session_id = str(uuid4())
        tokens = self._current()
        values = tokens.model_dump(exclude={"issued_at"})
        if values != self._written or not self._file.is_saved:
            self._written = values
            await self._file.write(tokens)

    def _current(self) -> MyBmwTokens:
        values = {name: getattr(self._authentication, name) for name in _FIELDS}
        return MyBmwTokens(
            **values,
            expires_at=self._authentication.expires_at,
            session_at=self._session_at,
            issued_at=utc_now(),
        )
