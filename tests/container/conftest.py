"""The image, built once, and a fresh clone to start it from.

These tests take minutes and need a Docker engine: `make container-test` runs them, and skips them
where there is none.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.container.engine import (
    BASE_IMAGE,
    IMAGE,
    ROOT,
    docker,
    is_there,
    logs,
    mosquitto_image,
    state,
)
from tests.daemon import settings_for
from tests.fixture_cars import fixture_car
from tests.mosquitto import free_port, wait_until

VIN = "WBA00000000DEMO02"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    if "CONTAINER_TEST" not in os.environ:
        why = "takes minutes: make container-test"
    elif not is_there():
        why = "no Docker engine answers"
    elif os.geteuid() != 0:
        why = "folders are given to other users: run it as root"
    else:
        for item in here:
            item.add_marker(pytest.mark.timeout(900))
        return
    for item in here:
        item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture
def cars() -> list[Any]:
    return [fixture_car(VIN)]


@pytest.fixture(scope="session")
def image() -> str:
    """The image that the Dockerfile makes."""
    docker(
        *("build", "--quiet", "--network", "host", "--tag", IMAGE),
        *("--build-arg", f"BASE_IMAGE={BASE_IMAGE}", "--build-arg", "VERSION=1.2.3"),
        *("--build-arg", "REVISION=abc", "--build-arg", "CREATED=2026-01-02T03:04:05Z", ROOT),
    )
    return IMAGE


@pytest.fixture
def names() -> Iterator[Callable[[], str]]:
    """Give names for containers and volumes that are removed at the end."""
    given: list[str] = []

    def name() -> str:
        given.append(f"bmw2mqtt-test-{os.getpid()}-{len(given)}")
        return given[-1]

    yield name
    for old in given:
        docker("rm", "--force", "--volumes", old, is_checked=False)
        docker("volume", "rm", "--force", old, is_checked=False)


@pytest.fixture
def settings(bmw: MyBmwSimulator, tmp_path: Path) -> Callable[[int], Path]:
    """Write a configuration for a broker at this port, as anybody may read it; return its path."""

    def write(port: int) -> Path:
        shutil.copy(bmw.ca_file, tmp_path / "ca.pem")
        (tmp_path / "ca.pem").chmod(0o644)
        document = settings_for(bmw, port, Path("/data"), account={"ca_file": "/config/ca.pem"})
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(document))
        (tmp_path / "config.yaml").chmod(0o644)
        return tmp_path

    return write


@dataclass
class Clone:
    """The folder `docker/` as it is after a clone, with an account filled in.

    `port` is the broker's, `http_port` the page's.
    """

    directory: Path
    port: int
    http_port: int
    files: tuple[Path, ...]

    def arguments(self, *arguments: str) -> list[str]:
        """Return what to give to the engine's client for `docker compose`."""
        return ["compose", *(f"--file={file}" for file in self.files), *arguments]

    def compose(self, *arguments: str) -> str:
        return docker(*self.arguments(*arguments)).stdout

    def container(self, service: str = "bmw2mqtt") -> str:
        return self.compose("ps", "--all", "--quiet", service).strip()

    def wait_healthy(self) -> None:
        container = self.container()
        wait_until(
            lambda: state(container)["Health"]["Status"] == "healthy",
            timeout_s=120,
            what=f"healthy; it is {state(container)} {logs(container)}",
        )

    def secret(self, name: str) -> str:
        return (self.directory / "secrets" / name).read_text()


@pytest.fixture
def clone(image: str, bmw: MyBmwSimulator, tmp_path: Path) -> Iterator[Clone]:
    """Everything that the compose file needs, with free ports on the host's network."""
    directory = tmp_path / "clone" / "docker"
    shutil.copytree(ROOT / "docker", directory, ignore=shutil.ignore_patterns("config.yaml"))
    port, http_port = free_port(), free_port()
    conf = (directory / "mosquitto.conf").read_text()
    (directory / "mosquitto.conf").write_text(
        conf.replace("listener 1883", f"listener {port} 127.0.0.1")
    )
    account = settings_for(bmw, port, directory)["accounts"]["home"]
    password = directory / "secrets" / "bmw2mqtt" / "bmw2mqtt_accounts__home__password"
    password.write_text(account.pop("password"))
    password.chmod(0o600)
    shutil.copy(bmw.ca_file, directory / "ca.pem")
    (directory / "ca.pem").chmod(0o644)
    account["ca_file"] = "/config/ca.pem"
    (directory / "config.yaml").write_text(yaml.safe_dump({"accounts": {"home": account}}))
    override = directory / "override.yaml"
    override.write_text(
        _OVERRIDE.format(image=image, mosquitto=mosquitto_image(), port=port, http=http_port)
    )
    made = Clone(directory, port, http_port, (directory / "compose.with-broker.yaml", override))
    yield made
    made.compose("down", "--volumes", "--timeout", "0")


_OVERRIDE = """
name: bmw2mqtt-test-{port}
services:
  first-run:
    image: {mosquitto}
  mosquitto:
    image: {mosquitto}
    network_mode: host
    ports: !reset []
  bmw2mqtt:
    image: {image}
    build: !reset null
    pull_policy: never
    network_mode: host
    hostname: !reset null
    ports: !reset []
    environment:
      BMW2MQTT_MQTT__HOST: 127.0.0.1
      BMW2MQTT_MQTT__PORT: "{port}"
      BMW2MQTT_HTTP__PORT: "{http}"
    volumes:
      - ./config.yaml:/config/config.yaml:ro
      - ./ca.pem:/config/ca.pem:ro
"""
