"""Vehicle ownership: of the accounts that have a car, the first in the configuration publishes it.

Accounts list their cars one after the other. So that a car does not change its account at each
start, the owners of the last run are remembered: an account that comes later in the configuration
waits until the remembered one has listed its cars, or cannot.
"""

from collections.abc import Iterable, Mapping, Sequence

import structlog

from bmw2mqtt.log_once import LogOnce

log = structlog.get_logger(__name__)


class Ownership:
    """Which account publishes which car."""

    def __init__(self, accounts: Sequence[str]) -> None:
        """Prepare it; `accounts` are in the order of the configuration."""
        self._precedence = {name: index for index, name in enumerate(accounts)}
        self._claims: dict[str, set[str]] = {}
        """The accounts that have a car, by VIN."""
        self._remembered: dict[str, str] = {}
        self._unavailable: set[str] = set()
        """Accounts that cannot list their cars now."""
        self._in_two_accounts = LogOnce()
        self.listed: set[str] = set()
        """Accounts that have listed all their cars."""

    def restore(self, owners: Mapping[str, object]) -> None:
        """Remember the owners of an earlier run."""
        for vin, account in owners.items():
            if isinstance(account, str) and account in self._precedence:
                self._remembered[vin] = account

    def owners(self) -> dict[str, str]:
        """Return the account of each car."""
        return {vin: owner for vin in self._claims if (owner := self.owner(vin))}

    def new_owners(self, before: Mapping[str, str]) -> set[str]:
        """Return the accounts that own a car which another one owned before."""
        return {own for vin, own in self.owners().items() if before.get(vin) not in {None, own}}

    def owner(self, vin: str) -> str | None:
        """Return the account that publishes a car; `None`: no account has it."""
        claims = self._claims.get(vin)
        if not claims:
            return None
        known = self._remembered.get(vin)
        if known is not None and known not in self.listed and known not in self._unavailable:
            claims = claims | {known}
        return min(claims, key=self._precedence.__getitem__)

    def update(self, account: str, vins: Iterable[str], *, is_complete: bool) -> set[str]:
        """Record which cars an account has; return those that it has no longer."""
        for vin in vins:
            self._claims.setdefault(vin, set()).add(account)
            self._log_if_in_two_accounts(vin)
        if not is_complete:
            return set()
        self.listed.add(account)
        gone = {vin for vin, claims in self._claims.items() if account in claims} - set(vins)
        for vin in gone:
            self._claims[vin].discard(account)
        return gone

    def set_available(self, account: str, *, is_available: bool) -> None:
        """Record whether an account can list its cars now."""
        (self._unavailable.discard if is_available else self._unavailable.add)(account)

    def _log_if_in_two_accounts(self, vin: str) -> None:
        first, *others = sorted(self._claims[vin], key=self._precedence.__getitem__)
        for other in others:
            if self._in_two_accounts.is_new((vin, other)):
                log.warning("vehicle_in_two_accounts", vin=vin, belongs_to=first, left_out_of=other)
