"""Answers requests for the page of a car: its past, downloads, and what a person changes."""

import asyncio
import io
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from aiohttp import web

from bmw2mqtt.history.errors import HistoryError
from bmw2mqtt.history.export.columns import Options
from bmw2mqtt.history.export.formats import FORMATS, KINDS, export
from bmw2mqtt.history.queries import HistoryReader, Period, read
from bmw2mqtt.history.service import History
from bmw2mqtt.history.time_zone import system_zone
from bmw2mqtt.registered_vehicle import RegisteredVehicle
from bmw2mqtt.vehicle.account import StreamedData
from bmw2mqtt.web.bodies import read_object
from bmw2mqtt.web.context import PageContext
from bmw2mqtt.web.vehicle_page import data_view, past_view, record_view
from bmw2mqtt.web.vehicle_page.past import Past, read_past
from bmw2mqtt.web.vehicle_page.words import VISITOR
from bmw2mqtt.web.visitor import visitor_of

T = TypeVar("T")

MOST_PAGES: Final = 100_000
_TYPES: Final = {"csv": "text/csv", "json": "application/jsonl"}
_KEY: Final = r"{key:\d{1,15}}"
_TRIP_FIELDS: Final = ("label", "class", "note")
_FIELDS: Final = {"session": ("price_per_kwh", "cost", *_TRIP_FIELDS), "trip": _TRIP_FIELDS}
"""What a person may enter, without its prefix in the table."""


class VehicleRoutes:
    """The page of each car."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._currency = context.settings.history.currency
        self._zone = system_zone()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/cars/{vin}/", self._page),
            web.get("/cars/{vin}/data", self._data),
            web.get("/selection", self._selection),
            web.get(rf"/cars/{{vin}}/charges/{_KEY}", self._charge),
            web.get(rf"/cars/{{vin}}/trips/{_KEY}", self._trip),
            web.get(r"/cars/{vin}/history/{kind}.{form}", self._download),
            web.post(rf"/api/cars/{{vin}}/charges/{_KEY}", partial(self._edit, table="session")),
            web.post(rf"/api/cars/{{vin}}/trips/{_KEY}", partial(self._edit, table="trip")),
            web.delete("/api/cars/{vin}/positions", self._delete_positions),
        ]

    # Read

    async def _page(self, request: web.Request) -> web.Response:
        car = self._visited(request)
        read_page = partial(
            read_past,
            vin=car.vehicle.vin,
            zone=self._zone,
            currency=self._currency,
            now=int(time.time()),
            charges_page=_page_number(request, "charges"),
            trips_page=_page_number(request, "trips"),
        )
        show = partial(
            past_view.render,
            vin=car.vehicle.vin,
            name=car.name,
            has_picture=car.vehicle.image is not None,
            is_streamed=self._streamed(car) is not None,
            zone=self._zone,
            currency=self._currency,
        )
        if self._context.history_file is None:
            return _html(show(None))
        return _html(await self._read(lambda reader: show(read_page(reader)), lambda: show(Past())))

    async def _selection(self, request: web.Request) -> web.Response:
        VISITOR.set(visitor_of(request))
        return _html(data_view.render_helper())

    async def _data(self, request: web.Request) -> web.Response:
        car = self._visited(request)
        streamed = self._streamed(car)
        if streamed is None:
            raise web.HTTPNotFound(text="Only a CarData car sends what is chosen in BMW's portal.")
        today = datetime.now(self._zone).date()
        return _html(data_view.render(car.vehicle, car.name, streamed, today))

    async def _charge(self, request: web.Request) -> web.Response:
        render = partial(record_view.render_charge, zone=self._zone, currency=self._currency)
        return await self._record(request, HistoryReader.charge, render)

    async def _trip(self, request: web.Request) -> web.Response:
        render = partial(record_view.render_trip, zone=self._zone)
        return await self._record(request, HistoryReader.trip, render)

    async def _record(
        self,
        request: web.Request,
        find: Callable[[HistoryReader, str, int], T | None],
        render: Callable[..., str],
    ) -> web.Response:
        VISITOR.set(visitor_of(request))
        car, key = self._recorded_car(request), int(request.match_info["key"])

        def show(reader: HistoryReader) -> str | None:
            row = find(reader, car.vehicle.vin, key)
            return None if row is None else render(row, name=car.name)

        return _html(await self._read(show, lambda: None))

    async def _download(self, request: web.Request) -> web.Response:
        kind, form = request.match_info["kind"], request.match_info["form"]
        if kind not in KINDS or form not in FORMATS:
            raise web.HTTPNotFound(text="No such download.")
        car = self._recorded_car(request)
        vin, locale = car.vehicle.vin, request.query.get("locale", "en")
        options = Options(names={vin: car.name}, zone=self._zone, currency=self._currency)

        def write(reader: HistoryReader) -> str:
            file = io.StringIO(newline="")
            period = Period(vin=vin)
            export(reader, kind, file, period=period, form=form, locale=locale, options=options)
            return file.getvalue()

        text = await self._read(write, str)
        name = f"{kind}-{vin[-6:]}.{form}"
        return web.Response(
            text=text,
            content_type=_TYPES[form],
            charset="utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    # Change

    async def _edit(self, request: web.Request, *, table: str) -> web.Response:
        car, key = self._recorded_car(request), int(request.match_info["key"])
        body = await read_object(request)
        unknown = body.keys() - set(_FIELDS[table])
        if unknown:
            raise web.HTTPBadRequest(text=f"{min(unknown)} cannot be edited.")
        changes = {f"user_{name}": None if value == "" else value for name, value in body.items()}
        history = self._recording_history()
        try:
            await history.edit(table, car.vehicle.vin, key, changes)
        except HistoryError as error:
            raise web.HTTPBadRequest(text=f"Not saved: {error}.") from error
        return web.Response(status=204)

    async def _delete_positions(self, request: web.Request) -> web.Response:
        car = self._recorded_car(request)
        try:
            await self._recording_history().delete_positions(car.vehicle.vin)
        except HistoryError as error:
            raise web.HTTPServiceUnavailable(text=f"Not deleted: {error}.") from error
        return web.Response(status=204)

    # Parts

    def _car(self, request: web.Request) -> RegisteredVehicle:
        car = self._context.devices.find(request.match_info["vin"])
        if car is None:
            raise web.HTTPNotFound(text="No such car.")
        return car

    def _streamed(self, car: RegisteredVehicle) -> StreamedData | None:
        account = self._context.accounts.get(car.account)
        return account.streamed(car.vehicle.vin) if account else None

    def _visited(self, request: web.Request) -> RegisteredVehicle:
        """Return the car of a page that is rendered for this visitor."""
        VISITOR.set(visitor_of(request))
        return self._car(request)

    def _recorded_car(self, request: web.Request) -> RegisteredVehicle:
        if self._context.history_file is None:
            raise web.HTTPNotFound(text="The history is switched off (history.enabled).")
        return self._car(request)

    def _recording_history(self) -> History:
        history = self._context.history
        if history is None or not history.is_recording:
            raise web.HTTPServiceUnavailable(
                text="The history cannot be changed at the moment. The log says why."
            )
        return history

    async def _read(self, function: Callable[[HistoryReader], T], nothing: Callable[[], T]) -> T:
        """Return what a function reads and renders in a thread, or `nothing` without a file."""
        file = self._context.history_file

        def read_file() -> T:
            return nothing() if file is None or not file.exists() else read(file, function)

        try:
            return await asyncio.to_thread(read_file)
        except HistoryError as error:
            raise web.HTTPServiceUnavailable(text=f"The history cannot be read: {error}") from error


def _html(text: str | None) -> web.Response:
    if text is None:
        raise web.HTTPNotFound(text="There is no such record any more.")
    response = web.Response(text=text, content_type="text/html")
    response.enable_compression()
    return response


def _page_number(request: web.Request, name: str) -> int:
    text = request.query.get(name, "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len("100000") else 1
    return min(max(1, number), MOST_PAGES)
