"""Executes commands through BMW's remote services.

The library's own methods for charging and destinations are not used where they would write more
than the owner requested: its charging profile overwrites the charging window, its destinations
contain the word "None".
"""

import ast
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import httpx
from bimmer_connected.api.client import MyBMWClient
from bimmer_connected.const import VEHICLE_CHARGING_DETAILS_URL
from bimmer_connected.models import ChargingSettings, MyBMWRemoteServiceError, PointOfInterest
from bimmer_connected.vehicle import remote_services
from bimmer_connected.vehicle.remote_services import (
    ExecutionState,
    RemoteServices,
    RemoteServiceStatus,
    Services,
)

from bmw2mqtt.accounts.mybmw.library.command_deadline import command_is_sent, send_before
from bmw2mqtt.accounts.mybmw.library.errors import NEVER_SENT, translated
from bmw2mqtt.accounts.mybmw.vehicle import PolledVehicle
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
from bmw2mqtt.vehicle.errors import (
    AccountError,
    BadAnswer,
    Blocked,
    CommandError,
    QuotaExceeded,
)
from bmw2mqtt.vehicle.snapshot import ChargingMode, ChargingStatus, Vehicle

_SERVICES: Mapping[Action, tuple[Services, Mapping[str, str] | None]] = {
    Action.LOCK: (Services.DOOR_LOCK, None),
    Action.UNLOCK: (Services.DOOR_UNLOCK, None),
    Action.FLASH_LIGHTS: (Services.LIGHT_FLASH, None),
    Action.SOUND_HORN: (Services.HORN, None),
    Action.START_CLIMATE: (Services.AIR_CONDITIONING, {"action": "START"}),
    Action.STOP_CLIMATE: (Services.AIR_CONDITIONING, {"action": "STOP"}),
    Action.START_CHARGING: (Services.CHARGE_START, None),
    Action.STOP_CHARGING: (Services.CHARGE_STOP, None),
}
_CHARGING_MODES = {
    ChargingMode.IMMEDIATE_CHARGING: ("CHARGING_IMMEDIATELY", "NO_PRESELECTION"),
    ChargingMode.DELAYED_CHARGING: ("TIME_SLOT", "CHARGING_WINDOW"),
}
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_WITHOUT_REFRESH = frozenset({Action.FLASH_LIGHTS, Action.SOUND_HORN, Action.FIND_VEHICLE})
"""The finder's answer contains the position itself."""


def needs_refresh(command: Command) -> bool:
    """Whether the vehicle's state changes by this command, so that it must be polled."""
    return command not in _WITHOUT_REFRESH and not isinstance(command, SendPoi)


def settling_s() -> float:
    """Return the seconds until BMW's state includes a command: two polls of the library."""
    return 2 * float(remote_services._POLLING_CYCLE)  # noqa: SLF001 - the library has no public one


async def execute(
    car: PolledVehicle,
    command: Command,
    deadline: Deadline,
    on_error: Callable[[AccountError], None],
) -> CommandResult:
    """Send a command and wait for its result: some 10 s, at most 4 minutes.

    Nothing is sent after the deadline. A command that BMW may have received is not sent again; only
    one that BMW has refused to accept (401, 429) is.

    Never raises for what BMW answers; the result has the reason. `on_error` is called with errors
    that may concern the whole account. A block does not: BMW has blocked commands and still
    answered polls.
    """
    services = _RemoteServices(car.library)
    try:
        with send_before(deadline), translated():
            try:
                status = await _trigger(car, services, command)
            except MyBMWRemoteServiceError as error:
                return _refusal(str(error))
    except CommandError as error:
        reason = Reason(error.reason)
        event_type = EventType.REJECTED if reason is Reason.EXPIRED else EventType.FAILED
        return CommandResult(event_type=event_type, reason=reason, message=str(error))
    except AccountError as error:
        outcome = _failure(error, is_accepted=services.is_accepted)
        if not isinstance(error, Blocked):
            on_error(error)
        return outcome
    if status.event_id is None and not isinstance(command, SendPoi):
        # The library counts this as executed: BMW's answer has no event to follow the command by.
        return _not_known("BMW gave no event to follow it by")
    if status.state is ExecutionState.IGNORED:
        return CommandResult(event_type=EventType.IGNORED, message="the car had nothing to do")
    return EXECUTED


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


async def _trigger(
    car: PolledVehicle, services: _RemoteServices, command: Command
) -> RemoteServiceStatus:
    match command:
        case Action.FIND_VEHICLE:
            return await _find(car, services)
        case Action():
            service, params = _SERVICES[command]
            return await services.trigger_remote_service(service, params=dict(params or {}) or None)
        case SetTargetSoc(percent):
            data: Any = ChargingSettings(chargingTarget=percent)
            return await services.trigger_remote_service(Services.CHARGING_SETTINGS, data=data)
        case SetAcLimit(ampere):
            data = ChargingSettings(chargingTarget=None, acLimitValue=ampere)
            return await services.trigger_remote_service(Services.CHARGING_SETTINGS, data=data)
        case SetChargingMode(mode):
            data = charging_profile(await _charging_details(car), mode)
            return await services.trigger_remote_service(Services.CHARGING_PROFILE, data=data)
        case SendPoi():
            data = {"places": [place(command)], "vehicleInformation": {"vin": car.vin}}
            return await services.trigger_remote_service(Services.SEND_POI, data=data)


async def _find(car: PolledVehicle, services: _RemoteServices) -> RemoteServiceStatus:
    location = car.library.vehicle_location
    location.vehicle_update_timestamp = _NEVER  # compared by the library, which read no state
    before = location.remote_service_position
    status = await services.trigger_remote_vehicle_finder()
    if location.remote_service_position is before:
        raise CommandError(Reason.REFUSED_BY_VEHICLE, "the car gave no position")
    return status


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


def _refusal(text: str) -> CommandResult:
    """Return the result for the library's error about the vehicle's answer."""
    if text.startswith("Did not receive"):
        return CommandResult(
            event_type=EventType.TIMED_OUT,
            reason=Reason.UNREACHABLE,
            message="the car did not answer in time; it may still carry out the command",
        )
    return CommandResult(
        event_type=EventType.FAILED,
        reason=Reason.REFUSED_BY_VEHICLE,
        message=_error_details(text) or "the car refused",
    )


def _error_details(text: str) -> str | None:
    """Return BMW's own text from the details, which the library formats as Python."""
    try:
        details = ast.literal_eval(text.partition("Response: ")[2])["errorDetails"]
        sentences = [details[key] for key in ("title", "description") if details.get(key)]
    except (ValueError, SyntaxError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return ": ".join(str(sentence) for sentence in sentences) or None


def _failure(error: AccountError, *, is_accepted: bool) -> CommandResult:
    """Return the result for an error between us and BMW, which may have received the command."""
    cause = error.__cause__
    status_error = cause.__cause__ if cause else None
    if isinstance(status_error, httpx.HTTPStatusError):
        path, status = status_error.request.url.path, status_error.response.status_code
        is_accepted |= _is_command(path) and status in _GATEWAY_GAVE_UP
        is_refusal = not is_accepted and _is_refusal(path, status)
        if is_refusal and not isinstance(error, QuotaExceeded | Blocked):
            return CommandResult(
                event_type=EventType.FAILED,
                reason=Reason.REFUSED_BY_VEHICLE,
                message=f"BMW refuses this command for this car (HTTP {status})",
            )
    elif isinstance(cause, httpx.RequestError):
        is_accepted |= _is_command(_path(cause)) and not isinstance(cause, NEVER_SENT)
    else:
        is_accepted |= isinstance(error, BadAnswer)
    if is_accepted:
        return _not_known(str(error))
    reason = REASON_OF_STATUS.get(error.status, Reason.UNREACHABLE)
    return CommandResult(event_type=EventType.FAILED, reason=reason, message=str(error))


def _not_known(why: str) -> CommandResult:
    return CommandResult(
        event_type=EventType.TIMED_OUT,
        reason=Reason.UNREACHABLE,
        message=f"BMW may have received the command, its result is not known: {why}",
    )


_GATEWAY_GAVE_UP = {408, 502, 504}
"""A time-out between us and the car; the car may have received it."""


def _path(error: httpx.RequestError) -> str:
    try:
        return error.request.url.path
    except RuntimeError:  # the error has no request: nothing was sent
        return ""


def _is_command(path: str) -> bool:
    return "/remote-commands/" in path or "/eadrax-crccs/v1/" in path or "send-to-car" in path


def _is_refusal(path: str, status: int) -> bool:
    """Whether BMW received the request for a command and refused it."""
    return (
        _is_command(path)
        and 400 <= status < 500  # noqa: PLR2004
        and status not in {401, 408, 429}
    )
