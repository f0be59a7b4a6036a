"""What the receiver of an account knows of earlier runs."""

from pathlib import Path

from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.store import Store
from tests.accounts.cardata.bodies.cars import SUPRA
from tests.accounts.cardata.bodies.published_car import PublishedCar, publish


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
