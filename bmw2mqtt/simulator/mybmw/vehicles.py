"""The addresses an app reads cars from: lists, profiles, states, charging settings, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from bmw2mqtt.simulator.https import vin_of

from .answers import refuse, region_of, x_user_agent

if TYPE_CHECKING:
    from .cars import SimulatedCar
    from .users import Accounts, SimulatedUser

CAR_VIEWS = frozenset(
    {
        "VehicleStatus",
        "FrontView",
        "SideViewLeft",
        "Dashboard",
        "Driverdoor",
        "AngleSideViewForty",
        "AngleSideViewSixty",
        "FrontLeft",
        "FrontRight",
        "RearLeft",
        "RearRight",
        "RearView",
    }
)


@dataclass(frozen=True, slots=True)
class Garage:
    """Finds the user behind a request, and the car it is about."""

    accounts: Accounts

    def user(self, request: web.Request) -> SimulatedUser:
        """Return whose access token came with a request, or refuse it."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user = self.accounts.authenticate(token, region_of(request))
        if scheme != "Bearer" or user is None:
            raise refuse(401, "Access token is missing, expired or invalid.")
        return user

    def car(self, request: web.Request) -> SimulatedCar:
        """Return the car a request is about, or refuse it if it is not one of the user's."""
        return self.car_of(self.user(request), vin_of(request))

    def car_of(self, user: SimulatedUser, vin: str | None) -> SimulatedCar:
        """Return the user's car with a VIN, or refuse the request."""
        car = user.car(vin)
        if car is None:
            raise refuse(404, "Vehicle not found.")
        return car


@dataclass(frozen=True, slots=True)
class VehicleRoutes:
    """What an app can read about the cars of its user."""

    garage: Garage

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve the vehicles' addresses."""
        router.add_post("/eadrax-vcs/v5/vehicle-list", self.vehicle_list)
        router.add_get("/eadrax-vcs/v5/vehicle-data/profile", self.profile)
        router.add_get("/eadrax-vcs/v4/vehicles/state", self.state)
        router.add_get("/eadrax-crccs/v2/vehicles", self.charging_details)
        router.add_get("/eadrax-ics/v5/presentation/vehicles/images", self.image)

    async def vehicle_list(self, request: web.Request) -> web.Response:
        """List the user's cars of the brand the app was built for."""
        user = self.garage.user(request)
        brand = x_user_agent(request)[1]
        mappings = [
            {
                "isAssociated": False,
                "isLmmEnabled": False,
                "isPrimaryUser": True,
                "mappingStatus": "CONFIRMED",
                "vehicleMappingType": "CONNECTED",
                "vin": car.vin,
            }
            for car in user.cars
            if car.brand == brand
        ]
        return web.json_response({"gcid": user.gcid, "mappingInfos": mappings})

    async def profile(self, request: web.Request) -> web.Response:
        """Tell what a car is."""
        return web.json_response(self.garage.car(request).profile())

    async def state(self, request: web.Request) -> web.Response:
        """Tell how a car is, and what it can be told."""
        car = self.garage.car(request)
        if not {"apptimezone", "appDateTime"} <= request.query.keys():
            raise refuse(400, "Parameters apptimezone and appDateTime are required.")
        return web.json_response(car.state())

    async def charging_details(self, request: web.Request) -> web.Response:
        """Tell how a car is set to charge."""
        details = self.garage.car(request).charging_details()
        if not {"fields", "has_charging_settings_capabilities"} <= request.query.keys():
            raise refuse(400, "Parameter fields is required.")
        if details is None:
            raise refuse(404, "Vehicle has no charging settings.")
        return web.json_response(details)

    async def image(self, request: web.Request) -> web.Response:
        """Send a picture of a car; there is one, whatever the view."""
        car = self.garage.car(request)
        if request.query.get("carView") not in CAR_VIEWS:
            raise refuse(400, "Unknown carView.")
        if request.headers.get("accept") != "image/png":
            raise refuse(406, "Only image/png is served.")
        return web.Response(body=car.image(), content_type="image/png")
