"""Executes commands through BMW's remote services.

The library's own methods for charging and destinations are not used where they would write more
than the owner requested: its charging profile overwrites the charging window, its destinations
contain the word "None".
"""

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from bimmer_connected.api.client import MyBMWClient
from bimmer_connected.const import VEHICLE_CHARGING_DETAILS_URL
from bimmer_connected.models import ChargingSettings, MyBMWRemoteServiceError, PointOfInterest
from bimmer_connected.vehicle import remote_services
from bimmer_connected.vehicle.remote_services import RemoteServices, RemoteServiceStatus, Services

from bmw2mqtt.accounts.mybmw.command_results import (
    result_of_account_error,
    result_of_command_error,
    result_of_refusal,
    result_of_status,
)
from bmw2mqtt.accounts.mybmw.library.command_deadline import command_is_sent, send_before
from bmw2mqtt.accounts.mybmw.library.errors import translated
from bmw2mqtt.accounts.mybmw.library.request_hook import count_requests
from bmw2mqtt.accounts.mybmw.poller import VehiclePoller
from bmw2mqtt.accounts.mybmw.vehicle import PolledVehicle
from bmw2mqtt.accounts.request_counter import RequestCounter
from bmw2mqtt.accounts.scheduler import PollScheduler
from bmw2mqtt.accounts.status import StatusReporter
from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.vehicle.commands import (
    EXECUTED,
    REASON_OF_STATUS,
    Action,
    Command,
    CommandResult,
    EventType,
    Reason,
    SendPoi,
    SetAcLimit,
    SetChargingMode,
    SetTargetSoc,
)
from bmw2mqtt.vehicle.deadline import Deadline
from bmw2mqtt.vehicle.errors import AccountError, Blocked, CommandError
from bmw2mqtt.vehicle.snapshot import ChargingMode, ChargingStatus, Vehicle

_SERVICES: Mapping[Action, tuple[Services, dict[str, str] | None]] = {
    Action.LOCK: (Services.DOOR_LOCK, None),
    Action.UNLOCK: (Services.DOOR_UNLOCK, None),
    Action.FLASH_LIGHTS: (Services.LIGHT_FLASH, None),
    Action.SOUND_HORN: (Services.HORN, None),
    Action.START_CLIMATE: (Services.AIR_CONDITIONING, {"action": "START"}),
    Action.STOP_CLIMATE: (Services.AIR_CONDITIONING, {"action": "STOP"}),
    Action.START_CHARGING: (Services.CHARGE_START, None),
    Action.STOP_CHARGING: (Services.CHARGE_STOP, None),
    Action.FIND_VEHICLE: (Services.VEHICLE_FINDER, None),
}
_CHARGING_MODES = {
    ChargingMode.IMMEDIATE_CHARGING: ("CHARGING_IMMEDIATELY", "NO_PRESELECTION"),
    ChargingMode.DELAYED_CHARGING: ("TIME_SLOT", "CHARGING_WINDOW"),
}
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_WITHOUT_REFRESH = frozenset({Action.FLASH_LIGHTS, Action.SOUND_HORN, Action.FIND_VEHICLE})
"""The finder's answer contains the position itself."""


class RemoteCommands:
    """Executes the commands of one account."""

    def __init__(
        self,
        account: str,
        poller: VehiclePoller,
        polling: PollScheduler,
        status: StatusReporter,
        requests: RequestCounter,
        *,
        has_location: bool,
    ) -> None:
        """Prepare it; `has_location`: the owner has configured where the finder is used."""
        self._account = account
        self._poller = poller
        self._polling = polling
        self._status = status
        self._requests = requests
        self._has_location = has_location

    def refusal(self, vin: str, command: Command) -> CommandResult | None:
        """Return why this command would not be sent now; makes no request."""
        reason = REASON_OF_STATUS.get(self._status.poll_status)
        message = self._status.state.message
        if vin not in self._poller.vehicles:
            reason, message = Reason.UNKNOWN_VEHICLE, "the account does not know this car yet"
        elif command is Action.FIND_VEHICLE and not self._has_location:
            reason = Reason.UNSUPPORTED
            message = f"BMW wants to know where you are; set accounts.{self._account}.location"
        if reason is None:
            return None
        return CommandResult(event_type=EventType.REJECTED, reason=reason, message=message)

    async def execute(self, vin: str, command: Command, deadline: Deadline) -> CommandResult:
        """Send a command and wait for its result: some 10 s, at most 4 minutes.

        Nothing is sent after the deadline. A command that BMW may have received is not sent again;
        only one that BMW has refused to accept (401, 429) is.

        Never raises for what BMW answers; the result has the reason. An error that may concern the
        whole account is reported like that of a poll. A block is not: BMW has blocked commands and
        still answered polls.
        """
        count_requests(self._requests.add)
        car = self._poller.vehicles[vin]
        if car.snapshot and (ignored := nothing_to_do(car.snapshot, command)):
            return ignored
        services = _RemoteServices(car.library)
        try:
            with send_before(deadline), translated():
                status = await services.trigger_remote_service(**await _request(car, command))
                if command is Action.FIND_VEHICLE:
                    await services.read_position(status.event_id)
        except MyBMWRemoteServiceError as error:
            return result_of_refusal(error)
        except CommandError as error:
            return result_of_command_error(error)
        except AccountError as error:
            if not isinstance(error, Blocked):
                self._polling.report(error)
            return result_of_account_error(error, is_accepted=services.is_accepted)
        result = result_of_status(status, command)
        if result == EXECUTED:
            self._record_executed(car, command)
        return result

    def _record_executed(self, car: PolledVehicle, command: Command) -> None:
        if command is Action.FIND_VEHICLE:
            self._poller.report_found_position(car)
        if self._status.poll_status is AccountStatus.UNREACHABLE:
            self._polling.request()  # BMW answers again

    def needs_refresh(self, command: Command) -> bool:
        """Whether the vehicle's state changes by this command, so that it must be polled."""
        return command not in _WITHOUT_REFRESH and not isinstance(command, SendPoi)

    def settling_s(self) -> float:
        """Return the seconds until BMW's state includes a command: two polls of the library."""
        return 2 * float(remote_services._POLLING_CYCLE)  # noqa: SLF001 - the library has no public one

    async def refresh_vehicle(self, vin: str) -> None:
        """Poll one vehicle: one request, two for one with a charging plan."""
        count_requests(self._requests.add)
        await self._poller.refresh(vin)


def nothing_to_do(vehicle: Vehicle, command: Command) -> CommandResult | None:
    """Return a result for a command that would change nothing, which BMW's app does not send."""
    charging = vehicle.charging
    message = None
    if command in {Action.START_CHARGING, Action.STOP_CHARGING} and charging.is_plugged_in is False:
        message = "no charger is connected"
    elif (
        command is Action.STOP_CHARGING
        and charging.status is not None
        and charging.status is not ChargingStatus.CHARGING
    ):
        message = "the car is not charging"
    return CommandResult(event_type=EventType.IGNORED, message=message) if message else None


class _RemoteServices(RemoteServices):
    """The library's remote services, for one command."""

    is_accepted = False
    """Whether BMW accepted the command and gave an event to follow it by."""

    async def _block_until_done(self, client: MyBMWClient, event_id: str) -> RemoteServiceStatus:
        self.is_accepted = True
        command_is_sent()
        return await super()._block_until_done(client, event_id)

    async def read_position(self, event_id: str | None) -> None:
        """Read where the finder has found the vehicle.

        Raises:
            CommandError: the car gave no position.
        """
        location = self._vehicle.vehicle_location
        location.vehicle_update_timestamp = _NEVER  # compared by the library, which read no state
        before = location.remote_service_position
        location.set_remote_service_position(await self._get_event_position(event_id))
        if location.remote_service_position is before:
            raise CommandError(Reason.REFUSED_BY_VEHICLE, "the car gave no position")


async def _request(car: PolledVehicle, command: Command) -> dict[str, Any]:
    """Return BMW's request for a command: the arguments of the library's function."""
    match command:
        case Action():
            service, params = _SERVICES[command]
            return {"service_id": service, "params": params}
        case SetTargetSoc(percent):
            data: Any = ChargingSettings(chargingTarget=percent)
            return {"service_id": Services.CHARGING_SETTINGS, "data": data}
        case SetAcLimit(ampere):
            data = ChargingSettings(chargingTarget=None, acLimitValue=ampere)
            return {"service_id": Services.CHARGING_SETTINGS, "data": data}
        case SetChargingMode(mode):
            data = charging_profile(await _charging_details(car), mode)
            return {"service_id": Services.CHARGING_PROFILE, "data": data}
        case SendPoi():
            data = {"places": [place(command)], "vehicleInformation": {"vin": car.vin}}
            return {"service_id": Services.SEND_POI, "data": data}


async def _charging_details(car: PolledVehicle) -> Any:
    """Request the owner's charging profile, just before it is written back with another mode.

    Raises:
        CommandError: BMW's answer is not JSON.
    """
    vehicle = car.library
    async with car.lock, MyBMWClient(vehicle.account.config, brand=vehicle.brand) as client:
        response = await client.get(
            VEHICLE_CHARGING_DETAILS_URL,
            params={
                "fields": "charging-profile",
                "has_charging_settings_capabilities": vehicle.is_charging_settings_supported,
            },
            headers={
                "bmw-current-date": datetime.now(UTC).replace(microsecond=0).isoformat(),
                "bmw-vin": car.vin,
            },
        )
    try:
        return response.json()
    except ValueError as error:
        raise CommandError(Reason.UNREACHABLE, _NO_PROFILE) from error


_NO_PROFILE = "BMW did not send the charging profile; nothing was changed"


def charging_profile(details: Any, mode: ChargingMode) -> dict[str, Any]:
    """Return the owner's profile with another charging mode and nothing else changed.

    Raises:
        CommandError: BMW did not send a profile that could be written back.
    """
    try:
        profile = deepcopy(details["chargeAndClimateTimerDetail"])
        kind, preference = _CHARGING_MODES[mode]
        profile["chargingMode"] |= {
            "type": kind,
            "chargingPreference": preference,
            "timerChange": "NO_CHANGE",
        }
        complete = {"departureTimer", "isPreconditionForDepartureActive"} <= profile.keys()
    except (KeyError, TypeError, AttributeError):
        complete = False
    if not complete:
        raise CommandError(Reason.UNREACHABLE, _NO_PROFILE)
    return {**profile, "servicePack": details.get("servicePack")}


def place(poi: SendPoi) -> dict[str, Any]:
    """Return a destination in BMW's form; what the owner did not give is left out."""
    parts = {
        "street": poi.street,
        "postalCode": poi.postal_code,
        "city": poi.city,
        "country": poi.country,
    }
    written = ", ".join(part for part in (poi.street, poi.postal_code, poi.city) if part)
    formatted = written or "Coordinates only"
    destination = PointOfInterest(
        lat=poi.latitude,
        lon=poi.longitude,
        name=poi.name or written or f"{poi.latitude:.5f}, {poi.longitude:.5f}",
        formattedAddress=formatted,
    )
    return {**vars(destination), "address": {k: v for k, v in parts.items() if v is not None}}
