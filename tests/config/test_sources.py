"""Settings: every source, and their order."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from bmw2mqtt.config import CarDataSettings, MyBmwSettings, Settings, load_settings
from bmw2mqtt.vehicle.errors import ConfigError
from tests.config.loading import EU, HOME, VIN, home, load


def test_defaults():
    settings = load()
    account = settings.accounts["home"]
    assert (settings.mqtt.host, settings.mqtt.port, settings.mqtt.protocol) == (
        "localhost",
        1883,
        "5",
    )
    assert settings.data_dir == Path("data")
    assert isinstance(account, MyBmwSettings)
    assert account.region == "rest_of_world"
    assert account.password.get_secret_value() == "s3cret"
    assert settings.vehicles == {}
    assert settings.warnings() == ()


def test_without_any_file_the_environment_is_enough():
    settings = load(
        None,
        BMW2MQTT_ACCOUNTS__HOME__BACKEND="mybmw",
        BMW2MQTT_ACCOUNTS__HOME__USERNAME="me@example.com",
        BMW2MQTT_ACCOUNTS__HOME__PASSWORD="x=y__z",
        BMW2MQTT_MQTT__TLS__ENABLED="true",
    )
    assert settings.accounts["home"].password.get_secret_value() == "x=y__z"
    assert settings.mqtt.tls.enabled is True


def test_precedence():
    variable, option = "BMW2MQTT_MQTT__PASSWORD", "mqtt.password=option"
    text = HOME + "mqtt: {password: yaml, host: broker}\n"

    def password(**sources):
        return load(text, **sources).mqtt.password.get_secret_value()

    assert password() == "yaml"
    Path("secrets/bmw2mqtt_mqtt__password").write_text("directory\n")
    assert password() == "directory"
    Path("named").write_text("named\n")
    assert password(**{f"{variable}_FILE": "named"}) == "named"
    assert password(**{f"{variable}_FILE": "named", variable: "environment"}) == "environment"
    assert password(options=[option], **{variable: "environment"}) == "option"


def test_sources_are_merged_deeply():
    Path("secrets/BMW2MQTT_ACCOUNTS__HOME__PASSWORD").write_text("from a file\r\n")
    settings = load(
        "mqtt: {host: broker, tls: {enabled: true}}\n"
        "accounts: {home: {backend: mybmw, username: me, location: {latitude: 48.1}}}\n",
        ["accounts.home.location.longitude=11.5"],
        BMW2MQTT_MQTT__TLS__VERIFY="false",
        BMW2MQTT_MQTT__PORT="8883",
    )
    assert settings.mqtt.host == "broker"
    assert settings.mqtt.port == 8883
    assert (settings.mqtt.tls.enabled, settings.mqtt.tls.verify) == (True, False)
    account = settings.accounts["home"]
    assert (account.location.latitude, account.location.longitude) == (48.1, 11.5)
    assert account.password.get_secret_value() == "from a file"


def test_accounts_keep_the_order_of_the_file():
    settings = load(
        "accounts:\n"
        "  zoe: {backend: mybmw, username: a, password: b, server: one.example:8443}\n"
        "  abe: {backend: mybmw, username: a, password: b, server: two.example}\n",
        BMW2MQTT_ACCOUNTS__ABE__PASSWORD="c",
    )
    assert [(name, account.server) for name, account in settings.accounts.items()] == [
        ("zoe", "one.example:8443"),
        ("abe", "two.example"),
    ]


def test_an_account_name_may_hold_the_separator():
    settings = load(
        HOME.replace("home", "my__home"),
        BMW2MQTT_ACCOUNTS__MY__HOME__REGION="china",
        BMW2MQTT_ACCOUNTS__MY__HOME__LOCATION__LATITUDE="1",
        BMW2MQTT_ACCOUNTS__MY__HOME__LOCATION__LONGITUDE="2",
    )
    assert settings.accounts["my__home"].region == "china"
    assert settings.accounts["my__home"].location.longitude == 2


@pytest.mark.parametrize("vin", [VIN, VIN.lower()])
def test_a_vin_in_any_case_is_one_vehicle(vin):
    settings = load(
        HOME + f"vehicles: {{{vin}: {{name: Daily}}}}\n",
        [f"vehicles.{vin}.enabled=no"],
        **{f"BMW2MQTT_VEHICLES__{vin}__NAME": "Weekend"},
    )
    assert list(settings.vehicles) == [VIN]
    assert (settings.vehicles[VIN].name, settings.vehicles[VIN].enabled) == ("Weekend", False)


def test_an_empty_value_counts_as_not_set():
    settings = load(
        HOME + "mqtt: {host: , username: '', tls: }\nvehicles:\nhomeassistant: ''\n",
        ["mqtt.client_id="],
        BMW2MQTT_MQTT__PORT="",
        BMW2MQTT_MQTT__PASSWORD="",
        BMW2MQTT_MQTT__PASSWORD_FILE="",
        BMW2MQTT_CONFIG="",
        BMW2MQTT_NO_SUCH_SETTING="",
        UNRELATED="1",
    )
    assert settings == load(HOME)


def test_names_of_variables_in_any_case():
    assert load(bmw2mqtt_mqtt__host="broker").mqtt.host == "broker"


def test_a_key_that_ends_in_file_is_a_setting():
    Path("ca.pem").touch()
    settings = load(BMW2MQTT_MQTT__TLS__CA_FILE="ca.pem", BMW2MQTT_ACCOUNTS__HOME__CA_FILE="ca.pem")
    assert settings.mqtt.tls.ca_file == Path("ca.pem")
    assert settings.accounts["home"].ca_file == Path("ca.pem")


def test_other_files_among_the_secrets_are_left_alone():
    for name in ("bmw2mqtt_mqtt__host", "bmw2mqtt_ca", "other"):
        Path("secrets", name).write_text("x")
    Path("secrets/bmw2mqtt_http__token").mkdir()
    assert load() == load()


def test_which_file_is_read(tmp_path):
    for name in ("config", "second", "variable", "argument"):
        (tmp_path / f"{name}.yaml").write_text(HOME + f"mqtt: {{host: {name}}}\n")

    def host(argument=None, **environ):
        return load_settings(argument, (), environ, Path("secrets")).mqtt.host

    assert host(Path("argument.yaml"), BMW2MQTT_CONFIG="variable.yaml") == "argument"
    assert host(BMW2MQTT_CONFIG="variable.yaml") == "variable"
    assert host() == "config"
    Path("config.yaml").unlink()
    assert host() == "second"


def test_text_stays_what_was_written():
    settings = load(
        "accounts: {home: {backend: mybmw, username: 8613800000000, password: 012345}}\n"
        "mqtt: {username: 1_000, password: 12:30, client_id: 2024-01-01, protocol: 5}\n"
        "vehicles: {12345678901234567: {name: yes}}\n"
    )
    assert settings.accounts["home"].username == "8613800000000"
    assert settings.accounts["home"].password.get_secret_value() == "012345"
    assert (settings.mqtt.username, settings.mqtt.client_id) == ("1_000", "2024-01-01")
    assert settings.mqtt.password.get_secret_value() == "12:30"
    assert settings.vehicles["12345678901234567"].name == "yes"


def test_yaml_anchors_and_merges():
    settings = load(
        "accounts:\n"
        "  one: &one {backend: mybmw, username: a, password: b}\n"
        "  two: {<<: *one, username: c}\n"
    )
    assert [account.username for account in settings.accounts.values()] == ["a", "c"]


@pytest.mark.parametrize("value", ["5", '"5"', "3.1.1"])
def test_protocol(value):
    assert load(HOME + f"mqtt: {{protocol: {value}}}\n").mqtt.protocol == value.strip('"')


@pytest.mark.parametrize(
    ("extra", "seconds"),
    [
        ("region: china", 300),
        ("region: north_america", 600),
        ("region: Rest_Of_World", 300),
        ("region: china, poll_interval: null", 300),
        ("region: china, poll_interval: 0", 0),
        ("poll_interval: 900", 900),
    ],
)
def test_poll_interval(extra, seconds):
    assert load(home(extra)).accounts["home"].poll_interval_s == seconds


def test_cardata():
    account = load(EU % ", relay_prefix: bmw/, api_url: 'http://localhost:8080/'").accounts["eu"]
    assert isinstance(account, CarDataSettings)
    assert account.client_id == "0a0a0a0a-0000-0000-0000-00000000000b"
    assert account.api_url == "http://localhost:8080"
    assert (account.poll_interval_s, account.request_budget) == (86400, 45)


def test_follow_up_reads_can_be_switched_off():
    assert load(EU % "").accounts["eu"].follow_up_reads is True
    assert load(EU % ", follow_up_reads: false").accounts["eu"].follow_up_reads is False


def test_a_battery_s_capacity():
    assert load().vehicles == {}
    text = HOME + f"vehicles: {{{VIN}: {{battery_capacity_kwh: 80.7}}}}\n"
    assert load(text).vehicles[VIN].battery_capacity_kwh == 80.7
    assert load(text.replace("80.7", "")).vehicles[VIN].battery_capacity_kwh is None


@pytest.mark.parametrize("host", ["broker", "my_broker.lan.", "192.0.2.1", "::1", "2001:db8::1"])
def test_hosts(host):
    assert load(HOME, [f"mqtt.host={host}"]).mqtt.host == host


@pytest.mark.parametrize("server", ["bmw.example", "127.0.0.1:8443", "[::1]:8443"])
def test_servers(server):
    assert load(HOME, [f"accounts.home.server={server}"]).accounts["home"].server == server


@pytest.mark.parametrize(
    "http",
    ["host: '::1'", "host: localhost", "{host: 0.0.0.0, token: x}", "{host: 0.0.0.0, enabled: no}"],
)
def test_http_hosts_that_are_fine(http):
    assert load(HOME + f"http: {{{http.strip('{}')}}}\n")


def test_an_app_of_home_assistant_needs_no_token(monkeypatch):
    monkeypatch.setenv("SUPERVISOR_TOKEN", "its-own")
    assert load(HOME + "http: {host: 0.0.0.0}\n").http.token is None


def test_an_empty_token_is_none():
    assert load(HOME + "http: {token: ' '}\n").http.token is None
    with pytest.raises(ConfigError, match="opens the page to the network"):
        load(HOME + "http: {host: 0.0.0.0, token: ' '}\n")


def test_warnings():
    Path("ca.pem").touch()
    assert load(home("poll_interval: 59")).warnings() == (
        (
            "accounts.home.poll_interval: BMW may block an account that is polled every 59 s;"
            " use 60 or more"
        ),
    )
    assert load(HOME + "mqtt: {tls: {enabled: true, verify: false}}\n").warnings() == (
        (
            "mqtt.tls.verify: false, so anyone can impersonate the broker; set ca_file and"
            " verify: true"
        ),
    )
    assert load(HOME + "mqtt: {tls: {ca_file: ca.pem}}\n").warnings() == (
        "mqtt.tls.enabled: false, so the files of mqtt.tls are not used; set enabled: true",
    )
    assert load(HOME + "http: {token: fifteen-letters}\n").warnings() == (
        "http.token: short enough to be guessed; use 16 characters or more",
    )
    assert load(home("poll_interval: 0")).warnings() == ()
    assert load(home("poll_interval: 60")).warnings() == ()


def test_settings_are_frozen_and_read_nothing_by_themselves(monkeypatch):
    monkeypatch.setenv("BMW2MQTT_MQTT__HOST", "broker")
    monkeypatch.setenv("MQTT", "{}")
    account = {"backend": "mybmw", "username": "me", "password": 12345}
    settings = Settings(accounts={"home": account})
    assert settings.mqtt.host == "localhost"
    assert settings.accounts["home"].password == SecretStr("12345")
    with pytest.raises(ValueError, match="frozen"):
        settings.mqtt.host = "other"
