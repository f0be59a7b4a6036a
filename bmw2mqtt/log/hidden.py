"""Secrets and positions that the log never shows."""

import json
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any
from urllib.parse import quote, quote_plus

SECRET_KEYS = frozenset(
    {"password", "token", "access_token", "refresh_token", "id_token", "captcha_token", "gcid"}
)
POSITION_KEYS = frozenset({"latitude", "longitude", "position", "address"})
SHORTEST_HIDDEN = 6
"""Shorter secrets are not hidden: they are part of too many ordinary words."""

GENERATIONS = 3
"""How many sets of an owner's secrets are hidden: older ones may still be in a traceback."""


class _HiddenWords:
    """The words that are never logged. Thread-safe: the tuple is replaced as a whole."""

    def __init__(self) -> None:
        self._of_owner: dict[str, tuple[frozenset[str], ...]] = {}
        self._change = Lock()
        self.words: tuple[str, ...] = ()
        """Longest first, because a secret may be part of another one."""

    def replace(self, owner: str, words: frozenset[str]) -> None:
        """Hide an owner's new words, and the `GENERATIONS` before them."""
        with self._change:
            before = tuple(old for old in self._of_owner.get(owner, ()) if old != words)
            self._of_owner[owner] = (words, *before)[:GENERATIONS]
            every = {word for older in self._of_owner.values() for words in older for word in words}
            self.words = tuple(sorted(every, key=lambda word: (-len(word), word)))


_hidden = _HiddenWords()


def hide(owner: str, secrets: Iterable[str]) -> None:
    """Replace these words in every log line, including those of libraries and tracebacks.

    They are added to the words of other owners, such as an account, and to the same owner's latest
    ones. Thread-safe.
    """
    words = [word for word in secrets if len(word) >= SHORTEST_HIDDEN]
    _hidden.replace(owner, frozenset(form for word in words for form in _forms(word)))


def _forms(word: str) -> frozenset[str]:
    """Return the forms of a word: plain, URL-encoded, and quoted once or twice."""
    forms = {word, quote(word, errors="replace"), quote_plus(word, errors="replace")}
    for _ in range(2):
        forms |= {form for text in forms for form in _quoted(text)}
    return frozenset(forms)


def _quoted(text: str) -> tuple[str, ...]:
    """Return a text as quoted by JSON and by Python, with and without escapes."""
    with_both_quotes = repr(f"\"{text}'")[2:-3]  # here a ' is escaped
    in_json = (json.dumps(text, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
    return (repr(text)[1:-1], with_both_quotes, *in_json)


def without_secrets(render: Callable[..., Any]) -> Callable[..., str]:
    """Return a renderer whose lines have no hidden word."""

    def rendered(*arguments: Any) -> str:
        line = str(render(*arguments))
        for word in _hidden.words:
            line = line.replace(word, "***")
        return line

    return rendered


def redact(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """Replace secrets, and positions above debug level."""
    for key in event.keys() & SECRET_KEYS:
        event[key] = "***"
    if event.get("level") != "debug":
        for key in event.keys() & POSITION_KEYS:
            event[key] = "***"
    return event
