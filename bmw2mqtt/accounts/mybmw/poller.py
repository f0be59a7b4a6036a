"""An account's cars: which there are, what BMW says of each, and their pictures."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from bimmer_connected.account import MyBMWAccount
from bimmer_connected.const import CarBrands
from bimmer_connected.vehicle.vehicle import VehicleViewDirection

from bmw2mqtt.accounts.account import AccountListener
from bmw2mqtt.accounts.mybmw.library.account import translated
from bmw2mqtt.accounts.mybmw.snapshot.builder import (
    VehicleResponses,
    to_vehicle,
    with_found_position,
)
from bmw2mqtt.accounts.mybmw.vehicle import PolledVehicle, get_car, list_cars
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.unknown_values import UnknownValueLog
from bmw2mqtt.guard import BugLogger, bug_message
from bmw2mqtt.vehicle.errors import (
    WHOLE_ACCOUNT,
    AccountError,
    BadAnswer,
    StoreError,
    Unreachable,
)
from bmw2mqtt.vehicle.snapshot import Vehicle

log = structlog.get_logger(__name__)

LIST_EVERY = timedelta(hours=24)
"""Cars that were bought or sold are noticed within a day, or at a refresh."""
PNG = b"\x89PNG"


class VehiclePoller:
    """Asks BMW about the cars of one login and tells the listener what is new."""

    def __init__(
        self,
        account: str,
        library: MyBMWAccount,
        *,
        store: Store,
        listener: AccountListener,
        bug_logger: BugLogger,
        is_in_china: bool,
    ) -> None:
        self.cars: dict[str, PolledVehicle] = {}
        """The cars BMW has told about, by VIN."""
        self._account = account
        self._library = library
        self._store = store
        self._listener = listener
        self._bug_logger = bug_logger
        self._is_in_china = is_in_china
        self._brands: dict[str, CarBrands] = {}
        self._listed_at: datetime | None = None
        self._report_word = UnknownValueLog()
        self._problems: dict[tuple[str, str | None], str] = {}
        """What went wrong the last time, by event and VIN."""

    def list_next_time(self) -> None:
        """Let the next poll ask which cars there are."""
        self._listed_at = None

    async def poll(self) -> None:
        """Ask about every car; one bad car never hides the others."""
        await self._list()
        await self._get_to_know_all()
        errors: list[AccountError] = []
        cars = []
        for car in self.cars.values():
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
            except Exception as error:  # a bug with one car must not hide the others
                self._bug_logger.exception("car_crashed", account=self._account, vin=car.vin)
                errors.append(BadAnswer(bug_message(error)))
        if errors and len(errors) == len(cars):
            raise errors[0]
        for car in cars:
            try:
                await self._get_image(car)
            except Exception:
                self._bug_logger.exception("image_crashed", account=self._account, vin=car.vin)
                car.image = b""

    def _is_wanted(self, vin: str) -> bool:
        return self._listener.is_wanted(self._account, vin)

    async def _list(self) -> None:
        """Find out which cars there are, if that is due."""
        if self._listed_at is not None and utc_now() - self._listed_at < LIST_EVERY:
            return
        try:
            await self._list_again()
        except AccountError as error:
            if isinstance(error, WHOLE_ACCOUNT) or not self.cars:
                raise
            self._say_problem("cars_not_listed", error)
        except Exception:
            if not self.cars:
                raise
            self._bug_logger.exception("list_crashed", account=self._account)

    async def _get_to_know_all(self) -> None:
        """Get to know new cars; a problem with one of them hides no other."""
        problem: AccountError | None = None
        for vin in self._brands:
            if vin in self.cars or not self._is_wanted(vin):
                continue
            try:
                await self._get_to_know(vin)
            except WHOLE_ACCOUNT:
                raise
            except AccountError as error:
                self._say_problem("car_without_profile", error, vin=vin)
                problem = error
            except Exception as error:  # a bug with one car must not hide the others
                self._bug_logger.exception("profile_crashed", account=self._account, vin=vin)
                problem = BadAnswer(bug_message(error))
        if problem is not None and not self.cars:
            raise problem

    async def _list_again(self) -> None:
        listing = await list_cars(self._library)
        is_complete = listing.missing is None
        if listing.missing is None:
            self._listed_at = utc_now()
            self._problems.pop(("cars_not_listed", None), None)
            self._brands = listing.brands
            self.cars = {vin: car for vin, car in self.cars.items() if vin in self._brands}
            for car in self.cars.values():
                car.image = car.image or None  # a picture that failed is tried again
        else:
            self._say_problem("cars_not_listed", listing.missing)
            self._brands |= listing.brands
        vins = frozenset(self._brands)
        self._listener.vehicles_listed(self._account, vins, is_complete=is_complete)

    async def _get_to_know(self, vin: str) -> None:
        car = await get_car(self._library, vin, self._brands[vin])
        image = self._store.read(_image_file(vin))
        car.image = image if image and image.startswith(PNG) else None  # else it is got anew
        self.cars[vin] = car

    async def refresh(self, vin: str) -> None:
        """Ask about one car; what goes wrong is logged."""
        if car := self.cars.get(vin):
            try:
                await self._poll_car(car)
            except AccountError as error:
                self._say_problem("car_not_updated", error, vin=vin)
            except Exception:
                self._bug_logger.exception("car_crashed", account=self._account, vin=vin)

    def show_found_position(self, car: PolledVehicle) -> None:
        """Tell where the finder has found the car."""
        if car.snapshot:
            self._show(car, with_found_position(car.snapshot, **self._found(car)))

    async def _poll_car(self, car: PolledVehicle) -> None:
        """Ask about one car and tell what is new.

        Raises:
            AccountError: BMW gave nothing usable, or is not to be asked again soon.
        """
        async with car.lock:
            await self._ask_about(car)

    async def _ask_about(self, car: PolledVehicle) -> None:
        car.prepare()
        error: AccountError | None = None
        try:
            with translated():
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

    def _take(self, car: PolledVehicle, data: dict[str, Any]) -> None:
        answers = VehicleResponses(
            vin=car.vin,
            brand=car.brand,
            attributes=car.attributes,
            capabilities=data.get("capabilities"),
            state=data["state"],
            charging_settings=data.get("charging_settings"),
            fetched_at=data["fetched_at"],
            **self._found(car),
        )
        if car.snapshot is None or not answers.say_the_same(car.answers, car.snapshot):
            car.answers = answers
            vehicle = to_vehicle(
                answers,
                previous=car.snapshot,
                report=self._report_word,
                image=car.image or None,
            )
            self._show(car, vehicle)
        self._listener.vehicle_seen(self._account, car.vin)

    def _show(self, car: PolledVehicle, vehicle: Vehicle) -> None:
        if vehicle != car.snapshot:
            car.snapshot = vehicle
            self._listener.vehicle_changed(self._account, vehicle)

    def _found(self, car: PolledVehicle) -> dict[str, Any]:
        return {
            "found": car.library.vehicle_location.remote_service_position,
            "is_in_china": self._is_in_china,
        }

    async def _get_image(self, car: PolledVehicle) -> None:
        """Get the car's picture once; it is kept on disk."""
        if car.image is not None or car.snapshot is None:
            return
        try:
            with translated():
                image = await car.library.get_vehicle_image(VehicleViewDirection.FRONTSIDE)
        except AccountError as error:
            log.debug("no_image", vin=car.vin, reason=str(error))
            image = b""
        car.image = image if image.startswith(PNG) else b""
        if not car.image:
            return
        self._store.write_later(_image_file(car.vin), car.image, _report)
        car.snapshot = replace(car.snapshot, image=car.image)
        self._listener.vehicle_changed(self._account, car.snapshot)

    def _say_problem(self, event: str, error: AccountError, vin: str | None = None) -> None:
        """Log what goes wrong when it begins or changes, not at each try."""
        is_known = self._problems.get((event, vin)) == str(error)
        level = log.debug if is_known else log.warning
        level(event, account=self._account, vin=vin, reason=str(error))
        self._problems[event, vin] = str(error)


def _report(error: StoreError | None) -> None:
    if error:
        log.warning("image_not_saved", reason=str(error))


def _image_file(vin: str) -> str:
    return f"images/{vin}.png"
