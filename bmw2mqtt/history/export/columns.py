"""The columns of an export: name, German name, value. None is a position.

Names stay; new columns come at the end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Final

from bmw2mqtt.history.prices import effective_cost
from bmw2mqtt.history.queries import Row
from bmw2mqtt.history.records import SessionRecord, TripRecord
from bmw2mqtt.history.statistics import PeriodSum, local_zone
from bmw2mqtt.history.tables import time_of

SCHEMA: Final = 1
"""Number of the JSON lines' schema: it grows when a name or a meaning changes."""

ESTIMATE = "the energy is an estimate of the car, not of a calibrated meter"
METER = "the energy was measured by the wallbox's meter"
LOGBOOK = "a help for keeping a logbook, not a tax-proof one"
SUMS = "kwh_estimated is the part of kwh that is an estimate"
NO_LOGBOOK_NOR_METER = f"{SUMS}; {LOGBOOK}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an export needs besides the rows."""

    names: Mapping[str, str] = field(default_factory=dict)
    """VIN to name of the car."""
    zone: tzinfo = UTC
    """Where a row does not tell its own."""
    currency: str = "EUR"


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    german: str
    value: Callable[[Any, Options], Any]
    digits: int | None = None
    """Of numbers; the other values are texts, dates, times, whole numbers, yes or no."""


def _time(at: int | None, record: SessionRecord | TripRecord, options: Options) -> datetime | None:
    if at is None:
        return None
    return datetime.fromtimestamp(at, local_zone(record.time_zone, options.zone))


def _date(at: int, record: SessionRecord | TripRecord, options: Options) -> date:
    return datetime.fromtimestamp(at, local_zone(record.time_zone, options.zone)).date()


def _minutes(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else max(0, round((end - start) / 60))


def _attribute(name: str) -> Callable[[Row[Any], Options], Any]:
    return lambda row, _: getattr(row.record, name)


def _entered(name: str) -> Callable[[Row[Any], Options], Any]:
    return lambda row, _: getattr(row.user, name)


def _car(row: Row[Any], options: Options) -> str:
    vin: str = row.record.vin
    return options.names.get(vin, vin)


def _cost(name: str) -> Callable[[Row[SessionRecord], Options], Any]:
    """Return a fact of the cost that counts."""

    def value(row: Row[SessionRecord], options: Options) -> Any:
        cost = effective_cost(row, options.currency)
        return None if cost is None else getattr(cost, name)

    return value


def _price(row: Row[SessionRecord], options: Options) -> float | None:
    cost, kwh = effective_cost(row, options.currency), row.record.grid_kwh
    return None if cost is None or not kwh else cost.amount / kwh


def _is_estimate(row: Row[SessionRecord], _: Options) -> bool | None:
    return None if row.record.grid_kwh is None else row.record.energy_source != "meter"


def _charge_notice(row: Row[SessionRecord], options: Options) -> str | None:
    is_estimate = _is_estimate(row, options)
    return None if is_estimate is None else ESTIMATE if is_estimate else METER


CHARGES: Final = (
    Column("date", "Datum", lambda row, o: _date(time_of(row.record), row.record, o)),
    Column("start", "Beginn", lambda row, o: _time(row.record.start_at, row.record, o)),
    Column("end", "Ende", lambda row, o: _time(row.record.end_at, row.record, o)),
    Column("car", "Fahrzeug", _car),
    Column("vin", "FIN", _attribute("vin")),
    Column("zone", "Ort", _attribute("zone")),
    Column("label", "Bezeichnung", _entered("user_label")),
    Column("kwh", "kWh", _attribute("grid_kwh"), 2),
    Column("is_estimate", "geschätzt", _is_estimate),
    Column("energy_source", "Quelle der kWh", _attribute("energy_source")),
    Column("kwh_battery", "kWh Batterie", _attribute("battery_kwh"), 2),
    Column("meter_start_kwh", "Zählerstand Beginn", _attribute("meter_start_kwh"), 2),
    Column("meter_end_kwh", "Zählerstand Ende", _attribute("meter_end_kwh"), 2),
    Column("price_per_kwh", "Preis je kWh", _price, 4),
    Column("cost", "Betrag", _cost("amount"), 2),
    Column("currency", "Währung", _cost("currency")),
    Column("cost_source", "Quelle des Betrags", _cost("source")),
    Column("is_cost_partial", "Betrag unvollständig", _cost("is_partial")),
    Column("odometer_km", "Kilometerstand", _attribute("odometer_km"), 0),
    Column("soc_start", "Ladestand Beginn %", _attribute("soc_start"), 0),
    Column("soc_end", "Ladestand Ende %", _attribute("soc_end"), 0),
    Column("kind", "AC/DC", _attribute("kind")),
    Column("mean_kw", "kW im Mittel", _attribute("mean_kw"), 2),
    Column("peak_kw", "kW höchstens", _attribute("peak_kw"), 2),
    Column(
        "duration_min", "Dauer min", lambda row, _: _minutes(row.record.start_at, row.record.end_at)
    ),
    Column("active_min", "Ladezeit min", lambda row, _: _minutes(0, row.record.active_s)),
    Column("class", "Art", _entered("user_class")),
    Column("note", "Notiz", _entered("user_note")),
    Column("flags", "Hinweise", _attribute("flags")),
    Column("notice", "Anmerkung", _charge_notice),
)

TRIPS: Final = (
    Column("date", "Datum", lambda row, o: _date(row.record.end_at, row.record, o)),
    Column("start", "Beginn", lambda row, o: _time(row.record.start_at, row.record, o)),
    Column("start_known", "Beginn bekannt", _attribute("start_known")),
    Column("end", "Ende", lambda row, o: _time(row.record.end_at, row.record, o)),
    Column(
        "duration_min",
        "Dauer min",
        lambda row, _: (
            _minutes(row.record.start_at, row.record.end_at) if row.record.start_known else None
        ),
    ),
    Column("car", "Fahrzeug", _car),
    Column("vin", "FIN", _attribute("vin")),
    Column("from", "Start", _attribute("zone_from")),
    Column("to", "Ziel", _attribute("zone_to")),
    Column("label", "Bezeichnung", _entered("user_label")),
    Column("odometer_start_km", "km-Stand Beginn", _attribute("odometer_start_km"), 0),
    Column("odometer_end_km", "km-Stand Ende", _attribute("odometer_end_km"), 0),
    Column("km", "km", _attribute("km"), 1),
    Column("class", "Art", _entered("user_class")),
    Column("purpose", "Zweck, Geschäftspartner", _entered("user_note")),
    Column("soc_start", "Ladestand Beginn %", _attribute("soc_start"), 0),
    Column("soc_end", "Ladestand Ende %", _attribute("soc_end"), 0),
    Column("kwh", "kWh", _attribute("kwh"), 2),
    Column("kwh_per_100km", "kWh/100 km", _attribute("kwh_per_100km"), 1),
    Column("fuel_start_l", "Tank Beginn l", _attribute("fuel_start_l"), 0),
    Column("fuel_end_l", "Tank Ende l", _attribute("fuel_end_l"), 0),
    Column("litres", "Liter", _attribute("litres"), 0),
    Column("distance_source", "Quelle der km", _attribute("distance_source")),
    Column("notice", "Anmerkung", lambda *_: LOGBOOK),
)


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum of one car; each further currency has a line of its own with nothing but the cost."""

    vin: str
    total: PeriodSum
    currency: str | None
    """`None`: nothing has a cost."""
    is_first: bool = True


def _sum(name: str) -> Callable[[Sum, Options], Any]:
    return lambda one, _: getattr(one.total, name) if one.is_first else None


READINGS: Final = (
    Column("month", "Monat", lambda one, _: one.total.period),
    Column("car", "Fahrzeug", lambda one, o: o.names.get(one.vin, one.vin)),
    Column("vin", "FIN", lambda one, _: one.vin),
    Column("charges", "Ladungen", _sum("charges")),
    Column("kwh", "kWh", _sum("kwh"), 2),
    Column("kwh_home", "kWh zu Hause", _sum("kwh_home"), 2),
    Column("kwh_estimated", "davon geschätzt", _sum("kwh_estimated"), 2),
    Column("kwh_battery", "kWh Batterie", _sum("kwh_battery"), 2),
    Column("cost", "Betrag", lambda one, _: one.total.costs.get(one.currency), 2),
    Column("currency", "Währung", lambda one, _: one.currency),
    Column("is_cost_partial", "Betrag unvollständig", _sum("is_cost_partial")),
    Column("km", "km", _sum("km"), 0),
    Column("trips", "Fahrten", _sum("trips")),
    Column("trips_km", "km der Fahrten", _sum("trips_km"), 1),
    Column("kwh_per_100km", "kWh/100 km", _sum("kwh_per_100km"), 1),
    Column("refuels", "Tankvorgänge", _sum("refuels")),
    Column("litres", "Liter getankt", _sum("litres"), 0),
    Column("litres_per_100km", "l/100 km", _sum("litres_per_100km"), 1),
    Column("is_complete", "vollständig", _sum("is_complete")),
    Column("notice", "Anmerkung", lambda *_: NO_LOGBOOK_NOR_METER),
)

GERMAN: Final = {
    ESTIMATE: "Die Energie ist eine Schätzung des Fahrzeugs, nicht die eines geeichten Zählers",
    METER: "Die Energie hat der Zähler der Wallbox gemessen",
    LOGBOOK: "Hilfe für ein Fahrtenbuch, selbst kein steuersicheres Fahrtenbuch",
    NO_LOGBOOK_NOR_METER: (
        "„davon geschätzt“ ist der geschätzte Teil der kWh; kein steuersicheres Fahrtenbuch"
    ),
    "home": "zu Hause",
    "elsewhere": "unterwegs",
    "meter": "Zähler",
    "bmw": "BMW",
    "measured": "gemessen",
    "estimated": "geschätzt",
    "fixed": "Festpreis",
    "sampled": "wechselnder Preis",
    "user": "eingetragen",
    "private": "privat",
    "business": "dienstlich",
    "commute": "Arbeitsweg",
    "ac": "AC",
    "dc": "DC",
    "odometer": "Kilometerstand",
    "positions": "Positionen",
}
"""Words of ours in a German export; texts of people and of BMW stay."""
TRANSLATED: Final = frozenset(
    {"zone", "energy_source", "cost_source", "kind", "from", "to", "class", "distance_source"}
    | {"notice"}
)
