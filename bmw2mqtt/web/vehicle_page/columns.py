"""The columns of charging sessions and trips."""

from datetime import tzinfo
from typing import Any

from bmw2mqtt.history.prices import effective_cost
from bmw2mqtt.history.queries import Row
from bmw2mqtt.history.records import SessionRecord, TripRecord
from bmw2mqtt.web.vehicle_page import html, words
from bmw2mqtt.web.vehicle_page.html import PageColumn
from bmw2mqtt.web.vehicle_page.words import t


def charge_columns(zone: tzinfo, currency: str) -> tuple[PageColumn[Row[SessionRecord]], ...]:
    """Return the columns of charging sessions."""

    def end(row: Row[SessionRecord]) -> str:
        record = row.record
        if record.status in words.STATUSES:
            return t(words.STATUSES[record.status])
        return words.near_time_text(record.end_at, record.start_at, record.time_zone, zone)

    return (
        PageColumn(
            t("Start"),
            lambda row: words.time_text(row.record.start_at, row.record.time_zone, zone),
            is_number=False,
            link=lambda row: f"charges/{row.record.key}",
        ),
        PageColumn(t("End"), end, is_number=False),
        PageColumn(t("Energy"), lambda row: charge_energy(row.record), unit="kWh"),
        PageColumn(
            t("Battery (%)"), lambda row: words.span(row.record.soc_start, row.record.soc_end)
        ),
        PageColumn(t("Mean"), lambda row: words.number(row.record.mean_kw, 1), unit="kW"),
        PageColumn(t("Peak"), lambda row: words.number(row.record.peak_kw, 1), unit="kW"),
        PageColumn(
            t("Current"),
            lambda row: words.known(words.KINDS, row.record.kind),
            is_number=False,
        ),
        PageColumn(t("Place"), lambda row: words.place(row.record.zone), is_number=False),
        PageColumn(t("Cost"), lambda row: cost_text(row, currency)),
        *_entered(),
    )


def charge_energy(record: SessionRecord, unit: str = "") -> str:
    """Return the energy of a session."""
    is_estimate = record.energy_source == "estimated"
    return words.energy(record.grid_kwh, is_estimate=is_estimate, unit=unit)


def cost_text(row: Row[SessionRecord], currency: str) -> str:
    """Return what a session costs."""
    cost = effective_cost(row, currency)
    return html.NONE if cost is None else words.number(cost.amount, 2, f" {cost.currency}")


def trip_columns(zone: tzinfo) -> tuple[PageColumn[Row[TripRecord]], ...]:
    """Return the columns of trips."""

    def start(row: Row[TripRecord]) -> str:
        record = row.record
        if not record.start_known:
            return t("unknown")
        return words.near_time_text(record.start_at, record.end_at, record.time_zone, zone)

    return (
        PageColumn(
            t("End"),
            lambda row: words.time_text(row.record.end_at, row.record.time_zone, zone),
            is_number=False,
            link=lambda row: f"trips/{row.record.key}",
        ),
        PageColumn(t("Start"), start, is_number=False),
        PageColumn(t("Distance"), lambda row: words.distance_text(row.record.km), unit=words.km()),
        PageColumn(
            words.energy_unit(), lambda row: words.energy_use_text(row.record.kwh_per_100km)
        ),
        PageColumn(
            t("Battery (%)"), lambda row: words.span(row.record.soc_start, row.record.soc_end)
        ),
        PageColumn(
            t("Odometer"),
            lambda row: words.distance_text(row.record.odometer_end_km),
            unit=words.km(),
        ),
        PageColumn(t("From, to"), lambda row: trip_places(row.record), is_number=False),
        *_entered(),
    )


def trip_places(record: TripRecord) -> str:
    """Return the words for both ends of a trip."""
    if record.zone_from is None and record.zone_to is None:
        return html.NONE
    return f"{words.place(record.zone_from)} → {words.place(record.zone_to)}"


def _entered() -> tuple[PageColumn[Row[Any]], ...]:
    """Return the columns of what a person has entered."""
    return (
        PageColumn(t("Label"), lambda row: row.user.user_label or html.NONE, is_number=False),
        PageColumn(
            t("Class"),
            lambda row: words.known(words.CLASSES, row.user.user_class),
            is_number=False,
        ),
    )
