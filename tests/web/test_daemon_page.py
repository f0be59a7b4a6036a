"""A daemon's page, from outside."""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.daemon import WITH_IMPORTS, Daemon, settings_for
from tests.fixture_cars import fixture_cars
from tests.mosquitto import Mosquitto, Observer, free_port, wait_until
from tests.web.conftest import OURS, DaemonPage

pytestmark = pytest.mark.no_cover

VIN = "WBA00000000DEMO01"
"""An electric car among the fixture cars."""
STATUS = "bmw2mqtt/account/home/sensor/status"
ONE_HOUR = {"poll_interval": 3600}
NO_LOGIN = {"captcha_token": None}
TOKEN = "planted-page-token-4711"


def imports(process: Daemon) -> set[str]:
    """Return the libraries that a daemon has imported."""
    lines = process.log_file.read_text().splitlines()
    return {
        line.split("|")[-1].split(".")[0].strip()
        for line in lines
        if line.startswith("import time:")
    }


def listens(pid: int, port: int) -> bool:
    connections = psutil.Process(pid).net_connections(kind="tcp")
    return any(c.laddr.port == port and c.status == psutil.CONN_LISTEN for c in connections)


def test_a_page_nobody_opens_costs_nothing(
    tmp_path: Path, broker: Mosquitto, bmw: MyBmwSimulator
) -> None:
    port = free_port()
    settings = settings_for(
        bmw, broker.port, tmp_path / "data", account=NO_LOGIN, http={"port": port}
    )
    with Daemon(tmp_path / "daemon", settings, program=WITH_IMPORTS) as process:
        process.wait_log("page_opened")
        process.wait_log("account_status")
        assert listens(process.pid, port)
        assert "aiohttp" not in imports(process)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=15) as client:
            assert client.get("/").status_code == 200
            assert "aiohttp" in imports(process)
            wait_until(lambda: client.get("/healthz").status_code == 200)
        assert "leather" not in imports(process), "no plot was shown"
        assert [e["event"] for e in process.complaints()] == ["account_status"]


@pytest.mark.parametrize("cars", [fixture_cars], ids=["nine"], indirect=True)
def test_what_it_shows(
    live: Callable[..., DaemonPage], observer: Observer, bmw: MyBmwSimulator
) -> None:
    page = live(account=ONE_HOUR)
    account = page.wait_status("ok")
    assert (account["name"], account["backend"], account["login_url"]) == ("home", "mybmw", None)
    assert account["requests_24h"] > 9
    state = page.state()
    assert state["mqtt"]["is_connected"] is True
    assert len(state["cars"]) == len(bmw.accounts.users[0].cars) == 9
    for car in state["cars"]:
        published = json.loads(observer.wait_for(f"bmw2mqtt/{car['vin']}/state").payload)
        assert car["name"] == published["name"]
        assert car["updated_at"] == published["updated_at"]
        assert car["is_available"] is True
        for entity, shown in car["values"].items():
            platform, key = entity.split("/")
            assert shown["value"] == published[platform][key], entity
    own_page = page.client.get(f"/cars/{VIN}/").raise_for_status().text
    assert "<h1>" in own_page
    deleted = page.client.delete(f"/api/cars/{VIN}/positions", headers=OURS)
    assert deleted.status_code == 204, "the recorder writes"
    everything = json.dumps(state) + own_page
    tracker = "device_tracker/location/attributes"
    places = [
        json.loads(payload)
        for topic, payload in observer.current().items()
        if topic.endswith(tracker)
    ]
    assert any(place.get("latitude") for place in places)
    for place in places:
        assert str(place.get("latitude", "no place")) not in everything

    electric = next(car for car in state["cars"] if car["vin"] == VIN)
    assert "sensor/remaining_battery_percent" in electric["values"]
    assert "sensor/remaining_fuel" not in electric["values"]
    picture = page.client.get(f"/{electric['picture']}")
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.content == observer.wait_for(f"bmw2mqtt/{VIN}/image/vehicle").payload
    for path in (electric["picture"], "page.js", "page.css", ""):
        tag = page.client.get(f"/{path}").headers["ETag"]
        again = page.client.get(f"/{path}", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b""), path
    scripts = (
        f"page{part}.js" for part in ("", "-accounts", "-cars", "-parts", "-texts", "-tools")
    )
    shell = ("", *scripts, "page.css", "icon.svg")
    assert sum(len(page.client.get(f"/{path}").content) for path in shell) < 64_000


def events(page: DaemonPage, stack: ExitStack) -> Iterator[dict[str, Any]]:
    """Listen as the page does."""
    response = stack.enter_context(page.client.stream("GET", "/api/events"))
    assert response.headers["Content-Type"].startswith("text/event-stream")
    for line in response.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def test_changes_come_by_themselves(live: Callable[..., DaemonPage], cars: list[Any]) -> None:
    page = live(account=ONE_HOUR)
    page.wait_status("ok")
    index = next(i for i, car in enumerate(cars) if car.vin == VIN)
    with ExitStack() as stack:
        listening = events(page, stack)

        def mileage() -> int:
            shown = next(c for c in next(listening)["cars"] if c["vin"] == VIN)
            return int(shown["values"]["sensor/mileage"]["value"])

        before = mileage()
        cars[index].state_data["state"]["currentMileage"] = before + 1234
        page.press("refresh")
        started_s = time.monotonic()
        while mileage() != before + 1234:
            assert time.monotonic() - started_s < 20


def test_pause_resume_and_ask_now(
    live: Callable[..., DaemonPage], observer: Observer, bmw: MyBmwSimulator
) -> None:
    page = live(account=ONE_HOUR)
    page.wait_status("ok")
    page.press("polling", {"is_polling": False})
    paused = page.wait_status("paused")
    assert paused["is_polling"] is False
    paused_at = datetime.fromisoformat(paused["paused_at"])
    assert timedelta() <= datetime.now(UTC) - paused_at < timedelta(minutes=1)
    observer.wait_for("bmw2mqtt/account/home/switch/polling", "OFF")
    requests = len(bmw.requests)
    page.press("refresh")
    wait_until(lambda: len(bmw.requests) > requests, what="a person wants to know")
    page.press("polling", {"is_polling": True})
    assert page.wait_status("ok")["paused_at"] is None
    observer.wait_for(STATUS, "ok")


def test_health_and_metrics(
    live: Callable[..., DaemonPage], observer: Observer, broker: Mosquitto
) -> None:
    page = live(account=ONE_HOUR)
    page.wait_status("ok")
    assert page.client.get("/healthz").json() == {"status": "ok"}
    observer.publish(f"bmw2mqtt/{VIN}/lock/lock/set", "OPEN SESAME 48.1,11.5")
    wait_until(lambda: page.state()["commands"])
    (command,) = page.state()["commands"]
    assert (command["outcome"], command["reason"], command["payload"]) == (
        "rejected",
        "invalid_payload",
        None,
    )
    labels = 'outcome="rejected",reason="invalid_payload"'
    assert page.metric(f"bmw2mqtt_commands_total{{{labels}}}") == 1
    assert page.metric("bmw2mqtt_mqtt_connected") == 1
    assert page.metric("bmw2mqtt_mqtt_messages_published_total") > 100
    assert page.metric('bmw2mqtt_polls_total{account="home",outcome="ok"}') == 1
    assert page.metric('bmw2mqtt_bmw_requests_total{account="home",status_class="2xx"}') > 9
    assert page.metric('bmw2mqtt_account_status{account="home",status="ok"}') == 1
    assert page.metric('bmw2mqtt_account_status{account="home",status="blocked"}') == 0
    assert page.metric(f'bmw2mqtt_vehicle_available{{account="home",vin="{VIN}"}}') == 1
    age_s = page.metric(f'bmw2mqtt_vehicle_data_age_seconds{{account="home",vin="{VIN}"}}')
    assert age_s > 24 * 3600, "the recorded cars reported years ago"
    assert "vehicle_mileage" not in page.client.get("/metrics").text, "only if it is set"
    assert page.metric("process_resident_memory_bytes") > 1e6

    broker.kill()
    wait_until(lambda: page.client.get("/healthz").status_code == 503)
    assert page.client.get("/healthz").json()["reason"] == "not connected to the MQTT broker"
    assert page.metric("bmw2mqtt_mqtt_connected") == 0
    assert page.state()["mqtt"]["is_connected"] is False
    broker.start()
    wait_until(lambda: page.client.get("/healthz").status_code == 200)


def test_it_ends_in_time_with_pages_open(live: Callable[..., DaemonPage]) -> None:
    page = live(account=NO_LOGIN)
    page.wait_status("login_required")
    port = int(page.url.rpartition(":")[2])
    with ExitStack() as stack:
        for _ in range(5):
            assert next(events(page, stack))["version"]
        idle = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        idle.sendall(b"GET / HTTP/1.1\r\n")
        page.daemon.signal(signal.SIGTERM)
        assert page.daemon.wait(5) == 0
    assert page.daemon.wait_log("stopped")
    assert not page.daemon.complaints()[1:]


def test_no_secret_anywhere(live: Callable[..., DaemonPage], observer: Observer) -> None:
    captcha, password = "P1_planted-captcha", "planted-password"
    page = live(TOKEN, account={"captcha_token": None, "password": password, **ONE_HOUR})
    page.wait_status("login_required")
    page.press("login", {"token": captcha})
    account = page.wait_status("login_required")
    session = page.client.post("/api/session", json={"token": TOKEN}, headers=OURS)
    session.raise_for_status()
    wrong = page.client.post("/api/session", json={"token": f"{TOKEN}x"}, headers=OURS)
    assert wrong.status_code == 401
    wait_until(lambda: "refuses the login" in page.wait_status("login_required")["message"])
    seen = [account["message"] or "", page.daemon.log_file.read_text()]
    seen += [page.client.get(path).text for path in ("/", "/page.js", "/metrics", "/api/state")]
    seen += [m.payload.decode(errors="replace") for m in tuple(observer.messages)]
    seen += [" ".join(psutil.Process(page.daemon.pid).cmdline()), wrong.text, str(wrong.headers)]
    for secret in (captcha, password, TOKEN):
        assert not any(secret in text for text in seen), secret
