"""`bmw2mqtt check`."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.cli.main import main
from tests.cli.configuration import HOME, config, home

Output = pytest.CaptureFixture[str]


def test_check(capsys: Output) -> None:
    assert main(["check", "--config", config(mqtt={"host": "broker.example"})]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out == ("configuration is valid: broker broker.example:1883, home (mybmw)\n")


def test_check_warns(capsys: Output) -> None:
    account = {**HOME, "poll_interval": 5}
    assert main(["check", "--config", config(accounts={"home": account})]) == 0
    assert capsys.readouterr().out.startswith("warning: accounts.home.poll_interval: ")


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
    if (command, place) == ("run", "accounts"):
        sections = sections | {"http": {"enabled": False}}  # with a page it would be set up there
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
