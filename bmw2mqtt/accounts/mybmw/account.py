"""One MyBMW account: which cars it has, and what they report."""

import ssl
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from bimmer_connected.const import CarBrands
from bimmer_connected.vehicle.vehicle import VehicleViewDirection

from bmw2mqtt.accounts.base import Listener
from bmw2mqtt.accounts.mybmw import remote
from bmw2mqtt.accounts.mybmw.convert import Answers, to_vehicle, with_found_position
from bmw2mqtt.accounts.mybmw.garage import Car, get_car, list_cars
from bmw2mqtt.accounts.mybmw.library import (
    captcha_page,
    count_requests,
    make_account,
    translated,
)
from bmw2mqtt.accounts.mybmw.tokens import Tokens
from bmw2mqtt.accounts.polling import Polling
from bmw2mqtt.accounts.requests import RequestLog, utc_now
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import MyBmwAccount as AccountSettings
from bmw2mqtt.vehicle.account import AccountState, AccountStatus
from bmw2mqtt.vehicle.commands import (
    EXECUTED,
    REASON_OF_STATUS,
    Action,
    Command,
    EventType,
    Outcome,
    Reason,
)
from bmw2mqtt.vehicle.errors import (
    WHOLE_ACCOUNT,
    AccountError,
    BadAnswer,
    Blocked,
    LoginRequired,
    QuotaExceeded,
    StoreError,
    Unreachable,
)
from bmw2mqtt.vehicle.snapshot import Vehicle

log = structlog.get_logger(__name__)

LIST_EVERY = timedelta(hours=24)
"""Cars that were bought or sold are noticed within a day, or at a refresh."""
STALE_AFTER_AT_LEAST = timedelta(minutes=30)
STALE_AFTER_INTERVALS = 3
MAX_REPORTED_WORDS = 100
PNG = b"\x89PNG"

_STATUS: dict[type[AccountError], AccountStatus] = {
    LoginRequired: AccountStatus.LOGIN_REQUIRED,
    QuotaExceeded: AccountStatus.QUOTA_EXCEEDED,
    Blocked: AccountStatus.BLOCKED,
    Unreachable: AccountStatus.UNREACHABLE,
}


class MyBmwAccount:
    """Asks BMW about the cars of one login."""

    def __init__(
        self,
        name: str,
        settings: AccountSettings,
        *,
        store: Store,
        listener: Listener,
        tls: ssl.SSLContext,
    ) -> None:
        """Prepare an account; nothing is sent before `run`."""
        self.name = name
        self._settings = settings
        self._region = settings.region
        self._store = store
        self._listener = listener
        self._library, authentication = make_account(settings, tls)
        self._tokens = Tokens(store, name, authentication)
        self._requests = RequestLog()
        self._polling = Polling(settings.poll_interval_s, self._poll, self._polled)
        self._brands: dict[str, CarBrands] = {}
        self._listed_at: datetime | None = None
        self._cars: dict[str, Car] = {}
        self._reported_words: set[tuple[str, str]] = set()
        self._problems: dict[tuple[str, str | None], str] = {}
        """What went wrong the last time, by event and VIN."""
        self._state = AccountState(name=name, backend="mybmw")
        self._standing = AccountStatus.STARTING
        """How it stands with BMW, also while polling is paused."""

    @property
    def state(self) -> AccountState:
        """How it stands now."""
        return self._state

    @property
    def stale_after(self) -> timedelta | None:
        """How long a car's data counts as current; `None`: it is asked only on request."""
        interval_s = self._settings.poll_interval_s
        if not interval_s:
            return None
        return max(STALE_AFTER_AT_LEAST, STALE_AFTER_INTERVALS * timedelta(seconds=interval_s))

    def seen_at(self, vin: str) -> datetime | None:
        """When BMW last gave a usable answer about a car."""
        car = self._cars.get(vin)
        return car.seen_at if car else None

    async def run(self) -> None:
        """Ask BMW from time to time until cancelled."""
        count_requests(self._requests.add)
        self._tokens.restore()
        if self._store.load(self._settings_file).get("is_paused") is True:
            self._polling.pause()
            self._change(status=AccountStatus.PAUSED, is_polling=False)
        await self._polling.run()

    def refresh(self) -> None:
        """Ask BMW now, also which cars there are."""
        self._listed_at = None
        self._polling.request()

    def set_polling(self, *, is_polling: bool) -> None:
        """Pause or resume; survives a restart."""
        try:
            self._store.save(self._settings_file, {"is_paused": not is_polling})
        except StoreError as error:
            log.error("pause_not_saved", account=self.name, reason=str(error))  # noqa: TRY400
        if is_polling:
            self._change(status=AccountStatus.STARTING, is_polling=True)
            self._polling.resume()
        else:
            self._polling.pause()
            self._change(
                status=AccountStatus.PAUSED, message=None, is_polling=False, next_update=None
            )

    @property
    def _settings_file(self) -> str:
        return f"account-{self.name}"

    async def _poll(self) -> None:
        """Ask about every car; one bad car never hides the others."""
        await self._list()
        errors: list[AccountError] = []
        cars = []
        for car in self._cars.values():
            if self._is_wanted(car.vin):
                cars.append(car)
            else:
                car.snapshot = None  # when it comes back, it is told anew
        for car in cars:
            try:
                await self._poll_car(car)
            except AccountError as error:
                self._say_problem("car_not_updated", error, vin=car.vin)
                if isinstance(error, WHOLE_ACCOUNT):
                    raise
                errors.append(error)
            except Exception as error:  # a bug that one car brings out must not hide the others
                log.exception("car_crashed", vin=car.vin)
                errors.append(BadAnswer(f"internal error ({type(error).__name__}); report it"))
        if errors and len(errors) == len(cars):
            raise errors[0]
        for car in cars:
            await self._get_image(car)

    def _is_wanted(self, vin: str) -> bool:
        return self._listener.is_wanted(self.name, vin)

    async def _list(self) -> None:
        """Find out which cars there are, and get to know new ones."""
        if self._listed_at is None or utc_now() - self._listed_at >= LIST_EVERY:
            try:
                await self._list_again()
            except AccountError as error:
                if isinstance(error, WHOLE_ACCOUNT) or not self._cars:
                    raise
                self._say_problem("cars_not_listed", error)
        problem: AccountError | None = None
        for vin in self._brands:
            if vin in self._cars or not self._is_wanted(vin):
                continue
            try:
                await self._get_to_know(vin)
            except WHOLE_ACCOUNT:
                raise
            except AccountError as error:
                self._say_problem("car_without_profile", error, vin=vin)
                problem = error
        if problem is not None and not self._cars:
            raise problem

    async def _list_again(self) -> None:
        listing = await list_cars(self._library, self._region)
        is_complete = listing.missing is None
        if listing.missing is None:
            self._listed_at = utc_now()
            self._problems.pop(("cars_not_listed", None), None)
            self._brands = listing.brands
            self._cars = {vin: car for vin, car in self._cars.items() if vin in self._brands}
            for car in self._cars.values():
                car.image = car.image or None  # a picture that failed is tried again
        else:
            self._say_problem("cars_not_listed", listing.missing)
            self._brands |= listing.brands
        vins = frozenset(self._brands)
        self._listener.vehicles_listed(self.name, vins, is_complete=is_complete)

    async def _get_to_know(self, vin: str) -> None:
        car = await get_car(self._library, self._region, vin, self._brands[vin])
        car.image = self._store.read(_image_file(vin))
        self._cars[vin] = car

    async def _poll_car(self, car: Car) -> None:
        """Ask about one car and tell what is new.

        Raises:
            AccountError: BMW gave nothing usable, or is not to be asked again soon.
        """
        async with car.lock:
            await self._ask_about(car)

    async def _ask_about(self, car: Car) -> None:
        car.prepare()
        error: AccountError | None = None
        try:
            with translated(self._region):
                await car.library.get_vehicle_state()
        except AccountError as caught:
            error = caught
        data: dict[str, Any] = car.library.data
        if isinstance(data.get("state"), dict) and data["state"]:
            self._take(car, data)
            if isinstance(error, BadAnswer | Unreachable):
                # The library stumbled over a part that we read on our own, or BMW gave the state
                # without the charging details.
                log.debug("car_updated_in_part", vin=car.vin, reason=str(error))
                error = None
        elif error is None:
            error = BadAnswer("BMW sent no state of the car; trying again")
        if error is not None:
            raise error
        self._problems.pop(("car_not_updated", car.vin), None)

    def _take(self, car: Car, data: dict[str, Any]) -> None:
        answers = Answers(
            vin=car.vin,
            brand=car.brand,
            attributes=car.attributes,
            capabilities=data.get("capabilities"),
            state=data["state"],
            charging_settings=data.get("charging_settings"),
            fetched_at=data["fetched_at"],
            **self._found(car),
        )
        car.seen_at = utc_now()
        if car.snapshot is not None and answers.say_the_same(car.answers, car.snapshot):
            return
        car.answers = answers
        vehicle = to_vehicle(
            answers, previous=car.snapshot, report=self._report_word, image=car.image or None
        )
        self._show(car, vehicle)

    def _show(self, car: Car, vehicle: Vehicle) -> None:
        if vehicle != car.snapshot:
            car.snapshot = vehicle
            self._listener.vehicle_changed(self.name, vehicle)

    def _found(self, car: Car) -> dict[str, Any]:
        return {
            "found": car.library.vehicle_location.remote_service_position,
            "is_in_china": self._region == "china",
        }

    # Commands

    takes_commands = True

    def refusal(self, vin: str, command: Command) -> Outcome | None:
        """Return why it would not send this command now; costs no request."""
        reason = REASON_OF_STATUS.get(self._standing)
        message = self._state.message
        if vin not in self._cars:
            reason, message = Reason.UNKNOWN_VEHICLE, "the account has not seen this car yet"
        elif command is Action.FIND_VEHICLE and self._settings.location is None:
            reason = Reason.UNSUPPORTED
            message = f"BMW wants to know where you are: set accounts.{self.name}.location"
        if reason is None:
            return None
        return Outcome(event_type=EventType.REJECTED, reason=reason, message=message)

    async def execute(self, vin: str, command: Command) -> Outcome:
        """Carry out a command; never raises for what BMW does."""
        count_requests(self._requests.add)
        car = self._cars[vin]
        if car.snapshot and (outcome := remote.nothing_to_do(car.snapshot, command)):
            return outcome
        outcome = await remote.execute(car, command, self._region, self._polling.report)
        if command is Action.FIND_VEHICLE and outcome == EXECUTED and car.snapshot:
            self._show(car, with_found_position(car.snapshot, **self._found(car)))
        return outcome

    def needs_refresh(self, command: Command) -> bool:
        """Whether the car has something new to tell after this command."""
        return remote.needs_refresh(command)

    def settling_s(self) -> float:
        """How long BMW takes to show what a car has done."""
        return remote.settling_s()

    async def refresh_vehicle(self, vin: str) -> None:
        """Ask BMW about one car: one request, two for a car that charges."""
        count_requests(self._requests.add)
        car = self._cars.get(vin)
        if car is None:
            return
        try:
            await self._poll_car(car)
        except AccountError as error:
            self._say_problem("car_not_updated", error, vin=vin)

    async def _get_image(self, car: Car) -> None:
        """Get the car's picture once; it is kept on disk."""
        if car.image is not None or car.snapshot is None:
            return
        try:
            with translated(self._region):
                image = await car.library.get_vehicle_image(VehicleViewDirection.FRONTSIDE)
        except AccountError as error:
            log.debug("no_image", vin=car.vin, reason=str(error))
            image = b""
        car.image = image if image.startswith(PNG) else b""
        if not car.image:
            return
        try:
            self._store.write(_image_file(car.vin), car.image)
        except StoreError as error:
            log.warning("image_not_saved", reason=str(error))
        car.snapshot = replace(car.snapshot, image=car.image)
        self._listener.vehicle_changed(self.name, car.snapshot)

    def _polled(self, error: AccountError | None) -> None:
        """Tell how it went; log only what changed."""
        if error is None:
            status, message = AccountStatus.OK, None
        else:
            status, message = _STATUS.get(type(error), AccountStatus.ERROR), str(error)
        if status is not self._state.status:
            level = log.info if error is None else log.warning
            level("account_status", account=self.name, status=status.value, message=message)
        self._standing = status
        if self._polling.is_paused and status not in REASON_OF_STATUS:
            status = AccountStatus.PAUSED
        needs_login = status is AccountStatus.LOGIN_REQUIRED
        self._change(
            status=status,
            message=message,
            login_url=captcha_page(self._region) if needs_login else None,
            last_update=utc_now() if error is None else self._state.last_update,
            next_update=self._polling.next_at,
            requests_24h=self._requests.count(),
        )

    def _change(self, **changes: Any) -> None:
        state = replace(self._state, **changes)
        if state != self._state:
            self._state = state
            self._listener.account_changed(state)

    def _say_problem(self, event: str, error: AccountError, vin: str | None = None) -> None:
        """Log what goes wrong when it begins or changes, not at each try."""
        is_known = self._problems.get((event, vin)) == str(error)
        level = log.debug if is_known else log.warning
        level(event, account=self.name, vin=vin, reason=str(error))
        self._problems[event, vin] = str(error)

    def _report_word(self, field: str, word: str) -> None:
        """Log a word of BMW's once."""
        if len(self._reported_words) < MAX_REPORTED_WORDS:
            seen = (field, word)
            if seen not in self._reported_words:
                self._reported_words.add(seen)
                log.warning("unknown_word", field=field, word=word[:50], shown_as="unknown")


def _image_file(vin: str) -> str:
    return f"images/{vin}.png"
