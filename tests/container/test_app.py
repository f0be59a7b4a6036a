"""The Home Assistant app: as Home Assistant's Supervisor starts it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.container.engine import ROOT, docker, logs, state
from tests.daemon import settings_for
from tests.mosquitto import Mosquitto, Observer, wait_until
from tests.supervisor import TOKEN, Supervisor

APP_IMAGE = "bmw2mqtt-app:test"
PATIENCE_S = 90
SUPERVISOR_PORT = 80
AS_ROOT = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")


@pytest.fixture
def app_image(image: str) -> str:
    repository, tag = image.split(":")
    docker(
        *("build", "--quiet", "--network", "host", "--tag", APP_IMAGE),
        *("--build-arg", f"IMAGE={repository}", "--build-arg", f"BUILD_VERSION={tag}"),
        *("--build-arg", "BUILD_ARCH=amd64", ROOT / "homeassistant-app"),
    )
    return APP_IMAGE


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
        "cardata_accounts": [],
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
    tmp_path: Path,
    names: Callable[[], str],
) -> None:
    shutil.copy(bmw.ca_file, tmp_path / "ca.pem")
    (tmp_path / "ca.pem").chmod(0o644)
    name = names()
    server = "BMW2MQTT_ACCOUNTS__HOME__SERVER"
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
                *("--env", f"{server}={bmw.server}", "--env", "BMW2MQTT_HTTP__ENABLED=false"),
                *("--env", "BMW2MQTT_ACCOUNTS__HOME__CA_FILE=/ca.pem"),
                *("--volume", f"{tmp_path / 'ca.pem'}:/ca.pem:ro"),
                *("--volume", f"{data}:/data", app_image),
            )
            observer.wait_for("bmw2mqtt/account/home/sensor/status", "ok", PATIENCE_S)
            wait_until(lambda: state(name)["Health"]["Status"] == "healthy", PATIENCE_S, "healthy")
            owner = docker("exec", "--user", "0", name, "stat", "-c", "%u %g", "/proc/1").stdout
            assert owner == "10001 10001\n"
            assert supervisor.asked == ["/services/mqtt"]
            kept = data / "bmw2mqtt"
            assert (kept / "identity.json").stat().st_uid == 10001
            docker("stop", name)
    assert state(name)["ExitCode"] == 0
    assert not [event for event in logs(name) if event.get("level") in {"warning", "error"}]
