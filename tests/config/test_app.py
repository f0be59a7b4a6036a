"""Settings of a Home Assistant app: its options, and the Supervisor's broker."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.config import CarDataSettings, MyBmwSettings, Settings, app, load_settings
from bmw2mqtt.vehicle.errors import ConfigError
from tests.supervisor import MOSQUITTO, TOKEN, Supervisor

HOME = {"name": "home", "username": "me@example.com", "password": "s3cret", "region": "china"}
EU = {"name": "eu", "client_id": "0a0a0a0a-0000-0000-0000-00000000000b"}
VIN = "WBA00000000000001"


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    with Supervisor() as fake:
        read_app = app.read_app
        monkeypatch.setattr(
            app, "read_app", lambda *a, **options: read_app(*a, supervisor=fake.address, **options)
        )
        yield fake


def load(options: Any, **environ: str) -> Settings:
    text = options if isinstance(options, str) else json.dumps(options)
    Path("options.json").write_text(text)
    environment = {"BMW2MQTT_CONFIG": "options.json", app.TOKEN_VARIABLE: TOKEN, **environ}
    return load_settings(None, (), environment, Path("secrets"))


def problems(options: Any, **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(options, **environ)
    return caught.value.problems


def test_a_plain_installation(supervisor: Supervisor) -> None:
    settings = load({"mybmw_accounts": [HOME], "cardata_accounts": [], "vehicles": [], "mqtt": {}})
    home = settings.accounts["home"]
    assert isinstance(home, MyBmwSettings)
    assert (home.username, home.region, home.read_only) == ("me@example.com", "china", False)
    assert home.password.get_secret_value() == "s3cret"
    assert supervisor.asked == ["/services/mqtt"]
    mqtt = settings.mqtt
    assert (mqtt.host, mqtt.port, mqtt.username) == ("core-mosquitto", 1883, "addons")
    assert mqtt.password
    assert mqtt.password.get_secret_value() == "from-the-supervisor"
    assert mqtt.protocol == "5", "what our broker's app speaks, though the Supervisor says less"
    assert not mqtt.tls.enabled
    assert settings.http.host == "0.0.0.0"  # noqa: S104
    assert settings.http.token
    assert len(settings.http.token.get_secret_value()) > 20


def test_everything_that_can_be_filled_in(supervisor: Supervisor) -> None:
    settings = load(
        {
            "mybmw_accounts": [
                HOME
                | {"read_only": True, "poll_interval": 900, "captcha_token": "c"}
                | {"latitude": 48.5, "longitude": 11.5}
            ],
            "cardata_accounts": [EU | {"request_budget": 20, "relay_prefix": "bmw/"}],
            "vehicles": [
                {"vin": VIN.lower(), "name": "Daily"},
                {"vin": VIN[:-1] + "2", "enabled": False},
            ],
            "mqtt": {
                "host": "broker",
                "port": 8883,
                "username": "me",
                "password": "p",
                "tls": True,
            },
            "page_token": "0123456789abcdef",
            "log_level": "debug",
        }
    )
    home, eu = settings.accounts["home"], settings.accounts["eu"]
    assert isinstance(home, MyBmwSettings)
    assert isinstance(eu, CarDataSettings)
    assert home.read_only
    assert home.poll_interval_s == 900
    assert home.location
    assert home.location.latitude == 48.5
    assert (eu.request_budget, eu.relay_prefix) == (20, "bmw/")
    assert settings.vehicles[VIN].name == "Daily"
    assert not settings.vehicles[VIN[:-1] + "2"].enabled
    assert (settings.mqtt.host, settings.mqtt.port) == ("broker", 8883)
    assert settings.mqtt.tls.enabled
    assert settings.http.token
    assert settings.http.token.get_secret_value() == "0123456789abcdef"
    assert settings.log.level == "debug"
    assert not supervisor.asked


def test_a_broker_with_tls(supervisor: Supervisor) -> None:
    supervisor.answer = json.dumps({"data": MOSQUITTO | {"ssl": True, "username": None}})
    settings = load({"mybmw_accounts": [HOME]})
    assert settings.mqtt.tls.enabled
    assert settings.mqtt.username is None


def test_the_environment_counts_more(supervisor: Supervisor) -> None:
    settings = load({"mybmw_accounts": [HOME]}, BMW2MQTT_MQTT__HOST="mine", BMW2MQTT_HTTP__PORT="1")
    assert settings.mqtt.host == "mine"
    assert settings.mqtt.username is None
    assert settings.http.port == 1
    assert not supervisor.asked


@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (400, '{"result": "error", "message": "Service not enabled"}', "Service not enabled"),
        (502, "<html>", "cannot be read"),
        (200, "[]", "the Supervisor answered: 200"),
        (200, '{"data": {}}', "the Supervisor answered: 200"),
    ],
)
def test_no_broker(supervisor: Supervisor, status: int, answer: str, why: str) -> None:
    supervisor.status, supervisor.answer = status, answer
    (problem,) = problems({"mybmw_accounts": [HOME]})
    assert why in problem
    assert "install the Mosquitto broker app, or set mqtt.host" in problem


def test_no_supervisor() -> None:
    (problem,) = problems({"mybmw_accounts": [HOME]}, SUPERVISOR_TOKEN="")
    assert problem.startswith("no MQTT broker found ($SUPERVISOR_TOKEN is not set); install")


@pytest.mark.usefixtures("supervisor")
@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (
            {"mybmw_accounts": []},
            ["cardata_accounts or mybmw_accounts: no account is configured; add one on the"],
        ),
        (
            {"mybmw_accounts": [HOME, HOME]},
            ["option mybmw_accounts.home: duplicate name; give each entry a different name"],
        ),
        (
            {"cardata_accounts": [{"client_id": "1"}]},
            ['option cardata_accounts.bmw.client_id: "1" is not a client ID; copy it from'],
        ),
        (
            {"mybmw_accounts": [HOME | {"region": "moon"}], "log_level": "loud"},
            [
                'option mybmw_accounts.home.region: "moon" is not a valid region; use china, ',
                'option log_level: "loud" is not a valid log level; use debug, info, ',
            ],
        ),
        (
            {"cardata_accounts": [EU | {"client_id": "1"}]},
            ['option cardata_accounts.eu.client_id: "1" is not a client ID; copy it from'],
        ),
        (
            {"mybmw_accounts": [{k: HOME[k] for k in ("name", "username")}]},
            ["option mybmw_accounts.home.password: missing; add it"],
        ),
        (
            {"mybmw_accounts": [HOME], "vehicles": [{"vin": "1"}]},
            ['option vehicles.1: "1" is not a valid VIN; use the 17 letters and digits'],
        ),
    ],
)
def test_what_is_wrong_names_the_place(options: Any, lines: list[str]) -> None:
    found = problems(options)
    assert len(found) == len(lines)
    for line, start in zip(found, lines, strict=True):
        assert line.startswith(start)


@pytest.mark.usefixtures("supervisor")
@pytest.mark.parametrize("text", ["{", "[]", '"x"', "\x00"])
def test_a_file_that_is_none(text: str) -> None:
    (problem,) = problems(text)
    assert problem.endswith("save the app's Configuration tab again")


@pytest.mark.usefixtures("supervisor")
@pytest.mark.parametrize(
    "options", [{"mybmw_accounts": {}}, {"mybmw_accounts": ["x"]}, {"vehicles": 1, "mqtt": []}]
)
def test_lists_that_are_none(options: Any) -> None:
    (problem,) = problems(options)
    assert "no account" in problem
