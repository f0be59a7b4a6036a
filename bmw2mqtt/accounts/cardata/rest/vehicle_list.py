"""Reconciles an account's cars with BMW's list of them (`vehicles/mappings`).

BMW's lists are empty or short now and then, and what is lost with a car (its readings, its place in
Home Assistant) does not come back. So a car is removed only when two lists, a good while apart, do
not name it and it has measured nothing since the first.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.log_once import LogOnce
from bmw2mqtt.vehicle.errors import AccountError, BadAnswer
from bmw2mqtt.vehicle.vin import is_vin

log = structlog.get_logger(__name__)

REMOVE_AFTER = timedelta(hours=20)
"""How far apart the two lists are: an outage of BMW's, or refreshes in a row, remove nothing."""
MAX_WARNINGS = 100


class VehicleList:
    """BMW's list of cars, applied to the registry."""

    def __init__(
        self, account: str, vehicles: VehicleRegistry, now: Callable[[], datetime]
    ) -> None:
        self.listed_at: datetime | None = None
        """When BMW last sent its list."""
        self._account = account
        self._vehicles = vehicles
        self._now = now
        self._warned = LogOnce(MAX_WARNINGS)

    @property
    def problem(self) -> AccountError | None:
        """Why the account has no car, if BMW's list is empty."""
        if self.listed_at is None or any(
            vehicle.is_known or not vehicle.is_refused for vehicle in self._vehicles
        ):
            return None
        if len(self._vehicles):
            return AccountError(
                "BMW gives this account no data of its cars: be their primary user in the My BMW"
                " app, with an active ConnectedDrive contract, then refresh"
            )
        return AccountError(
            "BMW names no car for this account: add the car in the My BMW app, or log in as its"
            " primary user, then refresh"
        )

    def update(self, answer: Any) -> None:
        """Add the cars of BMW's list, and remove those that it has missed for long enough.

        Raises:
            BadAnswer: the answer is not a list of cars.
        """
        is_secondary = self._parse(_entries(answer))
        now = self._now()
        for vin in is_secondary:
            _mark_listed(self._vehicles.add(vin), is_secondary=is_secondary[vin])
        for vehicle in self._vehicles:
            if vehicle.vin not in is_secondary:
                self._mark_missed(vehicle, now)
        self.listed_at = now

    def refuse(self, vehicle: CarDataVehicle, error: AccountError) -> None:
        """Record that BMW gives no data of a car: requests about it can never succeed."""
        if vehicle.is_refused:
            return
        vehicle.is_refused = True
        level = log.info if vehicle.is_secondary else log.warning
        level("vehicle_refused", account=self._account, vin=vehicle.vin, reason=str(error))

    def retry_refused(self) -> None:
        """Allow requests about refused cars again; a secondary user never gets data."""
        for vehicle in self._vehicles:
            vehicle.is_refused = vehicle.is_refused and vehicle.is_secondary

    def _mark_missed(self, vehicle: CarDataVehicle, now: datetime) -> None:
        since, measured_at = vehicle.missed_since, vehicle.readings.measured_at
        vehicle.is_listed = False
        if since is None or (measured_at is not None and measured_at >= since):
            log.info("vehicle_missed", account=self._account, vin=vehicle.vin)
            vehicle.missed_since = now
        elif now - since >= REMOVE_AFTER:
            log.warning(
                "vehicle_removed",
                account=self._account,
                vin=vehicle.vin,
                reason="BMW's list of cars no longer names it",
                missed_since=since.isoformat(timespec="seconds"),
            )
            self._vehicles.remove(vehicle.vin)

    def _parse(self, entries: list[dict[str, Any]]) -> dict[str, bool]:
        """Return whether the account is only a secondary user, by VIN."""
        found: dict[str, bool] = {}
        for entry in entries:
            vin = str(entry.get("vin")).strip().upper()
            is_secondary = str(entry.get("mappingType") or "PRIMARY").upper() != "PRIMARY"
            if not is_vin(vin):
                self._warn_once("vehicle_without_vin", vin[:20], "please report it")
                continue
            if is_secondary and found.get(vin, True):
                self._warn_once("vehicle_of_another_user", vin, "log in as its primary user")
            found[vin] = is_secondary and found.get(vin, True)
        return found

    def _warn_once(self, event: str, vin: str, remedy: str) -> None:
        if self._warned.is_new(vin):
            log.warning(event, account=self._account, vin=vin, remedy=remedy)


def _mark_listed(vehicle: CarDataVehicle, *, is_secondary: bool) -> None:
    vehicle.is_listed = True
    vehicle.missed_since = None
    if vehicle.is_secondary and not is_secondary:  # the person is the primary user by now
        vehicle.is_refused = False
    vehicle.is_secondary = is_secondary


def _entries(answer: Any) -> list[dict[str, Any]]:
    """Return the mappings: BMW sends a list, or one mapping, or a list inside an object."""
    if isinstance(answer, dict):
        answer = answer.get("mappings", [answer] if "vin" in answer else None)
    if not isinstance(answer, list):
        raise BadAnswer("BMW sent no list of cars; trying again later")
    return [entry for entry in answer if isinstance(entry, dict)]
