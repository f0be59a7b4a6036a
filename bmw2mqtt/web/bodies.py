"""Reads the bodies of requests: anybody can send one, so it has to be small, quick and text."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from aiohttp import web

Result = TypeVar("Result")

MAX_BODY_BYTES: Final = 32 * 1024
"""hCaptcha's form holds the token twice, percent-encoded."""
READ_TIMEOUT_S: Final = 10
_FORM: Final = "application/x-www-form-urlencoded"


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of a request; an empty body counts as an empty object."""
    content = await _in_time(request.read())
    try:
        body = json.loads(content) if content else {}
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="Expected a JSON object.")
    return body


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the fields of a form."""
    if request.content_type != _FORM:
        raise web.HTTPUnsupportedMediaType(text="Expected a form.")
    if (request.charset or "utf-8").lower() != "utf-8":
        raise web.HTTPUnsupportedMediaType(text="Expected a form in UTF-8.")
    try:
        sent = await _in_time(request.post())
    except ValueError:
        raise web.HTTPBadRequest(text="The form is not UTF-8 text.") from None
    return {name: value for name, value in sent.items() if isinstance(value, str)}


async def _in_time(reading: Awaitable[Result]) -> Result:
    """Wait for a request's body, with a time limit."""
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            return await reading
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="The request's body did not arrive in time.") from None
