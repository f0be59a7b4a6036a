"""Texts in other languages, looked up by the English text.

One file per language and kind (`de_names.tsv`: names of entities, `de_states.tsv`: their words, …),
each line an English text, a tab and its translation. `{…}` stands for a value.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NamedTuple

ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "de")
NAMES: Final = "names"
"""Names of entities."""
STATES: Final = "states"
"""Words of enumerations, as people read them: `Fully charged`."""
MESSAGES: Final = "messages"
"""Status messages of accounts, results of commands, and the reasons in them."""
PAGE: Final = "page"
"""Texts of the page."""
_PLACE: Final = re.compile(r"\{(\w+)\}")
_LEFT_OUT: Final = re.compile(
    r"[;,] (trying again( later| in some hours| tomorrow)?|waiting until then)$"
    r"| \(\w*(Error|Exception|Timeout)\)"
)
"""What owners need not read: the names of exceptions too."""


class Template(NamedTuple):
    """A message with values in it."""

    pattern: re.Pattern[str]
    keys: list[str]
    translation: str


@cache
def translations(language: str, kind: str) -> Mapping[str, str]:
    """Return the translations of a kind by the English text; English has none."""
    if language == ENGLISH:
        return MappingProxyType({})
    file = files("bmw2mqtt.translations").joinpath(f"{language}_{kind}.tsv")
    lines = (line for line in file.read_text(encoding="utf-8").splitlines() if line)
    return MappingProxyType({text: other for text, _, other in (x.partition("\t") for x in lines)})


def translator(language: str, kind: str) -> Callable[[str], str]:
    """Return a function that translates a text; one without a translation stays English."""
    known = translations(language, kind)
    return lambda text: known.get(text, text)


def message(language: str, text: str) -> str:
    """Return a message in another language, as `message` in `page-parts.js` does.

    It may be put together of several: the values in it are translated as well.
    """
    known = translations(language, MESSAGES)
    if text in known:
        return known[text]
    for template in templates(language):
        if found := template.pattern.fullmatch(text):
            values = (message(language, value) for value in found.groups())
            return _filled(template.translation, dict(zip(template.keys, values, strict=True)))
    return text


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: values[place[1]], text)


def status_message(language: str, text: str) -> str:
    """Return an account's status message as a sentence; the next try is shown elsewhere."""
    shown = message(language, without_next_try(text))
    if not shown.startswith("bmw2mqtt"):
        shown = shown[:1].upper() + shown[1:]
    return shown if shown.endswith((".", "!", "?", "…")) else f"{shown}."


def without_next_try(text: str) -> str:
    """Return a message without its end about the next try, and without names of exceptions."""
    return _LEFT_OUT.sub("", text)


@cache
def templates(language: str) -> list[Template]:
    """Return the messages with values in them, those with the most text of their own first."""

    def own_length(english: str) -> int:
        return len(_PLACE.sub("", english))

    known = translations(language, MESSAGES)
    return [
        Template(
            re.compile("(.+?)".join(map(re.escape, _PLACE.split(english)[::2])), re.DOTALL),
            _PLACE.findall(english),
            known[english],
        )
        for english in sorted(known, key=own_length, reverse=True)
        if _PLACE.search(english)
    ]
