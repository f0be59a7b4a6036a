"""What an account remembers over a restart."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from bmw2mqtt.accounts.store import Store
from bmw2mqtt.vehicle.errors import StoreError

log = structlog.get_logger(__name__)


class StateFile:
    """The file `account-{name}.json`: one part each for whoever has something to remember."""

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account
        self._document: dict[str, Any] | None = None
        self._is_failing = False

    def recall(self, part: str) -> dict[str, Any]:
        """Return what was remembered last; `{}` if nothing was."""
        content = self._load().get(part)
        return dict(content) if isinstance(content, dict) else {}

    def remember(self, part: str, content: Mapping[str, Any]) -> None:
        """Write down a part, off the event loop; trouble is logged once and it is kept in memory.

        Who must not go on before it is on disk awaits `saved`.
        """
        document = self._load()
        if document.get(part) == content:
            return
        document[part] = dict(content)
        self._store.save_later(self._file, document, self._report)

    async def saved(self) -> None:
        """Wait until what was remembered by now is on disk, or could not be written."""
        await self._store.flushed()

    def _report(self, error: StoreError | None) -> None:
        if error and not self._is_failing:
            log.error(
                "memory_not_saved",
                account=self._account,
                reason=str(error),
                remedy="make room, or let the bridge write there; until then a restart forgets",
            )
        self._is_failing = error is not None

    def _load(self) -> dict[str, Any]:
        if self._document is None:
            self._document = self._store.load(self._file)
        return self._document

    @property
    def _file(self) -> str:
        return f"account-{self._account}"


def moment(text: object) -> datetime | None:
    """Read a time from a file; `None` if it is none."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
