"""What became of a command: the result for each answer and error."""

import ast

import httpx
from bimmer_connected.models import MyBMWRemoteServiceError
from bimmer_connected.vehicle.remote_services import ExecutionState, RemoteServiceStatus

from bmw2mqtt.accounts.mybmw.library.errors import NEVER_SENT
from bmw2mqtt.vehicle.commands import (
    EXECUTED,
    REASON_OF_STATUS,
    Command,
    CommandResult,
    EventType,
    Reason,
    SendPoi,
)
from bmw2mqtt.vehicle.errors import AccountError, BadAnswer, Blocked, CommandError, QuotaExceeded


def result_of_status(status: RemoteServiceStatus, command: Command) -> CommandResult:
    """Return the result for the last status of a command that did not fail."""
    if status.event_id is None and not isinstance(command, SendPoi):
        # The library counts this as executed: BMW's answer has no event to follow the command by.
        return _not_known("BMW gave no event to follow it by")
    if status.state is ExecutionState.IGNORED:
        return CommandResult(event_type=EventType.IGNORED, message="the car had nothing to do")
    return EXECUTED


def result_of_command_error(error: CommandError) -> CommandResult:
    """Return the result for an error that only concerns the command."""
    reason = Reason(error.reason)
    event_type = EventType.REJECTED if reason is Reason.EXPIRED else EventType.FAILED
    return CommandResult(event_type=event_type, reason=reason, message=str(error))


def result_of_refusal(error: MyBMWRemoteServiceError) -> CommandResult:
    """Return the result for the library's error about the vehicle's answer."""
    text = str(error)
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


def result_of_account_error(error: AccountError, *, is_accepted: bool) -> CommandResult:
    """Return the result for an error between us and BMW, which may have received the command."""
    cause = error.__cause__
    status_error = cause.__cause__ if cause else None
    if isinstance(status_error, httpx.HTTPStatusError):
        path, status = status_error.request.url.path, status_error.response.status_code
        is_command = _is_command(path)
        is_accepted |= is_command and status in _GATEWAY_GAVE_UP
        is_refusal = is_command and 400 <= status < 500 and status not in _NO_REFUSAL  # noqa: PLR2004
        if is_refusal and not is_accepted and not isinstance(error, QuotaExceeded | Blocked):
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
_NO_REFUSAL = {401, 408, 429}


def _path(error: httpx.RequestError) -> str:
    try:
        return error.request.url.path
    except RuntimeError:  # the error has no request: nothing was sent
        return ""


def _is_command(path: str) -> bool:
    return "/remote-commands/" in path or "/eadrax-crccs/v1/" in path or "send-to-car" in path
