"""Polls BMW's REST API: which cars there are, what they are, their last values.

Requests are scarce, so each answer is kept on disk and only what is due is requested. A round may
be started at any time: what is not due costs nothing.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from bmw2mqtt.accounts.cardata.errors import LoginFailed
from bmw2mqtt.accounts.cardata.failed_request import FailedRequest
from bmw2mqtt.accounts.cardata.rest import state
from bmw2mqtt.accounts.cardata.rest.charging_history import READ_EVERY, ChargingHistoryReader
from bmw2mqtt.accounts.cardata.rest.client import RestClient
from bmw2mqtt.accounts.cardata.rest.containers import Containers
from bmw2mqtt.accounts.cardata.rest.quota import Priority
from bmw2mqtt.accounts.cardata.rest.vehicle_list import VehicleList
from bmw2mqtt.accounts.cardata.rest.vehicle_reader import (
    EXTRA_DATA,
    TELEMATIC_DATA,
    RequestGate,
    RestListener,
    VehicleReader,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import NEVER
from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.vehicle.errors import AccountError, QuotaExceeded
from bmw2mqtt.vehicle.vin import is_vin

log = structlog.get_logger(__name__)

LIST_EVERY = timedelta(hours=24)
"""Cars that were bought or sold are noticed within a day, or at a refresh."""
EXTRA_EVERY = timedelta(hours=24)
EARLY = 0.1
"""The part of an interval by which a request may be early: rounds start at random times."""
REFRESH_AFTER = timedelta(minutes=10)
"""Nothing younger is requested again, not even for a person, who may press again and again."""
VEHICLE_LIST = "vehicle_list"
CHARGING_HISTORY = "charging_history"


class RestPoller:
    """Polls for the cars of one account."""

    def __init__(
        self,
        account: str,
        vehicles: VehicleRegistry,
        rest: RestClient,
        containers: Containers,
        *,
        state_file: StateFile,
        listener: RestListener,
        poll_interval_s: float,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Prepare; without a poll interval a car is read once, then only when a person asks."""
        self.list = VehicleList(account, vehicles, now)
        self._account = account
        self._vehicles = vehicles
        self._rest = rest
        self._containers = containers
        self._state_file = state_file
        self._listener = listener
        self._interval = timedelta(seconds=poll_interval_s) if poll_interval_s else None
        self._now = now
        self._gate = RequestGate(account, now)
        self._reader = VehicleReader(
            rest,
            containers,
            vehicles,
            self._gate,
            listener,
            on_refused=self.list.refuse,
            now=now,
        )
        self._charges = ChargingHistoryReader(rest, listener)
        self._lock = asyncio.Lock()
        self._is_list_requested = False
        """Whether a person has requested the list of cars."""
        self._failures: dict[str, FailedRequest] = {}
        """Failed requests that are about no single car."""

    def restore(self) -> None:
        """Restore what an earlier run has learnt."""
        now = self._now()
        document = self._state_file.read(state.PART, state.VehiclesDocument, now)
        if not document.vehicles:
            former = self._state_file.read(state.FORMER_PART, state.FormerDocument, now)
            document = former.migrated()
            self._state_file.write(state.FORMER_PART, state.FormerDocument())
        self.list.listed_at = document.listed_at
        for vin, known in document.vehicles.items():
            if is_vin(vin):
                known.restore(self._vehicles.add(vin))

    def due_at(self) -> datetime:
        """Return when a round next has something to request."""
        served = filter(self._is_served, self._vehicles)
        due = [self._list_due_at(), *map(self._telematic_due_at, served)]
        return max(min(at for at in due if at), self._now())

    async def poll(self, *, by_person: bool = False) -> None:
        """Request what is due, or everything that may change because a person asks.

        One bad car never affects the others. What failed a short while ago is not requested again,
        and fails in the same way.

        Raises:
            AccountError: trouble of the whole account, or not one car gives its data.
        """
        async with self._lock:
            if by_person:
                self._retry_all()
            try:
                is_listed = await self._poll_list(by_person=by_person)
                await self._poll_vehicles(by_person=by_person)
                await self._poll_extras(by_person=by_person, is_tidying=is_listed)
            finally:
                self._save()

    async def follow_up(self, vehicle: CarDataVehicle) -> AccountError | None:
        """Read a car's telematic data because something happened; return why that failed.

        Raises:
            AccountError: trouble of the whole account, or the rest of the quota is kept.
        """
        async with self._lock:
            if not self._is_served(vehicle):
                return None
            try:
                return await self._reader.read_telematic_data(vehicle, Priority.FOLLOW_UP)
            finally:
                self._save()

    def login_renewed(self) -> None:
        """Repeat at once what failed because of the login: a person has logged in."""
        for failures in self._all_failures():
            for what, failure in list(failures.items()):
                if isinstance(failure.error, LoginFailed):
                    del failures[what]

    def remove_all(self) -> None:
        """Remove all cars, from disk too: another person's BMW account has logged in."""
        for vin in self._vehicles.vins:
            self._vehicles.remove(vin)
        self.list.listed_at = None
        self._failures.clear()
        self._containers.reset()
        self._save()
        self._listener.vehicles_listed()

    def _save(self) -> None:
        vehicles = {v.vin: state.VehicleDocument.of(v) for v in self._vehicles}
        document = state.VehiclesDocument(listed_at=self.list.listed_at, vehicles=vehicles)
        self._state_file.write(state.PART, document)

    def _retry_all(self) -> None:
        """Repeat also what failed, unless it is too young, and request the list of cars."""
        if self._is_old(self.list.listed_at):
            self._is_list_requested = True
            self.list.retry_refused()
        for failures in self._all_failures():
            for what, failure in list(failures.items()):
                if self._is_old(failure.since):
                    del failures[what]
        self._containers.retry()

    def _all_failures(self) -> list[dict[str, FailedRequest]]:
        return [self._failures, *(vehicle.failures for vehicle in self._vehicles)]

    def _is_old(self, at: datetime | None) -> bool:
        return at is None or not timedelta() <= self._now() - at < REFRESH_AFTER

    # Which cars

    def _list_due_at(self) -> datetime:
        if failure := self._failures.get(VEHICLE_LIST):
            return failure.until
        listed_at = None if self._is_list_requested else self.list.listed_at
        return listed_at + LIST_EVERY if listed_at else self._now()

    async def _poll_list(self, *, by_person: bool) -> bool:
        """Request which cars there are, if that is due; return whether BMW sent its list."""
        is_known = self.list.listed_at is not None and not self._is_list_requested
        if is_known and self._now() < self._list_due_at() - LIST_EVERY * EARLY:
            return False

        async def request() -> None:
            priority = Priority.PERSON if by_person else Priority.FIRST
            self.list.update(await self._rest.get("vehicles/mappings", priority))

        if error := await self._gate.attempt(self._failures, VEHICLE_LIST, request):
            if not any(vehicle.is_listed for vehicle in self._vehicles):
                raise error.with_traceback(None)
            return False
        self._is_list_requested = False
        self._save()
        self._listener.vehicles_listed()
        return True

    def _served(self) -> list[CarDataVehicle]:
        """Return the cars to read, the one that has waited longest first."""
        served = filter(self._is_served, self._vehicles)
        return sorted(served, key=lambda vehicle: (vehicle.read_at or NEVER, vehicle.vin))

    def _is_served(self, vehicle: CarDataVehicle) -> bool:
        return vehicle.is_served and self._listener.is_wanted(vehicle.vin)

    # Each car

    async def _poll_vehicles(self, *, by_person: bool) -> None:
        """Learn what new cars are, and read the telematic data that is due."""
        errors: list[AccountError] = []
        vehicles = self._served()
        for vehicle in vehicles:
            if vehicle.basic_data is None:
                await self._reader.read_basic_data(vehicle)
            is_requested = by_person and self._is_old(vehicle.read_at)
            if not vehicle.is_served or not (is_requested or self._is_due(vehicle)):
                continue
            priority = Priority.FIRST if vehicle.read_at is None else Priority.REPEATED
            if by_person:
                priority = Priority.PERSON
            if error := await self._reader.read_telematic_data(vehicle, priority):
                errors.append(error)
            self._save()
        if errors and len(errors) == len(vehicles):
            raise errors[0].with_traceback(None)

    async def _poll_extras(self, *, by_person: bool, is_tidying: bool) -> None:
        """Request missing pictures and extra data, delete old containers: if the quota is ample."""
        try:
            for vehicle in self._served():
                if vehicle.image is None and not vehicle.has_no_image:
                    await self._reader.read_image(vehicle)
            for vehicle in sorted(self._served(), key=lambda v: v.extra_read_at or NEVER):
                if self._is_extra_due(vehicle, by_person=by_person):
                    await self._reader.read_extra_data(vehicle)
            if is_tidying:
                await self._containers.delete_obsolete()
            for vehicle in self._served():
                await self._read_charges(vehicle)
        except QuotaExceeded as error:
            log.debug("extras_postponed", account=self._account, reason=str(error))

    async def _read_charges(self, vehicle: CarDataVehicle) -> None:
        """Request BMW's record of a car's charges once a day; after a failure only tomorrow."""
        snapshot, read_at, now = vehicle.snapshot, vehicle.charges_read_at, self._now()
        is_charged = snapshot is not None and snapshot.has_battery
        if not is_charged or not self._listener.is_recorded(vehicle.vin):
            return
        if read_at is not None and timedelta() <= now - read_at < READ_EVERY * (1 - EARLY):
            return
        vehicle.charges_read_at = now
        request = partial(self._charges.read, vehicle, now)
        await self._gate.attempt(vehicle.failures, CHARGING_HISTORY, request, vin=vehicle.vin)

    def _telematic_due_at(self, vehicle: CarDataVehicle) -> datetime | None:
        """Return when to read a car's telematic data; `None`: when a person asks."""
        if failure := vehicle.failures.get(TELEMATIC_DATA):
            return failure.until
        if vehicle.read_at is None:
            return self._now()
        return vehicle.read_at + self._interval if self._interval else None

    def _is_due(self, vehicle: CarDataVehicle) -> bool:
        if TELEMATIC_DATA in vehicle.failures:
            return True  # it is repeated, or fails as it did
        due = self._telematic_due_at(vehicle)
        slack = EARLY * self._interval if self._interval else timedelta()
        return due is not None and self._now() >= due - slack

    def _is_extra_due(self, vehicle: CarDataVehicle, *, by_person: bool) -> bool:
        if vehicle.read_at is None or TELEMATIC_DATA in vehicle.failures:
            return False  # it would fail in the same way
        if vehicle.extra_read_at is None or EXTRA_DATA in vehicle.failures:
            return True
        if self._interval is None and not by_person:
            return False
        return self._now() >= vehicle.extra_read_at + EXTRA_EVERY * (1 - EARLY)
