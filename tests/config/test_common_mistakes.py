"""Settings: mistakes that new owners made. Each is one sentence with the place and the remedy."""

import os
from pathlib import Path

import pytest

from bmw2mqtt.cli.main import main
from tests.config.loading import EU, HOME, load, problems

ACCOUNT = "accounts:\n  home:\n    backend: mybmw\n    username: me@example.com\n    password: "
EU_BLOCK = "accounts:\n  eu:\n    backend: cardata\n"
MISTAKES = {
    "a password with # in it": (
        ACCOUNT + "abc #s3cret\n",
        (
            "accounts.home.password: ends at a blank and #, because there a comment "
            "begins; put the value in quotes if # is part of it, otherwise write a blank after #"
        ),
    ),
    "a name with # in it": (
        HOME + "vehicles:\n  WBA00000000000001:\n    name: Car #2\n",
        (
            "vehicles.WBA00000000000001.name: ends at a blank and #, because there a "
            "comment begins; put the value in quotes if # is part of it, otherwise write a blank "
            "after #"
        ),
    ),
    "typographic quotes": (
        ACCOUNT + "“s3cret”\n",
        ('accounts.home.password: is in typographic quotes; use straight ones (") or none'),
    ),
    "a shell's variable": (
        ACCOUNT + '"${BMW_PW}"\n',
        (
            "accounts.home.password: variables are not replaced here; set "
            "$BMW2MQTT_ACCOUNTS__HOME__PASSWORD instead"
        ),
    ),
    "Home Assistant's !secret": (
        ACCOUNT + "!secret bmw\n",
        (
            "accounts.home.password: !secret is not supported; write the secret itself, "
            "or the path of its file into $BMW2MQTT_ACCOUNTS__HOME__PASSWORD_FILE"
        ),
    ),
    "!secret for a host": (
        HOME + "mqtt: {host: !secret broker}\n",
        "mqtt.host: !secret is not supported; write the value itself",
    ),
    "!secret for a section": (
        HOME + "mqtt: !secret broker\n",
        "mqtt: !secret is not supported; write the value itself",
    ),
    "a password that begins with !": (
        ACCOUNT + "!s3cret\n",
        ("accounts.home.password: begins with !, which is a tag in YAML; put the value in quotes"),
    ),
    "an account's keys beside its name": (
        "accounts:\n  eu:\n  backend: cardata\n  client_id: 0a0a0a0a-0000-0000-0000-00000000000b\n",
        "accounts: backend, client_id belong to an account; indent them below eu",
    ),
    "one key beside the name": (
        EU_BLOCK + "  client_id: 0a0a0a0a-0000-0000-0000-00000000000b\n",
        "accounts: client_id belongs to an account; indent it below eu",
    ),
    "an account beside accounts": (
        "accounts:\neu:\n  backend: cardata\n",
        "eu: is an account; indent it below accounts",
    ),
    "a URL of the broker": (
        HOME + "mqtt: {host: 'mqtts://me:s3cret@broker.example:8883/'}\n",
        (
            'mqtt.host: "mqtts://broker.example:8883" is not a valid host; write host: '
            "broker.example, port: 8883, tls: {enabled: true}"
        ),
    ),
    "a host with a port": (
        HOME + "mqtt: {host: 'broker:1884'}\n",
        ('mqtt.host: "broker:1884" is not a valid host; write host: broker, port: 1884'),
    ),
    "a topic with everything": (
        HOME + "mqtt: {base_topic: /bmw/#}\n",
        'mqtt.base_topic: "/bmw/#" starts or ends with /; write "bmw"',
    ),
    "a tab": (
        "mqtt:\n\thost: broker\n",
        "line 2, column 1: indented with a tab; use spaces",
    ),
    "a section twice": (
        HOME + "log: {level: info}\n" + EU % "",
        ('line 3, column 1: duplicate key "accounts" (also in line 1); remove one of them'),
    ),
    "the example's client ID": (
        "accounts: {eu: {backend: cardata, client_id: 00000000-0000-0000-0000-000000000000}}\n",
        (
            'accounts.eu.client_id: "00000000-0000-0000-0000-000000000000" is still the '
            "example's value; copy yours from BMW's portal (36 characters)"
        ),
    ),
    "the example's password of the broker": (
        HOME + "mqtt: {username: me, password: change-me}\n",
        "mqtt.password: is still the example's value; write your own",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence(text, sentence):
    assert problems(text) == [f"config.yaml: {sentence}"]
    assert "s3cret" not in sentence


def test_a_variable_of_an_account_that_does_not_exist():
    assert problems(HOME, BMW2MQTT_ACCOUNTS__HOM__PASSWORD="s3cret") == [
        "$BMW2MQTT_ACCOUNTS__HOM__PASSWORD: there is no account hom; did you mean home?"
    ]
    assert "BACKEND: missing" in problems(HOME, BMW2MQTT_ACCOUNTS__OTHER__PASSWORD="s3cret")[0]


def test_without_any_file_it_says_where_it_looked():
    (line,) = problems(None)
    assert line.startswith("accounts: no account is configured; add one, for example accounts: ")
    assert line.endswith("(no file was found; looked for config.yaml and /config/config.yaml)")
    assert "looked for" not in problems("mqtt: {host: broker}\n")[0]


ACCEPTED = {
    "# in quotes": (ACCOUNT + "'abc #1'\n", "abc #1"),
    "# without a blank": (ACCOUNT + "abc#1\n", "abc#1"),
    "a comment": (ACCOUNT + "abc  # my password\n", "abc"),
    "typographic quotes that are meant": (ACCOUNT + '"“abc”"\n', "“abc”"),
    "! in quotes": (ACCOUNT + "'!abc'\n", "!abc"),
    "a dollar": (ACCOUNT + "a$bc{d}\n", "a$bc{d}"),
}


@pytest.mark.parametrize(("text", "password"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_looks_odd_but_is_meant(text, password):
    assert load(text).accounts["home"].password.get_secret_value() == password


def test_a_comment_right_after_another_value():
    assert load(HOME + "mqtt:\n  port: 1884 #the second broker\n").mqtt.port == 1884


@pytest.mark.parametrize("value", ["true", "on", "Yes"])
def test_a_section_can_be_switched_on_and_off(value):
    assert load(HOME + f"mqtt: {{tls: {value}}}\n").mqtt.tls.enabled
    assert load(HOME, BMW2MQTT_MQTT__TLS=value).mqtt.tls.enabled
    assert not load(HOME + "homeassistant: false\n").homeassistant.enabled
    assert "is a single value" in problems(HOME + "mqtt: {tls: maybe}\n")[0]
    assert "is a single value" in problems(HOME + f"mqtt: {value}\n")[0]


@pytest.mark.parametrize("written", ["'{%s}'", "' %s '"])
def test_a_client_id_as_some_pages_show_it(written):
    number = "0a0a0a0a-0000-0000-0000-00000000000b"
    text = f"accounts: {{eu: {{backend: cardata, client_id: {written % number}}}}}\n"
    assert load(text).accounts["eu"].client_id == number


def test_the_port_for_tls_without_tls():
    (warning,) = load(HOME + "mqtt: {port: 8883}\n").warnings()
    assert warning.startswith("mqtt.port: 8883 is usually for TLS; set mqtt.tls.enabled: true")
    assert load(HOME + "mqtt: {port: 8883, tls: true}\n").warnings() == ()


@pytest.fixture
def check(capsys):
    """Run `bmw2mqtt check` with a data_dir; return what is wrong."""

    def run(data_dir):
        Path("config.yaml").write_text(HOME + f"data_dir: {data_dir}\n")
        status = main(["check"])
        output = capsys.readouterr()
        assert (status == 0) == (output.err == "")
        return output.err

    return run


def test_a_data_dir_that_cannot_be_written(check, monkeypatch):
    assert check("data") == ""
    assert not Path("data").exists(), "check changes nothing"
    Path("file").write_text("")
    assert check("file/data").startswith("data_dir: file/data cannot be used: file is a file")
    Path("link").symlink_to("nowhere")
    assert "nowhere" in check("link")
    Path("data").mkdir()
    assert check("data") == ""
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "data")
    assert check("data").startswith("data_dir: data cannot be written: bmw2mqtt runs as user ")
    assert check("data/below").startswith("data_dir: data/below cannot be written: ")
