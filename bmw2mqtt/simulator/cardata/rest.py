"""The REST addresses of vehicles."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from aiohttp import web

from .answers import refuse
from .containers import find
from .reading import NEVER_SUPPLIED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .authorizer import RestAuthorizer
    from .cars import Json

MAPPED_SINCE: Final = "2024-05-01T08:00:00Z"
LIVE_SPELLING: Final = {
    "countryCodeISO": "countryCode",
    "colourCode": "colourDescription",
    "modelRange": "seriesDevt",
}
DISTANCE_UNITS: Final = frozenset({"km", "mi"})
MISSING_LIVE: Final = frozenset({"vin", "puStep"})


@dataclass(slots=True)
class RestVehicleRoutes:
    """Answers REST requests about vehicles, in the current and older formats seen at BMW."""

    authorizer: RestAuthorizer
    mappings_shape: Literal["array", "object", "wrapped"] = "array"
    basic_data_spelling: Literal["openapi", "live"] = "openapi"
    omits_distance_units: bool = False
    """Whether a distance comes without its unit, in that of the car's display."""
    page_size: int = 20
    """How many entries a page of a list has."""
    _pages: dict[str, tuple[Sequence[Json], int]] = field(default_factory=dict)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the vehicles' addresses."""
        router.add_get("/customers/vehicles/mappings", self.mappings)
        vehicle = "/customers/vehicles/{vin}/"
        router.add_get(vehicle + "basicData", self.basic_data)
        router.add_get(vehicle + "image", self.image)
        router.add_get(vehicle + "telematicData", self.telematic_data)
        router.add_get(vehicle + "chargingHistory", self.charging_history)
        router.add_get(vehicle + "locationBasedChargingSettings", self.charging_places)
        router.add_get(vehicle + "smartMaintenanceTyreDiagnosis", self.tyre_diagnosis)

    def expire_pages(self) -> None:
        """Expire the pagination tokens."""
        self._pages.clear()

    async def mappings(self, request: web.Request) -> web.Response:
        """List the user's cars."""
        user = self.authorizer.user(request)
        mappings = [
            {
                "vin": car.vin,
                "mappedSince": MAPPED_SINCE,
                "mappingType": "SECONDARY" if car.vin in user.secondary_vins else "PRIMARY",
            }
            for car in user.cars
        ]
        body: Any = mappings
        if self.mappings_shape == "wrapped":
            body = {"mappings": mappings}
        elif self.mappings_shape == "object" and mappings:
            body = mappings[0]
        return web.json_response(body)

    async def basic_data(self, request: web.Request) -> web.Response:
        """Return what never changes of a car."""
        data = self.authorizer.car(request).basic_data()
        if self.basic_data_spelling == "live":
            data = {
                LIVE_SPELLING.get(key, key): value
                for key, value in data.items()
                if key not in MISSING_LIVE
            }
        return web.json_response(data)

    async def image(self, request: web.Request) -> web.Response:
        """Return a car's picture."""
        picture = self.authorizer.car(request).image()
        if picture is None:
            raise refuse("CU-126")
        return web.Response(body=picture, content_type="image/png")

    async def telematic_data(self, request: web.Request) -> web.Response:
        """Return the newest readings of a container's descriptors."""
        car, user = self.authorizer.car(request), self.authorizer.user(request)
        container = find(user, request.query.get("containerId", ""))
        if container.state != "ACTIVE":
            raise refuse("CU-105")
        readings = car.readings()
        data = {
            name: readings.get(name, NEVER_SUPPLIED).contained() for name in container.descriptors
        }
        if self.omits_distance_units:
            for entry in data.values():
                entry["unit"] = None if entry["unit"] in DISTANCE_UNITS else entry["unit"]
        return web.json_response({"telematicData": data})

    async def charging_history(self, request: web.Request) -> web.Response:
        """Return a car's charging sessions."""
        car = self.authorizer.car(request)
        start, end = _moment(request, "from"), _moment(request, "to")
        sessions = [
            session
            for session in car.charging_sessions()
            if start.timestamp() <= session["startTime"] < end.timestamp()
        ]
        data, next_token = self._page(request, sessions)
        return web.json_response({"data": data, "next_token": next_token})

    async def charging_places(self, request: web.Request) -> web.Response:
        """Return a car's location-based charging settings."""
        places = self.authorizer.car(request).charging_places()
        if not places:
            raise refuse("CU-127")
        data, next_token = self._page(request, places)
        return web.json_response({"nextToken": next_token, "data": data})

    def _page(
        self, request: web.Request, entries: Sequence[Json]
    ) -> tuple[Sequence[Json], str | None]:
        """Return the requested page, and the pagination token of the next one."""
        begin, token = 0, request.query.get("nextToken")
        if token is not None:
            if token not in self._pages:
                raise refuse("CU-125")
            entries, begin = self._pages[token]
        end = begin + self.page_size
        next_token = None
        if end < len(entries):
            next_token = secrets.token_urlsafe(16)
            self._pages[next_token] = (entries, end)
        return entries[begin:end], next_token

    async def tyre_diagnosis(self, request: web.Request) -> web.Response:
        """Return a car's tyre diagnosis."""
        return web.json_response(self.authorizer.car(request).tyre_diagnosis())


def _moment(request: web.Request, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(request.query[name])
    except KeyError as error:
        raise refuse("CU-400", f"Parameter {name} is required.") from error
    except ValueError as error:
        raise refuse("CU-401", f"Parameter {name} is not a date-time.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
