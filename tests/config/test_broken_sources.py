"""Settings: what a person is told when another source is wrong, and never a secret."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from bmw2mqtt.config import CarDataSettings, MyBmwSettings, load_settings
from bmw2mqtt.config.keys import ANY_NAME, value_paths
from bmw2mqtt.vehicle.errors import ConfigError
from tests.config.loading import EXAMPLE, HOME, VIN, home, load, problems
from tests.config.test_broken_files import BROKEN
from tests.yaml_text import read_yaml

BROKEN_ELSEWHERE = {
    "variable's value": (
        {"BMW2MQTT_MQTT__PORT": "many"},
        '$BMW2MQTT_MQTT__PORT: "many" is not a valid port; use a whole number from 1 to 65535',
    ),
    "unknown variable": (
        {"BMW2MQTT_MQTT_HOST": "broker"},
        "$BMW2MQTT_MQTT_HOST: unknown setting; did you mean $BMW2MQTT_MQTT__HOST?",
    ),
    "unknown variable of an account": (
        {"BMW2MQTT_ACCOUNTS__WORK__PASWORD": "s3cret"},
        (
            "$BMW2MQTT_ACCOUNTS__WORK__PASWORD: unknown setting; did you mean "
            "$BMW2MQTT_ACCOUNTS__WORK__PASSWORD?"
        ),
    ),
    "unlike any variable": (
        {"BMW2MQTT_XYZ": "1"},
        "$BMW2MQTT_XYZ: unknown setting; see config.example.yaml for all settings",
    ),
    "below a value": (
        {"BMW2MQTT_LOG__LEVEL__X": "1"},
        "$BMW2MQTT_LOG__LEVEL__X: unknown setting; did you mean $BMW2MQTT_LOG__LEVEL?",
    ),
    "section": (
        {"BMW2MQTT_MQTT": "{}"},
        "$BMW2MQTT_MQTT: is a section; set its keys, for example $BMW2MQTT_MQTT__HOST",
    ),
    "accounts": (
        {"BMW2MQTT_ACCOUNTS": "{}"},
        (
            "$BMW2MQTT_ACCOUNTS: is a section; set its keys, for example "
            "$BMW2MQTT_ACCOUNTS__HOME__BACKEND"
        ),
    ),
    "key of the other backend": (
        {"BMW2MQTT_ACCOUNTS__HOME__API_URL": "https://bmw.example"},
        (
            "$BMW2MQTT_ACCOUNTS__HOME__API_URL: belongs to backend cardata; remove it or set "
            "backend: cardata"
        ),
    ),
    "half an account": (
        {
            "BMW2MQTT_ACCOUNTS__TWO__BACKEND": "mybmw",
            "BMW2MQTT_ACCOUNTS__TWO__PASSWORD": "s3cret",
        },
        (
            "$BMW2MQTT_ACCOUNTS__TWO__USERNAME: missing; add the e-mail address of the BMW login "
            "(china: phone number with the 86 prefix)"
        ),
    ),
    "missing secret file": (
        {"BMW2MQTT_MQTT__PASSWORD_FILE": "gone"},
        ("$BMW2MQTT_MQTT__PASSWORD_FILE: gone: no such file or directory; choose a readable file"),
    ),
    "empty secret file": (
        {"BMW2MQTT_MQTT__PASSWORD_FILE": "/dev/null"},
        "$BMW2MQTT_MQTT__PASSWORD_FILE: /dev/null: is empty; write the secret into it",
    ),
    "file of what is no secret": (
        {"BMW2MQTT_MQTT__HOST_FILE": "x"},
        "$BMW2MQTT_MQTT__HOST_FILE: unknown setting; did you mean $BMW2MQTT_MQTT__HOST?",
    ),
    "missing file": (
        {"BMW2MQTT_CONFIG": "gone.yaml"},
        "$BMW2MQTT_CONFIG: gone.yaml: no such file or directory; correct the path or leave it out",
    ),
}


@pytest.mark.parametrize(
    ("environ", "problem"), BROKEN_ELSEWHERE.values(), ids=BROKEN_ELSEWHERE.keys()
)
def test_broken_environment(environ, problem):
    assert problems(**environ) == [problem]


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        (
            "mqtt.host=a b",
            (
                '--option mqtt.host: "a b" is not a valid host; write the name or address only, '
                "without scheme, port or path"
            ),
        ),
        ("mqtt.hots=x", "--option mqtt.hots: unknown setting; did you mean --option mqtt.host?"),
        ("mqtt=x", "--option mqtt: is a section; set its keys, for example --option mqtt.host"),
        ("mqtt.password: s3cret", "--option mqtt.password: has no value; write NAME=VALUE"),
        ("mqtt.password s3cret", "--option mqtt.password: has no value; write NAME=VALUE"),
    ],
)
def test_broken_option(option, problem):
    assert problems(options=[option]) == [problem]


def test_broken_files(tmp_path):
    def load_file(file):
        with pytest.raises(ConfigError) as caught:
            load_settings(Path(file), (), {"BMW2MQTT_X": "1"}, Path("secrets"))
        first, second = caught.value.problems
        assert second.startswith("$BMW2MQTT_X: unknown setting")
        return first

    (tmp_path / "latin.yaml").write_bytes(b"mqtt: {username: J\xfcrgen}\n")
    assert load_file("gone.yaml") == (
        "--config gone.yaml: no such file or directory; correct the path or leave it out"
    )
    assert load_file("latin.yaml") == "latin.yaml: is not UTF-8 text; save it as UTF-8"
    assert load_file("secrets").startswith("secrets: is a directory, not a file; choose a readable")


def test_broken_secret_files():
    Path("secrets/bmw2mqtt_accounts__home__password").write_bytes(b"\xff\xfe")
    text = "accounts: {home: {backend: mybmw, username: me}}\n"
    assert problems(text) == [
        (
            "secrets/bmw2mqtt_accounts__home__password: is not UTF-8 text;"
            " write only the secret into it"
        )
    ]


def test_nothing_at_all():
    (problem,) = problems(None)
    assert problem.startswith("accounts: no account is configured; add one, for example")


def test_every_problem_is_told_at_once():
    found = problems(
        "mqtt: {port: 0, base_topic: ha, hots: x}\n"
        "homeassistant: {discovery_prefix: ha, enabled: perhaps}\n"
        "accounts:\n"
        "  home: {backend: mybmw, username: me, region: mars, location: {longitude: 200}}\n"
        "  Eu: {backend: cardata, client_id: 1, password: s3cret}\n"
        "  x: {backend: , pasword: s3cret}\n"
        "vehicles: {A: {enabled: 7}}\n"
        "http: {host: 0.0.0.0, port: x}\n",
        ["log.level=loud"],
        BMW2MQTT_MQTT__KEEPALIVE="soon",
        BMW2MQTT_HTTP__TOKEN_FILE="gone",
    )
    places = {re.match(r"(?:config\.yaml: )?([^:]+)", line)[1] for line in found}
    assert places == {
        "mqtt.port",
        "mqtt.base_topic",
        "mqtt.hots",
        "homeassistant.enabled",
        "accounts.home.password",
        "accounts.home.region",
        "accounts.home.location.latitude",
        "accounts.home.location.longitude",
        "accounts.Eu",
        "accounts.Eu.client_id",
        "accounts.Eu.password",
        "accounts.x.pasword",
        "accounts.x.backend",
        "vehicles.A",
        "vehicles.A.enabled",
        "http.port",
        "--option log.level",
        "$BMW2MQTT_MQTT__KEEPALIVE",
        "$BMW2MQTT_HTTP__TOKEN_FILE",
    }
    assert len(found) == len(places)
    assert "s3cret" not in "\n".join(found)


# --- secrets ---------------------------------------------------------------------------------


def test_no_problem_shows_a_secret_or_a_word_of_pydantic():
    for text, _ in BROKEN.values():
        with pytest.raises(ConfigError) as caught:
            load(text)
        message = str(caught.value)
        assert "s3cret" not in message
        assert "Input" not in message
        assert caught.value.__cause__ is None or "s3cret" not in str(caught.value.__cause__)


def test_settings_do_not_show_secrets():
    settings = load(
        home("captcha_token: s3cret") + "mqtt: {password: s3cret}\nhttp: {token: s3cret}\n"
    )
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "s3cret" not in shown


def test_a_problem_in_a_process_has_no_secret_in_its_traceback():
    Path("config.yaml").write_text(home("region: mars"))
    script = "from bmw2mqtt.config import load_settings; load_settings()"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert "ConfigError: config.yaml: accounts.home.region" in done.stderr
    assert "s3cret" not in done.stderr


OWN_VALUES = {
    "your-address@example.com": "me@example.com",
    "change-me": "s3cret",
    "00000000-0000-0000-0000-000000000000": "0a0a0a0a-0000-0000-0000-00000000000b",
}

# --- the example -----------------------------------------------------------------------------


def whole_example():
    """The example with what is commented out taken in, and with an owner's values."""
    text = edited_example()
    for _ in range(2):  # what is optional within what is commented out
        text = re.sub(r"^( *)# ( *(?:# )?\w+:)", r"\1\2", text, flags=re.MULTILINE)
    return text


def edited_example():
    text = EXAMPLE.read_text("utf-8")
    for example, own in OWN_VALUES.items():
        assert example in text
        text = text.replace(example, own)
    return text


def paths(node, above=()):
    for name, value in node.items():
        if isinstance(value, dict):
            yield from paths(value, (*above, name))
        else:
            yield (*above, name), value


def test_the_examples_own_values_are_refused():
    (client_id,) = problems(EXAMPLE.read_text("utf-8"))
    assert "accounts.eu.client_id" in client_id
    assert "still the example's value" in client_id
    of_mybmw = HOME.replace("s3cret", "change-me").replace("me@", "your-address@")
    username, password = problems(of_mybmw)
    assert (
        'home.username: "your-address@example.com" is still the example\'s value; write the'
        in username
    )
    assert "accounts.home.password: is still the example's value; write your own" in password


def test_the_example_loads_with_an_owners_values():
    settings = load(edited_example())
    assert list(settings.accounts) == ["eu"]
    assert settings.warnings() == ()


def test_the_example_has_every_key_and_its_default():
    document = dict(paths(read_yaml(whole_example())))
    named = {"accounts", "vehicles"}
    keys = {(path[0], ANY_NAME, *path[2:]) if path[0] in named else path for path in document}
    assert keys == set(value_paths())

    settings = load(whole_example())
    client = OWN_VALUES["00000000-0000-0000-0000-000000000000"]
    bare = load(HOME.replace("}}", f"}}, eu: {{backend: cardata, client_id: {client}}}}}"))
    assert settings.mqtt == bare.mqtt
    assert settings.homeassistant == bare.homeassistant
    assert (settings.http, settings.log, settings.data_dir) == (bare.http, bare.log, bare.data_dir)
    assert settings.history.model_copy(update={"home": None}) == bare.history
    assert settings.history.home is not None
    assert settings.history.home.radius_m == 150
    assert settings.accounts["eu"] == bare.accounts["eu"]
    different = {"password": SecretStr("s3cret"), "location": None}
    assert settings.accounts["home"].model_copy(update=different) == bare.accounts["home"]
    assert settings.vehicles[VIN] == type(settings.vehicles[VIN])()


def test_the_example_has_every_key_of_each_backend():
    accounts = read_yaml(whole_example())["accounts"]
    assert set(accounts["home"]) == set(MyBmwSettings.model_fields)
    assert set(accounts["eu"]) == set(CarDataSettings.model_fields)
