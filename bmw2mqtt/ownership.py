"""Whose car it is: of the accounts that have it, the first in the configuration.

Accounts list their cars one after the other. So that a car does not change hands at each start, it
is remembered who showed it last; whoever comes later waits until that account has told its cars, or
cannot.
"""

from collections.abc import Iterable, Mapping, Sequence

import structlog

log = structlog.get_logger(__name__)


class Ownership:
    """Which account shows which car."""

    def __init__(self, accounts: Sequence[str]) -> None:
        """Prepare it; `accounts` are in the order of the configuration."""
        self._precedence = {name: index for index, name in enumerate(accounts)}
        self._claims: dict[str, set[str]] = {}
        """The accounts that have a car, by VIN."""
        self._remembered: dict[str, str] = {}
        self._is_silent: set[str] = set()
        """Accounts that cannot tell which cars they have."""
        self._left_out: set[tuple[str, str]] = set()
        """Cars and the accounts that do not show them; each was logged."""
        self.listed: set[str] = set()
        """Accounts that have told all their cars."""

    def remember(self, owners: Mapping[str, object]) -> None:
        """Take who showed which car in an earlier run."""
        for vin, account in owners.items():
            if isinstance(account, str) and account in self._precedence:
                self._remembered[vin] = account

    def owners(self) -> dict[str, str]:
        """Return the account of each car."""
        return {vin: owner for vin in self._claims if (owner := self.owner(vin))}

    def owner(self, vin: str) -> str | None:
        """Return the account that shows a car; `None` for a car that nobody has."""
        claims = self._claims.get(vin)
        if not claims:
            return None
        candidates = set(claims)
        known = self._remembered.get(vin)
        if known is not None and known not in self.listed | self._is_silent:
            candidates.add(known)
        return min(candidates, key=self._precedence.__getitem__)

    def take(self, account: str, vins: Iterable[str], *, is_complete: bool) -> set[str]:
        """Take which cars an account has; return those that it has no longer."""
        for vin in vins:
            self._claims.setdefault(vin, set()).add(account)
            self._say_left_out(vin)
        if not is_complete:
            return set()
        self.listed.add(account)
        gone = {vin for vin, claims in self._claims.items() if account in claims} - set(vins)
        for vin in gone:
            self._claims[vin].discard(account)
        return gone

    def silent(self, account: str, *, is_silent: bool) -> None:
        """Take it that an account cannot tell its cars now, or can again."""
        (self._is_silent.add if is_silent else self._is_silent.discard)(account)

    def _say_left_out(self, vin: str) -> None:
        first, *others = sorted(self._claims[vin], key=self._precedence.__getitem__)
        for other in others:
            if (vin, other) not in self._left_out:
                self._left_out.add((vin, other))
                log.warning("vehicle_in_two_accounts", vin=vin, belongs_to=first, left_out_of=other)
