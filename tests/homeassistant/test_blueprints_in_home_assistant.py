"""Each blueprint in the real Home Assistant: imported by its address, given inputs, triggered."""

import importlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.homeassistant.blueprints import FOLDER, LANGUAGES
from tests.homeassistant.conftest import VARIABLE
from tests.homeassistant.test_dashboard import PLUGIN_HYBRID, TOPICS, payloads
from tests.mosquitto import Mosquitto, Observer, wait_until

pytestmark = [pytest.mark.no_cover, pytest.mark.timeout(600)]
YAML = "automation: !include automations.yaml\nmobile_app:\nperson:\n"
BERLIN = ZoneInfo("Europe/Berlin")
SHORT = 0.05
"""Three seconds, where a person chooses minutes."""
SOON = timedelta(seconds=25)
CAR, ACCOUNT = TOPICS.vehicle(PLUGIN_HYBRID.vin), TOPICS.account("home")
LOGIN_URL = "https://customer.bmwgroup.com/oneid/link"


@contextmanager
def listening(handler: Any) -> Iterator[str]:
    """Serve HTTP on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class QuietFiles(SimpleHTTPRequestHandler):
    """Serves a folder."""

    def log_message(self, *_: object) -> None:
        """Write nothing."""


class Push(BaseHTTPRequestHandler):
    """The push service of the phone's app."""

    received: list[dict[str, Any]]

    def do_POST(self) -> None:
        """Record a message."""
        self.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Write nothing."""


class Home:
    """A Home Assistant with a car, an account and a phone."""

    def __init__(self, home_assistant: Any, observer: Observer) -> None:
        self.ha, self._observer = home_assistant, observer
        self.pushed: list[dict[str, Any]] = []
        self.phone = ""
        self.entities: dict[str, str] = {}
        """Entity ids by component."""

    def announce(self) -> None:
        found = payloads(PLUGIN_HYBRID)
        for topics, payload in zip((ACCOUNT, CAR), found, strict=True):
            self._observer.publish(topics.discovery, payload, retain=True)
            for component, entity in json.loads(payload)["components"].items():
                if "default_entity_id" in entity:
                    self.entities[component] = entity["default_entity_id"]
        for topic in (TOPICS.bridge_availability, CAR.availability):
            self._observer.publish(topic, b"online", retain=True)
        self.set("lids", "OFF")
        self.ha.wait_state(self.entities["binary_sensor_lids"], "off")

    def set(self, key: str, value: str, platform: str = "binary_sensor", topics: Any = CAR) -> None:
        self._observer.publish(topics.state(platform, key), value.encode(), retain=True)

    def send(self, event: dict[str, Any]) -> None:
        self._observer.publish(CAR.state("event", "charging"), json.dumps(event).encode())

    def set_attributes(self, key: str, platform: str, topics: Any, **values: Any) -> None:
        topic = topics.attributes(platform, key)
        self._observer.publish(topic, json.dumps(values).encode(), retain=True)

    def register_phone(self, push_url: str) -> None:
        self.ha.rest(
            "POST",
            "/api/mobile_app/registrations",
            {
                "app_id": "test", "app_name": "Test", "app_version": "1",
                "device_id": "phone", "device_name": "My phone", "manufacturer": "Test",
                "model": "Phone", "os_name": "Test", "os_version": "1",
                "supports_encryption": False,
                "app_data": {"push_token": "token", "push_url": push_url},
            },
        )  # fmt: skip
        self.phone = self.ha.wait_device("My phone")["id"]

    def automate(self, name: str, path: str, inputs: dict[str, Any]) -> None:
        """Make an automation of a blueprint, as the editor does."""
        config = {
            "alias": name,
            "use_blueprint": {"path": path, "input": inputs | {"phones": [self.phone]}},
        }
        self.ha.rest("POST", f"/api/config/automation/config/{name}", config)

    def messages(self) -> list[str]:
        """Return what appears in Home Assistant."""
        found = self.ha.ws("persistent_notification/get")
        return [f"{message['title']}|{message['message']}" for message in found]

    def wait_message(self, *parts: str) -> None:
        def is_there() -> bool:
            return any(all(part in message for part in parts) for message in self.messages())

        try:
            wait_until(is_there, 30, what=f"a message with {parts}")
        except AssertionError:
            print(self.messages(), self.ha.problems())  # noqa: T201 - for who has to mend it
            raise


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"needs a Home Assistant: {VARIABLE}")
    sys.path.insert(0, folder)
    scratch = tmp_path_factory.mktemp("blueprints")
    try:
        rig = importlib.import_module("ha_rig")
        ha = rig.HomeAssistant(directory=scratch / "ha", extra_yaml=YAML)
        ha.config.mkdir(parents=True)
        (ha.config / "automations.yaml").write_text("[]\n")
        with (
            Mosquitto(scratch) as broker,
            Observer(broker.port, "none") as observer,
            ha,
        ):
            ha.add_mqtt(broker.port)
            started = Home(ha, observer)
            handler = type("RecordingPush", (Push,), {"received": started.pushed})
            with listening(handler) as push_url:
                started.register_phone(push_url)
                started.announce()
                yield started
    finally:
        sys.path.remove(folder)


def inputs(home: Home) -> dict[str, dict[str, Any]]:
    """Return what a person chooses in each blueprint."""
    entity = home.entities
    soon = f"{datetime.now(BERLIN) + SOON:%H:%M:%S}"
    every_day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    return {
        "left_open": {
            "openings": [entity["binary_sensor_trunk"], entity["binary_sensor_door_lock_state"]],
            "minutes": SHORT,
            "moving": entity["binary_sensor_moving"],
            "tracker": entity["device_tracker_location"],
            "zones": ["zone.home"],
        },
        "charging": {
            "event": entity["event_charging"],
            "target_entity": entity["sensor_charging_target"],
        },
        "battery_12v": {
            "problem": entity["binary_sensor_battery_12v_problem"],
            "voltage": entity["sensor_battery_12v_daily_minimum"],
        },
        "service_due": {
            "distance": [entity["sensor_next_service_distance"]],
            "dates": [entity["sensor_next_service_date"], entity["sensor_inspection_date"]],
            "time": soon,
            "weekdays": every_day,
        },
        "alarm": {"alarm": entity["binary_sensor_alarm_triggered"]},
        "login_required": {
            "login_required": entity["binary_sensor_login_required"],
            "status": entity["sensor_status"],
        },
        "quota_used_up": {"status": entity["sensor_status"]},
        "silent_car": {"last_report": [entity["sensor_last_report"]], "time": soon},
    }


def prepare(home: Home) -> None:
    """Publish a car that is locked, parked elsewhere and has nothing due but its service."""
    for key in ("trunk", "door_lock_state", "moving", "battery_12v_problem", "alarm_triggered"):
        home.set(key, "OFF")
    place = {"latitude": 50.0, "longitude": 8.0, "gps_accuracy": 10}
    home.set_attributes("location", "device_tracker", CAR, **place)
    home.set("charging_target", "80", "sensor")
    home.set("battery_12v_daily_minimum", "11.9", "sensor")
    home.set("next_service_distance", "900", "sensor")
    home.set("next_service_date", f"{datetime.now(BERLIN) + timedelta(days=10):%Y-%m-%d}", "sensor")
    home.set("inspection_date", f"{datetime.now(BERLIN) + timedelta(days=99):%Y-%m-%d}", "sensor")
    silent = datetime.now(BERLIN) - timedelta(days=3, hours=1)
    home.set("last_report", silent.isoformat(), "sensor")
    home.set("status", "ok", "sensor", ACCOUNT)
    home.set_attributes("status", "sensor", ACCOUNT, message=None, login_url=None, user_code=None)
    home.set("login_required", "OFF", "binary_sensor", ACCOUNT)
    home.ha.wait_state(home.entities["binary_sensor_login_required"], "off")
    home.ha.wait_state(home.entities["device_tracker_location"], "not_home")


def test_each_blueprint_is_imported_and_triggered(home: Home) -> None:
    prepare(home)
    with listening(partial(QuietFiles, directory=str(FOLDER))) as url:
        for language in LANGUAGES:
            for name, chosen in inputs(home).items():
                source = f"{url}/{language}/{name}.yaml"
                imported = home.ha.ws("blueprint/import", url=source)
                assert imported["validation_errors"] is None, name
                path = f"{language}/{name}.yaml"
                home.ha.ws(
                    "blueprint/save",
                    domain="automation",
                    path=path,
                    yaml=imported["raw_data"],
                    source_url=source,
                )
                home.automate(f"{language}_{name}", path, chosen)
    automations = [name for name in home.ha.states() if name.startswith("automation.")]
    assert len(automations) == len(LANGUAGES) * len(inputs(home))
    assert all(home.ha.state(name)["state"] == "on" for name in automations)

    _leave_open(home)
    _charge(home)
    home.set("battery_12v_problem", "ON")
    home.wait_message("X|The 12 V battery is weak, 11.9 V")
    home.wait_message("X|Die 12-V-Batterie ist schwach, 11.9 V")
    home.set("alarm_triggered", "ON")
    home.wait_message("X|The alarm sounds!")
    home.wait_message("X|Die Alarmanlage hat ausgelöst!")
    assert [push for push in home.pushed if "critical" in str(push.get("data"))]
    _log_in(home)
    home.set_attributes("status", "sensor", ACCOUNT, message="Next request at 14:31")
    home.set("status", "quota_exceeded", "sensor", ACCOUNT)
    home.wait_message("No requests left at BMW. Next request at 14:31")
    home.wait_message("Keine Abfragen bei BMW mehr übrig. Next request at 14:31")
    home.wait_message("X|Due: X Next service in 900 km, X Next service 20")
    home.wait_message("X|Fällig: X Next service in 900 km, X Next service 20")
    home.wait_message("X|No report since 20")
    home.wait_message("X|Keine Meldung seit ")
    assert not [message for message in home.messages() if "Legal inspection" in message]
    assert {push["title"] for push in home.pushed} == {"X", "bmw2mqtt home"}
    assert len(home.pushed) == len(home.messages()), "each message went to the phone too"
    home.ha.restart()
    assert home.messages() == []
    home.wait_message("X|The 12 V battery is weak, 11.9 V")
    found = home.ha.problems()
    assert not [line for line in found if "mqtt" in str(line) or "automation" in str(line)]


def _leave_open(home: Home) -> None:
    """Open it under way, then at home, then elsewhere: only the last one is worth a message."""
    home.set("moving", "ON")
    home.ha.wait_state(home.entities["binary_sensor_moving"], "on")
    home.set("door_lock_state", "ON")
    home.set_attributes("location", "device_tracker", CAR, latitude=48.177, longitude=11.5562)
    home.ha.wait_state(home.entities["device_tracker_location"], "home")
    home.ha.wait_state(home.entities["binary_sensor_door_lock_state"], "on")
    home.set("moving", "OFF")
    home.ha.wait_state(home.entities["binary_sensor_moving"], "off")
    automation = "automation.en_left_open"
    wait_until(lambda: home.ha.state(home.entities["binary_sensor_moving"]), 5)
    elapsed = datetime.now(BERLIN) + timedelta(seconds=SHORT * 60 + 2)
    wait_until(lambda: datetime.now(BERLIN) > elapsed, 10, what="the time that it may be open")
    assert home.ha.state(automation)["attributes"]["last_triggered"] is None
    home.set_attributes("location", "device_tracker", CAR, latitude=50.0, longitude=8.0)
    home.ha.wait_state(home.entities["device_tracker_location"], "not_home")
    home.set("trunk", "ON")
    home.wait_message("X|Open or unlocked: X Trunk, X Door lock state")
    home.wait_message("X|Offen oder nicht verriegelt: X Trunk, X Door lock state")


def _charge(home: Home) -> None:
    home.send({"event_type": "charging_started", "soc_start": 40})
    home.send({"event_type": "charging_ended", "soc_end": 79.5, "energy_kwh": 21.26})
    home.wait_message("X|Charging done: 80 %, 21.3 kWh")
    home.wait_message("X|Laden fertig: 80 %, 21.3 kWh")
    home.send({"event_type": "charging_ended", "soc_end": 60, "energy_kwh": 5})
    home.wait_message("X|Charging stopped early: 60 %, 5.0 kWh")
    home.wait_message("X|Laden vorzeitig beendet: 60 %, 5.0 kWh")
    home.send({"event_type": "plugged_in_not_charging"})
    home.wait_message("X|Plugged in, but it does not charge")
    home.wait_message("X|Angesteckt, lädt aber nicht")
    assert len([message for message in home.messages() if "harging" in message]) == 2


def _log_in(home: Home) -> None:
    """First the problem and its code at once, then a new code."""
    codes = ("ABCD-1234", "WXYZ-5678")
    for code in codes:
        status = {"message": "Log in", "login_url": LOGIN_URL, "user_code": code}
        home.set_attributes("status", "sensor", ACCOUNT, **status)
        home.set("status", "login_required", "sensor", ACCOUNT)
        home.set("login_required", "ON", "binary_sensor", ACCOUNT)
        home.wait_message(f"has to log in to BMW. {LOGIN_URL} Code: {code}")
        home.wait_message(f"bei BMW anmelden. {LOGIN_URL} Code: {code}")
    logins = [push for push in home.pushed if LOGIN_URL in push["message"]]
    assert [push["data"] for push in logins] == [{"url": LOGIN_URL, "clickAction": LOGIN_URL}] * 4
