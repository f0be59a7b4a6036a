"""The image on its own: who runs in it, what is in it, how it ends."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from paho.mqtt.client import MQTTv311

from bmw2mqtt import __version__
from tests.container.engine import BASE_IMAGE, docker, logs, state
from tests.mosquitto import Mosquitto, Observer, free_port, wait_until

Names = Callable[[], str]
Settings = Callable[[int], Path]
STATUS = "bmw2mqtt/account/home/sensor/status"
PATIENCE_S = 90
HARDENED = ("--network", "host", "--read-only", "--cap-drop", "ALL")


def run(
    image: str, name: str, data: str | Path, config: Path, *options: str, command: str = "run"
) -> None:
    docker(
        *("run", "--detach", "--name", name, *HARDENED, "--volume", f"{data}:/data"),
        *("--volume", f"{config / 'config.yaml'}:/config/config.yaml:ro"),
        *("--volume", f"{config / 'ca.pem'}:/config/ca.pem:ro", *options, image, command),
    )


def wait_exited(name: str) -> int:
    wait_until(lambda: state(name)["Status"] == "exited", 60, f"{name} ends")
    return int(state(name)["ExitCode"])


def test_what_is_in_it(image: str) -> None:
    config = json.loads(docker("image", "inspect", image).stdout)[0]
    assert config["Config"]["User"] == "10001:10001"
    assert list(config["Config"]["Volumes"]) == ["/data"]
    assert config["Config"]["Healthcheck"]["Test"] == ["CMD", "bmw2mqtt", "healthcheck"]
    labels = config["Config"]["Labels"]
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}version"] == "1.2.3"
    assert labels[f"{prefix}revision"] == "abc"
    assert labels[f"{prefix}created"] == "2026-01-02T03:04:05Z"
    assert labels[f"{prefix}licenses"] == "MIT"
    assert labels[f"{prefix}base.name"] == BASE_IMAGE
    base = json.loads(docker("image", "inspect", BASE_IMAGE).stdout)[0]
    added_mb = (config["Size"] - base["Size"]) / 1e6
    assert added_mb < 125, "docs/docker.md says how large it is"
    version = docker("run", "--rm", "--network", "none", image, "--version").stdout
    assert version == f"bmw2mqtt {__version__}\n"
    pip = ("run", "--rm", "--network", "none", "--entrypoint", "python", image, "-m", "pip")
    assert "No module named pip" in docker(*pip, is_checked=False).stderr


def test_the_demo(image: str, names: Names) -> None:
    name, port = names(), str(free_port())
    docker("run", "--detach", "--name", name, *HARDENED, image, "demo", "--port", port)
    wait_until(lambda: "Ctrl-C" in docker("logs", name).stdout, PATIENCE_S, "it says what there is")
    with Observer(int(port), protocol=MQTTv311) as seen:
        seen.wait_for("bmw2mqtt/WBY11DEMO0ELECTRC/sensor/mileage", timeout_s=60)
    docker("stop", name)
    assert state(name)["ExitCode"] == 0


def test_without_settings_it_waits_for_its_setup(image: str, names: Names) -> None:
    name = names()
    page = f"BMW2MQTT_HTTP__PORT={free_port()}"
    docker("run", "--detach", "--name", name, *HARDENED, "--env", page, image)
    wait_until(
        lambda: any("/setup/start/" in json.dumps(line) for line in logs(name)), what="the link"
    )
    docker("exec", name, "bmw2mqtt", "healthcheck")


def test_stop_in_its_first_moments(
    image: str, names: Names, settings: Settings, tmp_path: Path
) -> None:
    with Mosquitto(tmp_path) as broker:
        name = names()
        run(image, name, names(), settings(broker.port))
        begun = time.monotonic()
        docker("stop", "--timeout", "30", name)
        assert time.monotonic() - begun < 25, "it did not wait to be killed"
        assert state(name)["ExitCode"] in {0, 143}


@pytest.mark.parametrize("owner", ["12345:0", "1234:1234"])
def test_any_user(owner: str, image: str, names: Names, settings: Settings, tmp_path: Path) -> None:
    """Group 0 may write a new volume; whoever owns a folder may write that."""
    number, group = map(int, owner.split(":"))
    data: str | Path = names()
    if group:
        data = tmp_path / "data"
        data.mkdir(mode=0o700)
        os.chown(data, number, group)
    with Mosquitto(tmp_path) as broker, Observer(broker.port) as observer:
        name = names()
        run(image, name, data, settings(broker.port), "--user", owner)
        observer.wait_for(STATUS, "ok", PATIENCE_S)
        wait_until(lambda: state(name)["Health"]["Status"] == "healthy", PATIENCE_S, "healthy")
        docker("stop", name)
        observer.wait_for("bmw2mqtt/bridge/availability", "offline")
        assert state(name)["ExitCode"] == 0
        assert not [event for event in logs(name) if event.get("level") in {"warning", "error"}]


def test_a_folder_of_somebody_else(
    image: str, names: Names, settings: Settings, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    os.chown(data, 4711, 4711)
    name = names()
    run(image, name, data, settings(1))
    assert wait_exited(name) == 2
    said = logs(name)[-1]["message"]
    assert said.startswith("data_dir: /data cannot be written")
    assert "10001" in said, "it says whom the folder must belong to"
