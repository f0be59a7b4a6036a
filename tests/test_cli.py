"""The command line."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bmw2mqtt import __version__, health
from bmw2mqtt.cli.main import main
from bmw2mqtt.entities import ACCOUNT_ENTITIES, VEHICLE_ENTITIES, vehicle_entities
from bmw2mqtt.health import STALE_S
from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.daemon import Daemon, settings_for
from tests.fixture_cars import fixture_car
from tests.mosquitto import Mosquitto, free_port, wait_until

VIN = "WBA00000000DEMO02"
HOME: dict[str, Any] = {"backend": "mybmw", "username": "me@example.com", "password": "s3cret"}
Output = pytest.CaptureFixture[str]


@pytest.fixture
def cars() -> list[Any]:
    return [fixture_car(VIN)]


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in [name for name in os.environ if name.startswith("BMW2MQTT_")]:
        monkeypatch.delenv(name)


def config(**sections: Any) -> str:
    """Write a configuration file and return its path."""
    path = Path("bmw2mqtt.yaml")
    path.write_text(yaml.safe_dump({"accounts": {"home": HOME}, **sections}))
    return str(path)


def test_version(capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"bmw2mqtt {__version__}\n"


def test_no_command_is_a_usage_error(capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


# check


def test_check(capsys: Output) -> None:
    assert main(["check", "--config", config(mqtt={"host": "broker.example"})]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out == ("configuration is valid: broker broker.example:1883, home (mybmw)\n")


def test_check_warns(capsys: Output) -> None:
    account = {**HOME, "poll_interval": 5}
    assert main(["check", "--config", config(accounts={"home": account})]) == 0
    assert capsys.readouterr().out.startswith("warning: accounts.home.poll_interval: ")


def home(**changes: Any) -> dict[str, Any]:
    return {"accounts": {"home": {**HOME, **changes}}}


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"mqtt": {"hots": "x"}}, "mqtt.hots"),
    "port": ({"mqtt": {"port": 70000}}, "mqtt.port"),
    "protocol": ({"mqtt": {"protocol": "4"}}, "mqtt.protocol"),
    "wildcard": ({"mqtt": {"base_topic": "bmw/#"}}, "mqtt.base_topic"),
    "same topics": ({"mqtt": {"base_topic": "homeassistant"}}, "mqtt.base_topic"),
    "no accounts": ({"accounts": {}}, "accounts"),
    "account name": ({"accounts": {"My Home": HOME}}, "accounts.My Home"),
    "region": (home(region="europe"), "accounts.home.region"),
    "half a location": (home(location={"latitude": 48.1}), "accounts.home.location.longitude"),
    "ca_file": (home(ca_file="no.pem"), "accounts.home.ca_file"),
    "other backend's key": (home(request_budget=45), "accounts.home.request_budget"),
    "interval": (home(poll_interval=-1), "accounts.home.poll_interval"),
    "vin": ({"vehicles": {"WBA1": {"enabled": False}}}, "vehicles.WBA1"),
    "log level": ({"log": {"level": "loud"}}, "log.level"),
}


@pytest.mark.parametrize("command", ["check", "run", "cleanup"])
@pytest.mark.parametrize(("sections", "place"), BROKEN.values(), ids=BROKEN)
def test_broken_configuration(
    sections: dict[str, Any], place: str, command: str, capsys: Output
) -> None:
    assert main([command, "--config", config(**sections)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert place in line
    assert "s3cret" not in line
    assert "; " in line, "a remedy"


def test_everything_that_is_wrong_is_said_at_once(capsys: Output) -> None:
    sections = home(region="europe") | {"mqtt": {"port": 0}, "log": {"level": "loud"}}
    assert main(["check", "--config", config(**sections)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 3


def write(path: Path, settings: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump(settings))
    return str(path)


# entities


def test_entities(capsys: Output) -> None:
    assert main(["entities"]) == 0
    text = capsys.readouterr().out
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    cars = {*VEHICLE_ENTITIES, *vehicle_entities(has_commands=False, has_readings=True)}
    assert len(rows) == len(cars) + len(ACCOUNT_ENTITIES)
    for root, table in (("{VIN}", cars), ("account/{name}", ACCOUNT_ENTITIES)):
        for entity in table:
            topic = f"{root}/{entity.platform}/{entity.key}"
            assert sum(f"`{topic}`" in row or f"`{topic}/attributes`" in row for row in rows) == 1
    backends = {row.rpartition(" | ")[2].strip(" |") for row in rows}
    assert backends == {"mybmw", "cardata", "mybmw, cardata"}
    assert main(["entities"]) == 0
    assert capsys.readouterr().out == text


def test_a_reader_who_has_seen_enough() -> None:
    """`bmw2mqtt entities | head`."""
    command = [sys.executable, "-m", "bmw2mqtt", "entities"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


# run


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


# healthcheck


def test_healthcheck(
    launch: Callable[..., Daemon], bmw: MyBmwSimulator, tmp_path: Path, capsys: Output
) -> None:
    data_dir, port = tmp_path / "data", free_port()
    check = ["healthcheck", "--option", f"data_dir={data_dir}"]
    assert main(check) == 1
    assert "no daemon uses" in capsys.readouterr().err

    process = launch(settings_for(bmw, port, data_dir))
    process.wait_log("mqtt_unreachable")
    wait_until((data_dir / "health.json").exists)
    assert main(check) == 1
    assert capsys.readouterr().err == "the daemon is not connected to the MQTT broker\n"
    assert main([*check, "--alive"]) == 0

    with Mosquitto(tmp_path, port=port):
        wait_until(lambda: main(check) == 0, what="healthy")
        assert main(["healthcheck", "--config", str(process.config)]) == 0
        capsys.readouterr()
        old = time.time() - STALE_S - 1
        os.utime(data_dir / "health.json", (old, old))
        assert main(check) == 1
        assert "no sign of life for 6" in capsys.readouterr().err
        assert main([*check, "--alive"]) == 1
        assert process.stop() == 0
    assert main(check) == 1
    assert "no daemon uses" in capsys.readouterr().err


def test_a_data_dir_that_cannot_be_written_is_no_reason_to_kill_the_daemon(
    launch: Callable[..., Daemon], bmw: MyBmwSimulator, tmp_path: Path
) -> None:
    """Root may write everywhere, so a folder is in the way."""
    data_dir = tmp_path / "data"
    (data_dir / "health.json").mkdir(parents=True)
    check = ["healthcheck", "--alive", "--option", f"data_dir={data_dir}"]
    process = launch(settings_for(bmw, free_port(), data_dir))
    assert "health.json" in process.wait_log("health_not_saved")["reason"]
    wait_until(lambda: main(check) == 0, what="alive")
    assert process.stop() == 0
    assert main(check) == 1
    assert len([e for e in process.log() if e["event"] == "health_not_saved"]) == 1


def test_the_newest_sign_of_life_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr(health, "IN_MEMORY", (tmp_path / "missing", memory))
    heartbeat = health.Heartbeat(tmp_path)
    assert heartbeat.beat(is_connected=True) is None
    assert not list(memory.iterdir())
    (tmp_path / "health.json").unlink()
    (tmp_path / "health.json").mkdir()
    os.utime(tmp_path / "health.json", (0, 0))
    for _ in range(2):
        assert heartbeat.beat(is_connected=True) is not None
    assert health.problem(tmp_path) is None
    (tmp_path / "health.json").rmdir()
    assert heartbeat.beat(is_connected=False) is None
    os.utime(next(memory.iterdir()), (0, 0))
    assert health.problem(tmp_path) == "the daemon is not connected to the MQTT broker"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [", "is no YAML"),
        (b"- a\n", "is no mapping"),
        (b"\xff\xfe\x00", "is no UTF-8 text"),
        (b"a: \x01", "is no YAML"),
        (b"a: !!python/none x", "is no YAML"),
    ],
)
def test_healthcheck_with_a_broken_file(content: bytes, said: str, capsys: Output) -> None:
    Path("config.yaml").write_bytes(content)
    assert main(["healthcheck"]) == 1
    out = capsys.readouterr()
    assert out.err.startswith(f"config.yaml: {said}; ")
    assert len(out.err.splitlines()) == 1


def test_healthcheck_finds_the_folder_like_the_daemon(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path
) -> None:
    assert main(["healthcheck"]) == 1
    assert capsys.readouterr().err == "no daemon uses data\n"
    Path("config.yaml").write_text("data_dir: from_file\n")
    assert main(["healthcheck"]) == 1
    assert capsys.readouterr().err == "no daemon uses from_file\n"
    monkeypatch.setenv("BMW2MQTT_DATA_DIR", str(tmp_path / "from_variable"))
    (tmp_path / "from_variable").mkdir()
    beat = tmp_path / "from_variable" / "health.json"
    beat.write_text(json.dumps({"mqtt_connected": True}))
    assert main(["healthcheck"]) == 0


def test_check_refuses_what_run_would_refuse(capsys: Output, tmp_path: Path) -> None:
    no_certificate = tmp_path / "ca.pem"
    no_certificate.write_text("not a certificate")
    broken = (
        {"mqtt": {"tls": {"enabled": True, "ca_file": str(no_certificate)}}},
        {"accounts": {"home": {**HOME, "ca_file": str(no_certificate)}}},
        {
            "accounts": {
                "eu": {
                    "backend": "cardata",
                    "client_id": str(uuid.uuid4()),
                    "ca_file": str(no_certificate),
                }
            }
        },
    )
    for sections in broken:
        assert main(["check", "--config", config(**sections)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


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
