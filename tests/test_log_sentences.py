"""Every line of the log that an owner sees is a sentence."""

import ast
import json
import logging
import re
import string
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog
import time_machine

from bmw2mqtt import log as logging_set_up
from bmw2mqtt.log.sentences import sentence
from bmw2mqtt.log.table import SENTENCES, Choice
from tests.package_source import modules

pytestmark = pytest.mark.no_cover

LEVELS = {"info", "warning", "error", "critical", "exception"}
BUGS = {"caught", "guarded"}
"""Methods of `BugLogger`; they log an error."""
HELPERS = {"level", "_log_level", "_log_error", "_warn_once", "_log_not_delivered"}
"""Calls that log an event which is their first argument."""
PASS_ON = {
    "bmw2mqtt.guard": {"exception", "__exit__", "call"},
    "bmw2mqtt.accounts.unknown_values": {"__call__"},
    "bmw2mqtt.accounts.cardata.rest.vehicle_list": {"_warn_once"},
    "bmw2mqtt.accounts.mybmw.poller": {"_log_error"},
    "bmw2mqtt.mqtt.publisher": {"_log_not_delivered"},
}
"""Functions whose event is an argument of theirs: those who call them are looked at instead."""
FACTS_OF_HELPERS = {
    "_log_error": {"account", "vin", "reason"},
    "_warn_once": {"account", "vin", "remedy"},
    "_log_not_delivered": {"topic", "payload_bytes"},
    "UnknownValueLog": {"field", "word"},
}


class LogCall(NamedTuple):
    place: str
    event: str
    facts: frozenset[str] | None
    """None: some are passed as `**`, so they are not known here."""


def name_of(function: ast.expr) -> str:
    """Return the last part of what is called; of `self._log_level(x)(…)` that of the inner one."""
    if isinstance(function, ast.Call):
        return name_of(function.func)
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def is_logger(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) in {
        "log",
        "self._bug_logger",
        "bug_logger",
        "self",
    }


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call with the name of the innermost function around it."""

    def walk(node: ast.AST, inside: str) -> Iterator[tuple[str, ast.Call]]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = node.name
        if isinstance(node, ast.Call):
            yield inside, node
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)

    return walk(tree, "")


@cache
def log_calls() -> tuple[LogCall, ...]:
    """Return every call in the package that logs at level info or above."""
    return tuple(
        found for name, module in modules().items() for found in calls_in_module(name, module.tree)
    )


def calls_in_module(module: str, tree: ast.Module) -> Iterator[LogCall]:
    for inside, call in functions(tree):
        name = name_of(call.func)
        is_log = (name in LEVELS | BUGS and is_logger(call.func)) or name in HELPERS
        if name == "UnknownValueLog":
            event = call.args[0] if call.args else ast.Constant("unknown_word")
        elif is_log and call.args:
            event = call.args[0]
        else:
            continue
        if isinstance(call.func, ast.Attribute) and name == "_log_level":
            continue  # it only chooses the level
        place = f"{module}:{call.lineno}"
        if not isinstance(event, ast.Constant):
            assert inside in PASS_ON.get(module, ()), f"{place}: the event is not a literal"
            continue
        facts = {keyword.arg for keyword in call.keywords} | FACTS_OF_HELPERS.get(name, set())
        known = frozenset(fact for fact in facts if fact is not None)
        yield LogCall(place, str(event.value), None if None in facts else known)


def templates(event: str) -> list[str]:
    entry = SENTENCES[event]
    return [*entry.by_value.values(), entry.otherwise] if isinstance(entry, Choice) else [entry]


def test_every_event_has_a_sentence_and_every_sentence_an_event() -> None:
    assert len(log_calls()) > 90, "the search works"
    events = {call.event for call in log_calls()}
    assert sorted(events - SENTENCES.keys()) == []
    assert sorted(SENTENCES.keys() - events) == []


def test_every_call_has_the_facts_of_its_sentence() -> None:
    missing = [
        f"{call.place}: {call.event} without {fact}"
        for call in log_calls()
        if call.facts is not None
        for template in templates(call.event)
        for _, fact, _, _ in string.Formatter().parse(template)
        if fact and fact not in call.facts
    ]
    assert missing == []


def test_no_fact_has_a_name_that_the_log_uses_itself() -> None:
    own = {"message", "event", "level", "timestamp"}
    assert [call for call in log_calls() if own & (call.facts or frozenset())] == []


def test_sentences_are_plain() -> None:
    for event in SENTENCES:
        for template in templates(event):
            assert not re.search(r"(Error|Exception)\b", template), event
            assert not template.endswith("."), "the end is added"
            text = re.sub(r"\{.*?\}|mqtt\.\w+|data_dir", "", template)
            assert not re.search(r"\w_\w", text), f"{event}: a word of the code"
            assert template[0] == "{" or template[0].isupper() or template.startswith("bmw2mqtt")


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """Log one line in a format and return what was written."""

    def run(format_: str, level: str, event: str, **facts: Any) -> list[str]:
        logging_set_up.set_up("debug", format_)
        getattr(structlog.get_logger(), level)(event, **facts)
        return capsys.readouterr().err.splitlines()

    return run


@pytest.mark.parametrize("format_", ["auto", "console"])
def test_people_read_a_sentence_in_local_time(
    logged: Callable[..., list[str]], format_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    with time_machine.travel("2026-01-02T12:30:05+00:00", tick=False):
        time_machine_zone()
        (line,) = logged(
            format_,
            "warning",
            "login_code_issued",
            account="eu",
            open="https://bmw.example/link",
            confirm="2QNLLKWN",
            until="2026-01-02T12:35:00+00:00",
            scope="x y",
        )
    monkeypatch.undo()
    time_machine_zone()
    assert line == (
        "2026-01-02 13:30:05 [warning ] Account eu: log in at BMW. Open https://bmw.example/link"
        " and confirm the code 2QNLLKWN before 13:35. scope='x y'"
    )


def time_machine_zone() -> None:
    import time  # noqa: PLC0415

    time.tzset()


def test_programs_read_the_event_and_its_sentence(logged: Callable[..., list[str]]) -> None:
    (line,) = logged("json", "info", "stale_topics_removed", topics=1)
    event = json.loads(line)
    assert event["event"] == "stale_topics_removed"
    assert event["topics"] == 1
    assert event["message"] == "Removed 1 retained topic of an earlier run."
    assert event["timestamp"].endswith("Z")


def test_what_to_do_is_a_sentence_of_its_own() -> None:
    words = sentence({"event": "history_not_saved", "reason": "disk full", "remedy": "make room"})
    assert words is not None
    assert words.text == "The history cannot be saved: disk full. Make room."


@pytest.mark.parametrize("place", ["sentence", "fact"])
def test_what_others_send_forges_no_line_and_no_colour(
    logged: Callable[..., list[str]], place: str
) -> None:
    evil = "x\n2026-01-01 [error] \x1b[31mforged"
    facts = {"reason": evil} if place == "sentence" else {"reason": "x", "other": evil}
    (line,) = logged("auto", "warning", "broker_limit", limit="x", **facts)
    assert "\x1b" not in line
    assert "\\n2026" in line


def test_colours_are_for_terminals_only(
    monkeypatch: pytest.MonkeyPatch, logged: Callable[..., list[str]]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    (line,) = logged("auto", "error", "stopped", topic="x")
    assert "\x1b[31m" in line
    monkeypatch.setenv("NO_COLOR", "1")
    (line,) = logged("auto", "error", "stopped", topic="x")
    assert "\x1b" not in line


def test_a_reason_may_be_a_question() -> None:
    words = sentence({"event": "mqtt_unreachable", "reason": "is it right?"})
    assert words is not None
    assert words.text.endswith(": is it right? bmw2mqtt keeps trying.")


def test_lists_and_counts_read_well() -> None:
    texts = [
        words.text
        for accounts in ([], ["home", "eu"])
        if (words := sentence({"event": "started", "version": "1", "accounts": accounts}))
    ]
    assert texts == [
        "bmw2mqtt 1 has started. Accounts: none.",
        "bmw2mqtt 1 has started. Accounts: home, eu.",
    ]
    for count, text in ((1, "Removed 1 retained topic of"), (2, "Removed 2 retained topics of")):
        words = sentence({"event": "stale_topics_removed", "topics": count})
        assert words is not None
        assert words.text.startswith(text)


def test_a_broken_fact_does_not_lose_the_line(logged: Callable[..., list[str]]) -> None:
    (line,) = logged("auto", "warning", "container_not_renewed", retry_at="None")
    assert "Next try None." in line
    assert "unknown" in line
    (line,) = logged("auto", "info", "something_new", topic="x")
    assert line.endswith("something_new topic=x")


def test_lines_of_libraries_look_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    logging_set_up.set_up()
    logging.getLogger("some.library").warning("hello %s", "you")
    assert capsys.readouterr().err.endswith(" [warning ] hello you\n")


def test_the_guide_names_the_formats() -> None:
    text = (Path(__file__).parents[1] / "docs/configuration.md").read_text("utf-8")
    assert "sentences" in next(line for line in text.splitlines() if "`log.format`" in line)
