"""The page of one car: the last days, months, charging sessions, trips, values, positions."""

from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from html import escape
from typing import Final

from bmw2mqtt.history.records import ReadingRecord
from bmw2mqtt.history.statistics import PeriodSum
from bmw2mqtt.web.vehicle_page import html, words
from bmw2mqtt.web.vehicle_page.columns import charge_columns, trip_columns
from bmw2mqtt.web.vehicle_page.html import PageColumn
from bmw2mqtt.web.vehicle_page.past import DAY_S, LAST_DAYS, Past, thinned
from bmw2mqtt.web.vehicle_page.words import mark, t

PLOT_STEP_S: Final = 1800
TABLE_STEP_S: Final = 6 * 3600
_EXPORTS: Final = (
    (mark("CSV"), "csv", ""),
    (mark("CSV for a German Excel"), "csv", "?locale=de"),
    (mark("JSON lines"), "json", ""),
)
_SECTIONS: Final = (
    ("days", mark("Last 14 days")),
    ("months", mark("Months")),
    ("charges", mark("Charging sessions")),
    ("trips", mark("Trips")),
    ("values", mark("All values")),
)
_TITLES: Final = dict(_SECTIONS)


def _section(key: str, content: str) -> str:
    return html.section(key, t(_TITLES[key]), content)


def render(
    past: Past | None,
    *,
    vin: str,
    name: str,
    has_picture: bool,
    is_streamed: bool,
    zone: tzinfo,
    currency: str,
) -> str:
    """Return the page; its address ends in `cars/{VIN}/`. Without a past it has values alone."""
    picture = (
        f'<img src="picture.png" alt="{escape(t("Picture of {name}", name=name))}"'
        ' width="220" height="124">'
        if has_picture
        else ""
    )
    sections = _SECTIONS if past is not None else _SECTIONS[-1:]
    links = "".join(f'<li><a href="#{key}">{t(title)}</a></li>' for key, title in sections)
    body = (
        f'<div class="title" data-vin="{escape(vin)}">{picture}<div><h1>{escape(name)}</h1>'
        f'<p class="soft">{escape(vin)}</p></div></div>\n'
        f'<nav aria-label="{t("On this page")}"><ul>{links}</ul></nav>\n'
    )
    if past is None:
        body += html.empty(t("Nothing is recorded: the history is switched off (history.enabled)."))
        body += _values(is_streamed=is_streamed)
    else:
        body += _days(past, zone) + _months(past) + _charges(past, zone, currency)
        body += _trips(past, zone) + (_notice() if past.months else "")
        body += _values(is_streamed=is_streamed) + _positions(past, vin)
    return words.document(title=f"{name} · bmw2mqtt", body=body, root="../../", name="")


def _notice() -> str:
    text = t(
        "~ is an estimate of the car, not of a calibrated meter. The trips are a help for keeping"
        " a logbook, not a tax-proof one."
    )
    return f'<p class="soft">{text}</p>\n'


# The last days


def _days(past: Past, zone: tzinfo) -> str:
    plots = list(_day_plots(past, zone))
    if not plots:
        text = t("Charge and range appear here once the car has reported twice within 14 days.")
        return _section("days", html.empty(text))
    rows = thinned(past.readings, TABLE_STEP_S)[::-1]
    table = html.table(t("Charge and range"), _reading_columns(zone), rows)
    content = html.figures(plots) + html.details(t("Charge and range as a table"), table)
    return _section("days", html.card(content))


def _day_plots(past: Past, zone: tzinfo) -> Iterator[str]:
    readings = thinned(past.readings, PLOT_STEP_S)
    kinds: tuple[tuple[str, str, str, float | None, Callable[[ReadingRecord], float | None]], ...]
    kinds = (
        (t("Charge"), "%", "charge", 100, lambda reading: reading.soc),
        (t("Fuel"), words.litre(), "fuel", None, lambda reading: words.volume(reading.fuel_l)),
        (t("Range"), words.km(), "range", None, lambda reading: words.distance(reading.range_km)),
    )
    for name, unit, kind, top, value in kinds:
        points = [(reading.key, value(reading)) for reading in readings]
        known = [(at, figure) for at, figure in points if figure is not None]
        if len(known) > 1:
            between = (past.until - LAST_DAYS * DAY_S, past.until)
            extent = _extent([v for _, v in known])
            label = t("{name} of the last 14 days, in {unit}:", name=name, unit=unit) + f" {extent}"
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
    return t(
        "between {lowest} and {highest}, at the end {last}",
        lowest=words.number(min(values), 0),
        highest=words.number(max(values), 0),
        last=words.number(values[-1], 0),
    )


def _reading_columns(zone: tzinfo) -> tuple[PageColumn[ReadingRecord], ...]:
    return (
        PageColumn(t("Time"), lambda row: words.time_text(row.key, None, zone), is_number=False),
        PageColumn(t("Charge (%)"), lambda row: words.number(row.soc, 0)),
        PageColumn(
            t("Fuel"), lambda row: words.number(words.volume(row.fuel_l), 0), unit=words.litre()
        ),
        PageColumn(t("Range"), lambda row: words.distance_text(row.range_km), unit=words.km()),
        PageColumn(
            t("Odometer"), lambda row: words.distance_text(row.odometer_km), unit=words.km()
        ),
    )


# Months


def _months(past: Past) -> str:
    if not past.months:
        text = t("Sums of each month appear here after the first charge or trip.")
        return _section("months", html.empty(text))
    table = html.table(t("Sums per month"), _month_columns(), past.months)
    plots = html.figures(_month_plots(past.months))
    content = plots + html.details(t("Months as a table"), table) + _downloads("readings")
    return _section("months", html.card(content))


def _month_plots(months: Sequence[PeriodSum]) -> list[str]:
    """Return the two plots that tell most: energy or distance, and consumption."""
    kinds: tuple[tuple[str, str, Callable[[PeriodSum], float | None]], ...] = (
        (f"{t('Energy charged')} (kWh)", "energy", lambda month: month.kwh or None),
        (
            f"{t('Consumption')} ({words.energy_unit()})",
            "use",
            lambda month: words.energy_use(month.kwh_per_100km),
        ),
        (
            f"{t('Consumption')} ({words.fuel_unit()})",
            "use",
            lambda month: words.fuel_use(month.litres_per_100km),
        ),
        (
            f"{t('Distance')} ({words.km()})",
            "distance",
            lambda month: words.distance(month.km) or None,
        ),
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
    told = ", ".join(
        f"{name}: {words.number(figure, 0)}" for name, figure in values if figure is not None
    )
    return html.figure(caption, plots.columns(values, label=f"{caption}: {told}"), kind=kind)


def _month_columns() -> tuple[PageColumn[PeriodSum], ...]:
    return (
        PageColumn(t("Month"), lambda month: month.period, is_number=False),
        PageColumn(
            t("Charged"),
            lambda month: words.energy(month.kwh or None, is_estimate=month.kwh_estimated > 0),
            unit="kWh",
        ),
        PageColumn(t("at home"), lambda month: words.number(month.kwh_home or None, 1)),
        PageColumn(t("Sessions"), lambda month: words.number(month.charges or None, 0)),
        PageColumn(t("Cost"), lambda month: _costs(month.costs)),
        PageColumn(t("Driven"), lambda month: words.distance_text(month.km), unit=words.km()),
        PageColumn(t("Trips"), lambda month: words.number(month.trips or None, 0)),
        PageColumn(words.energy_unit(), lambda month: words.energy_use_text(month.kwh_per_100km)),
        PageColumn(
            t("Fuel"),
            lambda month: words.number(words.volume(month.litres or None), 1),
            unit=words.litre(),
        ),
        PageColumn(
            words.fuel_unit(), lambda month: words.number(words.fuel_use(month.litres_per_100km), 1)
        ),
    )


def _costs(costs: dict[str, float]) -> str:
    texts = (words.number(amount, 2, f" {currency}") for currency, amount in sorted(costs.items()))
    return ", ".join(texts) or html.NONE


# Charging sessions and trips


def _charges(past: Past, zone: tzinfo, currency: str) -> str:
    table = html.table(t("Charging sessions"), charge_columns(zone, currency), past.charges)
    pages = _pages("charges", past.charges_page, past.trips_page, has_more=past.has_more_charges)
    text = t("A charging session appears here when the car has charged.")
    content = html.card(table + pages + _downloads("charges")) if table else html.empty(text)
    return _section("charges", content)


def _trips(past: Past, zone: tzinfo) -> str:
    table = html.table(t("Trips"), trip_columns(zone), past.trips)
    pages = _pages("trips", past.trips_page, past.charges_page, has_more=past.has_more_trips)
    text = t("A trip appears here when the car has driven and reported.")
    content = html.card(table + pages + _downloads("trips")) if table else html.empty(text)
    return _section("trips", content)


def _pages(kind: str, page: int, other: int, *, has_more: bool) -> str:
    second = "trips" if kind == "charges" else "charges"

    def link(number: int, text: str) -> str:
        return f'<a href="?{kind}={number}&amp;{second}={other}#{kind}">{text}</a>'

    links = [link(page - 1, t("Newer"))] if page > 1 else []
    if has_more:
        links.append(link(page + 1, t("Older")))
    if not links:
        return ""
    label = t("Pages: {title}", title=t(_TITLES[kind]))
    return f'<nav class="pages" aria-label="{label}">{"".join(links)}</nav>'


def _downloads(kind: str) -> str:
    links = " · ".join(
        f'<a href="history/{kind}.{form}{query}" download>{t(text)}</a>'
        for text, form, query in _EXPORTS
    )
    return f'<p class="soft downloads">{t(_TITLES_OF_FILES[kind])} {links}</p>'


_TITLES_OF_FILES: Final = {
    "readings": mark("Download all months:"),
    "charges": mark("Download all charging sessions:"),
    "trips": mark("Download all trips:"),
}


# Values and positions


def _values(*, is_streamed: bool) -> str:
    """Return the frame of the values: the script fills it, and keeps it up to date."""
    content = f"""<div class="card past" id="all-values">
<div class="filter"><label for="filter">{t("Filter by name, value or topic")}</label>
<input id="filter" type="search" autocomplete="off" spellcheck="false">
<p class="soft"><span id="count" role="status"></span> {t("Each topic begins with")}
<code id="prefix"></code></p></div>
<table class="topics"><thead><tr><th scope="col">{t("Value and topic")}</th>
<th scope="col" class="number">{t("Now, and when measured")}</th></tr></thead>
<tbody id="rows"></tbody></table>
<noscript><p class="empty">{t("The values need JavaScript.")}</p></noscript></div>
"""
    if is_streamed:
        link = f'<a href="data">{t("Choose what the car sends")}</a>'
        content = f'<p class="past-link">{link}</p>\n{content}'
    return _section("values", content)


def _positions(past: Past, vin: str) -> str:
    if not past.positions:
        text = t("The history of this car holds no position.")
        return html.section("positions", t("Positions"), html.card(f'<p class="soft">{text}</p>'))
    count = t("1 record") if past.positions == 1 else t("{count} records", count=past.positions)
    holds = t(
        "The history of this car holds the position of {count} (charging sessions, trips,"
        " refuelling). The page and the downloads never show one.",
        count=count,
    )
    lost = t(
        "Positions, addresses and the way of each trip are deleted for good. Charging sessions,"
        " trips and energy stay. New ones get positions again while history.positions is set."
    )
    content = f"""<p>{holds}</p>
<p><button type="button" id="delete-positions">{t("Delete positions …")}</button></p>
<dialog id="confirm" aria-labelledby="confirm-title" data-path="api/cars/{escape(vin)}/positions">
<h2 id="confirm-title">{t("Delete every position of this car?")}</h2>
<p>{lost}</p>
<div class="row"><button type="button" id="cancel">{t("Cancel")}</button>
<button type="button" id="confirmed" class="danger">{t("Delete positions")}</button></div>
</dialog>
"""
    return html.section("positions", t("Positions"), html.card(content))
