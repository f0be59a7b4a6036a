"""One daemon's relay feeds another daemon, which has no connection to BMW's stream."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BackgroundBmw
from tests.daemon import Daemon
from tests.integration.cardata_owner import MILEAGE, RELAY, VIN, CarDataOwner
from tests.mosquitto import Mosquitto, Observer, wait_until

pytestmark = pytest.mark.no_cover

CAR, ACCOUNT = f"second/{VIN}", "second/account/home"
OTHER_VIN = "WBA00000000000002"


@pytest.fixture
def owner(bmw_servers: BackgroundBmw, broker: Mosquitto, tmp_path: Path) -> CarDataOwner:
    owner = CarDataOwner(bmw_servers, broker.port, tmp_path / "data")
    owner.log_in()
    return owner


def _reading(owner: CarDataOwner, tmp_path: Path) -> dict[str, Any]:
    """Return the settings of the second daemon."""
    settings = owner.settings()
    settings["mqtt"] |= {"base_topic": "second", "client_id": "second"}
    account = owner.account(stream_topic="bmw")
    return settings | {"accounts": {"home": account}, "data_dir": str(tmp_path / "second-data")}


def test_stream_of_another_program(
    owner: CarDataOwner, observer: Observer, launch: Callable[..., Daemon], tmp_path: Path
) -> None:
    launch(owner.settings(relay_prefix="bmw/"))
    message = owner.message(1234)
    owner.stream(message)
    with Observer(owner.port, "bmw/+") as custom_broker:  # what bmw-cardata-ha subscribes to
        relayed = custom_broker.wait_for(RELAY)
    assert relayed.payload == message
    document = json.loads(relayed.payload)
    assert document["vin"] == VIN
    assert document["data"][MILEAGE].keys() >= {"value", "timestamp"}
    second = Daemon(tmp_path / "second", _reading(owner, tmp_path)).start()
    try:
        _without_login(owner, observer)
        _other_layouts(owner, observer)
        _with_login(owner, observer)
        complaints = {event["event"] for event in second.complaints()}
        assert complaints <= {"account_status", "login_code_issued"}
        assert second.stop() == 0
    finally:
        second.kill()


def _without_login(owner: CarDataOwner, observer: Observer) -> None:
    """Check that the relay alone brings the car: what it retains, and what comes."""
    observer.wait_for(f"{CAR}/sensor/mileage", "1234")
    observer.wait_for(f"{CAR}/availability", "online")
    observer.wait_for(f"{ACCOUNT}/sensor/status", "ok")
    observer.wait_for(f"{ACCOUNT}/binary_sensor/login_required", "OFF")
    observer.wait_for(f"{ACCOUNT}/binary_sensor/stream_connected", "ON")
    observer.wait_for(f"{ACCOUNT}/sensor/last_message", "None")
    owner.stream(owner.message(1300))
    observer.wait_for(f"{CAR}/sensor/mileage", "1300")
    observer.wait_for(f"{ACCOUNT}/sensor/requests_24h", "0")
    assert owner.asked("device/code") == 0


def _other_layouts(owner: CarDataOwner, observer: Observer) -> None:
    """Check topics of bmw-mqtt-bridge: the whole message counts, the rest is no message."""
    message = json.loads(owner.message(77)) | {"vin": OTHER_VIN}
    observer.publish("bmw/status", '{"connected":true,"timestamp":1795913463}', retain=True)
    observer.publish(f"bmw/vehicles/{OTHER_VIN}/{MILEAGE}", '{"value":1,"unit":"km"}')
    observer.publish("bmw/raw", "no JSON")
    observer.publish(f"bmw/raw/{OTHER_VIN}/event", json.dumps(message))
    observer.wait_for(f"second/{OTHER_VIN}/sensor/mileage", "77")
    observer.publish(f"bmw/{OTHER_VIN}", json.dumps(message))


def _with_login(owner: CarDataOwner, observer: Observer) -> None:
    """Check that a login adds what only REST has, and leaves the stream to the first daemon."""
    connected = len(observer.on("bmw2mqtt/account/eu/binary_sensor/stream_connected"))
    observer.publish(f"{ACCOUNT}/button/login/press", "PRESS")
    status = f"{ACCOUNT}/sensor/status/attributes"
    code = wait_until(
        lambda: json.loads(observer.current().get(status, b"{}")).get("user_code"), what="a code"
    )
    owner.approve(code)

    def name() -> str | None:
        config = observer.current().get(f"homeassistant/device/bmw2mqtt_{VIN}/config", b"{}")
        return str(json.loads(config).get("device", {}).get("name"))

    wait_until(
        lambda: observer.on(f"{ACCOUNT}/sensor/requests_24h")[-1].text not in {"0", "None"},
        what="requests",
    )
    observer.wait_for(f"second/{VIN}/image/vehicle")
    assert name() == "i4 eDrive40"
    owner.stream(owner.message(1400))
    observer.wait_for(f"{CAR}/sensor/mileage", "1400")
    assert len(observer.on("bmw2mqtt/account/eu/binary_sensor/stream_connected")) == connected
