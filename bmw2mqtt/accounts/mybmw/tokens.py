"""BMW's tokens on disk: saved right after each login, before the new ones are used."""

from typing import Any

import structlog

from bmw2mqtt.accounts.memory import moment
from bmw2mqtt.accounts.mybmw.login import Authentication
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.vehicle.errors import StoreError

log = structlog.get_logger(__name__)

_FIELDS = ("refresh_token", "gcid", "access_token", "session_id")


class Tokens:
    """The tokens of one account: `tokens-{account}.json`."""

    def __init__(self, store: Store, account: str, authentication: Authentication) -> None:
        self._store = store
        self._name = f"tokens-{account}"
        self._authentication = authentication
        self._owner = {"username": authentication.username, "region": authentication.region}
        authentication.on_login = self.save

    def restore(self) -> None:
        """Give the library what an earlier run saved, unless it was for another login."""
        document = self._store.load(self._name)
        if any(document.get(key) != value for key, value in self._owner.items()):
            return
        for field in _FIELDS:
            if isinstance(value := document.get(field), str):
                setattr(self._authentication, field, value)
        self._authentication.expires_at = moment(document.get("expires_at"))

    def save(self) -> None:
        """Write the library's tokens; a full disk is logged, the tokens stay in memory."""
        expires_at = self._authentication.expires_at
        document: dict[str, Any] = {
            **self._owner,
            **{field: getattr(self._authentication, field) for field in _FIELDS},
            "expires_at": expires_at.isoformat() if expires_at else None,
        }
        try:
            self._store.save(self._name, document)
        except StoreError as error:
            log.error("tokens_not_saved", reason=str(error), remedy="a restart will need a login")  # noqa: TRY400
