"""Somebody with a CarData account, at a simulated BMW in another thread."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bmw2mqtt.simulator.cardata import (
    CarDataSimulator,
    CarDataUser,
    RecordedCarDataCar,
)
from tests.cardata_account import write_tokens
from tests.conftest import BackgroundBmw
from tests.mosquitto import Observer, wait_until

VIN = "WBA00000000000001"
MILEAGE = "vehicle.vehicle.travelledDistance"
ACCOUNT = "bmw2mqtt/account/eu"
STATUS = f"{ACCOUNT}/sensor/status"
MILEAGE_TOPIC = f"bmw2mqtt/{VIN}/sensor/mileage"
RELAY = f"bmw/{VIN}"


class CarDataOwner:
    """Somebody with a car, at a simulated BMW in another thread."""

    def __init__(self, servers: BackgroundBmw, port: int, folder: Path) -> None:
        self.car = RecordedCarDataCar(VIN, image=b"\x89PNG a picture")
        self.car.store({MILEAGE: 1000}, measured_at=datetime.now(UTC) - timedelta(hours=1))
        self.user = CarDataUser(cars=[self.car])
        self.folder = folder
        self._servers = servers
        self.port = port
        self.bmw: CarDataSimulator = servers.start_cardata(self.user)
        self.bmw.oauth.interval_s = 0.25

    def account(self, **changes: Any) -> dict[str, Any]:
        return self.bmw.account_settings() | changes

    def settings(self, **changes: Any) -> dict[str, Any]:
        return {
            "mqtt": {"host": "127.0.0.1", "port": self.port},
            "accounts": {"eu": self.account(**changes)},
            "data_dir": str(self.folder),
            "http": {"enabled": False},
            "log": {"level": "debug", "format": "json"},
        }

    def log_in(self) -> None:
        """Leave on disk what a login leaves."""
        write_tokens(self.folder, self.bmw, self.user, self._servers.do)

    def let_a_minute_pass(self) -> None:
        """Let what is written down of the stream be older: connects are limited by the minute.

        The daemon has ended: from here on the simulator sends nothing to the connection it had.
        """
        wait_until(lambda: not self.is_listening(), what="the old connection is gone")
        path = self.folder / "account-eu.json"
        memory = json.loads(path.read_bytes())
        connects = map(datetime.fromisoformat, memory["stream"]["connects"])
        earlier = [(at - timedelta(minutes=1)).isoformat() for at in connects]
        memory["stream"] |= {"connects": earlier, "not_before": None}
        path.write_text(json.dumps(memory))

    def refuse_token(self) -> None:
        """Let the stream drop everybody as if their tokens had expired."""
        self._servers.do(lambda: self.bmw.stream.drop_all(135))

    def approve(self, code: str) -> None:
        self._servers.do(lambda: self.bmw.approve(code))

    def decline(self, code: str) -> None:
        self._servers.do(lambda: self.bmw.decline(code))

    def is_listening(self) -> bool:
        return self.bmw.stream.is_subscribed(self.user.gcid)

    def stream(self, *payloads: bytes) -> None:
        """Send messages to somebody who listens."""
        wait_until(self.is_listening, what="somebody listens")
        self._servers.do(lambda: [self.bmw.publish_raw(VIN, payload) for payload in payloads])

    def message(self, mileage: int) -> bytes:
        return self.bmw.stream.message(VIN, {MILEAGE: mileage})

    def asked(self, path: str) -> int:
        return sum(path in request.path for request in tuple(self.bmw.requests))


def attributes(observer: Observer) -> dict[str, Any]:
    return dict(json.loads(observer.current().get(f"{STATUS}/attributes", b"{}")))


def wait_code(observer: Observer) -> str:
    found: str = wait_until(lambda: attributes(observer).get("user_code"), what="a code")
    return found
