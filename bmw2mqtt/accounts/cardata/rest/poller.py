"""An account's cars, as REST tells of them: which there are, what they are, their last values.

Requests are scarce, so each answer is kept on disk and only what is due is asked for. A round may
be begun as often as one likes: what is not due costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

import structlog

from bmw2mqtt.accounts.cardata.errors import LoginFailed, RequestRefused
from bmw2mqtt.accounts.cardata.rest.basic_data import BasicData
from bmw2mqtt.accounts.cardata.rest.client import NO_IMAGE, NO_VEHICLE, RestClient
from bmw2mqtt.accounts.cardata.rest.containers import NOT_THERE, Containers
from bmw2mqtt.accounts.cardata.rest.failed_request import FailedRequest
from bmw2mqtt.accounts.cardata.rest.image import PNG, as_png
from bmw2mqtt.accounts.cardata.rest.quota import Priority
from bmw2mqtt.accounts.cardata.rest.vehicle_list import VehicleList, read_vins
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_file import StateFile, moment
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.guard import BugLogger, bug_message
from bmw2mqtt.vehicle.errors import (
    WHOLE_ACCOUNT,
    AccountError,
    BadAnswer,
    QuotaExceeded,
    StoreError,
)

log = structlog.get_logger(__name__)

LIST_EVERY = timedelta(hours=24)
"""Cars that were bought or sold are noticed within a day, or at a refresh."""
EARLY = 0.1
"""The part of an interval by which something may be asked too early: rounds come at random."""
AGAIN_AFTER = timedelta(minutes=10)
"""Nothing younger is asked for again, not even for a person, who may press again and again."""


class RestListener(Protocol):
    """Whoever wants to know: the account."""

    def cars_listed(self, vins: frozenset[str]) -> None:
        """Take the complete list of the account's cars."""

    def car_described(self, vin: str) -> None:
        """Take it that BMW has told what a car is, or sent its picture."""

    def telematic_data(self, vin: str, data: Mapping[str, Any], received_at: datetime) -> None:
        """Take a car's last values: by descriptor, objects with value, unit and timestamp."""

    def told_at(self) -> Mapping[str, datetime]:
        """Return when each car that has told anything last measured something."""

    def is_wanted(self, vin: str) -> bool:
        """Whether BMW is to be asked about this car."""


class RestPoller:
    """Reads what is due about the cars of one account."""

    def __init__(
        self,
        account: str,
        rest: RestClient,
        containers: Containers,
        *,
        store: Store,
        memory: StateFile,
        listener: RestListener,
        poll_interval_s: float,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            account: its name, for the log.
            rest: where to ask.
            containers: where telematic data is asked for.
            store: keeps basic data and pictures.
            memory: keeps which cars there are and when they were asked about.
            listener: who gets it.
            poll_interval_s: seconds between two readings of a car's telematic data; 0: it is
                read once, then only when a person asks.
            now: the wall clock.
        """
        self.basic: dict[str, BasicData] = {}
        """What the cars are."""
        self.images: dict[str, bytes] = {}
        self._account = account
        self._rest = rest
        self._containers = containers
        self._store = store
        self._memory = memory
        self._listener = listener
        self._bug_logger = BugLogger()
        self._interval = timedelta(seconds=poll_interval_s) if poll_interval_s else None
        self._now = now
        self._lock = asyncio.Lock()
        self.cars = VehicleList(account, listener.told_at, now)
        self._is_list_wanted = False
        """A person wants to know which cars there are."""
        self._read_at: dict[str, datetime] = {}
        """When telematic data came, by VIN."""
        self._without_image: set[str] = set()
        self._held: dict[tuple[str, str], FailedRequest] = {}
        """What failed, by what it is and VIN."""

    @property
    def vins(self) -> frozenset[str]:
        """The account's cars."""
        return self.cars.vins

    def restore(self) -> None:
        """Take what an earlier run has learnt."""
        known = self._memory.recall("garage")
        self.cars.restore(known)
        self._without_image = set(read_vins(known.get("without_image")))
        read_at = known.get("read_at")
        for vin, text in read_at.items() if isinstance(read_at, dict) else ():
            if vin in self.vins and (at := self._past(text)):
                self._read_at[vin] = at
        for vin in self.vins:
            self._load(vin)

    def due_at(self) -> datetime:
        """Return when a round next has something to ask."""
        moments = [self._due_list(), *(self._due_readings(vin) for vin in self._wanted())]
        return max(min(at for at in moments if at), self._now())

    async def read(self, *, by_person: bool = False) -> None:
        """Ask BMW for what is due, or for everything that may change because a person asks.

        One bad car never hides the others. What failed a short while ago is not asked again, and
        fails in the same way.

        Raises:
            AccountError: trouble of the whole account, or not one car gives its data.
        """
        async with self._lock:
            if by_person:
                self._begin_anew()
            is_listed = await self._list(Priority.PERSON if by_person else Priority.FIRST)
            await self._read_cars(by_person=by_person)
            await self._read_extras(is_tidying=is_listed)

    def _begin_anew(self) -> None:
        """Take it that a person wants to know: what failed, and which cars there are, too."""
        if self._is_old(self.cars.listed_at):
            self._is_list_wanted = True
            self.cars.try_again()
        self._held = {key: held for key, held in self._held.items() if not self._is_old(held.since)}
        self._containers.try_again()

    def _is_old(self, at: datetime | None) -> bool:
        return at is None or not timedelta() <= self._now() - at < AGAIN_AFTER

    def forgive(self) -> None:
        """Take it that there is a new login."""
        self._held = {
            key: held for key, held in self._held.items() if not isinstance(held.error, LoginFailed)
        }

    def forget(self) -> None:
        """Forget all cars, because they belong to another BMW account."""
        self.cars.restore({})
        self._read_at.clear()
        self._held.clear()
        self._containers.forget()
        self._remember()
        self._listener.cars_listed(frozenset())

    # Which cars

    def _due_list(self) -> datetime:
        held = self._held.get(("cars", ""))
        if held:
            return held.until
        listed_at = None if self._is_list_wanted else self.cars.listed_at
        return listed_at + LIST_EVERY if listed_at else self._now()

    async def _list(self, priority: Priority) -> bool:
        """Find out which cars there are, if that is due; return whether BMW said it."""
        is_known = self.cars.listed_at is not None and not self._is_list_wanted
        if is_known and self._now() < self._due_list() - LIST_EVERY * EARLY:
            return False

        async def ask(_: str) -> None:
            self.cars.take(await self._rest.get("vehicles/mappings", priority))

        if error := await self._attempt("cars", "", ask):
            if not self.vins:
                raise error.with_traceback(None)
            return False
        self._is_list_wanted = False
        self._read_at = {vin: at for vin, at in self._read_at.items() if vin in self.vins}
        for vin in self.vins - self.basic.keys():
            self._load(vin)
        self._remember()
        self._listener.cars_listed(self.vins)
        return True

    def _drop(self, vin: str, error: RequestRefused) -> None:
        self.cars.drop(vin)
        self._remember()
        log.warning("car_dropped", account=self._account, vin=vin, reason=str(error))
        self._listener.cars_listed(self.vins)

    def _wanted(self) -> list[str]:
        """Return the cars to ask about, whoever waits longest first."""
        longest = datetime.min.replace(tzinfo=UTC)
        wanted = [vin for vin in self.cars.served if self._listener.is_wanted(vin)]
        return sorted(wanted, key=lambda vin: (self._read_at.get(vin, longest), vin))

    # What of each

    async def _read_cars(self, *, by_person: bool) -> None:
        """Get to know new cars, and read the telematic data that is due."""
        errors: list[AccountError] = []
        vins = self._wanted()
        for vin in vins:
            if vin not in self.basic:
                await self._attempt("basic_data", vin, self._read_basic)
            is_asked_for = by_person and self._is_old(self._read_at.get(vin))
            if vin in self.cars.served and (is_asked_for or self._is_due(vin)):
                priority = Priority.REPEATED if vin in self._read_at else Priority.FIRST
                if by_person:
                    priority = Priority.PERSON
                read = partial(self._read_telematic, priority=priority)
                if error := await self._attempt("telematic_data", vin, read):
                    errors.append(error)
        if errors and len(errors) == len(vins):
            raise errors[0].with_traceback(None)

    async def _read_extras(self, *, is_tidying: bool) -> None:
        """Get the missing pictures and delete old containers, if there is budget enough."""
        try:
            for vin in self._wanted():
                if vin not in self.images and vin not in self._without_image:
                    await self._attempt("image", vin, self._read_image)
            if is_tidying:
                await self._containers.tidy()
        except QuotaExceeded as error:
            log.debug("pictures_wait", account=self._account, reason=str(error))

    def _due_readings(self, vin: str) -> datetime | None:
        """Return when to read a car's telematic data; `None`: when a person asks."""
        if held := self._held.get(("telematic_data", vin)):
            return held.until
        if vin not in self._read_at:
            return self._now()
        return self._read_at[vin] + self._interval if self._interval else None

    def _is_due(self, vin: str) -> bool:
        if ("telematic_data", vin) in self._held:
            return True  # it is asked, or fails as it did
        due = self._due_readings(vin)
        slack = EARLY * self._interval if self._interval else timedelta()
        return due is not None and self._now() >= due - slack

    async def _attempt(
        self, what: str, vin: str, read: Callable[[str], Awaitable[None]]
    ) -> AccountError | None:
        """Read one thing of a car; return what went wrong with it, now or a short while ago.

        Raises:
            AccountError: trouble of the whole account.
        """
        key = what, vin
        held = self._held.get(key)
        if held and timedelta() < held.until - self._now() <= held.wait:
            if isinstance(held.error, WHOLE_ACCOUNT):
                raise held.error.with_traceback(None)
            return held.error
        try:
            await read(vin)
        except LoginFailed as error:  # each try costs a request, whoever wants it
            self._held[key] = FailedRequest.after(None, error, self._now())
            raise
        except WHOLE_ACCOUNT:
            raise
        except AccountError as error:
            if vin and isinstance(error, RequestRefused) and error.code == NO_VEHICLE:
                self._drop(vin, error)
                return None
            return self._hold(key, error)
        except Exception as error:  # a bug with one car must not hide the others
            self._bug_logger.exception("car_crashed", account=self._account, vin=vin or None)
            return self._hold(key, BadAnswer(bug_message(error)))
        self._held.pop(key, None)
        return None

    def _hold(self, key: tuple[str, str], error: AccountError) -> AccountError:
        """Keep a failure for a while, longer each time."""
        what, vin = key
        held = self._held.get(key)
        level = log.debug if held and str(held.error) == str(error) else log.warning
        level(f"{what}_missing", account=self._account, vin=vin or None, reason=str(error))
        self._held[key] = FailedRequest.after(held, error, self._now())
        return error

    async def _read_basic(self, vin: str) -> None:
        answer = await self._rest.get(f"vehicles/{vin}/basicData", Priority.FIRST)
        if not isinstance(answer, dict) or not answer:
            raise BadAnswer("BMW sent no basic data of the car; trying again later")
        self.basic[vin] = BasicData.parse(answer)
        self._store.save_later(_basic_file(vin), answer, self._report)
        self._listener.car_described(vin)

    async def _read_telematic(self, vin: str, *, priority: Priority) -> None:
        try:
            answer = await self._ask_telematic(vin, priority)
        except RequestRefused as error:
            if error.code not in NOT_THERE or not self._containers.lost():
                raise
            answer = await self._ask_telematic(vin, priority)
        data = answer.get("telematicData") if isinstance(answer, dict) else None
        if not isinstance(data, dict):
            raise BadAnswer("BMW sent no telematic data of the car; trying again later")
        self._listener.telematic_data(vin, data, self._now())
        self._read_at[vin] = self._now()
        self._remember()

    async def _ask_telematic(self, vin: str, priority: Priority) -> Any:
        container = await self._containers.ready(priority)
        path = f"vehicles/{vin}/telematicData"
        return await self._rest.get(path, priority, containerId=container)

    async def _read_image(self, vin: str) -> None:
        try:
            image = await self._rest.get_bytes(f"vehicles/{vin}/image", Priority.PICTURE)
        except RequestRefused as error:
            if error.code not in {NO_IMAGE, None}:
                raise
            self._without_image.add(vin)
            self._remember()
            return
        self.images[vin] = await asyncio.to_thread(as_png, image)
        self._store.write_later(_image_file(vin), self.images[vin], self._report)
        self._listener.car_described(vin)

    # What survives a restart

    def _load(self, vin: str) -> None:
        """Take what the disk has of a car."""
        try:
            if basic := self._store.load(_basic_file(vin)):
                self.basic[vin] = BasicData.parse(basic)
            image = self._store.read(_image_file(vin))
            if image and image.startswith(PNG):  # else it is got anew
                self.images[vin] = image
        except Exception:  # a bug with one car must not hide the others
            self._bug_logger.exception("car_not_restored", account=self._account, vin=vin)

    def _report(self, error: StoreError | None) -> None:
        if error:
            log.warning("car_not_saved", account=self._account, reason=str(error))

    def _remember(self) -> None:
        self._memory.remember(
            "garage",
            {
                **self.cars.document(),
                "without_image": sorted(self._without_image),
                "read_at": {vin: at.isoformat() for vin, at in sorted(self._read_at.items())},
            },
        )

    def _past(self, text: object) -> datetime | None:
        """Read a time that is not in the future: clocks go wrong."""
        at = moment(text)
        return at if at and at <= self._now() else None


def _basic_file(vin: str) -> str:
    return f"cars/{vin}"


def _image_file(vin: str) -> str:
    return f"images/{vin}.png"
