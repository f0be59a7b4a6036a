"""Texts in other languages, looked up by the English text.

One file per language and kind (`de_names.tsv`: names of entities, `de_states.tsv`: their words, …),
each line an English text, a tab and its translation. `{…}` stands for a value.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

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
