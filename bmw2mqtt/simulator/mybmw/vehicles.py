"""The addresses for reading cars: lists, profiles, states, charging settings, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from .answers import refuse, x_user_agent

if TYPE_CHECKING:
    from .authorizer import AppAuthorizer

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
class AppVehicleRoutes:
    """Answers requests about the user's cars."""

    authorizer: AppAuthorizer

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the vehicles' addresses."""
        router.add_post("/eadrax-vcs/v5/vehicle-list", self.vehicle_list)
        router.add_get("/eadrax-vcs/v5/vehicle-data/profile", self.profile)
        router.add_get("/eadrax-vcs/v4/vehicles/state", self.state)
        router.add_get("/eadrax-crccs/v2/vehicles", self.charging_details)
        router.add_get("/eadrax-ics/v5/presentation/vehicles/images", self.image)

    async def vehicle_list(self, request: web.Request) -> web.Response:
        """List the user's cars of the app's brand."""
        user = self.authorizer.user(request)
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
        """Return what never changes of a car."""
        return web.json_response(self.authorizer.car(request).profile())

    async def state(self, request: web.Request) -> web.Response:
        """Return a car's state and capabilities."""
        car = self.authorizer.car(request)
        if not {"apptimezone", "appDateTime"} <= request.query.keys():
            raise refuse(400, "Parameters apptimezone and appDateTime are required.")
        return web.json_response(car.state())

    async def charging_details(self, request: web.Request) -> web.Response:
        """Return a car's charging settings."""
        details = self.authorizer.car(request).charging_details()
        if not {"fields", "has_charging_settings_capabilities"} <= request.query.keys():
            raise refuse(400, "Parameter fields is required.")
        if details is None:
            raise refuse(404, "Vehicle has no charging settings.")
        return web.json_response(details)

    async def image(self, request: web.Request) -> web.Response:
        """Return a car's picture, the same for every view."""
        car = self.authorizer.car(request)
        if request.query.get("carView") not in CAR_VIEWS:
            raise refuse(400, "Unknown carView.")
        if request.headers.get("accept") != "image/png":
            raise refuse(406, "Only image/png is served.")
        return web.Response(body=car.image(), content_type="image/png")
