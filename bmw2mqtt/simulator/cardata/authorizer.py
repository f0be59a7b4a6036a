"""Authorization of requests to the REST API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .answers import refuse
from .quota import bearer
from .users import API_SCOPE

if TYPE_CHECKING:
    from aiohttp import web

    from .cars import CarDataCar
    from .users import CarDataUser, UserRegistry

VIN: Final = re.compile(r"[A-Z0-9]{17}")


@dataclass(frozen=True, slots=True)
class RestAuthorizer:
    """Finds the user of a request's access token, and the requested car."""

    registry: UserRegistry

    def user(self, request: web.Request) -> CarDataUser:
        """Return the user of the request's access token, or refuse the request."""
        if not (token := bearer(request)):
            raise refuse("CU-100")
        grant = self.registry.by_access_token(token)
        if grant is None:
            raise refuse("CU-101")
        if self.registry.clock() >= grant.access_expires_at:
            raise refuse("CU-102")
        if API_SCOPE not in grant.scope:
            raise refuse("CU-103")
        if request.headers.get("x-version") != "v1":
            raise refuse("CU-400", "Header x-version is required.")
        return grant.user

    def car(self, request: web.Request) -> CarDataCar:
        """Return the requested car, or refuse the request if the user is not its main user."""
        user, vin = self.user(request), request.match_info["vin"]
        if VIN.fullmatch(vin) is None:
            raise refuse("CU-120")
        car = user.car(vin)
        if car is None:
            raise refuse("CU-104")
        return car
