"""Settings: every source, their order, and what a person is told when something is wrong."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from bmw2mqtt.config import CarDataAccount, MyBmwAccount, Settings, load_settings, yamlfile
from bmw2mqtt.config.keys import ANY_NAME, value_paths
from bmw2mqtt.vehicle.errors import ConfigError

EXAMPLE = Path(__file__).parent.parent / "config.example.yaml"
HOME = "accounts: {home: {backend: mybmw, username: me@example.com, password: s3cret}}\n"
EU = "accounts: {eu: {backend: cardata, client_id: 0a0a0a0a-0000-0000-0000-00000000000b%s}}\n"
VIN = "WBA00000000000001"


@pytest.fixture(autouse=True)
def _own_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(yamlfile, "DEFAULT_FILES", (Path("config.yaml"), tmp_path / "second.yaml"))
    (tmp_path / "secrets").mkdir()


def load(text=HOME, options=(), **environ):
    if text is not None:
        Path("config.yaml").write_text(text, "utf-8")
    return load_settings(None, options, environ, Path("secrets"))


def problems(text=HOME, options=(), **environ):
    with pytest.raises(ConfigError) as caught:
        load(text, options, **environ)
    return list(caught.value.problems)


def home(extra):
    return HOME.replace("s3cret", f"s3cret, {extra}")


# --- sources ---------------------------------------------------------------------------------


def test_defaults():
    settings = load()
    account = settings.accounts["home"]
    assert (settings.mqtt.host, settings.mqtt.port, settings.mqtt.protocol) == (
        "localhost",
        1883,
        "5",
    )
    assert settings.data_dir == Path("data")
    assert isinstance(account, MyBmwAccount)
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
    assert isinstance(account, CarDataAccount)
    assert account.client_id == "0a0a0a0a-0000-0000-0000-00000000000b"
    assert account.api_url == "http://localhost:8080"
    assert (account.poll_interval_s, account.request_budget) == (86400, 45)


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


def test_warnings():
    Path("ca.pem").touch()
    assert load(home("poll_interval: 59")).warnings() == (
        "accounts.home.poll_interval: BMW may block who asks every 59 s; use 60 or more",
    )
    assert load(HOME + "mqtt: {tls: {enabled: true, verify: false}}\n").warnings() == (
        "mqtt.tls.verify: anybody can pose as the broker; set ca_file and verify: true",
    )
    assert load(HOME + "mqtt: {tls: {ca_file: ca.pem}}\n").warnings() == (
        "mqtt.tls.enabled: false, so the files below mqtt.tls are not used",
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


# --- what a person is told -------------------------------------------------------------------

BROKEN = {
    "no account": (
        "mqtt: {host: broker}\n",
        (
            "accounts: no account is configured; add one, for example accounts: {home: "
            "{backend: mybmw, username: me@example.com, password: …, region: rest_of_world}}"
        ),
    ),
    "unknown section": (
        HOME + "homeasistant: {enabled: true}\n",
        "homeasistant: unknown key; did you mean homeassistant?",
    ),
    "unknown key": (
        home("regoin: china"),
        "accounts.home.regoin: unknown key; did you mean region?",
    ),
    "unlike any key": (
        HOME + "log: {xyz: 1}\n",
        "log.xyz: unknown key; known here: level, format",
    ),
    "key of cardata": (
        home("request_budget: 40"),
        (
            "accounts.home.request_budget: belongs to backend cardata; remove it or set "
            "backend: cardata"
        ),
    ),
    "key of mybmw": (
        EU % ", read_only: true",
        ("accounts.eu.read_only: belongs to backend mybmw; remove it or set backend: mybmw"),
    ),
    "no backend": (
        "accounts: {home: {username: me}}\n",
        (
            "accounts.home.backend: missing; use mybmw (the login of the BMW app) or "
            "cardata (BMW's customer API)"
        ),
    ),
    "empty account": (
        "accounts: {home: }\n",
        (
            "accounts.home.backend: missing; use mybmw (the login of the BMW app) or "
            "cardata (BMW's customer API)"
        ),
    ),
    "other backend": (
        HOME.replace("mybmw", "bmw"),
        'accounts.home.backend: "bmw" is no backend; use mybmw or cardata',
    ),
    "no username": (
        "accounts: {home: {backend: mybmw, password: s3cret}}\n",
        (
            "accounts.home.username: missing; add the e-mail address of the BMW login "
            "(china: phone number with the 86 prefix)"
        ),
    ),
    "no password": (
        "accounts: {home: {backend: mybmw, username: me}}\n",
        (
            "accounts.home.password: missing; add it, or set "
            "$BMW2MQTT_ACCOUNTS__HOME__PASSWORD or $BMW2MQTT_ACCOUNTS__HOME__PASSWORD_FILE"
        ),
    ),
    "no client id": (
        "accounts: {eu: {backend: cardata}}\n",
        ("accounts.eu.client_id: missing; add the CarData client ID from BMW's customer portal"),
    ),
    "client id": (
        "accounts: {eu: {backend: cardata, client_id: abc}}\n",
        (
            'accounts.eu.client_id: "abc" is no CarData client ID; copy it from BMW\'s '
            "customer portal (8-4-4-4-12 characters)"
        ),
    ),
    "account name": (
        HOME.replace("home", "My Home"),
        (
            'accounts.My Home: "My Home" is no account name; use a-z, 0-9 and _ only, '
            "for example my_home"
        ),
    ),
    "account is text": (
        "accounts: {home: mybmw}\n",
        (
            "accounts.home: is a single value; write keys below it: backend, username, "
            "password, region, captcha_token, poll_interval, read_only, location, server, ca_file, "
            "client_id, request_budget, relay_prefix, auth_url, api_url, stream_host, stream_port"
        ),
    ),
    "accounts are a list": (
        "accounts: [{backend: mybmw}]\n",
        "accounts: is a list; write keys below it: names of your choice",
    ),
    "region": (
        home("region: europe"),
        ('accounts.home.region: "europe" is no region; use china, north_america or rest_of_world'),
    ),
    "half a location": (
        home("location: {latitude: 48.1}"),
        ("accounts.home.location.longitude: missing; give latitude and longitude, or neither"),
    ),
    "location": (
        home("location: {latitude: nan, longitude: 11}"),
        ('accounts.home.location.latitude: "nan" is no latitude; use degrees from -90 to 90'),
    ),
    "poll interval": (
        home("poll_interval: -1"),
        (
            'accounts.home.poll_interval: "-1" is no number of seconds; use a whole '
            "number, 0 or more"
        ),
    ),
    "server": (
        home("server: 'https://bmw.example'"),
        (
            'accounts.home.server: "https://bmw.example" is no server; write host or '
            "host:port, without scheme or path"
        ),
    ),
    "read_only": (
        home("read_only: maybe"),
        ('accounts.home.read_only: "maybe" is neither true nor false; use true or false'),
    ),
    "ca_file": (
        home("ca_file: no.pem"),
        (
            'accounts.home.ca_file: "no.pem": no such file or directory; correct the '
            "path or remove it"
        ),
    ),
    "ca_file is a directory": (
        HOME + "mqtt: {tls: {ca_file: secrets}}\n",
        'mqtt.tls.ca_file: "secrets": is a directory; correct the path or remove it',
    ),
    "certificate without key": (
        HOME + "mqtt: {tls: {cert_file: config.yaml}}\n",
        ("mqtt.tls.key_file: key_file is missing; set cert_file and key_file, or neither"),
    ),
    "key without certificate": (
        HOME + "mqtt: {tls: {key_file: config.yaml}}\n",
        ("mqtt.tls.key_file: cert_file is missing; set cert_file and key_file, or neither"),
    ),
    "request budget": (
        EU % ", request_budget: 51",
        (
            'accounts.eu.request_budget: "51" is no request budget; use a whole number '
            "from 1 to 50, BMW's own limit"
        ),
    ),
    "relay prefix": (
        EU % ", relay_prefix: 'bmw/#'",
        'accounts.eu.relay_prefix: "bmw/#" has a wildcard; leave out + and #',
    ),
    "web address": (
        EU % ", api_url: api.bmw.example",
        (
            'accounts.eu.api_url: "api.bmw.example" is no web address; use one that '
            "starts with https:// or http://"
        ),
    ),
    "port": (
        HOME + "mqtt: {port: 70000}\n",
        'mqtt.port: "70000" is no port; use a whole number from 1 to 65535',
    ),
    "host": (
        HOME + "mqtt: {host: 'mqtt://broker:1883'}\n",
        (
            'mqtt.host: "mqtt://broker:1883" is no host; write the name or address '
            "alone, without scheme, port or path"
        ),
    ),
    "protocol": (
        HOME + "mqtt: {protocol: 4}\n",
        'mqtt.protocol: "4" is no MQTT version that is spoken here; use 5 or 3.1.1',
    ),
    "keepalive": (
        HOME + "mqtt: {keepalive: 0}\n",
        ('mqtt.keepalive: "0" is no keepalive; use a whole number of seconds from 1 to 65535'),
    ),
    "wildcard": (
        HOME + "mqtt: {base_topic: cars/+}\n",
        'mqtt.base_topic: "cars/+" has a wildcard; leave out + and #',
    ),
    "slash": (
        HOME + "mqtt: {base_topic: /cars/}\n",
        'mqtt.base_topic: "/cars/" has a / at an end; write "cars"',
    ),
    "dollar": (
        HOME + "homeassistant: {status_topic: $SYS/x}\n",
        ('homeassistant.status_topic: "$SYS/x" starts with $; topics with $ belong to the broker'),
    ),
    "control character in a topic": (
        HOME + 'homeassistant: {status_topic: "a\\nb"}\n',
        'homeassistant.status_topic: "a\\nb" is no topic; use printable characters',
    ),
    "same topics": (
        HOME + "mqtt: {base_topic: homeassistant}\n",
        (
            "mqtt.base_topic: mqtt.base_topic and homeassistant.discovery_prefix are "
            'both "homeassistant"; give them different topics'
        ),
    ),
    "VIN": (
        HOME + "vehicles: {WBA123: {name: Daily}}\n",
        (
            'vehicles.WBA123: "WBA123" is no VIN; use the 17 letters and digits from '
            "the vehicle's papers"
        ),
    ),
    "open status page": (
        HOME + "http: {host: 0.0.0.0}\n",
        (
            "http.token: missing, and http.host 0.0.0.0 is open to the network; "
            "set a token, or use http.host 127.0.0.1"
        ),
    ),
    "log level": (
        HOME + "log: {level: verbose}\n",
        'log.level: "verbose" is no log level; use debug, info, warning or error',
    ),
    "log format": (
        HOME + "log: {format: xml}\n",
        'log.format: "xml" is no log format; use auto, console or json',
    ),
    "a list for a value": (
        HOME + "mqtt: {host: [a, b]}\n",
        "mqtt.host: takes one value; put text in quotes",
    ),
    "no space after the colon": (
        home("captcha_token:s3cret"),
        (
            "accounts.home.captcha_token: the space after the colon is missing; "
            "write captcha_token: VALUE"
        ),
    ),
    "no mapping": (
        "just text\n",
        "is no mapping; write lines like mqtt: {host: broker}",
    ),
    "special character": (
        "mqtt:\n  password: *s3cret\n",
        (
            "line 2, column 13: found undefined alias; correct it "
            "(text with special characters goes in quotes)"
        ),
    ),
    "unknown tag": (
        "mqtt:\n  password: !s3cret x\n",
        (
            "line 2, column 13: a ! here is a YAML tag, which no setting has; correct it "
            "(text with special characters goes in quotes)"
        ),
    ),
    "key twice": (
        "mqtt:\n  host: a\n  port: 1\n  host: b\n",
        (
            "line 4, column 3: the key is there twice; correct it "
            "(text with special characters goes in quotes)"
        ),
    ),
    "control character": (
        "mqtt: {host: \x01}\n",
        "has control characters; remove them",
    ),
}


@pytest.mark.parametrize(("text", "problem"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_file(text, problem):
    assert problems(text) == [f"config.yaml: {problem}"]


def test_a_syntax_error_has_line_and_column():
    (problem,) = problems("mqtt:\n  host: [broker\n")
    # The words between are those of libyaml, or of PyYAML where libyaml is not there.
    assert problem.startswith("config.yaml: line 3, column 1: ")
    assert problem.endswith("; correct it (text with special characters goes in quotes)")


BROKEN_ELSEWHERE = {
    "variable's value": (
        {"BMW2MQTT_MQTT__PORT": "many"},
        '$BMW2MQTT_MQTT__PORT: "many" is no port; use a whole number from 1 to 65535',
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
        "$BMW2MQTT_XYZ: unknown setting; see config.example.yaml for all of them",
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
        (
            "$BMW2MQTT_MQTT__PASSWORD_FILE: gone: no such file or directory; name a file that can "
            "be read"
        ),
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
                '--option mqtt.host: "a b" is no host; write the name or address alone, '
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
    assert load_file("latin.yaml") == "latin.yaml: is no UTF-8 text; save it as UTF-8"
    assert load_file("secrets") == "secrets: is a directory; name a file that can be read"


def test_broken_secret_files():
    Path("secrets/bmw2mqtt_accounts__home__password").write_bytes(b"\xff\xfe")
    text = "accounts: {home: {backend: mybmw, username: me}}\n"
    assert problems(text) == [
        "secrets/bmw2mqtt_accounts__home__password: is no UTF-8 text; write the bare secret into it"
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


# --- the example -----------------------------------------------------------------------------


def whole_example():
    """The example with what is commented out taken in."""
    return re.sub(r"^( *)# ( *\w+:)", r"\1\2", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)


def paths(node, above=()):
    for name, value in node.items():
        if isinstance(value, dict):
            yield from paths(value, (*above, name))
        else:
            yield (*above, name), value


def test_the_example_loads_as_it_is():
    settings = load(EXAMPLE.read_text("utf-8"))
    assert list(settings.accounts) == ["home"]
    assert settings.warnings() == ()


def test_the_example_has_every_key_and_its_default():
    document = dict(paths(yaml.safe_load(whole_example())))
    chosen = {"home", "eu", VIN}
    keys = {tuple(ANY_NAME if part in chosen else part for part in path) for path in document}
    assert keys == set(value_paths())

    settings = load(whole_example())
    nobody = "00000000-0000-0000-0000-000000000000"
    bare = load(HOME.replace("}}", f"}}, eu: {{backend: cardata, client_id: {nobody}}}}}"))
    assert settings.mqtt == bare.mqtt
    assert settings.homeassistant == bare.homeassistant
    assert (settings.http, settings.log, settings.data_dir) == (bare.http, bare.log, bare.data_dir)
    assert settings.accounts["eu"] == bare.accounts["eu"]
    different = {"password": SecretStr("s3cret"), "location": None}
    assert settings.accounts["home"].model_copy(update=different) == bare.accounts["home"]
    assert settings.vehicles[VIN] == type(settings.vehicles[VIN])()


def test_the_example_has_every_key_of_each_backend():
    accounts = yaml.safe_load(whole_example())["accounts"]
    assert set(accounts["home"]) == set(MyBmwAccount.model_fields)
    assert set(accounts["eu"]) == set(CarDataAccount.model_fields)
