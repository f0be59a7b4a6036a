"""Vehicle poller: requests the vehicles of one login, their states and their pictures."""

import asyncio
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog
from bimmer_connected.account import MyBMWAccount
from bimmer_connected.vehicle.vehicle import VehicleViewDirection

from bmw2mqtt.accounts.account import AccountListener
from bmw2mqtt.accounts.mybmw.image import PNG, to_png
from bmw2mqtt.accounts.mybmw.last_reports import LastReports
from bmw2mqtt.accounts.mybmw.library.errors import translated
from bmw2mqtt.accounts.mybmw.snapshot.builder import next_change_at, to_vehicle
from bmw2mqtt.accounts.mybmw.snapshot.observed import observed
from bmw2mqtt.accounts.mybmw.snapshot.position import with_found_position
from bmw2mqtt.accounts.mybmw.snapshot.report_charging import ReportCharging
from bmw2mqtt.accounts.mybmw.snapshot.responses import VehicleResponses
from bmw2mqtt.accounts.mybmw.vehicle import PolledVehicle, list_vehicles, request_profile
from bmw2mqtt.accounts.mybmw.vehicle_list import ListedVehicles
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_document import StateDocument
from bmw2mqtt.accounts.state_file import WRITE_EVERY_S, StateFile
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.unknown_values import UnknownValueLog
from bmw2mqtt.guard import BugLogger, bug_message
from bmw2mqtt.log_once import LogOnce
from bmw2mqtt.vehicle.errors import WHOLE_ACCOUNT, AccountError, BadAnswer, StoreError, Unreachable
from bmw2mqtt.vehicle.snapshot import Vehicle

log = structlog.get_logger(__name__)

FOLLOW_EVERY_S = 60.0
"""How often to check what time alone has changed: a charge or heating that is over."""
_PART = "charging"


class ChargingDocument(StateDocument):
    """The state of charging of every vehicle, by VIN."""

    vehicles: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - pydantic copies defaults


class VehiclePoller:
    """Polls the vehicles of one login and reports changes to the listener."""

    def __init__(
        self,
        account: str,
        library: MyBMWAccount,
        *,
        store: Store,
        listener: AccountListener,
        bug_logger: BugLogger,
        is_in_china: bool,
        state_file: StateFile,
    ) -> None:
        self.vehicles: dict[str, PolledVehicle] = {}
        """Vehicles with a profile, by VIN."""
        self.listed = ListedVehicles(account, state_file)
        self._account = account
        self._library = library
        self._store = store
        self._listener = listener
        self._bug_logger = bug_logger
        self._is_in_china = is_in_china
        self._state_file = state_file
        self._last_reports = LastReports(account, state_file)
        self._kept_charging: dict[str, dict[str, Any]] = {}
        """The state of charging of an earlier run, by VIN, until the vehicle is there."""
        self._has_changed = False
        """Whether there is something that `save` has not written."""
        self._saved_s = -math.inf
        self._report_word = UnknownValueLog()
        self._errors = LogOnce()

    def restore(self) -> None:
        """Continue with what an earlier run knew of the vehicles."""
        self.listed.restore()
        kept = self._state_file.read(_PART, ChargingDocument, utc_now())
        self._kept_charging = dict(kept.vehicles)
        self._last_reports.restore(utc_now())

    async def follow_time(self) -> None:
        """Report what time alone changes between two polls, until cancelled."""
        while True:
            await asyncio.sleep(FOLLOW_EVERY_S)
            self._save_changes()
            for car in self.vehicles.values():
                try:
                    self._rebuild(car)
                except Exception:
                    self._bug_logger.exception(
                        "vehicle_crashed", account=self._account, vin=car.vin
                    )

    def _rebuild(self, car: PolledVehicle) -> None:
        """Build the snapshot again once the time it is now changes it."""
        now = utc_now()
        if car.responses is None or car.next_change_at is None or now < car.next_change_at:
            return
        if car.snapshot is None:
            return
        self._build(car, replace(car.responses, fetched_at=now, **self._found(car)))

    def save(self) -> None:
        """Write the state of charging and the last reports; a crash may cost the last minute."""
        now = utc_now()
        current = {
            vin: car.trackers.charging.to_document(now)
            for vin, car in self.vehicles.items()
            if car.snapshot is not None and car.snapshot.has_battery
        }
        kept = {vin: kept for vin, kept in self._kept_charging.items() if vin in self.listed.brands}
        self._state_file.write(_PART, ChargingDocument(vehicles=kept | current), can_wait=True)
        self._last_reports.save(frozenset(self.listed.brands))

    async def poll(self) -> None:
        """Poll every vehicle; an error of one never hides the others."""
        await self._list_if_due()
        await self._request_profiles()
        cars = []
        for car in self.vehicles.values():
            if self._is_wanted(car.vin):
                cars.append(car)
            else:
                car.snapshot = None  # reported anew once it is wanted again
        try:
            errors = await self._poll_cars(cars)
        finally:
            self._save_changes()
        if errors and len(errors) == len(cars):
            raise errors[0]
        for car in cars:
            try:
                await self._get_image(car)
            except Exception:
                self._bug_logger.exception("image_crashed", account=self._account, vin=car.vin)
                car.image = b""

    async def _poll_cars(self, cars: Iterable[PolledVehicle]) -> list[AccountError]:
        """Poll vehicles; return the errors, or raise one that concerns the whole account."""
        errors: list[AccountError] = []
        for car in cars:
            try:
                await self._poll_car(car)
            except AccountError as error:
                self._log_error("vehicle_not_updated", error, vin=car.vin)
                if isinstance(error, WHOLE_ACCOUNT):
                    raise
                errors.append(error)
            except Exception as error:  # a bug with one car must not hide the others
                self._bug_logger.exception("vehicle_crashed", account=self._account, vin=car.vin)
                errors.append(BadAnswer(bug_message(error)))
        return errors

    def _save_changes(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._has_changed and now_s - self._saved_s >= WRITE_EVERY_S:
            self._has_changed = False
            self._saved_s = now_s
            self.save()

    def _is_wanted(self, vin: str) -> bool:
        return self._listener.is_wanted(self._account, vin)

    async def _list_if_due(self) -> None:
        """Request the list of vehicles if that is due."""
        if not self.listed.is_due:
            return
        try:
            await self._list()
        except AccountError as error:
            if isinstance(error, WHOLE_ACCOUNT) or not self.vehicles:
                raise
            self._log_error("vehicles_not_listed", error)
        except Exception:
            if not self.vehicles:
                raise
            self._bug_logger.exception("list_crashed", account=self._account)

    async def _request_profiles(self) -> None:
        """Request the profiles of new vehicles; an error of one never hides the others."""
        problem: AccountError | None = None
        for vin in tuple(self.listed.brands):
            if vin in self.vehicles or not self._is_wanted(vin):
                continue
            try:
                await self._add(vin)
            except WHOLE_ACCOUNT:
                raise
            except AccountError as error:
                self._log_error("profile_not_received", error, vin=vin)
                problem = error
            except Exception as error:  # a bug with one car must not hide the others
                self._bug_logger.exception("profile_crashed", account=self._account, vin=vin)
                problem = BadAnswer(bug_message(error))
        if problem is not None and not self.vehicles:
            raise problem

    async def _list(self) -> None:
        listing = await list_vehicles(self._library)
        self.listed.update(listing)
        vins = frozenset(self.listed.brands)
        if listing.missing is None:
            self._errors.is_over(("vehicles_not_listed", None))
            self.vehicles = {vin: car for vin, car in self.vehicles.items() if vin in vins}
            for car in self.vehicles.values():
                car.image = car.image or None  # a picture that failed is tried again
        else:
            self._log_error("vehicles_not_listed", listing.missing)
        self._listener.vehicles_listed(self._account, vins, is_complete=listing.missing is None)

    async def _add(self, vin: str) -> None:
        car = await request_profile(self._library, vin, self.listed.brands[vin])
        car.trackers.charging = ReportCharging(
            self._kept_charging.pop(vin, None),
            now=utc_now(),
            configured_kwh=self._listener.battery_capacity_kwh(vin),
        )
        image = self._store.read(_image_file(vin))
        car.image = image if image and image.startswith(PNG) else None  # else it is requested
        self.vehicles[vin] = car

    async def refresh(self, vin: str) -> None:
        """Poll one vehicle; errors are logged."""
        if car := self.vehicles.get(vin):
            with suppress(AccountError):
                await self._poll_cars([car])
            self._save_changes()

    def report_found_position(self, car: PolledVehicle) -> None:
        """Report where the finder has found the vehicle."""
        if car.snapshot:
            self._report(car, with_found_position(car.snapshot, **self._found(car)))

    async def _poll_car(self, car: PolledVehicle) -> None:
        """Poll one vehicle and report what has changed.

        Raises:
            AccountError: BMW gave no usable state, or no further request should be made.
        """
        error: AccountError | None = None
        async with car.lock:
            car.clear_responses()
            try:
                with translated():
                    await car.library.get_vehicle_state()
            except AccountError as caught:
                error = caught
            data: dict[str, Any] = car.library.data
            if isinstance(data.get("state"), dict) and data["state"]:
                self._record(car, data)
                if isinstance(error, BadAnswer | Unreachable):
                    # The library failed at a part that the snapshot builder reads itself, or BMW
                    # sent the state without the charging details.
                    log.debug("vehicle_updated_in_part", vin=car.vin, reason=str(error))
                    error = None
            elif error is None:
                error = BadAnswer("BMW sent no state of the car; trying again")
        if error is not None:
            raise error
        self._errors.is_over(("vehicle_not_updated", car.vin))

    def _record(self, car: PolledVehicle, data: dict[str, Any]) -> None:
        responses = VehicleResponses(
            vin=car.vin,
            brand=car.brand,
            attributes=car.attributes,
            capabilities=data.get("capabilities"),
            state=data["state"],
            charging_settings=data.get("charging_settings"),
            fetched_at=data["fetched_at"],
            **self._found(car),
        )
        is_new = car.snapshot is None or not responses.are_equal(car.responses)
        if is_new and not self._last_reports.is_outdated(responses, car.snapshot):
            car.responses = responses
            self._build(car, responses)
            self._last_reports.update(responses)
            self._has_changed = True
        self._listener.vehicle_seen(self._account, car.vin)

    def _build(self, car: PolledVehicle, responses: VehicleResponses) -> None:
        vehicle = to_vehicle(
            responses,
            previous=car.snapshot,
            trackers=car.trackers,
            report=self._report_word,
            image=car.image or None,
        )
        car.next_change_at = next_change_at(vehicle, responses, car.trackers)
        self._report(car, vehicle)
        self._listener.vehicle_observed(self._account, observed(vehicle, responses, car.trackers))

    def _report(self, car: PolledVehicle, vehicle: Vehicle) -> None:
        if vehicle != car.snapshot:
            car.snapshot = vehicle
            self._listener.vehicle_changed(self._account, vehicle)

    def _found(self, car: PolledVehicle) -> dict[str, Any]:
        return {
            "found": car.library.vehicle_location.remote_service_position,
            "is_in_china": self._is_in_china,
        }

    async def _get_image(self, car: PolledVehicle) -> None:
        """Request the vehicle's picture once; it is kept on disk."""
        if car.image is not None or car.snapshot is None:
            return
        try:
            with translated():
                image = await car.library.get_vehicle_image(VehicleViewDirection.FRONTSIDE)
        except AccountError as error:
            log.debug("image_not_received", vin=car.vin, reason=str(error))
            image = b""
        car.image = await asyncio.to_thread(to_png, image)
        if not car.image or car.snapshot is None:
            return
        self._store.write_later(_image_file(car.vin), car.image, _log_image_error)
        car.snapshot = replace(car.snapshot, image=car.image)
        self._listener.vehicle_changed(self._account, car.snapshot)

    def _log_error(self, event: str, error: AccountError, vin: str | None = None) -> None:
        """Log an error when it begins or changes, not at each poll."""
        level = log.warning if self._errors.is_new((event, vin), str(error)) else log.debug
        level(event, account=self._account, vin=vin, reason=str(error))


def _log_image_error(error: StoreError | None) -> None:
    if error:
        log.warning("image_not_saved", reason=str(error))


def _image_file(vin: str) -> str:
    return f"images/{vin}.png"
