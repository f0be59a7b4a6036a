"""BMW's portal as far as it is publicly known: the page on which a car's stream is configured.

Its requests need the browser's session. What a car streams is replaced as a whole, and refused as a
whole (500) if one descriptor is nothing that this car streams. The catalogue comes in tens.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from .catalogue import STREAMABLE

if TYPE_CHECKING:
    from .users import CarDataUser, UserRegistry

PAGE_SIZE: Final = 10
SESSION: Final = "gcdmToken"
PAGE: Final = """\
<!DOCTYPE html>
<html lang="de">
<head><meta charset="utf-8"><title>Datenstream konfigurieren - BMW (simulated)</title></head>
<body><h1>Datenstream konfigurieren</h1></body>
</html>
"""


def mapped_id(vin: str) -> str:
    """Return the id of a car in the portal's addresses, which is not its VIN."""
    return hashlib.sha256(vin.encode()).hexdigest()[:40]


@dataclass(slots=True)
class PortalRoutes:
    """The pages and requests of the portal of one brand."""

    registry: UserRegistry
    brand: str = "bmw"
    not_streamed: set[str] = field(default_factory=set)
    """Descriptors of the catalogue that no car here streams."""

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the portal's addresses."""
        api = f"/{{locale}}/utilities/{self.brand}/api/cd"
        car = f"/{{locale}}/my{self.brand}/mapped-vehicle/{{car}}/cardata/stream-setup"
        router.add_get(car, self.show)
        router.add_get(f"{api}/streams/{{car}}", self.selection)
        router.add_post(f"{api}/streams/{{car}}", self.select)
        router.add_get(f"{api}/catalogue", self.catalogue)

    async def show(self, request: web.Request) -> web.Response:
        """Return the page; it opens a session."""
        self._owner(request)
        response = web.Response(text=PAGE, content_type="text/html")
        response.set_cookie(SESSION, "simulated", httponly=True)
        return response

    async def selection(self, request: web.Request) -> web.Response:
        """Return what a car streams."""
        user, vin = self._visit(request)
        selected = self._selected(user, vin)
        data: dict[str, Any] = {"attributes": sorted(selected)}
        if request.query.get("includeAttributes") != "true":
            data = {"attributesCount": len(selected)}
        return _answer(data)

    async def select(self, request: web.Request) -> web.Response:
        """Replace what a car streams."""
        user, vin = self._visit(request)
        attributes = json.loads(await request.text())["attributes"]
        if set(attributes) - (STREAMABLE - self.not_streamed) - self._selected(user, vin):
            return _answer(None, status=500)
        user.selected_descriptors = set(attributes)
        user.unconfigured_vins.discard(vin)
        return _answer({"attributes": attributes}, status=201)

    async def catalogue(self, request: web.Request) -> web.Response:
        """Return ten descriptors that can be streamed; this needs no session."""
        names = sorted(STREAMABLE)
        offset = int(request.query.get("offset", "0"))
        page = names[offset : offset + PAGE_SIZE]
        items = [{"id": name, "streamable": True} for name in page]
        has_more = offset + PAGE_SIZE < len(names)
        return _answer({"items": items, "total": len(names), "hasNextPage": has_more})

    def _selected(self, user: CarDataUser, vin: str) -> set[str]:
        if vin in user.unconfigured_vins:
            return set()
        return set(STREAMABLE) if user.selected_descriptors is None else user.selected_descriptors

    def _visit(self, request: web.Request) -> tuple[CarDataUser, str]:
        """Return the user and car of a request of the portal's own page."""
        if SESSION not in request.cookies or request.headers.get("x-ocp-stage") != "prod":
            raise web.HTTPUnauthorized
        return self._owner(request)

    def _owner(self, request: web.Request) -> tuple[CarDataUser, str]:
        for user in self.registry.users:
            for car in user.cars:
                if mapped_id(car.vin) == request.match_info["car"]:
                    return user, car.vin
        raise web.HTTPNotFound


def _answer(data: object, status: int = 200) -> web.Response:
    return web.json_response({"success": data is not None, "data": data}, status=status)
