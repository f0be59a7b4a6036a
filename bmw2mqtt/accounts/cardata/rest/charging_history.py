"""Reads BMW's own record of a car's charging sessions, page by page, once a day.

Each page is a request. It is passed on at once: what a later page fails on costs nothing of it.
"""

import json
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from bmw2mqtt.accounts.cardata.errors import RequestRefused, ServerFault
from bmw2mqtt.accounts.cardata.rest.client import NO_DATA, RestClient
from bmw2mqtt.accounts.cardata.rest.quota import Priority
from bmw2mqtt.accounts.cardata.rest.vehicle_reader import RestListener
from bmw2mqtt.accounts.cardata.telemetry.times import read_time
from bmw2mqtt.accounts.cardata.telemetry.units import to_km
from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.vehicle.charging.session import BmwSession, RecordBlock
from bmw2mqtt.vehicle.errors import BadAnswer
from bmw2mqtt.vehicle.observed import ChargeRecord
from bmw2mqtt.vehicle.trips import Coordinates

READ_EVERY: Final = timedelta(hours=24)
LONGEST_WINDOW: Final = timedelta(days=45)
"""BMW refuses a longer period."""
OVERLAP: Final = timedelta(days=3)
"""How far a read goes back before the newest known session: BMW is late with some."""
MOST_PAGES: Final = 100
_PLACES: Final = ("chargingLocation", "publicChargingPoint")


class ChargingHistoryReader:
    """Reads the charging sessions of one account's cars."""

    def __init__(self, rest: RestClient, listener: RestListener) -> None:
        self._rest = rest
        self._listener = listener

    async def read(self, vehicle: CarDataVehicle, now: datetime) -> None:
        """Read what is new of a car; the first time all that BMW has of 45 days.

        Raises:
            AccountError: a page failed; those before were passed on.
        """
        begin = now - LONGEST_WINDOW
        if vehicle.charges_until is not None:
            begin = max(begin, vehicle.charges_until - OVERLAP)
        newest = vehicle.charges_until
        try:
            async for records in self._pages(vehicle.vin, begin, now):
                newest = max([newest or begin, *(record.session.end_at for record in records)])
                self._listener.charges_read(vehicle, records)
        except (RequestRefused, ServerFault) as error:
            vehicle.charges_until = newest  # a record that BMW cannot read stays in the way
            if error.code != NO_DATA:
                raise
        vehicle.charges_until = newest

    async def _pages(
        self, vin: str, begin: datetime, end: datetime
    ) -> AsyncIterator[tuple[ChargeRecord, ...]]:
        token: str | None = None
        for _ in range(MOST_PAGES):
            page = await self._page(vin, begin, end, token)
            if records := read_sessions(page.get("data")):
                yield records
            token = page.get("next_token") or page.get("nextToken")
            if not isinstance(token, str):
                return

    async def _page(
        self, vin: str, begin: datetime, end: datetime, token: str | None
    ) -> dict[str, Any]:
        query = {"from": _iso(begin), "to": _iso(end)}
        if token is not None:
            query["nextToken"] = token
        path = f"vehicles/{vin}/chargingHistory"
        answer = await self._rest.get(path, Priority.HISTORY, **query)
        if not isinstance(answer, dict):
            raise BadAnswer("BMW sent no charging history of the car; trying again tomorrow")
        return answer


def read_sessions(entries: object) -> tuple[ChargeRecord, ...]:
    """Return the finished sessions of a page; one that runs, or cannot be read, is left out."""
    found = (_record(entry) for entry in entries) if isinstance(entries, list) else ()
    return tuple(record for record in found if record is not None)


def _record(entry: object) -> ChargeRecord | None:
    if not isinstance(entry, dict):
        return None
    start_at, end_at = read_time(entry.get("startTime")), read_time(entry.get("endTime"))
    if start_at is None or end_at is None or end_at < start_at:
        return None
    time_zone = entry.get("timeZone")
    return ChargeRecord(
        session=BmwSession(
            start_at=start_at,
            end_at=end_at,
            soc_start=_number(entry.get("displayedStartSoc"), most=100),
            soc_end=_number(entry.get("displayedSoc"), most=100),
            grid_kwh=_number(entry.get("energyConsumedFromPowerGridKwh"), most=1000),
            active_s=_number(entry.get("totalChargingDurationSec")),
            blocks=tuple(_blocks(entry.get("chargingBlocks"))),
            odometer_km=_mileage_km(entry),
            time_zone=time_zone if isinstance(time_zone, str) else None,
        ),
        json=json.dumps(
            {name: value for name, value in entry.items() if name not in _PLACES},
            separators=(",", ":"),
        ),
        place=_place(entry.get("chargingLocation")),
    )


def _blocks(entries: object) -> Iterable[RecordBlock]:
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        start_at, end_at = read_time(entry.get("startTime")), read_time(entry.get("endTime"))
        mean_kw = _number(entry.get("averagePowerGridKw"), most=1000)
        if start_at is not None and end_at is not None and mean_kw is not None:
            yield RecordBlock(start_at=start_at, end_at=max(start_at, end_at), mean_kw=mean_kw)


def _mileage_km(entry: dict[str, Any]) -> float | None:
    mileage = _number(entry.get("mileage"))
    if not mileage:
        return None
    unit = str(entry.get("mileageUnits")).rpartition(".")[2]  # MileageUnits.KM, KM
    is_in_miles = unit.upper().startswith("MI")
    return to_km(mileage, "mi" if is_in_miles else "km")


def _place(location: object) -> Coordinates | None:
    if not isinstance(location, dict):
        return None
    latitude = _number(location.get("mapMatchedLatitude"), least=-90, most=90)
    longitude = _number(location.get("mapMatchedLongitude"), least=-180, most=180)
    if latitude is None or longitude is None:
        return None
    return Coordinates(latitude, longitude)


def _number(value: object, *, least: float = 0, most: float = 1e7) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if least <= value <= most else None


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
