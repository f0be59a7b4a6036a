"""Answers requests for a car's past: its page, and downloads of it."""

import asyncio
import io
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from aiohttp import web

from bmw2mqtt.history.errors import HistoryError
from bmw2mqtt.history.export.columns import Options
from bmw2mqtt.history.export.formats import FORMATS, KINDS, export
from bmw2mqtt.history.queries import HistoryReader, Period
from bmw2mqtt.history.reading import read
from bmw2mqtt.history.time_zone import system_zone
from bmw2mqtt.registered_vehicle import RegisteredVehicle
from bmw2mqtt.web.context import PageContext
from bmw2mqtt.web.history_page import Past, read_past, render

T = TypeVar("T")

MOST_PAGES: Final = 100_000
_TYPES: Final = {"csv": "text/csv", "json": "application/jsonl"}


class HistoryRoutes:
    """The page of each car's past."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._zone = system_zone()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/cars/{vin}/history", self._page),
            web.get(r"/cars/{vin}/history/{kind}.{form}", self._download),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        car = self._car(request)
        zone, currency = self._zone, self._context.currency
        past = await self._read(
            partial(
                read_past,
                vin=car.vehicle.vin,
                name=car.name,
                zone=zone,
                currency=currency,
                charges_page=_page_number(request, "charges"),
                trips_page=_page_number(request, "trips"),
            ),
            Past(name=car.name),
        )
        html = render(past, zone=zone, currency=currency)
        return web.Response(text=html, content_type="text/html")

    async def _download(self, request: web.Request) -> web.Response:
        kind, form = request.match_info["kind"], request.match_info["form"]
        if kind not in KINDS or form not in FORMATS:
            raise web.HTTPNotFound(text="No such download.")
        car = self._car(request)
        vin, locale = car.vehicle.vin, request.query.get("locale", "en")
        options = Options(names={vin: car.name}, zone=self._zone, currency=self._context.currency)

        def write(reader: HistoryReader) -> str:
            file = io.StringIO(newline="")
            period = Period(vin=vin)
            export(reader, kind, file, period=period, form=form, locale=locale, options=options)
            return file.getvalue()

        text = await self._read(write, "")
        name = f"{kind}-{vin[-6:]}.{form}"
        return web.Response(
            text=text,
            content_type=_TYPES[form],
            charset="utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _car(self, request: web.Request) -> RegisteredVehicle:
        car = self._context.devices.find(request.match_info["vin"])
        if car is None:
            raise web.HTTPNotFound(text="No such car.")
        if self._context.history_file is None:
            raise web.HTTPNotFound(text="The history is switched off (history.enabled).")
        return car

    async def _read(self, function: Callable[[HistoryReader], T], nothing: T) -> T:
        """Return what a function reads, or `nothing` while there is no file."""
        file = self._context.history_file

        def read_file() -> T:
            return nothing if file is None or not file.exists() else read(file, function)

        try:
            return await asyncio.to_thread(read_file)
        except HistoryError as error:
            raise web.HTTPServiceUnavailable(text=f"The history cannot be read: {error}") from error


def _page_number(request: web.Request, name: str) -> int:
    text = request.query.get(name, "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len("100000") else 1
    return min(max(1, number), MOST_PAGES)
