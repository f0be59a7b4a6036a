"""The log: its forms, and what is never in it."""

import json
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import structlog

from bmw2mqtt import log as module
from bmw2mqtt.log import POSITION_KEYS, SECRET_KEYS, redact
from bmw2mqtt.log import hidden as hidden_words

Output = pytest.CaptureFixture[str]


@pytest.fixture
def set_up() -> Callable[..., Any]:
    """Configure the log and return a logger."""

    def configure(*arguments: Any) -> Any:
        module.set_up(*arguments)
        return structlog.get_logger("test")

    return configure


def lines(capsys: Output) -> list[dict[str, Any]]:
    output = capsys.readouterr()
    assert output.out == ""
    return [json.loads(line) for line in output.err.splitlines()]


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_secrets_are_never_shown(level: str) -> None:
    event = {"level": level, "event": "x", **dict.fromkeys(SECRET_KEYS, "s3cret")}
    assert "s3cret" not in str(redact(None, level, event))


def test_positions_only_for_debugging() -> None:
    position = dict.fromkeys(POSITION_KEYS, 48.177)
    assert "48.177" not in str(redact(None, "info", {"level": "info", **position}))
    assert redact(None, "debug", {"level": "debug", **position})["latitude"] == 48.177


def test_json(set_up: Callable[..., Any], capsys: Output) -> None:
    log = set_up("info", "json")
    log.info("hello", vin="WBA", password="s3cret", latitude=48.177, name="Fährt")
    log.debug("too_quiet")
    (event,) = lines(capsys)
    timestamp = event.pop("timestamp")
    assert timestamp.endswith("Z")
    assert event == {
        "event": "hello",
        "level": "info",
        "vin": "WBA",
        "password": "***",
        "latitude": "***",
        "name": "Fährt",
    }


def test_console(set_up: Callable[..., Any], capsys: Output) -> None:
    set_up("info", "console").warning("hello", token="s3cret")
    said = capsys.readouterr().err
    assert "hello" in said
    assert "s3cret" not in said


def test_a_bug_is_one_line_of_json(set_up: Callable[..., Any], capsys: Output) -> None:
    log = set_up("info", "json")
    try:
        raise ValueError("why")  # noqa: TRY301 - needs a traceback
    except ValueError:
        log.exception("bug")
    (event,) = lines(capsys)
    assert "ValueError: why" in event["exception"]


@pytest.mark.parametrize("name", ["bimmer_connected.api", "mqtt"])
def test_libraries_that_are_quiet(set_up: Callable[..., Any], capsys: Output, name: str) -> None:
    set_up("info", "json")
    logging.getLogger(name).error("their own words")
    assert lines(capsys) == []
    set_up("debug", "json")
    logging.getLogger(name).error("their own words")
    (event,) = lines(capsys)
    assert (event["level"], event["event"]) == ("debug", "their own words")


def test_other_libraries_speak_in_the_same_form(set_up: Callable[..., Any], capsys: Output) -> None:
    set_up("info", "json")
    logging.getLogger("some.library").warning("hello %s", "you")
    (event,) = lines(capsys)
    assert (event["level"], event["event"]) == ("warning", "hello you")


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is hidden yet."""
    monkeypatch.setattr(hidden_words, "_hidden", hidden_words._HiddenWords())


@pytest.mark.usefixtures("hidden")
def test_one_owners_new_secrets_leave_anothers_hidden(
    set_up: Callable[..., Any], capsys: Output
) -> None:
    log = set_up("info", "json")
    module.hide("home", ["same-secret", "old-of-home"])
    module.hide("other", ["same-secret"])
    module.hide("home", ["new-of-home"])
    log.info("x", a="same-secret", b="old-of-home", c="new-of-home")
    for number in range(10):
        module.hide("home", [f"newer-{number}"])
    log.info("x", a="same-secret", b="old-of-home")
    first, second = lines(capsys)
    assert (first["a"], first["b"], first["c"]) == ("***", "***", "***")
    assert (second["a"], second["b"]) == ("***", "old-of-home"), "not for ever"


@pytest.mark.usefixtures("hidden")
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_secret_is_hidden_in_every_form(
    set_up: Callable[..., Any], capsys: Output, form: str
) -> None:
    log = set_up("info", form)
    secret = "paß\"w'ör\\d &+/x"
    module.hide("home", [secret, "paß\"w'ör", "half-\ud800-pair"])
    log.info("x", plain=secret, inside=[secret], quoted=quote(secret), plus=quote_plus(secret))
    log.info("x", json=json.dumps(secret), error=repr(ValueError(secret)))
    said = capsys.readouterr().err
    assert "ör" not in said
    assert "%C3%B6r" not in said
    assert "\\u00f6r" not in said
    assert "&+/x" not in said, "also where it begins like another one"


@pytest.mark.usefixtures("hidden")
def test_threads_may_hide_while_others_log(set_up: Callable[..., Any], capsys: Output) -> None:
    log = set_up("info", "json")
    module.hide("home", ["always-hidden"])
    is_over = threading.Event()

    def hide_more() -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            module.hide(f"owner-{number % 500}", [f"secret-{number}"])

    threads = [threading.Thread(target=hide_more) for _ in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    for thread in threads:
        thread.start()
    try:
        for _ in range(300):
            log.info("x", a="always-hidden")
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert {line["a"] for line in lines(capsys)} == {"***"}
