"""The entity ids that Home Assistant is asked for."""

import json

import pytest

from bmw2mqtt.entities import vehicle_entities
from bmw2mqtt.homeassistant.discovery import vehicle_payload
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.snapshot import Vehicle

VIN = "WBA00000000000001"


@pytest.mark.parametrize(
    ("model", "prefix"),
    [
        ("iX3 xDrive50", "ix3_xdrive50"),
        ("Coupé 220d", "coupe_220d"),
        ("宝马X5", "wba00000000000001"),
        ("宝马", "wba00000000000001"),
        ("-", "wba00000000000001"),
    ],
)
def test_a_model_that_cannot_be_written_gives_way_to_the_vin(model: str, prefix: str) -> None:
    topics = Topics("bmw2mqtt", "homeassistant")
    payload = vehicle_payload(
        Vehicle(vin=VIN, model=model, brand="BMW"),
        [e for e in vehicle_entities(has_commands=True, has_readings=False) if e.key == "mileage"],
        gone=(),
        topics=topics.vehicle(VIN),
        account=topics.account("home"),
        name=None,
    )
    component = json.loads(payload)["components"]["sensor_mileage"]
    assert component["default_entity_id"] == f"sensor.{prefix}_mileage"
