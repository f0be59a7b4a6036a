"""The tokens of one login on disk: written before they are used, as the old ones stop working."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Final, Generic, Protocol, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

from bmw2mqtt.accounts.store import Store
from bmw2mqtt.log import hide
from bmw2mqtt.log_once import LogOnce
from bmw2mqtt.vehicle.errors import StoreError

log = structlog.get_logger(__name__)

_adapter_of: Final = cache(TypeAdapter)


class Tokens(Protocol):
    """What a login yields."""

    @property
    def issued_at(self) -> datetime:
        """When BMW issued them."""

    def secrets(self) -> Iterable[str]:
        """Return everything in them that must not reach a log."""


TokensT = TypeVar("TokensT", bound=Tokens)


class TokenFile(Generic[TokensT]):
    """The file `tokens-{account}.json`, readable by the bridge's own user alone."""

    def __init__(
        self,
        store: Store,
        account: str,
        kind: type[TokensT],
        *,
        owner: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        """Prepare it; nothing is read yet.

        The `owner` is the login that the tokens belong to; it is written beside them, and tokens of
        another one are ignored.
        """
        self.is_saved = True
        """Whether the newest tokens are on disk."""
        self._store = store
        self._account = account
        self._name = f"tokens-{account}"
        self._adapter: TypeAdapter[TokensT] = _adapter_of(kind)
        self._owner = dict(owner)
        self._now = now
        self._write_errors = LogOnce()

    def read(self) -> TokensT | None:
        """Return the newest tokens of this login; `None` if there are none or they are damaged."""
        draft = self._validated(self._store.load_draft(self._name))
        saved = self._validated(self._store.load(self._name))
        if draft is not None and (saved is None or draft.issued_at > saved.issued_at):
            saved = draft  # the process was killed between writing and renaming
            try:
                self._store.adopt_draft(self._name)
            except StoreError as error:
                self._record(error)
        if saved is not None:
            self.hide(saved)
        return saved

    def hide(self, tokens: TokensT) -> None:
        """Keep these tokens out of the log, and no longer those before them."""
        hide(self._name, tokens.secrets())

    async def write(self, tokens: TokensT) -> None:
        """Write tokens and wait for the disk; a failure is logged once, see `is_saved`."""
        self.hide(tokens)
        content = self._adapter.dump_python(tokens, mode="json")
        try:
            await self._store.save_now(self._name, {**self._owner, **content})
        except StoreError as error:
            self._record(error)
        else:
            self._record(None)

    def delete(self) -> None:
        """Remove the tokens from the disk."""
        self._store.save_later(self._name, {}, self._record)

    def _validated(self, content: Mapping[str, object]) -> TokensT | None:
        if not content or any(content.get(key) != value for key, value in self._owner.items()):
            return None
        try:
            return self._adapter.validate_python(dict(content), context=self._now())
        except ValidationError:
            return None

    def _record(self, error: StoreError | None) -> None:
        self.is_saved = error is None
        if error is None:
            self._write_errors.is_over(self._name)
        elif self._write_errors.is_new(self._name):
            log.error(
                "tokens_not_saved",
                account=self._account,
                reason=str(error),
                remedy="make room, or let bmw2mqtt write there; until then a restart needs a login",
            )
