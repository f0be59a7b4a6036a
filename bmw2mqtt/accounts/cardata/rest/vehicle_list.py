"""Which cars an account has: BMW's list of mappings, taken with a grain of salt.

BMW's lists are empty or short now and then, and what is lost with a car (its readings, its place in
Home Assistant) does not come back. So a car goes when two lists in a row miss it and it has told
nothing since the first.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from bmw2mqtt.accounts.state_file import moment
from bmw2mqtt.vehicle.errors import AccountError, BadAnswer
from bmw2mqtt.vehicle.vin import is_vin

log = structlog.get_logger(__name__)

MAX_WARNINGS = 100


class VehicleList:
    """The cars of one account."""

    def __init__(
        self,
        account: str,
        told_at: Callable[[], Mapping[str, datetime]],
        now: Callable[[], datetime],
    ) -> None:
        """Begin without a car.

        Args:
            account: its name, for the log.
            told_at: says when each car that has told anything last measured something.
            now: the wall clock.
        """
        self.vins: frozenset[str] = frozenset()
        self.listed_at: datetime | None = None
        """When BMW last listed them."""
        self._account = account
        self._told_at = told_at
        self._now = now
        self._missed: dict[str, datetime] = {}
        """Cars that BMW's last list does not name, and since when."""
        self._dropped: set[str] = set()
        """Cars that BMW lists and yet gives no data of."""
        self._warned: set[tuple[str, str]] = set()

    @property
    def served(self) -> frozenset[str]:
        """The cars that BMW gives data of."""
        return self.vins - self._missed.keys() - self._dropped

    @property
    def problem(self) -> AccountError | None:
        """Why there is no car, if BMW has said so."""
        if self.vins or self.listed_at is None:
            return None
        if self._dropped:
            return AccountError(
                "BMW gives no data of this account's cars: be their primary user in the My BMW app,"
                " with an active ConnectedDrive contract, then refresh"
            )
        return AccountError(
            "BMW names no car of which this account is the primary user: add the car in the My BMW"
            " app, or log in as its primary user, then refresh"
        )

    def take(self, answer: Any) -> None:
        """Take BMW's list.

        Raises:
            BadAnswer: it is none.
        """
        listed = self._primary(_entries(answer))
        now, told_at = self._now(), self._told_at()
        self._dropped &= listed
        served = listed - self._dropped
        missed = {}
        for vin in (self.vins | told_at.keys()) - served:
            since = self._missed.get(vin)
            if since is None or (vin in told_at and told_at[vin] >= since):
                log.info("car_missed", account=self._account, vin=vin)
                missed[vin] = now
        self._missed = missed
        self.vins = frozenset(served | missed.keys())
        self.listed_at = now

    def drop(self, vin: str) -> None:
        """Take it that BMW gives no data of a car; one that has told something may stay a while."""
        self._dropped.add(vin)
        if vin in self._told_at():
            self._missed.setdefault(vin, self._now())
        else:
            self.vins -= {vin}

    def try_again(self) -> None:
        """Let BMW be asked again about all cars that it lists."""
        self._dropped.clear()

    def restore(self, known: Mapping[str, Any]) -> None:
        """Take what `document` has written; times of the future are left out: clocks go wrong."""
        listed_at = moment(known.get("listed_at"))
        self.listed_at = listed_at if listed_at and listed_at <= self._now() else None
        self.vins = read_vins(known.get("vins"))
        self._dropped = set(read_vins(known.get("dropped")))
        self._missed = {}
        missed = known.get("missed")
        for vin, text in missed.items() if isinstance(missed, dict) else ():
            if vin in self.vins and (at := moment(text)) and at <= self._now():
                self._missed[vin] = at

    def document(self) -> dict[str, Any]:
        """Return what has to survive a restart."""
        return {
            "listed_at": self.listed_at.isoformat() if self.listed_at else None,
            "vins": sorted(self.vins),
            "missed": {vin: at.isoformat() for vin, at in sorted(self._missed.items())},
            "dropped": sorted(self._dropped),
        }

    def _primary(self, entries: list[dict[str, Any]]) -> set[str]:
        """Return the VINs of which the account is the main user; the others get no data."""
        vins = set()
        for entry in entries:
            vin = str(entry.get("vin")).strip().upper()
            kind = str(entry.get("mappingType") or "PRIMARY").upper()
            if not is_vin(vin):
                self._warn_once("car_without_vin", vin[:20], "please report it")
            elif kind != "PRIMARY":
                self._warn_once("car_of_another_user", vin, "log in as its primary user")
            else:
                vins.add(vin)
        return vins

    def _warn_once(self, event: str, vin: str, remedy: str) -> None:
        if (event, vin) not in self._warned and len(self._warned) < MAX_WARNINGS:
            self._warned.add((event, vin))
            log.warning(event, account=self._account, vin=vin, remedy=remedy)


def _entries(answer: Any) -> list[dict[str, Any]]:
    """Return the mappings: BMW sends a list, or one mapping, or a list inside an object."""
    if isinstance(answer, dict):
        answer = answer.get("mappings", [answer] if "vin" in answer else None)
    if not isinstance(answer, list):
        raise BadAnswer("BMW sent no list of cars; trying again later")
    return [entry for entry in answer if isinstance(entry, dict)]


def read_vins(value: object) -> frozenset[str]:
    """Read VINs from a file; what is none is left out."""
    return frozenset(filter(is_vin, value)) if isinstance(value, list) else frozenset()
