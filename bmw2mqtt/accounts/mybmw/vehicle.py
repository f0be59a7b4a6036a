"""The vehicles of an account: BMW's list of them, and what is known of each."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from bimmer_connected.account import MyBMWAccount
from bimmer_connected.api.client import MyBMWClient
from bimmer_connected.const import VEHICLE_PROFILE_URL, VEHICLES_URL, CarBrands
from bimmer_connected.vehicle.vehicle import MyBMWVehicle

from bmw2mqtt.accounts.mybmw.library.errors import translated
from bmw2mqtt.accounts.mybmw.snapshot.responses import ReportTrackers, VehicleResponses
from bmw2mqtt.vehicle.errors import WHOLE_ACCOUNT, AccountError, BadAnswer
from bmw2mqtt.vehicle.snapshot import Vehicle
from bmw2mqtt.vehicle.vin import is_vin

log = structlog.get_logger(__name__)


class LibraryVehicle(MyBMWVehicle):
    """The library's vehicle, which keeps BMW's answers without parsing them.

    So the library's parsed objects (`charging_profile`, `vehicle_location`, …) stay empty; the
    snapshot builder reads the raw answers.
    """

    def update_state(self, data: Any, fetched_at: datetime | None = None) -> None:
        """Keep the answers."""
        self.data = self.combine_data(data, fetched_at)


@dataclass(slots=True)
class PolledVehicle:
    """One vehicle: the library's object, BMW's last answers, and the snapshot made of them."""

    vin: str
    brand: str
    attributes: dict[str, Any]
    library: LibraryVehicle
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held during the requests: a poll and a refresh would mix their answers."""
    responses: VehicleResponses | None = None
    """What `snapshot` was made of."""
    snapshot: Vehicle | None = None
    next_change_at: datetime | None = None
    """From when on the same answers may make another snapshot; `None`: never."""
    trackers: ReportTrackers = field(default_factory=ReportTrackers)
    image: bytes | None = None

    def clear_responses(self) -> None:
        """Remove the last answers from the library, so that what is there after a poll is new.

        The library keeps what a new answer leaves out. Without capabilities it also stores the
        state before it requests charging details, so that a failure there costs only those.
        """
        self.library.data = {
            "vin": self.vin,
            "attributes": self.attributes,
            "capabilities": {},
            "state": {},
            "charging_settings": None,
        }


@dataclass(frozen=True, slots=True)
class VehicleListing:
    """BMW's list of an account's vehicles."""

    brands: dict[str, CarBrands]
    """By VIN, the brand under which BMW lists the vehicle."""
    missing: AccountError | None
    """Why the list of a brand is missing; `None` if all lists are there."""


async def list_vehicles(library: MyBMWAccount) -> VehicleListing:
    """Request the list of every brand: three requests.

    Raises:
        AccountError: BMW sent no list at all, or no further request should be made.
    """
    brands: dict[str, CarBrands] = {}
    missing: AccountError | None = None
    async with MyBMWClient(library.config) as client:
        for brand in CarBrands:
            try:
                vins = await _list_brand(client, brand)
            except WHOLE_ACCOUNT:
                raise
            except AccountError as error:
                missing = error
            else:
                brands |= dict.fromkeys(vins, brand)
    if missing is not None and not brands:
        raise missing
    return VehicleListing(brands, missing)


async def _list_brand(client: MyBMWClient, brand: CarBrands) -> list[str]:
    with translated():
        response = await client.post(VEHICLES_URL, headers=client.generate_default_header(brand))
        entries = response.json()["mappingInfos"]
    if not isinstance(entries, list):
        raise BadAnswer(f"BMW sent no list of {brand.name} cars; trying again")
    vins = [entry.get("vin") for entry in entries if isinstance(entry, dict)]
    if not all(is_vin(vin) for vin in vins):
        log.warning("vin_missing", brand=brand.name)
    return [vin for vin in vins if is_vin(vin)]


async def request_profile(library: MyBMWAccount, vin: str, brand: CarBrands) -> PolledVehicle:
    """Request a vehicle's profile: one request.

    Raises:
        AccountError: BMW sends no profile of this vehicle.
    """
    async with MyBMWClient(library.config) as client:
        headers = {**client.generate_default_header(brand), "bmw-vin": vin}
        with translated():
            response = await client.get(VEHICLE_PROFILE_URL, headers=headers)
            profile = response.json()
    if not isinstance(profile, dict) or not profile:
        raise BadAnswer("BMW sent no profile of the car; trying again")
    attributes: dict[str, Any] = {key: value for key, value in profile.items() if key != "vin"}
    shown_brand = _brand(attributes.get("brand"), brand)
    # The library knows three brands; a Supra's profile says DRITTKUNDE, third-party customer.
    attributes["brand"] = shown_brand if shown_brand in CarBrands.__members__ else brand.name
    vehicle = LibraryVehicle(library, {"vin": vin, "attributes": attributes})
    return PolledVehicle(vin=vin, brand=shown_brand, attributes=attributes, library=vehicle)


def _brand(word: object, listed: CarBrands) -> str:
    """Return the brand as people know it: BMW_I is BMW, DRITTKUNDE is the list's brand."""
    if listed is CarBrands.TOYOTA or not isinstance(word, str) or not word:
        return listed.name
    first = word.upper().partition("_")[0]
    return first if first in CarBrands.__members__ else word.upper()
