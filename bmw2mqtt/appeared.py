"""Memory of the entities that have had a value: they stay announced when it becomes unknown.

Many values are known only from time to time: the power while a car charges, the destination while
it is driven. Without this memory their entities would come and go, and with them their history.
"""

from typing import Final

import structlog

from bmw2mqtt.accounts.store import Store
from bmw2mqtt.mqtt.device import Appeared
from bmw2mqtt.vehicle.errors import StoreError
from bmw2mqtt.vehicle.vin import is_vin

log = structlog.get_logger(__name__)
_FILE: Final = "entities"


class AppearedEntities:
    """The ids of the entities of each car that have had a value; kept over a restart."""

    def __init__(self, store: Store | None) -> None:
        """Start empty; without a store nothing outlives the process."""
        self._store = store
        self._ids: dict[tuple[str, str], set[str]] = {}
        """By account and VIN: another backend knows other values."""

    def restore(self) -> None:
        """Load what an earlier run has saved; entries of another form are left out."""
        document = self._store.load(_FILE) if self._store is not None else {}
        for account, cars in document.items():
            for vin, ids in cars.items() if isinstance(cars, dict) else ():
                if is_vin(vin) and isinstance(ids, list):
                    self._ids[account, vin] = {name for name in ids if isinstance(name, str)}

    def of(self, account: str, vin: str, *, waits_for_all: bool) -> Appeared:
        """Return the memory of one car; `waits_for_all` as in `Appeared`."""
        ids = self._ids.setdefault((account, vin), set())
        return Appeared(ids, self._save, waits_for_all)

    def forget(self, account: str, vin: str) -> None:
        """Remove a car that has left the account."""
        if self._ids.pop((account, vin), None):
            self._save()

    def _save(self) -> None:
        """Write all sets to disk, in the background."""
        if self._store is None:
            return
        document: dict[str, dict[str, list[str]]] = {}
        for (account, vin), ids in self._ids.items():
            document.setdefault(account, {})[vin] = sorted(ids)
        self._store.save_later(_FILE, document, _log_save_error)


def _log_save_error(error: StoreError | None) -> None:
    if error:
        log.debug("appeared_entities_not_saved", reason=str(error))
