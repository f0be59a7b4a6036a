"""`bmw2mqtt status`: what the running daemon is doing, for a person on SSH and for programs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt import health
from bmw2mqtt.cli import status as module
from bmw2mqtt.cli.main import main
from bmw2mqtt.config import Settings
from bmw2mqtt.config.settings_file import SETTINGS_FILE
from tests.cli.configuration import HOME, config
from tests.cli.conftest import VIN
from tests.daemon import Daemon
from tests.mosquitto import Observer, free_port, wait_until

Output = pytest.CaptureFixture[str]
EU: dict[str, Any] = {
    "name": "eu",
    "backend": "cardata",
    "backend_title": "CarData",
    "status": "login_required",
    "message": "Log in at BMW.",
    "is_login_required": True,
    "login_url": "https://bmw.example/link",
    "user_code": "2QNLLKWN",
    "expires_at": None,
    "last_update": None,
    "next_update": None,
    "paused_at": None,
    "requests_24h": 1,
    "requests_left": 44,
    "stream": {
        "is_connected": False,
        "since": "2026-01-02T12:30:00+00:00",
        "reason": "no login",
        "last_message_at": None,
    },
}


def document(*accounts: dict[str, Any], is_connected: bool = True) -> dict[str, Any]:
    mqtt = {"is_connected": is_connected, "broker": "broker:1883"}
    return {"version": "1", "mqtt": mqtt, "accounts": list(accounts), "cars": []}


def test_of_a_running_daemon(
    daemon: Callable[..., Daemon], observer: Observer, capsys: Output, tmp_path: Path
) -> None:
    """Its page is open to the network: it needs the token that was made, which nobody has typed."""
    saved = tmp_path / "data" / SETTINGS_FILE
    saved.parent.mkdir()
    saved.write_text(f"http: {{host: 0.0.0.0, port: {free_port()}}}\n")
    process = daemon(http={})
    observer.wait_for("bmw2mqtt/account/home/sensor/status", "ok")
    process.wait_log("page_link_created")
    arguments = ["status", "--config", str(process.config)]
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(" is running.")
    assert lines[1].startswith("✔ MQTT broker 127.0.0.1:")
    assert "✔ Account home (MyBMW): ok" in lines
    assert any(line.startswith("    Next update: ") for line in lines)
    (car,) = [line for line in lines if VIN in line]
    assert car.startswith("✔ Car ")
    assert "up to date, battery " in car

    assert main([*arguments, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["is_running"] is True
    assert [car["vin"] for car in shown["cars"]] == [VIN]

    assert main([*arguments, "--option", "http.token=page-token-of-another"]) == 1
    assert "refused the request: Wrong token." in capsys.readouterr().err
    health_check = ["healthcheck", "--config", str(process.config)]
    wait_until(lambda: main(health_check) == 0, what="the file for the health check")
    capsys.readouterr()
    assert main([*arguments, "--option", "http.enabled=false"]) == 1
    assert capsys.readouterr().err == (
        "bmw2mqtt is running and connected to the MQTT broker."
        " Details need the page; switch it on with http.enabled: true\n"
    )
    assert process.stop() == 0
    assert main(arguments) == 1
    assert "bmw2mqtt is not running" in capsys.readouterr().err
    assert main([*arguments, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["is_running"] is False


def test_where_nothing_answers(tmp_path: Path, capsys: Output) -> None:
    data = tmp_path / "data"
    data.mkdir()
    health.Heartbeat(data).beat(is_connected=False)
    file = config(data_dir=str(data), http={"port": free_port()})
    assert main(["status", "--config", file]) == 1
    said = capsys.readouterr().err
    assert said.startswith("bmw2mqtt is not connected to the MQTT broker. The page at 127.0.0.1:")
    assert "does not answer; run this command where bmw2mqtt runs" in said
    assert main(["status", "--json", "--config", file]) == 1
    assert json.loads(capsys.readouterr().out)["is_running"] is True


def test_before_the_setup(tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["status"]) == 1
    assert "bmw2mqtt is not running" in capsys.readouterr().err
    Path("data").mkdir()
    health.Heartbeat(Path("data")).beat(is_connected=False, is_waiting=True)
    assert main(["status"]) == 1
    assert "waits for its setup in the browser" in capsys.readouterr().err
    assert main(["status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["is_running"]


def test_an_account_that_waits_for_a_login() -> None:
    settings = Settings(accounts={"home": HOME})
    text = "\n".join(module._lines(document(EU), settings))
    assert "✘ Account eu (CarData): login required\n    Log in at BMW.\n" in text
    assert "Open https://bmw.example/link and confirm the code 2QNLLKWN\n" in text
    assert "Next update: no update scheduled" in text
    assert "1 request to BMW in the last 24 hours, 44 left" in text
    assert "Stream: not connected since 2026-01-02 " in text
    assert "Paused" not in text
    paused = {**EU, "status": "paused", "paused_at": "2026-01-02T12:30:00+00:00"}
    assert "    Paused since 2026-01-02 " in "\n".join(module._lines(document(paused), settings))
    assert "No cars yet: they appear after the first successful update or message.\n" in text
    assert "run bmw2mqtt login ACCOUNT" in text


@pytest.mark.parametrize(
    ("shown", "is_well"),
    [
        (document({**EU, "status": "ok"}), True),
        (document({**EU, "status": "paused"}), True),
        (document(EU), False),
        (document({**EU, "status": "ok"}, is_connected=False), False),
    ],
)
def test_exit_status(shown: dict[str, Any], is_well: bool) -> None:  # noqa: FBT001
    assert module._is_well(shown) == is_well
