"""The account's vehicles: BMW's lists of them, merged so that one bad list removes none.

BMW's list is empty or short now and then, with HTTP 200, and a vehicle that leaves loses its place
in Home Assistant. So it leaves only when two lists, a good while apart, do not contain it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from bimmer_connected.const import CarBrands

from bmw2mqtt.accounts.mybmw.vehicle import VehicleListing
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_document import PastTime, StateDocument
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.vehicle.errors import AccountError
from bmw2mqtt.vehicle.vin import is_vin

log = structlog.get_logger(__name__)

LIST_EVERY = timedelta(hours=24)
"""How often the list is requested; a refresh requests it too."""
LIST_EMPTY_EVERY = timedelta(hours=1)
"""The same while the account has no vehicle."""
REMOVE_AFTER = timedelta(hours=20)
"""How far apart two lists without a vehicle must be to remove it."""
_PART = "vehicles"


class VehicleListDocument(StateDocument):
    """What is kept of the list over a restart."""

    brands: dict[str, str] = {}  # noqa: RUF012 - pydantic copies defaults
    """The brand BMW lists each vehicle under, by VIN."""
    missed_since: dict[str, PastTime] = {}  # noqa: RUF012 - pydantic copies defaults
    """When a list first did not contain a vehicle, by VIN."""


class ListedVehicles:
    """The vehicles of one account."""

    def __init__(self, account: str, state_file: StateFile) -> None:
        self.brands: dict[str, CarBrands] = {}
        """By VIN, the brand under which BMW lists the vehicle."""
        self._account = account
        self._state_file = state_file
        self._missed_since: dict[str, datetime] = {}
        self._listed_at: datetime | None = None

    def restore(self) -> None:
        """Continue with the vehicles of an earlier run; the list is due."""
        kept = self._state_file.read(_PART, VehicleListDocument, utc_now())
        self.brands = {
            vin: CarBrands[brand]
            for vin, brand in kept.brands.items()
            if is_vin(vin) and brand in CarBrands.__members__
        }
        self._missed_since = {
            vin: at for vin, at in kept.missed_since.items() if vin in self.brands
        }

    @property
    def is_due(self) -> bool:
        """Whether the list should be requested now."""
        every = LIST_EVERY if self.brands else LIST_EMPTY_EVERY
        age = None if self._listed_at is None else utc_now() - self._listed_at
        return age is None or not timedelta() <= age < every

    def make_due(self) -> None:
        """Let the next poll request the list."""
        self._listed_at = None

    @property
    def problem(self) -> AccountError | None:
        """Why the account has no vehicle, if BMW has listed none."""
        if self.brands or self._listed_at is None:
            return None
        return AccountError(
            "BMW lists no car for this account: add the car in the My BMW app, then press Refresh"
        )

    def update(self, listing: VehicleListing) -> None:
        """Add what a list contains; a complete one may remove what it misses again."""
        now = utc_now()
        for vin in listing.brands:
            self._missed_since.pop(vin, None)
        self.brands |= listing.brands
        if listing.missing is None:
            self._listed_at = now
            for vin in self.brands.keys() - listing.brands.keys():
                self._miss(vin, now)
        self._save()

    def _miss(self, vin: str, now: datetime) -> None:
        since = self._missed_since.setdefault(vin, now)
        if since == now:
            log.warning("vehicle_not_listed", account=self._account, vin=vin)
        elif now - since >= REMOVE_AFTER:
            del self._missed_since[vin], self.brands[vin]
            log.info("vehicle_removed", account=self._account, vin=vin)

    def _save(self) -> None:
        brands: Mapping[str, str] = {vin: brand.name for vin, brand in self.brands.items()}
        self._state_file.write(
            _PART, VehicleListDocument(brands=dict(brands), missed_since=self._missed_since)
        )
