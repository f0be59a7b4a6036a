"""Lenient reading of BMW's JSON: what is missing, of the wrong type or out of range is `None`."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, TypeVar

WordT = TypeVar("WordT", bound=StrEnum)
ReportWord = Callable[[str, str], None]
"""Told the field and the word when BMW uses one that is not known."""

LARGEST = 1e12
"""Nothing about a car is larger; arithmetic with what is could fail."""


class JsonReader:
    """One JSON object."""

    __slots__ = ("_fields", "_report")

    def __init__(self, fields: Any, report: ReportWord) -> None:
        self._fields: dict[str, Any] = fields if isinstance(fields, dict) else {}
        self._report = report

    def __contains__(self, key: str) -> bool:
        return key in self._fields

    def __bool__(self) -> bool:
        return bool(self._fields)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the fields as they are."""
        yield from self._fields.items()

    def part(self, key: str) -> "JsonReader":
        """Return an object within; an empty one if there is none."""
        return JsonReader(self._fields.get(key), self._report)

    def parts(self, key: str) -> "list[JsonReader] | None":
        """Return the objects of a list; `None` if there is no list."""
        values = self._fields.get(key)
        if not isinstance(values, list):
            return None
        return [JsonReader(value, self._report) for value in values if isinstance(value, dict)]

    def text(self, key: str) -> str | None:
        """Return text that is not empty."""
        value = self._fields.get(key)
        return value if isinstance(value, str) and value else None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts of a list."""
        values = self._fields.get(key)
        if not isinstance(values, list):
            return ()
        return tuple(value for value in values if isinstance(value, str))

    def flag(self, key: str) -> bool | None:
        """Return a yes or no."""
        value = self._fields.get(key)
        return value if isinstance(value, bool) else None

    def number(self, key: str, minimum: float = -LARGEST, maximum: float = LARGEST) -> float | None:
        """Return a number within bounds."""
        value = self._fields.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return value if minimum <= value <= maximum else None

    def whole(self, key: str, minimum: float = -LARGEST, maximum: float = LARGEST) -> int | None:
        """Return a number within bounds without its fraction."""
        value = self.number(key, minimum, maximum)
        return None if value is None else int(value)

    def wholes(self, key: str, minimum: int, maximum: int) -> tuple[int, ...]:
        """Return the whole numbers of a list that are within bounds."""
        values = self._fields.get(key)
        if not isinstance(values, list):
            return ()
        return tuple(
            v
            for v in values
            if isinstance(v, int) and not isinstance(v, bool) and minimum <= v <= maximum
        )

    def word(self, key: str, words: type[WordT]) -> WordT | None:
        """Return one of BMW's words; one that is not known is reported."""
        text = self.text(key)
        if text is None:
            return None
        word = find_word(text, words)
        if word is None and text.upper() != "UNKNOWN":
            self._report(key, text)
        return word

    def moment(self, key: str) -> datetime | None:
        """Return a time; BMW's year 1 stands for never."""
        text = self.text(key)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self._report(key, text)
            return None
        if not 1970 < moment.year < 9999:  # noqa: PLR2004 - BMW's cars could not speak before
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def day(self, key: str) -> date | None:
        """Return the date of a time."""
        moment = self.moment(key)
        return None if moment is None else moment.date()

    def clock(self, key: str) -> time | None:
        """Return a time of day, given as `{"hour", "minute"}`."""
        clock = self.part(key)
        hour, minute = clock.whole("hour", 0, 23), clock.whole("minute", 0, 59)
        return None if hour is None or minute is None else time(hour, minute)


def find_word(text: str, words: type[WordT]) -> WordT | None:
    """Find a word in either case, by its name."""
    return words.__members__.get(text.upper())
