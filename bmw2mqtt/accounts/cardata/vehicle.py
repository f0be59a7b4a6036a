"""One car of a CarData account."""

from datetime import datetime

from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.charging_tracker import ChargingTracker
from bmw2mqtt.accounts.cardata.failed_request import FailedRequest
from bmw2mqtt.accounts.cardata.telemetry.vehicle_readings import VehicleReadings
from bmw2mqtt.vehicle.snapshot import Vehicle


class CarDataVehicle:
    """Everything known of one car: BMW's answers, its readings, and what is published of it."""

    def __init__(self, vin: str, readings: VehicleReadings) -> None:
        """Create a car with nothing but its readings."""
        self.vin = vin
        self.readings = readings
        """Its newest reading of each descriptor."""
        # From REST
        self.basic_data: BasicData | None = None
        self.image: bytes | None = None
        """A picture, PNG."""
        self.has_no_image = False
        """BMW has no picture of it."""
        self.read_at: datetime | None = None
        """When its telematic data was last read."""
        self.extra_read_at: datetime | None = None
        """When everything else was last read."""
        self.followed_up_at: datetime | None = None
        """When it was last read because something had happened."""
        self.charges_read_at: datetime | None = None
        """When BMW's charging history was last requested."""
        self.charges_until: datetime | None = None
        """When the newest session ended that BMW's charging history has told of."""
        self.failures: dict[str, FailedRequest] = {}
        """Requests that failed and are not repeated yet, by what they were for."""
        # In BMW's list of cars
        self.is_listed = False
        """BMW's last list names it."""
        self.is_secondary = False
        """Another account is its primary user."""
        self.missed_since: datetime | None = None
        """When a list first missed it."""
        self.is_refused = False
        """BMW gives no data of it to this account."""
        self.charging_tracker: ChargingTracker | None = None
        """Follows its charging, from its first snapshot on."""
        # What is published
        self.held_since: datetime | None = None
        """Since when its first snapshot waits for basic data."""
        self.snapshot: Vehicle | None = None
        """The snapshot published last."""

    @property
    def is_served(self) -> bool:
        """Whether a REST request about it may succeed."""
        return self.is_listed and not self.is_refused

    @property
    def is_known(self) -> bool:
        """Whether BMW has sent anything about it, by REST or by the stream."""
        return self.basic_data is not None or bool(self.readings)
