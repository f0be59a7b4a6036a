"""`settings.yaml` in `data_dir`: what the setup saves, and what has precedence over it."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from bmw2mqtt.config import load_configuration, load_settings
from bmw2mqtt.config.settings_file import write_settings_file
from bmw2mqtt.vehicle.errors import ConfigError
from bmw2mqtt.web.setup.service import Setup
from tests.config.loading import HOME, load, problems
from tests.supervisor import TOKEN

CLIENT_ID = "0a0a0a0a-0000-0000-0000-00000000000b"
ACCOUNT = {
    ("accounts", "bmw", "backend"): "cardata",
    ("accounts", "bmw", "client_id"): CLIENT_ID,
}
FILE = Path("data/settings.yaml")


@pytest.fixture(autouse=True)
def _folder(_own_directory: None) -> None:
    Path("data").mkdir()


def configuration(options=(), **environ):
    return load_configuration(None, options, environ, Path("secrets"))


def test_what_is_saved_is_used() -> None:
    secret = '0123 # "x" \N{EURO SIGN}: yes'
    changes = {("mqtt", "host"): "broker", ("mqtt", "port"): 1884, ("mqtt", "password"): secret}
    write_settings_file(Path("data"), ACCOUNT | changes)
    settings = load_settings(None, (), {}, Path("secrets"))
    assert (settings.mqtt.host, settings.mqtt.port) == ("broker", 1884)
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == secret
    assert settings.accounts["bmw"].backend == "cardata"
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600
    assert [path.name for path in FILE.parent.iterdir()] == ["settings.yaml"]


def test_comments_and_other_values_are_kept() -> None:
    FILE.write_text("# mine\nmqtt:\n  host: old # the NAS\n  keepalive: 30\nlog: {level: debug}\n")
    FILE.chmod(0o644)
    write_settings_file(Path("data"), {("mqtt", "host"): "new", ("log", "level"): None})
    assert FILE.read_text() == "# mine\nmqtt:\n  host: new # the NAS\n  keepalive: 30\n"
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600


def test_an_account_is_removed_with_all_its_values() -> None:
    write_settings_file(Path("data"), ACCOUNT)
    write_settings_file(Path("data"), {("accounts", "bmw"): None, ("accounts", "other"): None})
    assert "accounts" not in FILE.read_text()
    assert FILE.read_text().startswith("# Written by the setup page")


def test_every_other_source_has_precedence() -> None:
    values = {("mqtt", name): "saved" for name in ("host", "username", "password", "client_id")}
    write_settings_file(Path("data"), ACCOUNT | values)
    Path("config.yaml").write_text("mqtt: {host: file, username: file, password: file}\n")
    Path("secrets/bmw2mqtt_mqtt__password").write_text("secret file")
    found = configuration(["mqtt.username=option"], BMW2MQTT_MQTT__USERNAME="environment")
    mqtt = found.settings.mqtt
    assert mqtt.password is not None
    assert (mqtt.host, mqtt.username, mqtt.client_id) == ("file", "option", "saved")
    assert mqtt.password.get_secret_value() == "secret file"
    assert found.fixed["mqtt", "host"] == "config.yaml: mqtt.host"
    assert found.fixed["mqtt", "username"] == "--option mqtt.username"
    assert ("mqtt", "client_id") not in found.fixed


def test_the_folder_is_that_of_the_other_sources() -> None:
    Path("elsewhere").mkdir()
    write_settings_file(Path("elsewhere"), ACCOUNT)
    assert not configuration().settings.accounts
    assert configuration(BMW2MQTT_DATA_DIR="elsewhere").settings.accounts
    Path("config.yaml").write_text("data_dir: elsewhere\n")
    assert configuration().settings.accounts


def test_no_account_is_accepted_only_for_the_setup() -> None:
    Path("config.yaml").write_text("mqtt: {host: broker}\naccounts:\n")
    assert configuration().settings.accounts == {}
    with pytest.raises(ConfigError, match="no account is configured"):
        load_settings(None, (), {}, Path("secrets"))
    with pytest.raises(ConfigError, match="is not a valid port"):
        configuration(["mqtt.port=x"])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("mqtt: {hots: x}", "data/settings.yaml: mqtt.hots: unknown key; did you mean host?"),
        ("data_dir: x", "data/settings.yaml: data_dir: cannot be set here, because this file is"),
        ("mqtt: {port: x}", 'data/settings.yaml: mqtt.port: "x" is not a valid port; use a whole'),
        ("- x", "data/settings.yaml: does not contain settings; write lines like"),
    ],
)
def test_what_is_wrong_names_the_file(text: str, line: str) -> None:
    FILE.write_text(text)
    (problem,) = problems(HOME)
    assert problem.startswith(line)


def test_an_app_without_options_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typed broker has precedence over the Supervisor's, which is not there in this test."""
    monkeypatch.setenv("SUPERVISOR_TOKEN", TOKEN)
    Path("options.json").write_text(json.dumps({"cardata_accounts": []}))
    app = {"BMW2MQTT_CONFIG": "options.json", "SUPERVISOR_TOKEN": ""}
    before = configuration(**app)
    assert before.settings.accounts == {}
    with pytest.raises(ConfigError, match="no account is configured"):
        load_settings(None, (), app, Path("secrets"))
    write_settings_file(Path("data"), ACCOUNT | {("mqtt", "host"): "typed"})
    assert load_settings(None, (), app, Path("secrets")).mqtt.host == "typed"
    assert set(configuration(**app).fixed) == {("http", "host"), ("http", "token")}


def test_the_yaml_file_alone_still_works() -> None:
    assert load(HOME).accounts["home"].backend == "mybmw"


def test_a_page_open_to_the_network_gets_a_token() -> None:
    """It is made once: the daemon saves it."""
    Path("config.yaml").write_text(f"{HOME}http: {{host: 0.0.0.0}}\n")
    found = configuration()
    token = found.settings.http.token
    assert token is not None
    assert token.get_secret_value() == found.new_token
    assert len(token.get_secret_value()) >= 32
    Setup(found).save_new_token()
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600
    again = configuration()
    assert again.new_token is None
    assert again.settings.http.token == token
    assert configuration(BMW2MQTT_HTTP__ENABLED="no").new_token is None
    assert configuration(BMW2MQTT_HTTP__HOST="::1").new_token is None
    FILE.unlink()
    assert configuration(BMW2MQTT_HTTP__TOKEN="x").new_token is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mqtt: &a {host: x\n", "only a person can change"),
        ("mqtt: {host: x}\nmqtt: {host: y}\n", "only a person can change"),
        ("- mqtt\n", "does not contain settings"),
    ],
)
def test_a_file_that_cannot_be_changed_stays(text: str, reason: str) -> None:
    FILE.write_text(text)
    with pytest.raises(ValueError, match=reason):
        write_settings_file(Path("data"), ACCOUNT)
    assert FILE.read_text() == text


def test_a_full_disk_leaves_the_file_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    FILE.write_text("mqtt: {host: nas}\n")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_settings_file(Path("data"), ACCOUNT)
    assert FILE.read_text() == "mqtt: {host: nas}\n"
    assert [file.name for file in Path("data").iterdir()] == [FILE.name]
