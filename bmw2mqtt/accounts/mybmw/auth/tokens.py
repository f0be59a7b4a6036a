"""BMW's tokens on disk: saved as soon as BMW's answer is read, before the new ones are used."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog

from bmw2mqtt.accounts.mybmw.auth.authentication import Authentication
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_file import moment
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.log import hide
from bmw2mqtt.vehicle.errors import StoreError

log = structlog.get_logger(__name__)

SESSION_LIFE = timedelta(days=14)
"""After which the library's own program makes a new session id."""
_FIELDS = ("refresh_token", "gcid", "access_token", "session_id")


class TokenFile:
    """The tokens of one account: `tokens-{account}.json`."""

    def __init__(self, store: Store, account: str, authentication: Authentication) -> None:
        self._store = store
        self._name = f"tokens-{account}"
        self._authentication = authentication
        self._owner = {"username": authentication.username, "region": authentication.region}
        self._session_at = utc_now()
        self._saved: dict[str, Any] = {}
        self._is_failing = False
        authentication.on_login = self.save

    def restore(self) -> None:
        """Give the library what an earlier run saved, unless it was for another login."""
        document = self._store.load(self._name)
        if any(document.get(key) != value for key, value in self._owner.items()):
            return
        session_id = self._authentication.session_id
        for field in _FIELDS:
            if isinstance(value := document.get(field), str):
                setattr(self._authentication, field, value)
        self._authentication.expires_at = moment(document.get("expires_at"))
        self._session_at = moment(document.get("session_at")) or self._session_at
        if not document.get("session_at"):
            self._authentication.session_id = session_id  # nobody knows how old the other one is
        self._renew_session()
        self._hide()

    def _hide(self) -> None:
        tokens = [getattr(self._authentication, field) for field in _FIELDS]
        hide(self._name, filter(None, tokens))

    async def save(self) -> None:
        """Write the library's tokens; a full disk is logged, the tokens stay in memory."""
        self._renew_session()
        self._hide()
        document: dict[str, Any] = {
            **self._owner,
            **{field: getattr(self._authentication, field) for field in _FIELDS},
            "expires_at": _text(self._authentication.expires_at),
            "session_at": _text(self._session_at),
        }
        if document == self._saved:
            return
        try:
            await self._store.save_now(self._name, document)
        except StoreError as error:
            if not self._is_failing:
                log.error("tokens_not_saved", reason=str(error), remedy="a restart needs a login")  # noqa: TRY400
            self._is_failing = True
        else:
            self._saved = document
            self._is_failing = False

    def _renew_session(self) -> None:
        """Let a session end as the library's own program does."""
        if not timedelta() <= utc_now() - self._session_at < SESSION_LIFE:
            self._session_at = utc_now()
            self._authentication.session_id = str(uuid4())


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
