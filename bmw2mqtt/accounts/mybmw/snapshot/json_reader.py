"""Lenient reader of BMW's JSON.

What is missing or `null` is `None`. What cannot be understood (of the wrong type, out of range)
must not replace a good value: it is logged once, and gives the `kept` value of the caller.
"""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")
WordT = TypeVar("WordT", bound=StrEnum)
ReportWord = Callable[[str, str], None]
"""Called with a field and a word, or a kind of value, that is not known."""

_SMALLEST_SECONDS, _LARGEST_SECONDS = 1e8, 1e11
"""A larger number of seconds would be after the year 5000: it is in milliseconds."""
LARGEST = 1e12
"""Nothing about a car is larger; arithmetic with larger numbers could fail."""


def ignore(*_: str) -> None:
    """Report nothing: a `ReportWord` for what is read a second time."""


class JsonReader:
    """One JSON object."""

    __slots__ = ("_fields", "_report", "is_invalid")

    def __init__(self, fields: Any, report: ReportWord) -> None:
        self.is_invalid = fields is not None and not isinstance(fields, dict)
        """Whether there is something else in its place."""
        self._fields: dict[str, Any] = fields if isinstance(fields, dict) else {}
        self._report = report

    def __contains__(self, key: str) -> bool:
        return key in self._fields

    def __bool__(self) -> bool:
        return bool(self._fields)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the fields as they are."""
        yield from self._fields.items()

    def is_given(self, key: str) -> bool:
        """Whether BMW sent something, understood or not."""
        return self.is_invalid or self._fields.get(key) is not None

    def part(self, key: str) -> "JsonReader":
        """Return an object within; an empty one if there is none."""
        part = JsonReader(self._fields.get(key), self._report)
        part.is_invalid |= self.is_invalid
        if part.is_invalid and not self.is_invalid:
            self._report_type(key)
        return part

    def parts(self, key: str) -> "list[JsonReader] | None":
        """Return the objects of a list; `None` if there is no list."""
        values = self._fields.get(key)
        if not isinstance(values, list):
            return None
        return [JsonReader(value, self._report) for value in values if isinstance(value, dict)]

    def is_list_invalid(self, key: str) -> bool:
        """Whether there is something else in the place of a list, or of all its entries."""
        value = self._fields.get(key)
        if isinstance(value, list):
            return bool(value) and not any(isinstance(entry, dict | str) for entry in value)
        return self.is_invalid or value is not None

    def text(self, key: str) -> str | None:
        """Return text that is not empty."""
        value = self._fields.get(key)
        return value if isinstance(value, str) and value else None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts of a list."""
        return tuple(value for value in self._list(key) if isinstance(value, str))

    def flag(self, key: str, kept: bool | None = None) -> bool | None:  # noqa: FBT001 - a value
        """Return a yes or no."""
        value = self._fields.get(key)
        return value if isinstance(value, bool) else self._kept(key, kept)

    def number(
        self,
        key: str,
        minimum: float = -LARGEST,
        maximum: float = LARGEST,
        *,
        kept: float | None = None,
    ) -> float | None:
        """Return a number within bounds."""
        value = self._fields.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self._kept(key, kept)
        if not minimum <= value <= maximum or math.isnan(value):
            return kept
        return value

    def whole(
        self,
        key: str,
        minimum: float = -LARGEST,
        maximum: float = LARGEST,
        *,
        kept: float | None = None,
    ) -> int | None:
        """Return a number within bounds without its fraction."""
        value = self.number(key, minimum, maximum, kept=kept)
        return None if value is None else int(value)

    def wholes(self, key: str, minimum: int, maximum: int) -> tuple[int, ...]:
        """Return the whole numbers of a list that are within bounds."""
        return tuple(
            v
            for v in self._list(key)
            if isinstance(v, int) and not isinstance(v, bool) and minimum <= v <= maximum
        )

    def word(self, key: str, words: type[WordT], kept: WordT | None = None) -> WordT | None:
        """Return one of BMW's words; `None` for one that is not known, which is reported."""
        text = self.text(key)
        if text is None:
            return self._kept(key, kept)
        word = find_word(text, words)
        if word is None and text.upper() != "UNKNOWN":
            self._report(key, text)
        return word

    def moment(self, key: str, kept: datetime | None = None) -> datetime | None:
        """Return a time, a text or a number since 1970; BMW's year 1 means never."""
        value: Any = self._fields.get(key)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number and self.text(key) is None:
            return self._kept(key, kept)
        try:
            moment = _from_epoch(value) if is_number else datetime.fromisoformat(value)
        except (ValueError, OverflowError, OSError):
            self._report(key, str(value))
            return kept
        if not 1970 < moment.year < 9999:  # noqa: PLR2004 - BMW's cars could not report before
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def day(self, key: str) -> date | None:
        """Return the date of a time."""
        moment = self.moment(key)
        return None if moment is None else moment.date()

    def clock(self, key: str) -> time | None:
        """Return a time of day, sent as `{"hour", "minute"}`."""
        clock = self.part(key)
        hour, minute = clock.whole("hour", 0, 23), clock.whole("minute", 0, 59)
        return None if hour is None or minute is None else time(hour, minute)

    def _list(self, key: str) -> list[Any]:
        values = self._fields.get(key)
        return values if isinstance(values, list) else []

    def _kept(self, key: str, kept: T) -> T | None:
        """Return the value to keep for one that cannot be understood, `None` for a missing one."""
        if self.is_invalid:
            return kept
        if self._fields.get(key) is None:
            return None
        self._report_type(key)
        return kept

    def _report_type(self, key: str) -> None:
        """Report a value of the wrong type by its type: the value may be a position."""
        self._report(key, f"<{type(self._fields.get(key)).__name__}>")


def _from_epoch(number: float) -> datetime:
    """Return the time so many seconds, or milliseconds, after 1970.

    Raises:
        ValueError: that was before there were such cars.
    """
    seconds = number / 1000 if number > _LARGEST_SECONDS else number
    if seconds < _SMALLEST_SECONDS:
        raise ValueError
    return datetime.fromtimestamp(seconds, UTC)


def find_word(text: str, words: type[WordT]) -> WordT | None:
    """Find a word in either case, by its name."""
    return words.__members__.get(text.upper())
