"""`bmw2mqtt check --connect`: ✔ or ✘ and the next step, for the owner."""

import re
from pathlib import Path

import pytest
import yaml

from bmw2mqtt.cli.check import result_for_owner
from bmw2mqtt.cli.main import main
from bmw2mqtt.config import Settings
from bmw2mqtt.mqtt.tools.broker_check import BrokerReport
from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from bmw2mqtt.support_report import AccountReport
from tests.cli.configuration import HOME
from tests.daemon import settings_for
from tests.mosquitto import Mosquitto, free_port

UNREACHABLE = (
    "BMW's server cannot be reached (connection refused); check this machine's network and DNS"
)


def test_all_is_well_and_then_not(
    broker: Mosquitto, bmw: MyBmwSimulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "check.yaml"
    settings = settings_for(bmw, broker.port, tmp_path / "data")
    file.write_text(yaml.safe_dump(settings))
    assert main(["check", "--connect", "--config", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"✔ MQTT broker 127.0.0.1:{broker.port}: connected (mosquitto ver")
    assert lines[1] == "✔ Account home (mybmw): logged in, 1 car"
    assert lines[-1] == "Everything is well. Start bmw2mqtt with: bmw2mqtt run"
    settings["mqtt"]["port"] = nobody = free_port()
    settings["accounts"]["home"]["server"] = f"127.0.0.1:{nobody}"
    settings["accounts"]["eu"] = {
        "backend": "cardata",
        "client_id": "0a0a0a0a-0000-0000-0000-00000000000b",
        "auth_url": f"http://127.0.0.1:{nobody}",
    }
    file.write_text(yaml.safe_dump(settings))
    assert main(["check", "--connect", "--config", str(file)]) == 2
    text = capsys.readouterr().out
    assert re.match(
        r"✘ MQTT broker 127\.0\.0\.1:\d+: cannot be used: connection refused: check", text
    )
    assert "\n✘ Account eu (cardata): " in text
    assert "\n    → Run bmw2mqtt login eu, or log in on the page.\n" in text
    assert f"\n✘ Account home (mybmw): {UNREACHABLE}\n\n3 of 3 checks failed. " in text
    assert "bmw2mqtt check --report" in text
    assert main(["login", "eu", "--config", str(file)]) == 1
    assert capsys.readouterr().err == f"{UNREACHABLE}\n"


def test_what_the_broker_does_not_allow() -> None:
    settings = Settings(accounts={"home": HOME})
    text = result_for_owner(
        settings,
        BrokerReport(version="mosquitto version 2", refused=("a/b",)),
        [AccountReport("home", "logged in", is_well=True)],
    )
    assert text.startswith("✘ MQTT broker localhost:1883: connected (mosquitto version 2)\n")
    assert (
        "    → No permission to publish to `a/b`: allow it in the broker's access list.\n" in text
    )
