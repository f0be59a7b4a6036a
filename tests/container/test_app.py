"""The Home Assistant app: as Home Assistant's Supervisor starts it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from bmw2mqtt.simulator.cardata import (
    CLIENT_ID,
    CarDataSimulator,
    CarDataUser,
    RecordedCarDataCar,
)
from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.conftest import BackgroundBmw
from tests.container.conftest import VIN
from tests.container.engine import ROOT, docker, logs, state
from tests.daemon import settings_for
from tests.mosquitto import Mosquitto, Observer, free_port, wait_until
from tests.supervisor import TOKEN, Supervisor

CARDATA_VIN = "WMW00000000000002"
APP_IMAGE = "bmw2mqtt-app:test"
PATIENCE_S = 90
STATUS = "bmw2mqtt/account/{}/sensor/status"
SUPERVISOR_PORT = 80
AS_ROOT = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")


@pytest.fixture
def app_image(image: str) -> str:
    repository, tag = image.split(":")
    docker(
        *("build", "--quiet", "--network", "host", "--tag", APP_IMAGE),
        *("--build-arg", f"IMAGE={repository}", "--build-arg", f"BUILD_VERSION={tag}"),
        ROOT / "homeassistant-app",
    )
    return APP_IMAGE


@pytest.fixture
def cardata(bmw_servers: BackgroundBmw, bmw: MyBmwSimulator) -> CarDataSimulator:
    """BMW's CarData, with a car of its own."""
    car = RecordedCarDataCar(CARDATA_VIN, {"vehicle.vehicle.travelledDistance": 41250})
    return bmw_servers.start_cardata(CarDataUser(cars=[car]), certificates=bmw.certificates)


@pytest.fixture
def data(bmw: MyBmwSimulator, tmp_path: Path) -> Path:
    """Home Assistant's folder for the app, with the options that a person filled in."""
    account: dict[str, Any] = settings_for(bmw, 1, tmp_path)["accounts"]["home"]
    options = {
        "mybmw_accounts": [
            {
                "name": "home",
                "username": account["username"],
                "password": account["password"],
                "region": account["region"],
                "captcha_token": "captcha",
            }
        ],
        "cardata_accounts": [{"name": "eu", "client_id": CLIENT_ID}],
        "vehicles": [],
        "mqtt": {},
        "log_level": "info",
    }
    folder = tmp_path / "app"
    folder.mkdir(mode=0o755)
    (folder / "options.json").write_text(json.dumps(options))
    (folder / "options.json").chmod(0o600)
    return folder


def test_it_finds_the_broker_and_gives_up_being_root(
    app_image: str,
    data: Path,
    bmw: MyBmwSimulator,
    cardata: CarDataSimulator,
    bmw_servers: BackgroundBmw,
    tmp_path: Path,
    names: Callable[[], str],
) -> None:
    shutil.copy(bmw.ca_file, tmp_path / "ca.pem")
    (tmp_path / "ca.pem").chmod(0o644)
    name, page_port = names(), free_port()
    at_bmw = {
        "HOME__SERVER": bmw.server,
        "HOME__CA_FILE": "/ca.pem",
        "EU__AUTH_URL": cardata.auth_url,
        "EU__API_URL": cardata.api_url,
        "EU__STREAM_HOST": cardata.stream_host,
        "EU__STREAM_PORT": cardata.stream_port,
        "EU__CA_FILE": "/ca.pem",
    }
    with Mosquitto(tmp_path) as broker, Observer(broker.port) as observer:
        try:
            supervisor = Supervisor(SUPERVISOR_PORT, {"host": "127.0.0.1", "port": broker.port})
        except OSError as error:
            pytest.skip(f"a Supervisor answers on port {SUPERVISOR_PORT}: {error}")
        with supervisor:
            docker(
                *("run", "--detach", "--name", name, "--network", "host"),
                *("--cap-drop", "ALL", *(f"--cap-add={capability}" for capability in AS_ROOT)),
                *("--add-host", "supervisor:127.0.0.1", "--env", f"SUPERVISOR_TOKEN={TOKEN}"),
                *(f"--env=BMW2MQTT_ACCOUNTS__{key}={value}" for key, value in at_bmw.items()),
                *("--env", f"BMW2MQTT_HTTP__PORT={page_port}"),
                *("--volume", f"{tmp_path / 'ca.pem'}:/ca.pem:ro"),
                *("--volume", f"{data}:/data", app_image),
            )
            observer.wait_for(STATUS.format("home"), "ok", PATIENCE_S)
            observer.wait_for(f"bmw2mqtt/{VIN}/sensor/mileage", timeout_s=PATIENCE_S)
            log_in_with_the_code(observer, cardata, bmw_servers)
            observer.wait_for(STATUS.format("eu"), "ok", PATIENCE_S)
            observer.wait_for(f"bmw2mqtt/{CARDATA_VIN}/sensor/mileage", "41250", PATIENCE_S)
            wait_until(lambda: state(name)["Health"]["Status"] == "healthy", PATIENCE_S, "healthy")
            page = f"http://127.0.0.1:{page_port}"
            assert httpx.get(f"{page}/healthz", trust_env=False).status_code == 200
            closed = httpx.get(f"{page}/api/state", trust_env=False)
            assert closed.status_code == 401, "only Home Assistant's ingress comes without a token"
            owner = docker("exec", "--user", "0", name, "stat", "-c", "%u %g", "/proc/1").stdout
            assert owner == "10001 10001\n"
            assert supervisor.asked == ["/services/mqtt"]
            for kept in ("identity.json", "tokens-home.json", "tokens-eu.json"):
                assert (data / "bmw2mqtt" / kept).stat().st_uid == 10001
            docker("stop", name)
    assert state(name)["ExitCode"] == 0
    complaints = {e["message"] for e in logs(name) if e["level"] in {"warning", "error"}}
    assert complaints, "until somebody logged in"
    assert not [text for text in complaints if not text.startswith("Account eu: ")]


def log_in_with_the_code(
    observer: Observer, cardata: CarDataSimulator, bmw_servers: BackgroundBmw
) -> None:
    """Confirm the code that Home Assistant shows beside the account's status."""

    def code() -> str | None:
        shown = observer.current().get(f"{STATUS.format('eu')}/attributes", b"{}")
        found: str | None = json.loads(shown).get("user_code")
        return found

    user_code = wait_until(code, PATIENCE_S, "a code")
    bmw_servers.do(lambda: cardata.approve(user_code))
