"""What the stream may send, which cars come of it, and what survives a restart."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

from bmw2mqtt.accounts.cardata.receiver import MAX_VEHICLES, VehicleReceiver
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.guard import BugLogger
from tests.accounts.cardata.bodies.cars import SUPRA
from tests.accounts.cardata.bodies.published_car import PublishedCar, publish

SOC = "vehicle.drivetrain.batteryManagement.header"


def message(vin: Any) -> bytes:
    return json.dumps({"vin": vin, "data": {SOC: {"value": 61}}}).encode()


def test_no_vin_is_no_car_and_the_number_of_cars_is_limited(
    values: ReadingStore, tmp_path: Path
) -> None:
    cars = VehicleRegistry("home", Store(tmp_path), values, BugLogger())
    receiver = VehicleReceiver("home", cars, values, Mock(), Mock(), utc_now)
    for vin in ("", "x", "wba00000000000001", "../../../etc/passwd", None, 5, [], {}):
        receiver.stream_message("gcid/x", message(vin))
    assert len(cars) == 0
    for number in range(MAX_VEHICLES + 10):
        receiver.stream_message("gcid/x", message(f"WBA{number:014d}"))
    assert len(cars) == MAX_VEHICLES
    assert len(values.vins()) == MAX_VEHICLES


def test_the_time_of_the_last_message_survives_a_restart(tmp_path: Path) -> None:
    state_file = StateFile(Store(tmp_path), "eu")
    message_times = []

    async def stream(car: PublishedCar) -> None:
        await car.stream(SUPRA.messages())
        message_times.append(car.receiver.message_at)
        car.receiver.save(state_file)

    async def restart(car: PublishedCar) -> None:
        car.receiver.restore(state_file, is_complete=True)
        message_times.append(car.receiver.message_at)

    publish(tmp_path / "one", SUPRA, stream)
    publish(tmp_path / "two", SUPRA, restart)
    assert message_times[0] is not None
    assert message_times[0] == message_times[1]


def test_a_retained_message_brings_values_but_no_time(values: ReadingStore, tmp_path: Path) -> None:
    cars, listener = VehicleRegistry("home", Store(tmp_path), values, BugLogger()), Mock()
    receiver = VehicleReceiver("home", cars, values, Mock(), listener, utc_now)
    vin = "WBA00000000000001"
    receiver.stream_message(f"bmw/{vin}", message(vin), is_old=True)
    assert cars.vins == {vin}
    assert set(values.vins()) == {vin}
    assert (receiver.message_at, receiver.received_at) == (None, None)
    listener.message_received.assert_not_called()
    receiver.stream_message(f"bmw/{vin}", message(vin))
    assert receiver.message_at is not None
    listener.message_received.assert_called_once()
