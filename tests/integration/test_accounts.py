"""Accounts side by side: logins, cars, pauses, outages of BMW."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.simulator.mybmw import Fault, MyBmwSimulator, SimulatedUser
from tests.conftest import BackgroundBmw
from tests.daemon import Daemon
from tests.fixture_cars import fixture_car
from tests.mosquitto import Mosquitto, Observer, wait_until

pytestmark = pytest.mark.no_cover

VIN = "WBA00000000DEMO02"
OTHER_VIN = "WBA00000000DEMO03"
ONE_HOUR = {"poll_interval": 3600}


@pytest.fixture
def cars() -> list[Any]:
    return [fixture_car(VIN)]


def status(account: str = "home") -> str:
    return f"bmw2mqtt/account/{account}/sensor/status"


def asked(bmw: MyBmwSimulator, path: str = "", vin: str | None = None) -> int:
    """How often BMW was asked, for all or something, about all or one car."""
    requests = tuple(bmw.requests)
    return sum(path in r.path and (vin is None or r.vin == vin) for r in requests)


def cars_shown(observer: Observer) -> set[str]:
    return {topic.split("/")[1] for topic in observer.current() if topic.endswith("/state")}


def message(observer: Observer, account: str = "home") -> str:
    attributes = json.loads(observer.current()[f"{status(account)}/attributes"])
    return str(attributes["message"])


def account_at(bmw: MyBmwSimulator, number: int = 0, **more: Any) -> dict[str, Any]:
    """One account's section of the configuration."""
    user = bmw.accounts.users[number]
    return {
        "backend": "mybmw",
        "username": user.username,
        "password": user.password,
        "region": user.region,
        "captcha_token": f"captcha{number}",
        "server": bmw.server,
        "ca_file": str(bmw.ca_file),
        **ONE_HOUR,
        **more,
    }


@pytest.fixture
def launch_with(
    launch: Callable[..., Daemon], broker: Mosquitto, tmp_path: Path
) -> Callable[..., Daemon]:
    """Start a daemon with these accounts, in this order."""

    def start(accounts: dict[str, Any]) -> Daemon:
        return launch(
            {
                "mqtt": {"host": "127.0.0.1", "port": broker.port},
                "accounts": accounts,
                "data_dir": str(tmp_path / "data"),
            }
        )

    return start


def test_two_accounts_of_a_region_with_different_servers(
    launch_with: Callable[..., Daemon], observer: Observer, bmw_servers: BackgroundBmw
) -> None:
    first = bmw_servers.start(
        SimulatedUser(username="me@example.com", password="p", cars=[fixture_car(VIN)])
    )
    second = bmw_servers.start(
        SimulatedUser(username="you@example.com", password="q", cars=[fixture_car(OTHER_VIN)])
    )
    process = launch_with({"first": account_at(first), "second": account_at(second)})
    for name in ("first", "second"):
        observer.wait_for(status(name), "ok")
    observer.quiet(0.3)
    assert (asked(first, vin=VIN) > 0, asked(first, vin=OTHER_VIN)) == (True, 0)
    assert (asked(second, vin=VIN), asked(second, vin=OTHER_VIN) > 0) == (0, True)
    current = observer.current()
    info = json.loads(current["bmw2mqtt/bridge/info"])
    owners = {vin: car["account"] for vin, car in info["vehicles"].items()}
    assert owners == {VIN: "first", OTHER_VIN: "second"}
    assert "password" not in current["bmw2mqtt/bridge/info"].decode()
    for vin, name in owners.items():
        device = json.loads(current[f"homeassistant/device/bmw2mqtt_{vin}/config"])["device"]
        assert device["via_device"] == f"bmw2mqtt_account_{name}"
    assert process.complaints() == []


def test_a_car_of_two_accounts_belongs_to_the_first(
    launch_with: Callable[..., Daemon], observer: Observer, bmw_servers: BackgroundBmw
) -> None:
    first_user = SimulatedUser(username="me@example.com", password="p", cars=[fixture_car(VIN)])
    second_user = SimulatedUser(
        username="you@example.com", password="q", cars=[fixture_car(VIN), fixture_car(OTHER_VIN)]
    )
    first, second = bmw_servers.start(first_user), bmw_servers.start(second_user)
    first.faults.add(Fault(path="/oauth/config", delay_s=1.5, times=1))  # the second lists first
    process = launch_with({"zoe": account_at(first), "abe": account_at(second)})
    observer.wait_for(status("abe"), "ok")
    observer.wait_for(f"homeassistant/device/bmw2mqtt_{VIN}/config")
    observer.wait_for(status("zoe"), "ok")
    observer.quiet(0.3)
    before = asked(second, vin=VIN)
    polled = asked(second, vin=OTHER_VIN)
    observer.publish("bmw2mqtt/account/abe/button/refresh/press", "")
    wait_until(lambda: asked(second, "/state", OTHER_VIN) >= 2 and asked(second) > polled)
    observer.quiet(0.3)
    assert asked(second, vin=VIN) == before
    assert cars_shown(observer) == {VIN, OTHER_VIN}
    device = json.loads(observer.current()[f"homeassistant/device/bmw2mqtt_{VIN}/config"])
    assert device["device"]["via_device"] == "bmw2mqtt_account_zoe"
    (complaint,) = process.complaints()
    assert complaint["event"] == "vehicle_in_two_accounts"
    assert (complaint["belongs_to"], complaint["left_out_of"]) == ("zoe", "abe")


def test_a_car_that_is_not_wanted_costs_nothing(
    daemon: Callable[..., Daemon], observer: Observer, bmw: MyBmwSimulator, cars: list[Any]
) -> None:
    cars.append(fixture_car(OTHER_VIN))
    daemon(account=ONE_HOUR, vehicles={OTHER_VIN: {"enabled": False}})
    observer.wait_for(status(), "ok")
    observer.quiet(0.3)
    assert asked(bmw, vin=OTHER_VIN) == 0
    assert not any(OTHER_VIN in topic for topic in observer.current())
    assert OTHER_VIN.encode() not in observer.current()["bmw2mqtt/bridge/info"]


def test_a_name_of_ones_own(daemon: Callable[..., Daemon], observer: Observer) -> None:
    topic = f"homeassistant/device/bmw2mqtt_{VIN}/config"
    first = daemon(account=ONE_HOUR)
    observer.wait_for(status(), "ok")
    observer.wait_for(topic)
    assert first.stop() == 0
    plain = json.loads(observer.wait_for(topic).payload)
    daemon(account=ONE_HOUR, vehicles={VIN: {"name": "Daily Fährt"}})
    wait_until(lambda: "Daily" in observer.wait_for(topic).text)
    named = json.loads(observer.wait_for(topic).payload)
    assert (plain["device"].pop("name"), named["device"].pop("name")) == (
        "i4 eDrive40",
        "Daily Fährt",
    )
    plain["components"].setdefault("image_vehicle", named["components"].get("image_vehicle"))
    assert named["components"].items() <= plain["components"].items()
    assert plain["device"] == named["device"]
    wait_until(
        lambda: (
            json.loads(observer.wait_for(f"bmw2mqtt/{VIN}/state").payload)["name"] == "Daily Fährt"
        )
    )


def test_refresh_asks_again_also_for_cars(
    daemon: Callable[..., Daemon], observer: Observer, bmw: MyBmwSimulator, cars: list[Any]
) -> None:
    daemon(account=ONE_HOUR)
    observer.wait_for(status(), "ok")
    observer.quiet(0.3)
    lists = asked(bmw, "/vehicle-list")
    cars.append(fixture_car(OTHER_VIN))
    cars[0].state_data["state"]["currentMileage"] = 4711
    observer.publish("bmw2mqtt/account/home/button/refresh/press", "PRESS")
    observer.wait_for(f"bmw2mqtt/{VIN}/sensor/mileage", "4711")
    observer.wait_for(f"bmw2mqtt/{OTHER_VIN}/image/vehicle")
    assert asked(bmw, "/vehicle-list") == lists + 3
    assert cars_shown(observer) == {VIN, OTHER_VIN}
    del cars[0]
    observer.publish("bmw2mqtt/account/home/button/refresh/press", "")
    wait_until(lambda: asked(bmw, "/vehicle-list") == lists + 6)
    observer.quiet(0.3)
    assert cars_shown(observer) == {VIN, OTHER_VIN}, "one list without a car removes nothing"


def test_a_retained_refresh_is_refused(
    daemon: Callable[..., Daemon], observer: Observer, bmw: MyBmwSimulator
) -> None:
    observer.publish("bmw2mqtt/account/home/button/refresh/press", "PRESS", retain=True)
    process = daemon(account=ONE_HOUR)
    observer.wait_for(status(), "ok")
    refused = process.wait_log("command_refused")
    assert refused["reason"] == "retained"
    assert asked(bmw, "/vehicle-list") == 3


def test_pause(daemon: Callable[..., Daemon], observer: Observer, bmw: MyBmwSimulator) -> None:
    switch = "bmw2mqtt/account/home/switch/polling"
    first = daemon(account={"poll_interval": 1})
    observer.wait_for(status(), "ok")
    observer.wait_for(switch, "ON")
    observer.publish(f"{switch}/set", "OFF")
    observer.wait_for(status(), "paused")
    observer.wait_for(switch, "OFF")
    observer.wait_for("bmw2mqtt/account/home/sensor/next_update", "None")
    assert first.stop() == 0

    polls = asked(bmw)
    second = daemon(account={"poll_interval": 1})
    second.wait_log("mqtt_connected")
    wait_until(lambda: len(observer.on("bmw2mqtt/bridge/availability")) >= 3)
    observer.wait_for(status(), "paused")
    observer.wait_for(switch, "OFF")
    observer.quiet(1.5)  # longer than the interval
    assert asked(bmw) == polls, "not a single request"
    observer.publish("bmw2mqtt/account/home/button/refresh/press", "PRESS")
    observer.wait_for(f"bmw2mqtt/{VIN}/sensor/mileage", "1121")
    wait_until(lambda: asked(bmw) > polls)
    observer.wait_for(status(), "paused")
    observer.publish(f"{switch}/set", "maybe")
    assert second.wait_log("command_refused")["reason"] == "invalid_payload"
    observer.publish(f"{switch}/set", "ON")
    observer.wait_for(status(), "ok")
    observer.wait_for(switch, "ON")
    polls = asked(bmw, "/state")
    wait_until(lambda: asked(bmw, "/state") >= polls + 2, what="it polls again")


def test_a_restart_needs_no_login(
    daemon: Callable[..., Daemon], observer: Observer, bmw: MyBmwSimulator, tmp_path: Path
) -> None:
    first = daemon(account=ONE_HOUR)
    observer.wait_for(status(), "ok")
    assert first.stop() == 0
    tokens = tmp_path / "data" / "tokens-home.json"
    assert tokens.stat().st_mode & 0o777 == 0o600
    logins, polls = asked(bmw, "/authenticate"), asked(bmw, "/state")
    assert logins > 0
    daemon(account={**ONE_HOUR, "captcha_token": None})
    wait_until(lambda: asked(bmw, "/state") > polls)
    observer.wait_for(status(), "ok")
    assert asked(bmw, "/authenticate") == logins


@pytest.mark.filterwarnings("ignore::DeprecationWarning:PIL")
@pytest.mark.parametrize(
    ("region", "username"),
    [("china", "8613812345678"), ("north_america", "me@example.com")],
)
def test_other_regions(
    daemon: Callable[..., Daemon],
    observer: Observer,
    user: SimulatedUser,
    region: Any,
    username: str,
) -> None:
    user.region, user.username = region, username
    process = daemon(account={**ONE_HOUR, **({"captcha_token": None} if region == "china" else {})})
    observer.wait_for(status(), "ok")
    observer.wait_for(f"bmw2mqtt/{VIN}/lock/lock", "LOCKED")
    assert process.complaints() == []


def test_a_wrong_password_is_tried_once(
    daemon: Callable[..., Daemon], observer: Observer, bmw: MyBmwSimulator
) -> None:
    process = daemon(account={"poll_interval": 1, "password": "a-wrong-one"})
    observer.wait_for(status(), "login_required")
    observer.wait_for("bmw2mqtt/account/home/binary_sensor/login_required", "ON")
    observer.wait_for("bmw2mqtt/account/home/sensor/next_update", "None")
    wait_until(lambda: "check username and password" in message(observer))
    requests = asked(bmw)
    observer.quiet(1.5)  # longer than the interval
    assert asked(bmw) == requests
    assert "a-wrong-one" not in process.log_file.read_text()
    assert [e["event"] for e in process.complaints()][1:] == ["account_status"]


def test_bmw_is_away_at_start_and_comes_back(
    daemon: Callable[..., Daemon],
    observer: Observer,
    bmw: MyBmwSimulator,
    bmw_servers: BackgroundBmw,
) -> None:
    bmw_servers.call(bmw.stop())
    process = daemon(account=ONE_HOUR)
    observer.wait_for(status(), "unreachable")
    wait_until(lambda: "cannot be reached" in message(observer))
    observer.wait_for("bmw2mqtt/bridge/availability", "online")
    wait_until(
        lambda: observer.wait_for("bmw2mqtt/account/home/sensor/next_update").text != "None",
        what="it will ask again by itself",
    )
    bmw_servers.call(bmw.start())
    observer.publish("bmw2mqtt/account/home/button/refresh/press", "PRESS")
    observer.wait_for(status(), "ok")
    observer.wait_for(f"bmw2mqtt/{VIN}/lock/lock", "LOCKED")
    wait_until(lambda: message(observer) == "None")
    assert [e["event"] for e in process.complaints()] == ["account_status"]


def test_interval_zero_asks_only_on_request(
    daemon: Callable[..., Daemon], observer: Observer, bmw: MyBmwSimulator
) -> None:
    daemon(account={"poll_interval": 0})
    observer.wait_for(status(), "ok")
    observer.wait_for("bmw2mqtt/account/home/sensor/next_update", "None")
    requests = asked(bmw)
    observer.quiet(1)
    assert asked(bmw) == requests
    observer.publish("bmw2mqtt/account/home/button/refresh/press", "PRESS")
    wait_until(lambda: asked(bmw, "/state") == 2)
    observer.wait_for("bmw2mqtt/account/home/sensor/next_update", "None")
