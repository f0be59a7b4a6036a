"""Look up the readings of a car: BMW has several names for the same fact."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from bmw2mqtt.accounts.cardata.telemetry.decode import LogUnknown
from bmw2mqtt.vehicle.snapshot import Reading

WordT = TypeVar("WordT", bound=StrEnum)
NEVER = datetime.min.replace(tzinfo=UTC)


class ReadingLookup:
    """Finds a fact by a chain of descriptors: the reading that was measured last counts.

    Of readings of the same time the first name's counts. A reading that another one of the chain
    had replaced does not come back when that one becomes unknown.
    """

    __slots__ = ("_known_at", "_log_unknown", "_readings")

    def __init__(
        self,
        readings: Mapping[str, Reading],
        known_at: Mapping[str, datetime],
        log_unknown: LogUnknown,
    ) -> None:
        """Look readings up; `known_at`: when the last known value of unknown ones was measured."""
        self._readings = readings
        self._known_at = known_at
        self._log_unknown = log_unknown

    def __contains__(self, name: str) -> bool:
        return name in self._readings

    def find(self, *names: str) -> Reading | None:
        """Return the reading that counts, or `None` if the fact is unknown."""
        if len(names) == 1:
            reading = self._readings.get(names[0])
            return None if reading is None or reading.value is None else reading
        best: Reading | None = None
        best_at = replaced_before = NEVER
        for name in names:
            reading = self._readings.get(name)
            if reading is None:
                continue
            if reading.value is None:
                replaced_before = max(replaced_before, self._known_at.get(name, NEVER))
                continue
            measured_at = reading.measured_at or NEVER
            if best is None or measured_at > best_at:
                best, best_at = reading, measured_at
        return None if best_at < replaced_before else best

    def number(
        self, *names: str, minimum: float = float("-inf"), maximum: float = float("inf")
    ) -> float | None:
        """Return a number within bounds, in the catalogue's unit."""
        reading = self.find(*names)
        if reading is None or not isinstance(reading.value, float):
            return None
        return reading.value if minimum <= reading.value <= maximum else None

    def whole(self, *names: str, minimum: float, maximum: float) -> int | None:
        """Return a number within bounds without its fraction."""
        value = self.number(*names, minimum=minimum, maximum=maximum)
        return None if value is None else int(value)

    def flag(self, *names: str) -> bool | None:
        """Return a yes or no."""
        reading = self.find(*names)
        return reading.value if reading and isinstance(reading.value, bool) else None

    def word(self, *names: str) -> str | None:
        """Return a word or text."""
        reading = self.find(*names)
        return reading.value if reading and isinstance(reading.value, str) else None

    def one_of(self, words: Mapping[str, WordT | None], *names: str) -> WordT | None:
        """Return what the newest word stands for that says something about the fact.

        Args:
            words: by BMW's word, lower case without anything between its parts; those that stand
                for `None` are known and say nothing. Others are logged.
            names: the chain.
        """
        reading = self.find_one_of(words, *names)
        is_word = reading is not None and isinstance(reading.value, str)
        return words.get(reading.value.replace("_", "")) if is_word else None  # type: ignore[union-attr] # is_word

    def find_one_of(self, words: Mapping[str, WordT | None], *names: str) -> Reading | None:
        """Return the reading that `one_of` goes by."""
        return self.find(*(name for name in names if not self._is_beside_the_point(words, name)))

    def _is_beside_the_point(self, words: Mapping[str, WordT | None], name: str) -> bool:
        """Return whether a descriptor's word is not about the fact."""
        reading = self._readings.get(name)
        if reading is None or not isinstance(reading.value, str):
            return False
        key = reading.value.replace("_", "")
        if key not in words:
            self._log_unknown(name, reading.value)
        return words.get(key) is None
