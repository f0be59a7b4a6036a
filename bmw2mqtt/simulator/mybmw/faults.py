"""The answers with which BMW's app API refuses an app."""

from __future__ import annotations

from bmw2mqtt.simulator.faults import Fault


def quota_exceeded(
    path: str = "/eadrax-", *, replenished_in: str = "00:12:34", times: int | None = None
) -> Fault:
    """Return the fault for too many requests in a day."""
    message = f"Out of call volume quota. Quota will be replenished in {replenished_in}."
    return Fault(path=path, status=403, body={"statusCode": 403, "message": message}, times=times)


def too_many_requests(
    path: str = "/eadrax-", *, wait_s: int = 2, times: int | None = None
) -> Fault:
    """Return the fault for too many requests within a moment."""
    message = f"Rate limit is exceeded. Try again in {wait_s} seconds."
    return Fault(path=path, status=429, body={"statusCode": 429, "message": message}, times=times)


def empty_list(*, times: int | None = None) -> Fault:
    """Return the fault that lists no car, as BMW does now and then."""
    return Fault(path="/vehicle-list", status=200, body={"mappingInfos": []}, times=times)


def blocked(path: str = "/eadrax-", *, times: int | None = None) -> Fault:
    """Return the fault for an app that BMW does not recognise as its own."""
    return Fault(path=path, status=489, body="Blocked", times=times)
