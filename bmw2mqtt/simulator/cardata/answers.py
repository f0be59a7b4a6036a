"""The errors of BMW CarData, as responses and as faults."""

from __future__ import annotations

import uuid
from typing import Final

from aiohttp import web

from bmw2mqtt.simulator.faults import Fault
from bmw2mqtt.simulator.https import Refusal

ERRORS: Final[dict[str, tuple[int, str]]] = {
    "CU-100": (401, "No access token"),
    "CU-101": (401, "Authentication error"),
    "CU-102": (401, "Token expired"),
    "CU-103": (403, "Token scope is not CarData"),
    "CU-104": (403, "No permission for this VIN"),
    "CU-105": (403, "No permission for this container"),
    "CU-120": (400, "VIN is malformed"),
    "CU-121": (400, "Container id is malformed"),
    "CU-122": (400, "Container is being deleted"),
    "CU-124": (400, "Maximum number of containers reached"),
    "CU-125": (400, "Pagination token expired"),
    "CU-126": (404, "No image available"),
    "CU-127": (404, "No location based charging settings available"),
    "CU-400": (400, "Bad request"),
    "CU-401": (400, "Invalid parameter"),
    "CU-402": (400, "Unknown telematic key"),
    "CU-403": (403, "Forbidden"),
    "CU-429": (403, "API rate limit reached"),
    "CU-500": (500, "Internal server error"),
    "CU-503": (503, "Service unavailable"),
}
"""The status and the text of every error of the REST API."""

KEY_MANAGEMENT_FAULT: Final = {
    "fault": {
        "faultstring": "Unexpected error in the partner system",
        "detail": {"errorcode": "keymanagement.service.invalid_access_token"},
    }
}


def refuse(error_id: str, note: str = "", *, status: int | None = None) -> Refusal:
    """Return an exception that ends a request with one of the REST API's errors."""
    body = _error_body(error_id, note)
    return Refusal(web.json_response(body, status=status or ERRORS[error_id][0]))


def cu_error(
    error_id: str,
    path: str = "/customers/",
    *,
    status: int | None = None,
    method: str | None = None,
    vin: str | None = None,
    times: int | None = None,
) -> Fault:
    """Return a fault that answers with one of the REST API's errors."""
    return Fault(
        path=path,
        method=method,
        vin=vin,
        status=status or ERRORS[error_id][0],
        body=_error_body(error_id),
        times=times,
    )


def empty_list(*, times: int | None = None) -> Fault:
    """Return a fault that answers with a list of no cars, as BMW does now and then."""
    return Fault(path="/vehicles/mappings", status=200, body=[], times=times)


def refuse_oauth(status: int, name: str, description: str) -> Refusal:
    """Return an exception that ends a request with an error of the login."""
    return Refusal(web.json_response(_oauth_body(name, description), status=status))


def oauth_error(
    name: str, *, status: int = 400, path: str = "/gcdm/oauth/token", times: int | None = None
) -> Fault:
    """Return a fault that answers with an error of the login."""
    return Fault(path=path, status=status, body=_oauth_body(name, "Played."), times=times)


def _error_body(error_id: str, note: str = "") -> dict[str, str]:
    return {
        "exveErrorId": error_id,
        "exveErrorMsg": ERRORS[error_id][1],
        "exveErrorRef": str(uuid.uuid4()),
        "exveNote": note,
    }


def _oauth_body(name: str, description: str) -> dict[str, str]:
    return {
        "error": name,
        "error_description": description,
        "correlation-id": str(uuid.uuid4()),
    }
