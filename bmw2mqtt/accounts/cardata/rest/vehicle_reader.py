"""REST requests about one car: basic data, telematic data, picture.

A request that failed waits before it is repeated, whoever wants it: each try costs quota.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol

import structlog

from bmw2mqtt.accounts.cardata.errors import LoginFailed, RequestRefused, ServerFault
from bmw2mqtt.accounts.cardata.failed_request import FailedRequest
from bmw2mqtt.accounts.cardata.image import as_png
from bmw2mqtt.accounts.cardata.rest.client import (
    BAD_VIN,
    FORBIDDEN,
    NO_DATA,
    NO_IMAGE,
    NO_VEHICLE,
    RestClient,
)
from bmw2mqtt.accounts.cardata.rest.container_client import NOT_THERE
from bmw2mqtt.accounts.cardata.rest.container_lists import ContainerKind
from bmw2mqtt.accounts.cardata.rest.containers import Containers
from bmw2mqtt.accounts.cardata.rest.quota import Priority
from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.guard import BugLogger, bug_message
from bmw2mqtt.vehicle.errors import WHOLE_ACCOUNT, AccountError, BadAnswer
from bmw2mqtt.vehicle.observed import ChargeRecord

log = structlog.get_logger(__name__)

BASIC_DATA: Final = "basic_data"
TELEMATIC_DATA: Final = "telematic_data"
EXTRA_DATA: Final = "extra_data"
IMAGE: Final = "image"
_NEVER_SERVED: Final = {NO_VEHICLE, BAD_VIN}
"""Refusals after which no request about the car can succeed."""


class RestListener(Protocol):
    """Gets what the poller learns: the account."""

    def vehicles_listed(self) -> None:
        """Handle a new complete list of cars; the registry has it."""

    def vehicle_described(self, vin: str) -> None:
        """Handle new basic data or a new picture of a car."""

    def telematic_data(
        self, vehicle: CarDataVehicle, data: Mapping[str, Any], received_at: datetime
    ) -> None:
        """Handle a car's last values: by descriptor, objects with value, unit and timestamp."""

    def is_wanted(self, vin: str) -> bool:
        """Return whether requests about this car are wanted."""

    def is_recorded(self, vin: str) -> bool:
        """Return whether this car's charges are recorded."""

    def charges_read(self, vehicle: CarDataVehicle, records: tuple[ChargeRecord, ...]) -> None:
        """Handle a page of BMW's charging history of a car."""


class RequestGate:
    """Sends a request unless the same one failed a short while ago."""

    def __init__(self, account: str, now: Callable[[], datetime]) -> None:
        self._account = account
        self._now = now
        self._bug_logger = BugLogger()

    async def attempt(
        self,
        failures: dict[str, FailedRequest],
        what: str,
        request: Callable[[], Awaitable[None]],
        *,
        vin: str | None = None,
    ) -> AccountError | None:
        """Send a request, and return why it failed, now or a short while ago.

        A failure is kept in `failures`, by `what` it asks for.

        Raises:
            AccountError: trouble of the whole account.
        """
        failure = failures.get(what)
        if failure and failure.is_waiting(self._now()):
            if isinstance(failure.error, WHOLE_ACCOUNT):
                raise failure.error.with_traceback(None)
            return failure.error
        try:
            await request()
        except LoginFailed as error:  # each try costs a request
            failures[what] = FailedRequest.after(None, error, self._now())
            raise
        except WHOLE_ACCOUNT:
            raise
        except AccountError as error:
            return self._record(failures, what, error, vin)
        except Exception as error:  # a bug with one car must not affect the others
            self._bug_logger.exception("vehicle_crashed", account=self._account, vin=vin)
            return self._record(failures, what, BadAnswer(bug_message(error)), vin)
        failures.pop(what, None)
        return None

    def _record(
        self,
        failures: dict[str, FailedRequest],
        what: str,
        error: AccountError,
        vin: str | None,
    ) -> AccountError:
        previous = failures.get(what)
        is_repeated = previous is not None and str(previous.error) == str(error)
        level = log.debug if is_repeated else log.warning
        level("data_not_read", account=self._account, what=what, vin=vin, reason=str(error))
        failures[what] = FailedRequest.after(previous, error, self._now())
        return error


class VehicleReader:
    """Reads one car at a time."""

    def __init__(
        self,
        rest: RestClient,
        containers: Containers,
        vehicles: VehicleRegistry,
        gate: RequestGate,
        listener: RestListener,
        *,
        on_refused: Callable[[CarDataVehicle, AccountError], None],
        now: Callable[[], datetime],
    ) -> None:
        """Prepare; `on_refused` is called when BMW gives no data of a car."""
        self._rest = rest
        self._containers = containers
        self._vehicles = vehicles
        self._gate = gate
        self._listener = listener
        self._on_refused = on_refused
        self._now = now

    async def read_basic_data(self, vehicle: CarDataVehicle) -> AccountError | None:
        """Request what kind of car it is; return why that failed."""
        return await self._attempt(vehicle, BASIC_DATA, partial(self._basic_data, vehicle))

    async def read_telematic_data(
        self, vehicle: CarDataVehicle, priority: Priority
    ) -> AccountError | None:
        """Request its last values; return why that failed."""
        request = partial(self._telematic_data, vehicle, priority, ContainerKind.MAIN)
        error = await self._attempt(vehicle, TELEMATIC_DATA, request)
        if error is None:
            vehicle.read_at = self._now()
        return error

    async def read_extra_data(self, vehicle: CarDataVehicle) -> AccountError | None:
        """Request the last values of everything that the main container leaves out."""
        request = partial(self._telematic_data, vehicle, Priority.EXTRA, ContainerKind.EXTRA)
        error = await self._attempt(vehicle, EXTRA_DATA, request)
        if error is None:
            vehicle.extra_read_at = self._now()
        return error

    async def read_image(self, vehicle: CarDataVehicle) -> AccountError | None:
        """Request its picture; return why that failed."""
        return await self._attempt(vehicle, IMAGE, partial(self._image, vehicle))

    async def _attempt(
        self, vehicle: CarDataVehicle, what: str, request: Callable[[], Awaitable[None]]
    ) -> AccountError | None:
        async def send() -> None:
            try:
                await request()
            except (RequestRefused, ServerFault) as error:
                is_of_another = vehicle.is_secondary and what == BASIC_DATA
                is_final = isinstance(error, RequestRefused) or error.code == FORBIDDEN
                if error.code not in _NEVER_SERVED and not (is_of_another and is_final):
                    raise
                self._on_refused(vehicle, error)

        return await self._gate.attempt(vehicle.failures, what, send, vin=vehicle.vin)

    async def _basic_data(self, vehicle: CarDataVehicle) -> None:
        answer = await self._rest.get(f"vehicles/{vehicle.vin}/basicData", Priority.FIRST)
        if not isinstance(answer, dict) or not answer:
            raise BadAnswer("BMW sent no basic data of the car; trying again later")
        self._vehicles.save_basic_data(vehicle, answer)
        self._listener.vehicle_described(vehicle.vin)

    async def _telematic_data(
        self, vehicle: CarDataVehicle, priority: Priority, kind: ContainerKind
    ) -> None:
        try:
            answer = await self._request_telematic_data(vehicle, priority, kind)
        except RequestRefused as error:
            if error.code not in NOT_THERE or not self._containers.discard(kind):
                raise
            answer = await self._request_telematic_data(vehicle, priority, kind)
        data = answer.get("telematicData") if isinstance(answer, dict) else None
        if not isinstance(data, dict):
            raise BadAnswer("BMW sent no telematic data of the car; trying again later")
        self._listener.telematic_data(vehicle, data, self._now())

    async def _request_telematic_data(
        self, vehicle: CarDataVehicle, priority: Priority, kind: ContainerKind
    ) -> Any:
        container = await self._containers.ready(priority, kind)
        path = f"vehicles/{vehicle.vin}/telematicData"
        return await self._rest.get(path, priority, containerId=container)

    async def _image(self, vehicle: CarDataVehicle) -> None:
        try:
            image = await self._rest.get_bytes(f"vehicles/{vehicle.vin}/image", Priority.PICTURE)
        except RequestRefused as error:
            if error.code not in {NO_IMAGE, NO_DATA, None}:
                raise
            vehicle.has_no_image = True
            return
        self._vehicles.save_image(vehicle, await asyncio.to_thread(as_png, image))
        self._listener.vehicle_described(vehicle.vin)
