"""`bmw2mqtt run`: how it starts, refuses and stops."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.cli.main import main
from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.cli.configuration import config
from tests.daemon import Daemon, settings_for
from tests.mosquitto import free_port

Output = pytest.CaptureFixture[str]


def run_to_its_end(directory: Path, settings: dict[str, Any]) -> tuple[int, str]:
    """Run a daemon that must give up; return its exit status and all it said."""
    with Daemon(directory, settings) as process:
        status = process.wait()
        return status, process.log_file.read_text()


@pytest.mark.parametrize("place", ["mqtt", "account"])
def test_a_certificate_authority_that_is_none(
    place: str, bmw: MyBmwSimulator, tmp_path: Path, capsys: Output
) -> None:
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("garbage")
    settings = settings_for(bmw, free_port(), tmp_path / "data")
    if place == "mqtt":
        settings["mqtt"]["tls"] = {"enabled": True, "ca_file": str(garbage)}
    else:
        settings["accounts"]["home"]["ca_file"] = str(garbage)
    status, said = run_to_its_end(tmp_path, settings)
    assert status == 2
    (line,) = [line for line in said.splitlines() if not line.startswith("{")]
    assert line.startswith("mqtt.tls" if place == "mqtt" else "accounts.home.ca_file")
    assert "check that it is PEM" in line
    assert "Traceback" not in said
    assert main(["check", "--connect", "--config", str(tmp_path / "config.yaml")]) == 2
    assert "check that it is PEM" in capsys.readouterr().err


def test_a_client_certificate_that_is_none(bmw: MyBmwSimulator, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("garbage")
    tls = {"enabled": True, "cert_file": str(garbage), "key_file": str(garbage)}
    settings = settings_for(bmw, free_port(), tmp_path / "data", mqtt={"tls": tls})
    status, said = run_to_its_end(tmp_path, settings)
    assert status == 2
    assert len(said.splitlines()) == 1
    assert said.startswith("mqtt.tls.cert_file, mqtt.tls.key_file: cannot be used")


def test_data_dir_that_cannot_be_used(bmw: MyBmwSimulator, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, said = run_to_its_end(tmp_path, settings_for(bmw, free_port(), tmp_path / "file"))
    assert status == 2
    assert said.splitlines()[-1].startswith("data_dir: ")


def test_stop_does_not_wait_for_a_look_up_that_hangs() -> None:
    launcher = (
        "import os, socket, sys, time\n"
        "socket.getaddrinfo = lambda *_, **__: os.write(1, b'asked\\n') and time.sleep(60)\n"
        "from bmw2mqtt.cli.main import main\n"
        f"sys.exit(main(['run', '--config', {config(mqtt={'host': 'broker.example'})!r}]))\n"
    )
    with subprocess.Popen([sys.executable, "-c", launcher], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"asked\n"
        process.terminate()
        assert process.wait(5) == 0
