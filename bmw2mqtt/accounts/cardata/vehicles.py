"""The cars of a CarData account, in memory and on disk."""

from collections.abc import Iterator

import structlog

from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.image import PNG
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.guard import BugLogger
from bmw2mqtt.vehicle.errors import StoreError

log = structlog.get_logger(__name__)


class VehicleRegistry:
    """The cars of one account by VIN, with what is stored of each."""

    def __init__(
        self, account: str, store: Store, readings: ReadingStore, bug_logger: BugLogger
    ) -> None:
        self._account = account
        self._store = store
        self._readings = readings
        self._bug_logger = bug_logger
        self._vehicles: dict[str, CarDataVehicle] = {}

    def __iter__(self) -> Iterator[CarDataVehicle]:
        return iter(list(self._vehicles.values()))

    def __len__(self) -> int:
        return len(self._vehicles)

    @property
    def vins(self) -> frozenset[str]:
        """The VINs of all cars."""
        return frozenset(self._vehicles)

    def get(self, vin: str) -> CarDataVehicle | None:
        """Return a car, or `None` if the account does not have it."""
        return self._vehicles.get(vin)

    def add(self, vin: str) -> CarDataVehicle:
        """Return a car; a new one comes with what an earlier run stored of it."""
        vehicle = self._vehicles.get(vin)
        if vehicle is None:
            vehicle = self._vehicles[vin] = CarDataVehicle(vin, self._readings.add(vin))
            self._load(vehicle)
        return vehicle

    def remove(self, vin: str) -> None:
        """Remove a car and everything stored of it: readings, basic data and picture."""
        if self._vehicles.pop(vin, None) is None:
            return
        self._readings.remove(vin)
        for file in (f"{_basic_data(vin)}.json", _image_file(vin)):
            self._store.write_later(file, None, self._report)

    def save_basic_data(self, vehicle: CarDataVehicle, answer: dict[str, object]) -> None:
        """Store BMW's answer, and use it."""
        vehicle.basic_data = BasicData.parse(answer)
        self._store.save_later(_basic_data(vehicle.vin), answer, self._report)

    def save_image(self, vehicle: CarDataVehicle, image: bytes) -> None:
        """Store a picture, and use it."""
        vehicle.image = image
        self._store.write_later(_image_file(vehicle.vin), image, self._report)

    def _load(self, vehicle: CarDataVehicle) -> None:
        vin = vehicle.vin
        try:
            if answer := self._store.load(_basic_data(vin)):
                vehicle.basic_data = BasicData.parse(answer)
            image = self._store.read(_image_file(vin))
            if image and image.startswith(PNG):  # else it is requested again
                vehicle.image = image
        except Exception:  # a bug with one car must not affect the others
            self._bug_logger.exception("vehicle_not_restored", account=self._account, vin=vin)

    def _report(self, error: StoreError | None) -> None:
        if error:
            log.warning("vehicle_not_saved", account=self._account, reason=str(error))


def _basic_data(vin: str) -> str:
    return f"cars/{vin}"


def _image_file(vin: str) -> str:
    return f"images/{vin}.png"
