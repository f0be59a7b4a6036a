"""What a charge costs: a fixed price, or prices that change while energy flows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bmw2mqtt.history.queries import Row
from bmw2mqtt.history.records import PriceSample, SessionRecord

SAMPLE_VALID_S: Final = 24 * 3600
"""A price that was not renewed for longer is unknown."""
PARTIAL: Final = 0.05
"""So much of the energy may be without a price before the cost is called partial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """An amount of money; amounts of different currencies are never added."""

    amount: float
    currency: str
    source: str
    """`fixed`, `sampled`, `user` (entered by a person), or what the record says."""
    is_partial: bool = False


def cost_of(
    session: SessionRecord,
    *,
    price_per_kwh: float | None,
    currency: str,
    samples: Sequence[PriceSample] = (),
) -> Cost | None:
    """Return the cost of a charge at home; `None` without a price, or at a public charger.

    The fixed price is for the time without samples. These are sorted by time; samples in another
    currency do not count.
    """
    if session.grid_kwh is None or session.zone == "elsewhere" or session.kind == "dc":
        return None
    usable = [sample for sample in samples if sample.currency == currency]
    if usable:
        sampled = _sampled(session, usable, currency, price_per_kwh)
        if sampled is not None:
            return sampled
    if price_per_kwh is None:
        return None
    return Cost(amount=session.grid_kwh * price_per_kwh, currency=currency, source="fixed")


def effective_cost(row: Row[SessionRecord], currency: str) -> Cost | None:
    """Return the cost that counts: what a person has entered wins over what was calculated."""
    record, user = row.record, row.user
    if user.user_cost is not None:
        return Cost(amount=user.user_cost, currency=currency, source="user")
    if user.user_price_per_kwh is not None and record.grid_kwh is not None:
        amount = user.user_price_per_kwh * record.grid_kwh
        return Cost(amount=amount, currency=currency, source="user")
    if record.cost is None:
        return None
    return Cost(
        amount=record.cost,
        currency=record.currency or currency,
        source=record.cost_source or "",
        is_partial=record.is_cost_partial,
    )


def _sampled(
    session: SessionRecord,
    samples: Sequence[PriceSample],
    currency: str,
    price_per_kwh: float | None,
) -> Cost | None:
    stretches = _stretches(session)
    total = sum(kwh for _, _, kwh in stretches)
    if not total or session.grid_kwh is None:
        return None
    amount = priced = 0.0
    for start, end, kwh in stretches:
        mean, share = _mean_price(start, end, samples)
        amount += mean * kwh * share
        priced += kwh * share
    if not priced:
        return None
    if price_per_kwh is not None:
        amount += price_per_kwh * (total - priced)
        priced = total
    scale = session.grid_kwh / total  # blocks may be measured at the battery
    return Cost(
        amount=amount * scale,
        currency=currency,
        source="sampled",
        is_partial=1 - priced / total > PARTIAL,
    )


def _stretches(session: SessionRecord) -> list[tuple[int, int, float]]:
    """Return when how much energy flowed."""
    blocks = session.blocks
    if blocks and all(block.kwh is not None for block in blocks):
        return [(block.start_at, block.end_at, block.kwh or 0.0) for block in blocks]
    if blocks:
        return [
            (block.start_at, block.end_at, float(max(1, block.end_at - block.start_at)))
            for block in blocks
        ]
    if session.start_at is None or session.end_at is None or session.grid_kwh is None:
        return []
    return [(session.start_at, session.end_at, session.grid_kwh)]


def _mean_price(start: int, end: int, samples: Sequence[PriceSample]) -> tuple[float, float]:
    """Return the mean price of a stretch, and for which share of it a price is known."""
    length = max(1, end - start)
    money = known = 0.0
    for index, sample in enumerate(samples):
        next_at = samples[index + 1].key if index + 1 < len(samples) else end + 1
        valid_until = min(next_at, sample.key + SAMPLE_VALID_S, start + length)
        seconds = max(0, valid_until - max(start, sample.key))
        money += sample.price_per_kwh * seconds
        known += seconds
    return (money / known, known / length) if known else (0.0, 0.0)
