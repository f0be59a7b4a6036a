"""The page of one car's past, as HTML: sums per month, charging sessions, trips. No positions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from html import escape
from typing import Any, Final, Generic, TypeVar

from bmw2mqtt.history.prices import effective_cost
from bmw2mqtt.history.queries import HistoryReader, Period, Row
from bmw2mqtt.history.records import SessionRecord, TripRecord
from bmw2mqtt.history.statistics import PeriodSum, local_zone, period_sums

T = TypeVar("T")

PAGE_ROWS: Final = 20
MOST_MONTHS: Final = 24
_NONE: Final = "\N{EN DASH}"
_EXPORTS: Final = (
    ("CSV", "csv", ""),
    ("CSV for a German Excel", "csv", "?locale=de"),
    ("JSON lines", "json", ""),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One page of a car's past."""

    name: str
    months: Sequence[PeriodSum] = ()
    """Newest first."""
    charges: Sequence[Row[SessionRecord]] = ()
    has_more_charges: bool = False
    trips: Sequence[Row[TripRecord]] = ()
    has_more_trips: bool = False
    charges_page: int = 1
    trips_page: int = 1


@dataclass(frozen=True, slots=True)
class _Column(Generic[T]):
    """A column: its heading, and the text of a cell."""

    heading: str
    text: Callable[[T], str]
    is_number: bool = True


def read_past(
    reader: HistoryReader,
    vin: str,
    name: str,
    *,
    zone: tzinfo,
    currency: str,
    charges_page: int = 1,
    trips_page: int = 1,
) -> Past:
    """Read one page of a car's past."""
    period = Period(vin=vin)
    limit = PAGE_ROWS + 1
    charges = reader.sessions(period, limit=limit, offset=(charges_page - 1) * PAGE_ROWS)
    trips = reader.trips(period, limit=limit, offset=(trips_page - 1) * PAGE_ROWS)
    months = period_sums(reader, vin, zone=zone, currency=currency)
    return Past(
        name=name,
        months=months[: -MOST_MONTHS - 1 : -1],
        charges=charges[:PAGE_ROWS],
        has_more_charges=len(charges) > PAGE_ROWS,
        trips=trips[:PAGE_ROWS],
        has_more_trips=len(trips) > PAGE_ROWS,
        charges_page=charges_page,
        trips_page=trips_page,
    )


def render(past: Past, *, zone: tzinfo, currency: str) -> str:
    """Return the page; its address ends in `cars/{VIN}/history`."""
    name = escape(past.name)
    parts = (
        _section(
            "Per month",
            _table("Per month", _month_columns(), past.months),
            "Sums appear here after the first charge or trip.",
            "readings",
        ),
        _section(
            "Charging sessions",
            _table("Charging sessions", _charge_columns(zone, currency), past.charges)
            + _pages("charges", past.charges_page, past.trips_page, past.has_more_charges),
            "A charging session appears here when the car has charged.",
            "charges",
        ),
        _section(
            "Trips",
            _table("Trips", _trip_columns(zone), past.trips)
            + _pages("trips", past.trips_page, past.charges_page, past.has_more_trips),
            "A trip appears here when the car has driven and reported.",
            "trips",
        ),
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<title>{name}: charges and trips</title>
<link rel="icon" href="../../icon.svg">
<link rel="stylesheet" href="../../page.css">
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header><h1><a href="../../"><img src="../../icon.svg" alt="" width="28" height="28">bmw2mqtt</a>
</h1></header>
<main id="main" tabindex="-1">
<h2>{name}: charges and trips</h2>
{"".join(parts)}
<p class="soft">~ is an estimate of the car, not of a calibrated meter. The trips are a help for
keeping a logbook, not a tax-proof one.</p>
</main>
</body>
</html>
"""


# Tables


def _section(title: str, table: str, when_empty: str, kind: str) -> str:
    links = " · ".join(
        f'<a href="history/{kind}.{form}{query}" download>{text}</a>'
        for text, form, query in _EXPORTS
    )
    content = table or f'<p class="empty">{when_empty}</p>'
    downloads = f'<p class="soft">Download: {links}</p>' if table else ""
    return f'<section class="card past"><h3>{title}</h3>{content}{downloads}</section>\n'


def _table(label: str, columns: Sequence[_Column[T]], rows: Iterable[T]) -> str:
    body = "".join(f"<tr>{_cells(columns, row)}</tr>" for row in rows)
    if not body:
        return ""
    head = "".join(
        f'<th scope="col"{_kind(column)}>{escape(column.heading)}</th>' for column in columns
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label)}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(columns: Sequence[_Column[T]], row: T) -> str:
    return "".join(f"<td{_kind(column)}>{escape(column.text(row))}</td>" for column in columns)


def _kind(column: _Column[Any]) -> str:
    return ' class="number"' if column.is_number else ""


def _pages(kind: str, page: int, other: int, has_more: bool) -> str:  # noqa: FBT001 - a fact
    second = "trips" if kind == "charges" else "charges"

    def link(number: int, text: str) -> str:
        return f'<a href="history?{kind}={number}&amp;{second}={other}">{text}</a>'

    links = [link(page - 1, "Newer")] if page > 1 else []
    if has_more:
        links.append(link(page + 1, "Older"))
    return f"<p>{' · '.join(links)}</p>" if links else ""


# Columns


def _month_columns() -> tuple[_Column[PeriodSum], ...]:
    return (
        _Column("Month", lambda month: month.period, is_number=False),
        _Column("Charged (kWh)", lambda month: _kwh(month.kwh, month.kwh_estimated > 0)),
        _Column("at home", lambda month: _number(month.kwh_home, 1)),
        _Column("Sessions", lambda month: str(month.charges)),
        _Column("Cost", lambda month: _costs(month.costs)),
        _Column("Driven (km)", lambda month: _number(month.km, 0)),
        _Column("Trips", lambda month: str(month.trips)),
        _Column("kWh/100 km", lambda month: _number(month.kwh_per_100km, 1)),
        _Column("Fuel (L)", lambda month: _number(month.litres or None, 1)),
    )


def _charge_columns(zone: tzinfo, currency: str) -> tuple[_Column[Row[SessionRecord]], ...]:
    def start(row: Row[SessionRecord]) -> str:
        return _time(row.record.start_at, row.record.time_zone, zone)

    def end(row: Row[SessionRecord]) -> str:
        is_running = row.record.status == "charging"
        return "charging" if is_running else _time(row.record.end_at, row.record.time_zone, zone)

    def cost(row: Row[SessionRecord]) -> str:
        known = effective_cost(row, currency)
        return _NONE if known is None else f"{known.amount:.2f} {known.currency}"

    return (
        _Column("Start", start, is_number=False),
        _Column("End", end, is_number=False),
        _Column(
            "Energy (kWh)",
            lambda row: _kwh(row.record.grid_kwh, row.record.energy_source == "estimated"),
        ),
        _Column("Battery (%)", lambda row: _span(row.record.soc_start, row.record.soc_end)),
        _Column("Mean (kW)", lambda row: _number(row.record.mean_kw, 1)),
        _Column("Peak (kW)", lambda row: _number(row.record.peak_kw, 1)),
        _Column("Current", lambda row: (row.record.kind or _NONE).upper(), is_number=False),
        _Column("Place", lambda row: row.record.zone or _NONE, is_number=False),
        _Column("Cost", cost),
    )


def _trip_columns(zone: tzinfo) -> tuple[_Column[Row[TripRecord]], ...]:
    def start(row: Row[TripRecord]) -> str:
        if not row.record.start_known:
            return "unknown"
        return _time(row.record.start_at, row.record.time_zone, zone)

    def places(row: Row[TripRecord]) -> str:
        return f"{row.record.zone_from or _NONE} → {row.record.zone_to or _NONE}"

    return (
        _Column("Start", start, is_number=False),
        _Column(
            "End", lambda row: _time(row.record.end_at, row.record.time_zone, zone), is_number=False
        ),
        _Column("Distance (km)", lambda row: _number(row.record.km, 0)),
        _Column("kWh/100 km", lambda row: _number(row.record.kwh_per_100km, 1)),
        _Column("Battery (%)", lambda row: _span(row.record.soc_start, row.record.soc_end)),
        _Column("Odometer (km)", lambda row: _number(row.record.odometer_end_km, 0)),
        _Column("From, to", places, is_number=False),
    )


def _time(at: int | None, name: str | None, zone: tzinfo) -> str:
    if at is None:
        return "unknown"
    return f"{datetime.fromtimestamp(at, local_zone(name, zone)):%Y-%m-%d %H:%M}"


def _number(value: float | None, digits: int) -> str:
    return _NONE if value is None else f"{value:.{digits}f}"


def _kwh(value: float | None, is_estimate: bool) -> str:  # noqa: FBT001 - a fact
    mark = "~" if is_estimate and value is not None else ""
    return f"{mark}{_number(value, 1)}"


def _span(first: float | None, last: float | None) -> str:
    if first is None and last is None:
        return _NONE
    return f"{_number(first, 0)} → {_number(last, 0)}"


def _costs(costs: dict[str, float]) -> str:
    return ", ".join(f"{amount:.2f} {name}" for name, amount in sorted(costs.items())) or _NONE
