"""The pages of one charging session and of one trip, with what a person may enter."""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from html import escape
from typing import Final, TypeVar

from bmw2mqtt.history.prices import effective_cost
from bmw2mqtt.history.queries import Row
from bmw2mqtt.history.records import (
    BlockRecord,
    CurvePoint,
    SessionRecord,
    TripRecord,
    UserFields,
)
from bmw2mqtt.web.vehicle_page import html, words
from bmw2mqtt.web.vehicle_page.columns import (
    charge_energy,
    cost_text,
    trip_places,
)
from bmw2mqtt.web.vehicle_page.html import PageColumn
from bmw2mqtt.web.vehicle_page.words import t

T = TypeVar("T")

_ROOT: Final = "../../../"


def render_charge(row: Row[SessionRecord], *, name: str, zone: tzinfo, currency: str) -> str:
    """Return the page of a session; its address ends in `cars/{VIN}/charges/{key}`."""
    record = row.record
    start = words.time_text(record.start_at, record.time_zone, zone)
    body = (
        _head(t("Charging session, {start}", start=start), "charges")
        + html.section("facts", t("What is known"), html.card(_charge_facts(row, zone, currency)))
        + html.section("curve", t("Curve"), _curve(record, zone))
        + html.section("edit", t("Your entries"), _charge_form(row, currency))
    )
    return words.document(title=f"{t('Charge')} {start} · {name}", body=body, root=_ROOT, name=name)


def render_trip(row: Row[TripRecord], *, name: str, zone: tzinfo) -> str:
    """Return the page of a trip; its address ends in `cars/{VIN}/trips/{key}`."""
    record = row.record
    end = words.time_text(record.end_at, record.time_zone, zone)
    started_at = record.start_at if record.start_known else None
    start = words.time_text(started_at, record.time_zone, zone)
    facts = (
        (t("Start"), start),
        (t("End"), end),
        (t("Distance"), words.distance_text(record.km, f" {words.km()}")),
        (t("From, to"), trip_places(record)),
        (t("Battery"), words.span(record.soc_start, record.soc_end, " %")),
        (t("Energy"), words.number(record.kwh, 1, " kWh")),
        (
            t("Consumption"),
            words.energy_use_text(record.kwh_per_100km, f" {words.energy_unit()}"),
        ),
        (t("Fuel"), words.number(words.volume(record.litres), 0, f" {words.litre()}")),
        (
            t("Odometer"),
            words.span(
                words.distance(record.odometer_start_km),
                words.distance(record.odometer_end_km),
                f" {words.km()}",
            ),
        ),
    )
    body = (
        _head(t("Trip, {end}", end=end), "trips")
        + html.section("facts", t("What is known"), html.card(html.facts(facts)))
        + html.section("edit", t("Your entries"), _trip_form(row))
    )
    return words.document(title=f"{t('Trip')} {end} · {name}", body=body, root=_ROOT, name=name)


def _head(title: str, section: str) -> str:
    return (
        f'<p class="back"><a href="../#{section}">{t("Back to the car")}</a></p>\n'
        f"<h1>{escape(title)}</h1>\n"
    )


# A charging session


def _charge_facts(row: Row[SessionRecord], zone: tzinfo, currency: str) -> str:
    record = row.record
    cost = effective_cost(row, currency)
    source = words.known(words.COST_SOURCES, cost.source if cost else None)
    partial = f" ({t('some of the energy has no price')})" if cost and cost.is_partial else ""
    return html.facts(
        (
            (t("Start"), words.time_text(record.start_at, record.time_zone, zone)),
            (t("End"), words.time_text(record.end_at, record.time_zone, zone)),
            (t("Energy from the grid"), charge_energy(record, " kWh")),
            (t("Source"), words.known(words.SOURCES, record.energy_source)),
            (t("Energy in the battery"), words.number(record.battery_kwh, 1, " kWh")),
            (t("Battery"), words.span(record.soc_start, record.soc_end, " %")),
            (t("Mean power"), words.number(record.mean_kw, 1, " kW")),
            (t("Peak power"), words.number(record.peak_kw, 1, " kW")),
            (t("Charging for"), words.minutes(record.active_s)),
            (t("Current"), words.known(words.KINDS, record.kind)),
            (t("Place"), words.place(record.zone)),
            (t("Odometer"), words.distance_text(record.odometer_km, f" {words.km()}")),
            (t("Cost"), f"{cost_text(row, currency)}{partial}" if cost else html.NONE),
            (t("Source of the cost"), source),
        )
    )


def _curve(record: SessionRecord, zone: tzinfo) -> str:
    plots = _curve_plots(record.curve, zone)
    blocks = html.table(t("Charging without a pause"), _block_columns(record, zone), record.blocks)
    content = ""
    if plots:
        points = html.table(t("Curve"), _point_columns(record, zone), record.curve)
        content += html.figures(plots) + html.details(t("The curve as a table"), points)
    if blocks:
        content += html.details(
            t("Stretches without a pause: {count}", count=len(record.blocks)), blocks
        )
    if content:
        return html.card(content)
    return html.empty(t("No curve: the car reported nothing while it charged."))


def _curve_plots(curve: Sequence[CurvePoint], zone: tzinfo) -> list[str]:
    plots = []
    for caption, kind, top, values in (
        (t("Power (kW)"), "power", None, [(point.at, point.power_kw) for point in curve]),
        (t("Charge (%)"), "charge", 100, [(point.at, point.soc) for point in curve]),
    ):
        known = [value for _, value in values if value is not None]
        if len(known) > 1:
            from bmw2mqtt.web.vehicle_page.plots import line  # noqa: PLC0415 - heavy

            label = t(
                "{caption} while it charged: between {lowest} and {highest}",
                caption=caption,
                lowest=words.number(min(known), 0),
                highest=words.number(max(known), 0),
            )
            between = (curve[0].at, curve[-1].at)
            plot = line(values, label=label, zone=zone, between=between, top=top)
            plots.append(html.figure(caption, plot, kind=kind))
    return plots


def _time_column(
    heading: str, moment: Callable[[T], int | None], record: SessionRecord, zone: tzinfo
) -> PageColumn[T]:
    def text(row: T) -> str:
        return words.time_text(moment(row), record.time_zone, zone)

    return PageColumn(heading, text, is_number=False)


def _point_columns(record: SessionRecord, zone: tzinfo) -> tuple[PageColumn[CurvePoint], ...]:
    return (
        _time_column(t("Time"), lambda point: point.at, record, zone),
        PageColumn(t("Power (kW)"), lambda point: words.number(point.power_kw, 1)),
        PageColumn(t("Charge (%)"), lambda point: words.number(point.soc, 0)),
    )


def _block_columns(record: SessionRecord, zone: tzinfo) -> tuple[PageColumn[BlockRecord], ...]:
    return (
        _time_column(t("Start"), lambda block: block.start_at, record, zone),
        _time_column(t("End"), lambda block: block.end_at, record, zone),
        PageColumn(t("Energy (kWh)"), lambda block: words.number(block.kwh, 2)),
        PageColumn(t("Mean (kW)"), lambda block: words.number(block.mean_kw, 1)),
    )


# Entries


def _charge_form(row: Row[SessionRecord], currency: str) -> str:
    user = row.user
    fields = (
        _money(
            "price_per_kwh",
            t("Price per kWh ({currency})", currency=currency),
            user.user_price_per_kwh,
        ),
        _money("cost", t("Or the whole cost ({currency})", currency=currency), user.user_cost),
        _text("label", t("Label"), user.user_label),
        _class_field(user),
        _text("note", t("Note"), user.user_note),
    )
    hint = t("They stay whatever bmw2mqtt learns later. The whole cost wins over the price.")
    return _form(f"charges/{row.record.key}", row.record.vin, fields, hint)


def _trip_form(row: Row[TripRecord]) -> str:
    user = row.user
    fields = (
        _text("label", t("Label"), user.user_label),
        _class_field(user),
        _text("note", t("Purpose, business partner"), user.user_note),
    )
    hint = t("They stay whatever bmw2mqtt learns later.")
    return _form(f"trips/{row.record.key}", row.record.vin, fields, hint)


def _form(path: str, vin: str, fields: Sequence[str], hint: str) -> str:
    return (
        f'<form class="card past entries" data-path="api/cars/{escape(vin)}/{path}">'
        f'<p class="soft">{hint} {t("The downloads have them too; each change is logged.")}</p>'
        f'<div class="fields">{"".join(fields)}</div>'
        f'<div class="row"><button class="main">{t("Save")}</button></div></form>\n'
    )


def _money(name: str, label: str, value: float | None) -> str:
    shown = "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")
    return _field(name, label, f'type="number" min="0" step="any" value="{shown}"')


def _text(name: str, label: str, value: str | None) -> str:
    return _field(name, label, f'type="text" maxlength="500" value="{escape(value or "")}"')


def _field(name: str, label: str, attributes: str) -> str:
    return (
        f'<div><label for="{name}">{escape(label)}</label>'
        f'<input id="{name}" name="{name}" autocomplete="off" {attributes}></div>'
    )


def _class_field(user: UserFields) -> str:
    options = "".join(
        f'<option value="{key}"{" selected" if user.user_class == key else ""}>{t(text)}</option>'
        for key, text in {"": html.NONE, **words.CLASSES}.items()
    )
    return (
        '<div><label for="class">' + t("Class") + "</label>"
        f'<select id="class" name="class">{options}</select></div>'
    )
