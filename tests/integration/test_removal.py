"""Removing everything from the page: the bridge disconnects for good, and no topic is left."""

import asyncio
from pathlib import Path

import pytest

from bmw2mqtt.config import Settings
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.session import Session
from bmw2mqtt.removal import Removal
from tests.mosquitto import Mosquitto, Observer, retained

CARDATA = {"backend": "cardata", "client_id": "0a0a0a0a-0000-0000-0000-00000000000b"}
FOREIGN = "somebody/else"
OURS = ("bmw2mqtt/WBA00000000DEMO01/sensor/mileage", "bmw2mqtt/bridge/availability")


@pytest.mark.asyncio
async def test_nothing_is_left_and_nothing_comes_back(
    broker: Mosquitto, observer: Observer, tmp_path: Path
) -> None:
    observer.publish(FOREIGN, "stays", retain=True)
    settings = Settings(
        mqtt={"host": "127.0.0.1", "port": broker.port}, accounts={"eu": CARDATA}, data_dir=tmp_path
    )
    publisher = Publisher()
    session = Session(
        settings.mqtt,
        publisher,
        availability_topic=OURS[1],
        filters=(),
        on_message=lambda _: None,
    )
    running = asyncio.create_task(session.run())
    for topic in OURS:
        publisher.retain(topic, b"1")
    async with asyncio.timeout(10):
        await session.connected.wait()
        await publisher.drained()
    removal = Removal(settings, session)
    assert await removal.remove_everything() == len(OURS)
    assert removal.is_done
    await running
    publisher.retain(OURS[0], b"2")
    assert retained(broker.port) == {FOREIGN: b"stays"}
