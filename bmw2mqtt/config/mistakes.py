"""Mistakes that are visible only in all sources together: example values, misspelt accounts."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Final

from bmw2mqtt.config.keys import KeyPath, key_at
from bmw2mqtt.config.layers import Entry
from bmw2mqtt.config.values import quoted

_ACCOUNTS: Final = "accounts"
_EXAMPLE_SECRET: Final = "change-me"  # noqa: S105 - nobody's
_EXAMPLES: Final = {
    "username": ("your-address@example.com", "write the e-mail address of your BMW login"),
    "client_id": (
        "00000000-0000-0000-0000-000000000000",
        "copy yours from BMW's portal (36 characters)",
    ),
}
Entries = Mapping[KeyPath, Entry]


def example_values(entries: Entries) -> Iterator[str]:
    """Yield one line for each value that still is the example's."""
    for path, (value, place) in entries.items():
        if key_at(path) is True and value == _EXAMPLE_SECRET:
            yield f"{place}: is still the example's value; write your own"
        elif path[0] == _ACCOUNTS and path[-1] in _EXAMPLES:
            example, remedy = _EXAMPLES[path[-1]]
            if str(value).lower() == example:
                yield f"{place}: {quoted(value)} is still the example's value; {remedy}"


def misspelt_account(entries: Entries, name: str) -> str | None:
    """Return the error for an account without a backend whose name is similar to another one's."""
    known = {path[1] for path in entries if path[0] == _ACCOUNTS and path[2:] == ("backend",)}
    near = difflib.get_close_matches(name, known, n=1)
    places = [entry.place for path, entry in entries.items() if path[:2] == (_ACCOUNTS, name)]
    if not near or not places:
        return None
    return f"{places[0]}: there is no account {name}; did you mean {near[0]}?"
