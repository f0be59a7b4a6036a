"""Settings: what nobody can see is cleaned or refused before BMW or the broker has it."""

import json
import os
import threading
from pathlib import Path

import pytest

from bmw2mqtt.config import load_settings
from bmw2mqtt.config.text import captcha_token
from bmw2mqtt.vehicle.errors import ConfigError
from tests.config.loading import EU, HOME, VIN, home, load, problems

PASSWORD = "accounts.home.password"
VARIABLE = "BMW2MQTT_ACCOUNTS__HOME__PASSWORD"
WITHOUT = HOME.replace(", password: s3cret", "")
SPOILT = {
    "byte order mark": "\ufeffpass word",
    "line end": "pass word\n",
    "Windows line end": "pass word\r\n",
    "all of it": "\ufeffpass word\r\n\r\n",
}
ODD = {
    "no-break space": ("pass\u00a0word", "contains a special space (U+00A0, no-break space)"),
    "zero width space": (
        "pass\u200bword",
        "contains an invisible character (U+200B, zero width space)",
    ),
    "byte order mark": (
        "pass\ufeffword",
        "contains an invisible character (U+FEFF, zero width no-break space)",
    ),
    "tabulator": ("pass\tword", "contains a control character (U+0009) at position 5"),
    "line end": ("pass\nword", "contains a control character (U+000A) at position 5"),
    "delete": ("pass\x7fword", "contains a control character (U+007F) at position 5"),
}


def password(settings):
    return settings.accounts["home"].password.get_secret_value()


def in_variable(text, value):
    return load(text, **{VARIABLE: value})


def in_option(text, value):
    return load(text, [f"{PASSWORD}={value}"])


def in_named_file(text, value):
    Path("password.txt").write_bytes(value.encode())
    return load(text, **{f"{VARIABLE}_FILE": "password.txt\n"})


def in_secrets(text, value):
    Path("secrets", VARIABLE.lower()).write_bytes(value.encode())
    return load(text)


def in_yaml(text, value):
    return load(text.replace("username:", f"password: {json.dumps(value)}, username:"))


SOURCES = [in_variable, in_option, in_named_file, in_secrets, in_yaml]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT)
def test_what_editors_and_shells_add_is_removed(source, spoilt):
    assert password(source(WITHOUT, spoilt)) == "pass word"


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("odd", "sentence"), ODD.values(), ids=ODD)
def test_a_password_with_what_nobody_types_is_refused_and_not_shown(source, odd, sentence):
    with pytest.raises(ConfigError) as caught:
        source(WITHOUT, odd)
    (line,) = caught.value.problems
    assert f"the secret {sentence}" in line
    assert line.endswith("; type it again instead of pasting it")
    assert "password" in line.partition("the secret")[0].lower(), "the place is named"
    assert "pass" not in line.partition("the secret")[2]


def test_a_variable_with_bytes_that_are_no_text_is_refused():
    broken = os.fsdecode(b"pass\xffword")
    (line,) = problems(WITHOUT, **{VARIABLE: broken})
    assert line.startswith(f"${VARIABLE}: the secret contains a broken character (U+DCFF)")


@pytest.mark.parametrize(
    "place",
    [
        "mqtt.host",
        "mqtt.username",
        "mqtt.password",
        "mqtt.client_id",
        "mqtt.base_topic",
        "homeassistant.discovery_prefix",
        "homeassistant.status_topic",
        "accounts.home.username",
        "accounts.home.server",
        "accounts.eu.client_id",
        "accounts.eu.relay_prefix",
        "accounts.eu.stream_topic",
        "accounts.eu.auth_url",
        "accounts.eu.stream_host",
        "http.token",
    ],
)
@pytest.mark.parametrize("odd", ["\u00a0", "\u200b", "\t", "\x00", "\u2028"])
def test_no_setting_has_what_nobody_sees(place, odd):
    text = (EU % "").replace("accounts: {", HOME.removesuffix("}\n") + ", ")
    good = {
        "accounts.eu.client_id": "0a0a0a0a-0000-0000-0000-00000000000b",
        "accounts.eu.auth_url": "https://example.org",
    }.get(place, "example")
    assert load(text, [f"{place}={good}"])
    for value in (good[:4] + odd + good[4:], good + odd, odd + good):
        if odd == "\t" and place == "accounts.home.username" and value.strip("\t") == good:
            assert load(text, [f"{place}={value}"]).accounts["home"].username == good
            continue
        (line,) = problems(text, [f"{place}={value}"])
        assert line.startswith(f"--option {place}: ")
        assert odd not in line


def test_a_vin_and_a_client_id_are_what_they_look_like():
    for odd in ("\u00a0", "\u200b", "ß", "ı"):  # noqa: RUF001 - that is the point
        assert problems(HOME + f"vehicles: {{{VIN[:16]}{odd}: {{enabled: false}}}}\n")
    (line,) = problems(EU % "", ["accounts.eu.client_id= 0a0a0a0a000000000000000000000 b"])
    assert "is not a client ID" in line


def test_blanks_around_a_user_name_are_removed():
    settings = load(HOME.replace("me@example.com", "' me@example.com '"))
    assert settings.accounts["home"].username == "me@example.com"


def test_a_name_of_a_car_may_look_as_it_likes():
    settings = load(HOME + f"vehicles: {{{VIN}: {{name: 'Élise\u00a0👩\u200d👧'}}}}\n")
    assert settings.vehicles[VIN].name == "Élise\u00a0👩\u200d👧"


# Captcha


@pytest.mark.parametrize("around", ["", " ", "\n", "\ufeff", "\u00a0", "\u200b", "\r\n \u2060"])
def test_a_captchas_token_is_found_among_blanks(around):
    assert captcha_token(f"{around}P1_eyJ.abc-D{around}") == "P1_eyJ.abc-D"


@pytest.mark.parametrize("text", ["", " ", "a b", "a\u00a0b", "a\nb", "ab\ufffd", "ä", "a" * 8193])
def test_what_cannot_be_a_captchas_token(text):
    assert captcha_token(text) is None


def test_a_captchas_token_in_the_settings():
    settings = load(home('captcha_token: "\u00a0P1_abc \\n"'))
    assert settings.accounts["home"].captcha_token.get_secret_value() == "P1_abc"
    (line,) = problems(home("captcha_token: P1 abc"))
    assert "this is not a captcha token; copy all of it" in line
    assert "P1" not in line


# Files


@pytest.mark.timeout(10)
def test_a_pipe_is_as_good_as_a_file_for_a_secret():
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_text("pass word\n"))
    writer.start()
    assert password(load(WITHOUT, **{f"{VARIABLE}_FILE": "pipe"})) == "pass word"
    writer.join()


@pytest.mark.timeout(10)
def test_a_pipe_into_which_nobody_writes_hangs_nothing(monkeypatch):
    monkeypatch.setattr("bmw2mqtt.files.read_named.__defaults__", (8 * 1024 * 1024, 0.1))
    os.mkfifo("pipe")
    (line,) = problems(WITHOUT, **{f"{VARIABLE}_FILE": "pipe"})
    assert "pipe: it is a pipe that sent nothing" in line
    Path("config.yaml").unlink(missing_ok=True)
    os.mkfifo("config.yaml")
    with pytest.raises(ConfigError, match="it is a pipe that sent nothing"):
        load(None)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/dev/zero", "it is larger than 64 KiB"),
        (".", "is a directory"),
        ("~nobody_/x", "is not a valid path"),
    ],
)
def test_a_secrets_file_that_is_none(path, sentence):
    (line,) = problems(WITHOUT, **{f"{VARIABLE}_FILE": path})
    assert line.startswith(f"${VARIABLE}_FILE: {path}: {sentence}")


def test_secrets_that_are_links_as_in_kubernetes():
    data = Path("secrets", "..2026")
    data.mkdir()
    (data / VARIABLE).write_text("pass word\n")
    Path("secrets", "..data").symlink_to("..2026")
    Path("secrets", VARIABLE).symlink_to(Path("..data", VARIABLE))
    assert password(load(WITHOUT)) == "pass word"


@pytest.mark.parametrize("what", ["fifo", "folder", "huge"])
@pytest.mark.timeout(10)
def test_a_ca_file_that_is_none(what):
    path = Path("ca.pem")
    if what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(600 * 1024 * 1024)
    (line,) = problems(HOME, ["mqtt.tls.ca_file=ca.pem"])
    assert line.startswith('--option mqtt.tls.ca_file: "ca.pem": it is ')


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["a: " + "[" * 100_000, "a: " + "{a: " * 900 + "}" * 900, "x" * 9_000_000]
)
def test_a_yaml_file_that_is_no_settings(text):
    assert problems(text)


def test_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    Path("ca.pem").touch()
    Path("key.txt").write_text("pass word\n")
    Path("mine.yaml").write_text(WITHOUT)
    settings = load_settings(
        None,
        ["data_dir=~/data", "mqtt.tls.ca_file=~/ca.pem"],
        {f"{VARIABLE}_FILE": "~/key.txt", "BMW2MQTT_CONFIG": "~/mine.yaml\n"},
        Path("secrets"),
    )
    assert settings.data_dir == tmp_path / "data"
    assert settings.mqtt.tls.ca_file == tmp_path / "ca.pem"
    assert password(settings) == "pass word"
    (line,) = problems(HOME, ["data_dir=~nobody_/data"])
    assert "starts with an unknown home folder; write the full path" in line
