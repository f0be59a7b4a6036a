"""The prices of energy in the last weeks."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from bmw2mqtt.history.prices import SAMPLE_VALID_S
from bmw2mqtt.history.records import PriceSample

RENEW_S: Final = SAMPLE_VALID_S // 2
"""A price that stands is written again after this time: it is still valid."""
STEP_S: Final = 60
"""Of the prices within this time only the last is kept: a topic may send one every second."""


class PriceLog:
    """Price samples by time, in one currency."""

    def __init__(self, currency: str) -> None:
        self.current: float | None = None
        """The price now; `None`: not known in this run."""
        self._currency = currency
        self._times, self._prices = array("q"), array("d")

    def restore(self, samples: Iterable[PriceSample]) -> None:
        """Put the samples of earlier runs in front, sorted by time."""
        times, prices = self._times, self._prices
        self._times, self._prices = array("q"), array("d")
        first = times[0] if times else None
        for sample in samples:
            is_ours = sample.currency == self._currency
            if is_ours and (first is None or sample.key < first):
                self._append(sample.key, sample.price_per_kwh)
        self._times.extend(times)
        self._prices.extend(prices)

    def update(self, price_per_kwh: float, now: datetime) -> PriceSample | None:
        """Note the price now; return the sample to store, `None` if that adds nothing."""
        self.current = price_per_kwh
        return self.renew(now)

    def renew(self, now: datetime) -> PriceSample | None:
        """Return the sample to store if the price now was not stored for long."""
        price, key = self.current, int(now.timestamp())
        if price is None:
            return None
        if self._times:
            last_at, last = self._times[-1], self._prices[-1]
            if key < last_at or (price == last and key - last_at < RENEW_S):
                return None
            if key - last_at < STEP_S:
                key = last_at
        self._append(key, price)
        return PriceSample(key=key, price_per_kwh=price, currency=self._currency)

    def between(self, begin: int | None, end: int | None) -> list[PriceSample]:
        """Return the samples that were valid between two times, sorted."""
        if begin is None or end is None:
            return []
        first = max(0, bisect_right(self._times, begin) - 1)
        last = bisect_left(self._times, end, first)
        return [
            PriceSample(key=at, price_per_kwh=price, currency=self._currency)
            for at, price in zip(self._times[first:last], self._prices[first:last], strict=True)
        ]

    def forget(self, before: int) -> None:
        """Drop samples that are older."""
        count = bisect_left(self._times, before)
        self._times, self._prices = self._times[count:], self._prices[count:]

    def _append(self, key: int, price: float) -> None:
        if self._times and self._times[-1] == key:
            self._prices[-1] = price
        else:
            self._times.append(key)
            self._prices.append(price)
