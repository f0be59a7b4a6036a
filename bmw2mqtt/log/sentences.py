"""Turn an event of the log into a sentence for the owner (see `table` for all of them)."""

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from bmw2mqtt.local_time import local_day_time
from bmw2mqtt.log.table import SENTENCES, Choice

_LONGEST_VALUE = 500


class Words(NamedTuple):
    """A sentence, and the names of the facts that it contains."""

    text: str
    used: frozenset[str]


def sentence(event: Mapping[str, Any]) -> Words | None:
    """Return the sentence of an event with what to do about it; `None` if it has none."""
    entry = SENTENCES.get(str(event.get("event")))
    if entry is None:
        return None
    filler = _Filler(event)
    if isinstance(entry, Choice):
        filler.used.add(entry.key)
        entry = entry.template(event)
    sentences = [_closed(filler.vformat(part, (), event)) for part in entry.split(". ")]
    for key in ("consequence", "remedy"):
        if event.get(key) and key not in filler.used:
            filler.used.add(key)
            sentences.append(_closed(printable(event[key])))
    return Words(" ".join(sentences), frozenset(filler.used))


def printable(value: object) -> str:
    """Return a value as text of one line: what others send must not forge lines or colours."""
    text = str(value)
    if len(text) > _LONGEST_VALUE:
        text = f"{text[:_LONGEST_VALUE]}…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _closed(text: str) -> str:
    if not text.startswith("bmw2mqtt"):
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


@dataclass
class _Filler(string.Formatter):
    """Fills a template; never fails, because a log line must not.

    `{x!t}` is a local time; `{x:# topic|# topics}` counts; a list is joined by commas.
    """

    event: Mapping[str, Any]
    used: set[str] = field(default_factory=set)

    def get_value(self, key: int | str, _: Any, __: Any) -> Any:
        self.used.add(str(key))
        value = self.event.get(str(key))
        return "unknown" if value is None else value

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        return _local(value) if conversion == "t" else value

    def format_field(self, value: Any, format_spec: str) -> str:
        one, is_count, many = format_spec.partition("|")
        if is_count:
            return (one if value == 1 else many).replace("#", str(value))
        if isinstance(value, list | tuple | set | frozenset):
            value = ", ".join(map(str, value)) or "none"
        return printable(value)


def _local(value: Any) -> str:
    """Return the local time of an ISO text."""
    try:
        return local_day_time(datetime.fromisoformat(str(value)))
    except ValueError:
        return str(value)
