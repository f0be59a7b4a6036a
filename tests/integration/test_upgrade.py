"""An installation of 0.1.0 is started with this version: nothing is lost, nothing is left over.

`tests/data/upgrade-0.1.0` is what 0.1.0 left in `data_dir` and on the broker for one CarData car.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.simulator.cardata import CLIENT_ID, CarDataUser, RecordedCarDataCar
from tests.cardata_account import SCOPE
from tests.conftest import BackgroundBmw
from tests.daemon import Daemon
from tests.integration.cardata_owner import CarDataOwner
from tests.mosquitto import Mosquitto, Observer, retained, wait_until

LEFT = Path(__file__).parents[1] / "data" / "upgrade-0.1.0"
VIN = "WBY61CARDATA00EV1"
ACCOUNT = "demo_cardata"
CONFIG = f"homeassistant/device/bmw2mqtt_{VIN}/config"
RAW_BEFORE = "binary_sensor/cabin_door_row1_driver_is_open"
"""A reading that has an entity of its own now."""


@pytest.fixture
def customer(bmw_servers: BackgroundBmw, broker: Mosquitto, tmp_path: Path) -> CarDataOwner:
    """The owner: what 0.1.0 kept is in `data_dir`, and BMW knows its login."""
    folder = tmp_path / "data"
    shutil.copytree(LEFT / "data", folder)
    customer = CarDataOwner(bmw_servers, broker.port, folder)
    tokens = json.loads((folder / f"tokens-{ACCOUNT}.json").read_bytes())
    customer.user = CarDataUser(cars=[RecordedCarDataCar(VIN, {})], gcid=tokens["gcid"])
    customer.bmw = bmw_servers.start_cardata(customer.user)
    bmw_servers.do(
        lambda: customer.bmw.registry.issue(
            customer.user, CLIENT_ID, SCOPE, refresh_token=tokens["refresh_token"]
        )
    )
    issued_at = datetime.now(UTC) - timedelta(hours=3)
    times = {"issued_at": issued_at, "expires_at": issued_at + timedelta(hours=1)}
    tokens |= {name: at.isoformat() for name, at in times.items()} | {"client_id": CLIENT_ID}
    (folder / f"tokens-{ACCOUNT}.json").write_text(json.dumps(tokens))
    with closing(sqlite3.connect(folder / f"values-{ACCOUNT}.db")) as database, database:
        database.execute(
            "CREATE TABLE readings (vin TEXT NOT NULL, descriptor TEXT NOT NULL,"
            " value TEXT NOT NULL, unit TEXT, measured_at TEXT, PRIMARY KEY (vin, descriptor))"
            " WITHOUT ROWID"
        )
        database.executemany(
            "INSERT INTO readings VALUES (?, ?, ?, ?, ?)",
            json.loads((LEFT / "readings.json").read_bytes()),
        )
    return customer


def components(payload: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(payload)["components"]
    return found


def test_an_upgrade(
    customer: CarDataOwner, broker: Mosquitto, launch: Callable[..., Daemon]
) -> None:
    before: dict[str, str] = json.loads((LEFT / "retained.json").read_bytes())
    with Observer(broker.port) as writer:
        for topic, payload in before.items():
            writer.publish(topic, payload, retain=True)
        writer.wait_for(list(before)[-1])
    settings = customer.settings()
    settings["accounts"] = {ACCOUNT: settings["accounts"]["eu"]}
    with Observer(broker.port) as observer:
        process = launch(settings)
        observer.wait_for(f"bmw2mqtt/account/{ACCOUNT}/sensor/status", "ok")
        observer.wait_for(f"bmw2mqtt/{VIN}/sensor/last_report")
        raw = f"bmw2mqtt/{VIN}/{RAW_BEFORE}"
        wait_until(lambda: raw not in retained(broker.port), what="what is left over is removed")
        observer.quiet(1.0)
        assert process.stop() == 0
        announced = [components(m.payload) for m in observer.on(CONFIG) if m.payload]

    mileage = f"bmw2mqtt/{VIN}/sensor/mileage"
    after = {
        topic: payload.decode("utf-8", "replace")
        for topic, payload in retained(broker.port).items()
    }
    assert after[mileage] == before[mileage], "known before BMW was asked"
    assert customer.asked("device/code") == 0, "the login is kept"

    assert raw in before
    assert raw not in after
    assert after[f"bmw2mqtt/{VIN}/binary_sensor/door_front_left"] == before[raw]
    component = RAW_BEFORE.replace("/", "_")
    assert any(found.get(component) == {"platform": "binary_sensor"} for found in announced), (
        "Home Assistant removes an entity that is announced with its platform alone"
    )
    kept = components(after[CONFIG].encode())
    stale = {topic for topic in before if topic not in after}
    assert not {name for name in kept if f"bmw2mqtt/{VIN}/{name}" in stale}
    old = components(before[CONFIG].encode())
    still = {name for name in old.keys() & kept.keys() if "unique_id" in kept[name]}
    assert len(still) > 30
    for name in still:
        for field in ("unique_id", "state_topic", "unit_of_measurement", "state_class"):
            assert kept[name].get(field) == old[name].get(field), name
