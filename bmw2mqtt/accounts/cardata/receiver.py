"""Records what BMW sends about an account's cars, from the stream and from REST."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from bmw2mqtt.accounts.account import AccountListener
from bmw2mqtt.accounts.cardata.snapshot.updater import SnapshotUpdater
from bmw2mqtt.accounts.cardata.stream.arrivals import StreamArrivals
from bmw2mqtt.accounts.cardata.stream.message import UnreadableMessageError, parse_message
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.accounts.state_document import PastTime, StateDocument
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.vehicle.observed import ChargeRecord

log = structlog.get_logger(__name__)

STATE_PART = "heard"
MAX_VEHICLES = 1000
"""Messages of more cars than that are not BMW's."""


class ReceivedDocument(StateDocument):
    """When BMW last sent something about a car."""

    at: PastTime | None = None
    message_at: PastTime | None = None


class VehicleReceiver:
    """Updates the cars of one account, and notifies the bridge."""

    def __init__(
        self,
        account: str,
        vehicles: VehicleRegistry,
        readings: ReadingStore,
        updater: SnapshotUpdater,
        listener: AccountListener,
        now: Callable[[], datetime],
    ) -> None:
        self.received_at: datetime | None = None
        """When BMW last sent something about a car."""
        self.message_at: datetime | None = None
        """When the stream last brought a message about a car."""
        self._account = account
        self._vehicles = vehicles
        self._readings = readings
        self._updater = updater
        self._listener = listener
        self._now = now
        self.arrivals = StreamArrivals(now)
        """What the stream has brought of each car."""

    def restore(self, state_file: StateFile, *, is_complete: bool) -> None:
        """Publish what an earlier run knew; `is_complete`: the registry has all of its cars."""
        document = state_file.read(STATE_PART, ReceivedDocument, self._now())
        self.received_at, self.message_at = document.at, document.message_at
        self.arrivals.restore(state_file)
        for vin in self._readings.vins():
            self._vehicles.add(vin)
        vins = self._vehicles.vins
        self._listener.vehicles_listed(self._account, vins, is_complete=is_complete)
        for vin in vins:
            self._updater.schedule(vin)
        self.confirm_all()

    def save(self, state_file: StateFile) -> None:
        """Write down when BMW last sent something, and what."""
        self.arrivals.save(state_file)
        if self.received_at is not None:
            document = ReceivedDocument(at=self.received_at, message_at=self.message_at)
            state_file.write(STATE_PART, document, can_wait=True)

    def stream_message(self, topic: str, payload: bytes, *, is_old: bool = False) -> None:
        """Record a message of the stream; `is_old`: it is a retained one, nobody knows since when.

        What it reports was measured at its own times, so only the time of the last message and the
        relay need to know.
        """
        try:
            message = parse_message(topic, payload)
        except UnreadableMessageError as error:
            log.debug("stream_message_unreadable", account=self._account, reason=str(error))
            return
        vin = message.vin
        vehicle = self._vehicles.get(vin)
        if vehicle is None:
            if len(self._vehicles) >= MAX_VEHICLES:
                log.debug("stream_message_unreadable", account=self._account, reason="many cars")
                return
            vehicle = self._vehicles.add(vin)
            self._listener.vehicles_listed(self._account, frozenset({vin}), is_complete=False)
        now = self._now()
        if not is_old:
            self.received_at = self.message_at = now
            self._listener.message_received(self._account, vin, payload)
            self.arrivals.record(vin, message.data, now.date())
        if vehicle.readings.record(message.data, now):
            self._updater.schedule(vin)

    # The poller's listener

    def telematic_data(
        self, vehicle: CarDataVehicle, data: Mapping[str, Any], received_at: datetime
    ) -> None:
        """Record what REST knows of a car."""
        self.received_at = received_at
        vehicle.readings.record(data, received_at)
        self._updater.schedule(vehicle.vin)
        self._listener.vehicle_seen(self._account, vehicle.vin)

    def vehicles_listed(self) -> None:
        """Report the complete list of cars."""
        vins = self._vehicles.vins
        self._listener.vehicles_listed(self._account, vins, is_complete=True)
        for vin in vins:
            self._updater.schedule(vin)

    def vehicle_described(self, vin: str) -> None:
        """Publish a car's new basic data or picture."""
        self._updater.schedule(vin)

    def is_wanted(self, vin: str) -> bool:
        """Return whether requests about this car are wanted."""
        return self._listener.is_wanted(self._account, vin)

    def is_recorded(self, vin: str) -> bool:
        """Return whether this car's charges are recorded."""
        return self._listener.is_recorded(self._account, vin)

    def charges_read(self, vehicle: CarDataVehicle, records: tuple[ChargeRecord, ...]) -> None:
        """Pass on a page of BMW's charging history."""
        self._listener.charges_read(self._account, vehicle.vin, records)

    def confirm_all(self) -> None:
        """Report that what is known of the cars is current."""
        for vin in self._vehicles.vins:
            self._listener.vehicle_seen(self._account, vin)
