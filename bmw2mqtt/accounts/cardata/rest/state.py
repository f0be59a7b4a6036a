"""What the poller keeps of an account's cars over a restart."""

from typing import Final

from pydantic import Field

from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.accounts.state_document import PastTime, StateDocument
from bmw2mqtt.vehicle.vin import is_vin

PART: Final = "vehicles"
FORMER_PART: Final = "garage"
"""The part of earlier versions, with a list for each fact instead of a document for each car."""


class VehicleDocument(StateDocument):
    """One car; the fields are those of `CarDataVehicle`."""

    is_listed: bool = False
    is_secondary: bool = False
    is_refused: bool = False
    has_no_image: bool = False
    missed_since: PastTime | None = None
    read_at: PastTime | None = None
    extra_read_at: PastTime | None = None
    followed_up_at: PastTime | None = None
    charges_read_at: PastTime | None = None
    charges_until: PastTime | None = None

    @classmethod
    def of(cls, vehicle: CarDataVehicle) -> "VehicleDocument":
        """Return what has to be kept of a car."""
        return cls(**{name: getattr(vehicle, name) for name in cls.model_fields})

    def restore(self, vehicle: CarDataVehicle) -> None:
        """Give a car what was kept of it."""
        for name in type(self).model_fields:
            setattr(vehicle, name, getattr(self, name))


class VehiclesDocument(StateDocument):
    """All cars by VIN, and when BMW last listed them."""

    listed_at: PastTime | None = None
    vehicles: dict[str, VehicleDocument] = Field(default_factory=dict)


class FormerDocument(StateDocument):
    """The same as earlier versions have written it."""

    listed_at: PastTime | None = None
    vins: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    missed: dict[str, PastTime] = Field(default_factory=dict)
    without_image: tuple[str, ...] = ()
    read_at: dict[str, PastTime] = Field(default_factory=dict)

    def migrated(self) -> VehiclesDocument:
        """Return it in the present form."""
        return VehiclesDocument(
            listed_at=self.listed_at,
            vehicles={
                vin: VehicleDocument(
                    is_listed=vin not in self.missed,
                    is_refused=vin in self.dropped,
                    has_no_image=vin in self.without_image,
                    missed_since=self.missed.get(vin),
                    read_at=self.read_at.get(vin),
                )
                for vin in {*self.vins, *self.dropped}
                if is_vin(vin)
            },
        )
