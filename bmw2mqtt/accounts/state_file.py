"""What an account keeps over a restart, apart from tokens and readings."""

from datetime import datetime
from typing import Any, TypeVar

import structlog

from bmw2mqtt.accounts.state_document import StateDocument
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.log_once import LogOnce
from bmw2mqtt.vehicle.errors import StoreError

log = structlog.get_logger(__name__)

DocumentT = TypeVar("DocumentT", bound=StateDocument)

WRITE_EVERY_S = 60.0
"""How often a file may be written for what a crash may cost: flash memory wears out."""


class StateFile:
    """The file `account-{name}.json`: one document for each part of the account with state."""

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account
        self._content: dict[str, Any] | None = None
        self._write_errors = LogOnce()

    def read(self, part: str, kind: type[DocumentT], now: datetime) -> DocumentT:
        """Return a part as it was written last; its defaults where nothing valid is there.

        Times out of their bounds, as seen from `now`, are left out.
        """
        return kind.parse(self._load().get(part), now)

    def write(self, part: str, document: StateDocument, *, can_wait: bool = False) -> None:
        """Replace a part. The disk is written off the event loop; a failure is logged once.

        What a crash may cost (`can_wait`) is written once a minute at most.
        """
        self._replace(part, document.content(), every_s=WRITE_EVERY_S if can_wait else 0)

    def _replace(self, part: str, new: dict[str, Any], *, every_s: float) -> None:
        content = self._load()
        if content.get(part) != new:
            content[part] = new
            self._store.save_later(self._file, content, self._written, every_s=every_s)

    async def saved(self) -> None:
        """Wait until everything that cannot wait is on disk, or has failed to get there."""
        await self._store.writer.flushed()

    def _written(self, error: StoreError | None) -> None:
        if error is None:
            self._write_errors.is_over(self._file)
        elif self._write_errors.is_new(self._file):
            log.error(
                "state_not_saved",
                account=self._account,
                reason=str(error),
                remedy="make room, or let bmw2mqtt write there; until then a restart loses it",
            )

    def _load(self) -> dict[str, Any]:
        if self._content is None:
            self._content = self._store.load(self._file)
        return self._content

    @property
    def _file(self) -> str:
        return f"account-{self._account}"
