"""The pages of one charging session and of one trip, with what a person may enter."""

from collections.abc import Sequence
from datetime import tzinfo
from html import escape
from typing import Final

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
from bmw2mqtt.web.vehicle_page.html import PageColumn
from bmw2mqtt.web.vehicle_page.past_view import (
    charge_energy,
    cost_text,
    trip_places,
)

_ROOT: Final = "../../../"


def render_charge(row: Row[SessionRecord], *, name: str, zone: tzinfo, currency: str) -> str:
    """Return the page of a session; its address ends in `cars/{VIN}/charges/{key}`."""
    record = row.record
    start = words.time_text(record.start_at, record.time_zone, zone)
    body = (
        _head(f"Charging session, {start}", "charges")
        + html.section("facts", "What is known", html.card(_charge_facts(row, zone, currency)))
        + html.section("curve", "Curve", _curve(record, zone))
        + html.section("edit", "Your entries", _charge_form(row, currency))
    )
    return html.document(title=f"Charge {start} · {name}", body=body, root=_ROOT, name=name)


def render_trip(row: Row[TripRecord], *, name: str, zone: tzinfo) -> str:
    """Return the page of a trip; its address ends in `cars/{VIN}/trips/{key}`."""
    record = row.record
    end = words.time_text(record.end_at, record.time_zone, zone)
    started_at = record.start_at if record.start_known else None
    start = words.time_text(started_at, record.time_zone, zone)
    facts = (
        ("Start", start),
        ("End", end),
        ("Distance", words.number(record.km, 0, " km")),
        ("From, to", trip_places(record)),
        ("Battery", words.span(record.soc_start, record.soc_end, " %")),
        ("Energy", words.number(record.kwh, 1, " kWh")),
        ("Consumption", words.number(record.kwh_per_100km, 1, " kWh/100 km")),
        ("Fuel", words.number(record.litres, 0, " L")),
        ("Odometer", words.span(record.odometer_start_km, record.odometer_end_km, " km")),
    )
    body = (
        _head(f"Trip, {end}", "trips")
        + html.section("facts", "What is known", html.card(html.facts(facts)))
        + html.section("edit", "Your entries", _trip_form(row))
    )
    return html.document(title=f"Trip {end} · {name}", body=body, root=_ROOT, name=name)


def _head(title: str, section: str) -> str:
    return (
        f'<p class="back"><a href="../#{section}">Back to the car</a></p>\n'
        f"<h1>{escape(title)}</h1>\n"
    )


# A charging session


def _charge_facts(row: Row[SessionRecord], zone: tzinfo, currency: str) -> str:
    record = row.record
    cost = effective_cost(row, currency)
    source = cost and words.COST_SOURCES.get(cost.source)
    partial = " (some of the energy has no price)" if cost and cost.is_partial else ""
    return html.facts(
        (
            ("Start", words.time_text(record.start_at, record.time_zone, zone)),
            ("End", words.time_text(record.end_at, record.time_zone, zone)),
            ("Energy from the grid", charge_energy(record, " kWh")),
            ("Source", words.SOURCES.get(record.energy_source or "", html.NONE)),
            ("Energy in the battery", words.number(record.battery_kwh, 1, " kWh")),
            ("Battery", words.span(record.soc_start, record.soc_end, " %")),
            ("Mean power", words.number(record.mean_kw, 1, " kW")),
            ("Peak power", words.number(record.peak_kw, 1, " kW")),
            ("Charging for", words.minutes(record.active_s)),
            ("Current", words.KINDS.get(record.kind or "", html.NONE)),
            ("Place", record.zone or html.NONE),
            ("Odometer", words.number(record.odometer_km, 0, " km")),
            ("Cost", f"{cost_text(row, currency)}{partial}" if cost else html.NONE),
            ("Source of the cost", source or html.NONE),
        )
    )


def _curve(record: SessionRecord, zone: tzinfo) -> str:
    plots = _curve_plots(record.curve, zone)
    blocks = html.table("Charging without a pause", _block_columns(record, zone), record.blocks)
    content = ""
    if plots:
        points = html.table("Curve", _point_columns(record, zone), record.curve)
        content += html.figures(plots) + html.details("The curve as a table", points)
    if blocks:
        content += html.details(f"Stretches without a pause: {len(record.blocks)}", blocks)
    if content:
        return html.card(content)
    return html.empty("No curve: the car reported nothing while it charged.")


def _curve_plots(curve: Sequence[CurvePoint], zone: tzinfo) -> list[str]:
    plots = []
    for caption, kind, top, values in (
        ("Power (kW)", "power", None, [(point.at, point.power_kw) for point in curve]),
        ("Charge (%)", "charge", 100, [(point.at, point.soc) for point in curve]),
    ):
        known = [value for _, value in values if value is not None]
        if len(known) > 1:
            from bmw2mqtt.web.vehicle_page.plots import line  # noqa: PLC0415 - heavy

            label = f"{caption} while it charged: between {min(known):.0f} and {max(known):.0f}"
            between = (curve[0].at, curve[-1].at)
            plot = line(values, label=label, zone=zone, between=between, top=top)
            plots.append(html.figure(caption, plot, kind=kind))
    return plots


def _point_columns(record: SessionRecord, zone: tzinfo) -> tuple[PageColumn[CurvePoint], ...]:
    return (
        PageColumn(
            "Time", lambda point: words.time_text(point.at, record.time_zone, zone), is_number=False
        ),
        PageColumn("Power (kW)", lambda point: words.number(point.power_kw, 1)),
        PageColumn("Charge (%)", lambda point: words.number(point.soc, 0)),
    )


def _block_columns(record: SessionRecord, zone: tzinfo) -> tuple[PageColumn[BlockRecord], ...]:
    return (
        PageColumn(
            "Start",
            lambda block: words.time_text(block.start_at, record.time_zone, zone),
            is_number=False,
        ),
        PageColumn(
            "End",
            lambda block: words.time_text(block.end_at, record.time_zone, zone),
            is_number=False,
        ),
        PageColumn("Energy (kWh)", lambda block: words.number(block.kwh, 2)),
        PageColumn("Mean (kW)", lambda block: words.number(block.mean_kw, 1)),
    )


# Entries


def _charge_form(row: Row[SessionRecord], currency: str) -> str:
    user = row.user
    fields = (
        _money("price_per_kwh", f"Price per kWh ({currency})", user.user_price_per_kwh),
        _money("cost", f"Or the whole cost ({currency})", user.user_cost),
        _text("label", "Label", user.user_label),
        _class_field(user),
        _text("note", "Note", user.user_note),
    )
    hint = "They stay whatever bmw2mqtt learns later. The whole cost wins over the price."
    return _form(f"charges/{row.record.key}", row.record.vin, fields, hint)


def _trip_form(row: Row[TripRecord]) -> str:
    user = row.user
    fields = (
        _text("label", "Label", user.user_label),
        _class_field(user),
        _text("note", "Purpose, business partner", user.user_note),
    )
    hint = "They stay whatever bmw2mqtt learns later."
    return _form(f"trips/{row.record.key}", row.record.vin, fields, hint)


def _form(path: str, vin: str, fields: Sequence[str], hint: str) -> str:
    return (
        f'<form class="card past entries" data-path="api/cars/{escape(vin)}/{path}">'
        f'<p class="soft">{hint} The downloads have them too; each change is logged.</p>'
        f'<div class="fields">{"".join(fields)}</div>'
        '<div class="row"><button class="main">Save</button></div></form>\n'
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
        f'<option value="{key}"{" selected" if user.user_class == key else ""}>{text}</option>'
        for key, text in {"": html.NONE, **words.CLASSES}.items()
    )
    return (
        '<div><label for="class">Class</label>'
        f'<select id="class" name="class">{options}</select></div>'
    )
