"""The page of one car: the last days, months, charging sessions, trips, values, positions."""

from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from html import escape
from typing import Final

from bmw2mqtt.history.prices import effective_cost
from bmw2mqtt.history.queries import Row
from bmw2mqtt.history.records import ReadingRecord, SessionRecord, TripRecord
from bmw2mqtt.history.statistics import PeriodSum
from bmw2mqtt.web.vehicle_page import html, words
from bmw2mqtt.web.vehicle_page.html import PageColumn
from bmw2mqtt.web.vehicle_page.past import DAY_S, LAST_DAYS, Past, thinned

PLOT_STEP_S: Final = 1800
TABLE_STEP_S: Final = 6 * 3600
_EXPORTS: Final = (
    ("CSV", "csv", ""),
    ("CSV for a German Excel", "csv", "?locale=de"),
    ("JSON lines", "json", ""),
)
_SECTIONS: Final = (
    ("days", f"Last {LAST_DAYS} days"),
    ("months", "Months"),
    ("charges", "Charging sessions"),
    ("trips", "Trips"),
    ("values", "All values"),
)
_TITLES: Final = dict(_SECTIONS)


def render(
    past: Past | None,
    *,
    vin: str,
    name: str,
    has_picture: bool,
    zone: tzinfo,
    currency: str,
) -> str:
    """Return the page; its address ends in `cars/{VIN}/`. Without a past it has values alone."""
    picture = (
        f'<img src="picture.png" alt="Picture of {escape(name)}" width="220" height="124">'
        if has_picture
        else ""
    )
    sections = _SECTIONS if past is not None else _SECTIONS[-1:]
    links = "".join(f'<li><a href="#{key}">{title}</a></li>' for key, title in sections)
    body = (
        f'<div class="title" data-vin="{escape(vin)}">{picture}<div><h1>{escape(name)}</h1>'
        f'<p class="soft">{escape(vin)}</p></div></div>\n'
        f'<nav aria-label="On this page"><ul>{links}</ul></nav>\n'
    )
    if past is None:
        body += html.empty("Nothing is recorded: the history is switched off (history.enabled).")
        body += _values()
    else:
        body += _days(past, zone) + _months(past) + _charges(past, zone, currency)
        body += _trips(past, zone) + (_NOTICE if past.months else "")
        body += _values() + _positions(past, vin)
    return html.document(title=f"{name} · bmw2mqtt", body=body, root="../../", name="")


_NOTICE: Final = (
    '<p class="soft">~ is an estimate of the car, not of a calibrated meter. The trips are a help'
    " for keeping a logbook, not a tax-proof one.</p>\n"
)


# The last days


def _days(past: Past, zone: tzinfo) -> str:
    plots = list(_day_plots(past, zone))
    if not plots:
        text = (
            f"Charge and range appear here once the car has reported twice within {LAST_DAYS} days."
        )
        return html.section("days", _TITLES["days"], html.empty(text))
    rows = thinned(past.readings, TABLE_STEP_S)[::-1]
    table = html.table("Charge and range", _reading_columns(zone), rows)
    content = html.figures(plots) + html.details("Charge and range as a table", table)
    return html.section("days", _TITLES["days"], html.card(content))


def _day_plots(past: Past, zone: tzinfo) -> Iterator[str]:
    readings = thinned(past.readings, PLOT_STEP_S)
    kinds: tuple[tuple[str, str, str, float | None, Callable[[ReadingRecord], float | None]], ...]
    kinds = (
        ("Charge", "%", "charge", 100, lambda reading: reading.soc),
        ("Fuel", "L", "fuel", None, lambda reading: reading.fuel_l),
        ("Range", "km", "range", None, lambda reading: reading.range_km),
    )
    for name, unit, kind, top, value in kinds:
        points = [(reading.key, value(reading)) for reading in readings]
        known = [(at, figure) for at, figure in points if figure is not None]
        if len(known) > 1:
            between = (past.until - LAST_DAYS * DAY_S, past.until)
            label = (
                f"{name} of the last {LAST_DAYS} days, in {unit}: {_extent([v for _, v in known])}"
            )
            yield _line(f"{name} ({unit})", known, label, kind, zone, between, top)


def _line(
    caption: str,
    points: Sequence[tuple[int, float]],
    label: str,
    kind: str,
    zone: tzinfo,
    between: tuple[float, float],
    top: float | None,
) -> str:
    from bmw2mqtt.web.vehicle_page import plots  # noqa: PLC0415 - heavy

    plot = plots.line(points, label=label, zone=zone, between=between, top=top)
    return html.figure(caption, plot, kind=kind)


def _extent(values: Sequence[float]) -> str:
    return f"between {min(values):.0f} and {max(values):.0f}, at the end {values[-1]:.0f}"


def _reading_columns(zone: tzinfo) -> tuple[PageColumn[ReadingRecord], ...]:
    return (
        PageColumn("Time", lambda row: words.time_text(row.key, None, zone), is_number=False),
        PageColumn("Charge (%)", lambda row: words.number(row.soc, 0)),
        PageColumn("Fuel (L)", lambda row: words.number(row.fuel_l, 0)),
        PageColumn("Range (km)", lambda row: words.number(row.range_km, 0)),
        PageColumn("Odometer (km)", lambda row: words.number(row.odometer_km, 0)),
    )


# Months


def _months(past: Past) -> str:
    if not past.months:
        text = "Sums of each month appear here after the first charge or trip."
        return html.section("months", _TITLES["months"], html.empty(text))
    table = html.table("Sums per month", _month_columns(), past.months)
    plots = html.figures(_month_plots(past.months))
    content = plots + html.details("Months as a table", table) + _downloads("readings")
    return html.section("months", _TITLES["months"], html.card(content))


def _month_plots(months: Sequence[PeriodSum]) -> list[str]:
    """Return the two plots that tell most: energy or distance, and consumption."""
    kinds: tuple[tuple[str, str, Callable[[PeriodSum], float | None]], ...] = (
        ("Energy charged (kWh)", "energy", lambda month: month.kwh or None),
        ("Consumption (kWh/100 km)", "use", lambda month: month.kwh_per_100km),
        ("Consumption (L/100 km)", "use", lambda month: month.litres_per_100km),
        ("Distance (km)", "distance", lambda month: month.km or None),
    )
    used = [kind for kind in kinds if any(kind[2](month) is not None for month in months)]
    return [_month_plot(caption, kind, value, months) for caption, kind, value in used[:2]]


def _month_plot(
    caption: str,
    kind: str,
    value: Callable[[PeriodSum], float | None],
    months: Sequence[PeriodSum],
) -> str:
    from bmw2mqtt.web.vehicle_page import plots  # noqa: PLC0415 - heavy

    known = {month.period: value(month) for month in months}
    values = [(name, known.get(name)) for name in plots.last_months(months[0].period)]
    told = ", ".join(f"{name}: {figure:.0f}" for name, figure in values if figure is not None)
    return html.figure(caption, plots.columns(values, label=f"{caption}: {told}"), kind=kind)


def _month_columns() -> tuple[PageColumn[PeriodSum], ...]:
    return (
        PageColumn("Month", lambda month: month.period, is_number=False),
        PageColumn(
            "Charged (kWh)",
            lambda month: words.energy(month.kwh or None, is_estimate=month.kwh_estimated > 0),
        ),
        PageColumn("at home", lambda month: words.number(month.kwh_home or None, 1)),
        PageColumn("Sessions", lambda month: words.number(month.charges or None, 0)),
        PageColumn("Cost", lambda month: _costs(month.costs)),
        PageColumn("Driven (km)", lambda month: words.number(month.km, 0)),
        PageColumn("Trips", lambda month: words.number(month.trips or None, 0)),
        PageColumn("kWh/100 km", lambda month: words.number(month.kwh_per_100km, 1)),
        PageColumn("Fuel (L)", lambda month: words.number(month.litres or None, 1)),
        PageColumn("L/100 km", lambda month: words.number(month.litres_per_100km, 1)),
    )


def _costs(costs: dict[str, float]) -> str:
    texts = (f"{amount:.2f} {currency}" for currency, amount in sorted(costs.items()))
    return ", ".join(texts) or html.NONE


# Charging sessions and trips


def _charges(past: Past, zone: tzinfo, currency: str) -> str:
    table = html.table("Charging sessions", charge_columns(zone, currency), past.charges)
    pages = _pages("charges", past.charges_page, past.trips_page, has_more=past.has_more_charges)
    text = "A charging session appears here when the car has charged."
    content = html.card(table + pages + _downloads("charges")) if table else html.empty(text)
    return html.section("charges", _TITLES["charges"], content)


def _trips(past: Past, zone: tzinfo) -> str:
    table = html.table("Trips", trip_columns(zone), past.trips)
    pages = _pages("trips", past.trips_page, past.charges_page, has_more=past.has_more_trips)
    text = "A trip appears here when the car has driven and reported."
    content = html.card(table + pages + _downloads("trips")) if table else html.empty(text)
    return html.section("trips", _TITLES["trips"], content)


def charge_columns(zone: tzinfo, currency: str) -> tuple[PageColumn[Row[SessionRecord]], ...]:
    """Return the columns of charging sessions."""

    def end(row: Row[SessionRecord]) -> str:
        record = row.record
        if record.status in {"charging", "paused"}:
            return record.status
        return words.near_time_text(record.end_at, record.start_at, record.time_zone, zone)

    return (
        PageColumn(
            "Start",
            lambda row: words.time_text(row.record.start_at, row.record.time_zone, zone),
            is_number=False,
            link=lambda row: f"charges/{row.record.key}",
        ),
        PageColumn("End", end, is_number=False),
        PageColumn("Energy (kWh)", lambda row: charge_energy(row.record)),
        PageColumn("Battery (%)", lambda row: words.span(row.record.soc_start, row.record.soc_end)),
        PageColumn("Mean (kW)", lambda row: words.number(row.record.mean_kw, 1)),
        PageColumn("Peak (kW)", lambda row: words.number(row.record.peak_kw, 1)),
        PageColumn(
            "Current",
            lambda row: words.KINDS.get(row.record.kind or "", html.NONE),
            is_number=False,
        ),
        PageColumn("Place", lambda row: row.record.zone or html.NONE, is_number=False),
        PageColumn("Cost", lambda row: cost_text(row, currency)),
        PageColumn("Label", _label, is_number=False),
        PageColumn("Class", _class, is_number=False),
    )


def charge_energy(record: SessionRecord, unit: str = "") -> str:
    """Return the energy of a session."""
    is_estimate = record.energy_source == "estimated"
    return words.energy(record.grid_kwh, is_estimate=is_estimate, unit=unit)


def cost_text(row: Row[SessionRecord], currency: str) -> str:
    """Return what a session costs."""
    cost = effective_cost(row, currency)
    return html.NONE if cost is None else f"{cost.amount:.2f} {cost.currency}"


def trip_columns(zone: tzinfo) -> tuple[PageColumn[Row[TripRecord]], ...]:
    """Return the columns of trips."""

    def start(row: Row[TripRecord]) -> str:
        record = row.record
        if not record.start_known:
            return words.UNKNOWN
        return words.near_time_text(record.start_at, record.end_at, record.time_zone, zone)

    return (
        PageColumn(
            "End",
            lambda row: words.time_text(row.record.end_at, row.record.time_zone, zone),
            is_number=False,
            link=lambda row: f"trips/{row.record.key}",
        ),
        PageColumn("Start", start, is_number=False),
        PageColumn("Distance (km)", lambda row: words.number(row.record.km, 0)),
        PageColumn("kWh/100 km", lambda row: words.number(row.record.kwh_per_100km, 1)),
        PageColumn("Battery (%)", lambda row: words.span(row.record.soc_start, row.record.soc_end)),
        PageColumn("Odometer (km)", lambda row: words.number(row.record.odometer_end_km, 0)),
        PageColumn("From, to", lambda row: trip_places(row.record), is_number=False),
        PageColumn("Label", _label, is_number=False),
        PageColumn("Class", _class, is_number=False),
    )


def trip_places(record: TripRecord) -> str:
    """Return the words for both ends of a trip."""
    if record.zone_from is None and record.zone_to is None:
        return html.NONE
    return f"{record.zone_from or html.NONE} → {record.zone_to or html.NONE}"


def _label(row: Row[SessionRecord] | Row[TripRecord]) -> str:
    return row.user.user_label or html.NONE


def _class(row: Row[SessionRecord] | Row[TripRecord]) -> str:
    return words.CLASSES.get(row.user.user_class or "", html.NONE)


def _pages(kind: str, page: int, other: int, *, has_more: bool) -> str:
    second = "trips" if kind == "charges" else "charges"

    def link(number: int, text: str) -> str:
        return f'<a href="?{kind}={number}&amp;{second}={other}#{kind}">{text}</a>'

    links = [link(page - 1, "Newer")] if page > 1 else []
    if has_more:
        links.append(link(page + 1, "Older"))
    if not links:
        return ""
    return (
        f'<nav class="pages" aria-label="Pages of {_TITLES[kind].lower()}">{"".join(links)}</nav>'
    )


def _downloads(kind: str) -> str:
    links = " · ".join(
        f'<a href="history/{kind}.{form}{query}" download>{text}</a>'
        for text, form, query in _EXPORTS
    )
    return f'<p class="soft downloads">Download {_TITLES_OF_FILES[kind]}: {links}</p>'


_TITLES_OF_FILES: Final = {
    "readings": "all months",
    "charges": "all charging sessions",
    "trips": "all trips",
}


# Values and positions


def _values() -> str:
    """Return the frame of the values: the script fills it, and keeps it up to date."""
    content = """<div class="card past" id="all-values">
<div class="filter"><label for="filter">Filter by name, value or topic</label>
<input id="filter" type="search" autocomplete="off" spellcheck="false">
<p class="soft"><span id="count" role="status"></span> Each topic begins with
<code id="prefix"></code></p></div>
<table class="topics"><thead><tr><th scope="col">Value and topic</th>
<th scope="col" class="number">Now, and when measured</th></tr></thead>
<tbody id="rows"></tbody></table>
<noscript><p class="empty">The values need JavaScript.</p></noscript></div>
"""
    return html.section("values", _TITLES["values"], content)


def _positions(past: Past, vin: str) -> str:
    if not past.positions:
        text = '<p class="soft">The history of this car holds no position.</p>'
        return html.section("positions", "Positions", html.card(text))
    count = "1 record" if past.positions == 1 else f"{past.positions} records"
    content = f"""<p>The history of this car holds the position of {count} (charging sessions,
trips, refuelling). The page and the downloads never show one.</p>
<p><button type="button" id="delete-positions">Delete positions …</button></p>
<dialog id="confirm" aria-labelledby="confirm-title" data-path="api/cars/{escape(vin)}/positions">
<h2 id="confirm-title">Delete every position of this car?</h2>
<p>Positions, addresses and the way of each trip are deleted for good. Charging sessions, trips and
energy stay. New ones get positions again while <code>history.positions</code> is set.</p>
<div class="row"><button type="button" id="cancel">Cancel</button>
<button type="button" id="confirmed" class="danger">Delete positions</button></div>
</dialog>
"""
    return html.section("positions", "Positions", html.card(content))
