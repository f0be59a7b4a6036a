"""Authorization of requests to the app API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bmw2mqtt.simulator.https import vin_of

from .answers import refuse, region_of

if TYPE_CHECKING:
    from aiohttp import web

    from .cars import SimulatedCar
    from .users import AppAccounts, SimulatedUser


@dataclass(frozen=True, slots=True)
class AppAuthorizer:
    """Finds the user of a request's access token, and the requested car."""

    accounts: AppAccounts

    def user(self, request: web.Request) -> SimulatedUser:
        """Return the user of the request's access token, or refuse the request."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user = self.accounts.authenticate(token, region_of(request))
        if scheme != "Bearer" or user is None:
            raise refuse(401, "Access token is missing, expired or invalid.")
        return user

    def car(self, request: web.Request) -> SimulatedCar:
        """Return the requested car, or refuse the request if it is not the user's."""
        return self.car_of(self.user(request), vin_of(request))

    def car_of(self, user: SimulatedUser, vin: str | None) -> SimulatedCar:
        """Return the user's car with a VIN, or refuse the request."""
        car = user.car(vin)
        if car is None:
            raise refuse(404, "Vehicle not found.")
        return car
