"""Reading requests and writing answers the way BMW's gateway does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from bmw2mqtt.simulator.https import Refusal, json_object

from .users import REGION_OF_CODE

if TYPE_CHECKING:
    from .cars import Json
    from .users import Region

X_USER_AGENT_PARTS = 4  # android(build);brand;app version;region


def refuse(status: int, message: str) -> Refusal:
    """Return an exception that ends a request with the gateway's error body."""
    return Refusal(web.json_response({"statusCode": status, "message": message}, status=status))


def refuse_with(status: int, body: Json) -> Refusal:
    """Return an exception that ends a request with an error body of its own."""
    return Refusal(web.json_response(body, status=status))


def x_user_agent(request: web.Request) -> list[str]:
    """Return the four parts of the app's `x-user-agent`."""
    parts = request.headers.get("x-user-agent", "").split(";")
    if len(parts) != X_USER_AGENT_PARTS:
        raise refuse(400, "Invalid x-user-agent header.")
    return parts


def region_of(request: web.Request) -> Region | None:
    """Return the region the app was built for."""
    return REGION_OF_CODE.get(x_user_agent(request)[-1])


async def json_body(request: web.Request) -> Json:
    """Return the JSON object in a request's body."""
    try:
        return await json_object(request)
    except ValueError as error:
        raise refuse(400, f"Malformed request: {error}") from error
