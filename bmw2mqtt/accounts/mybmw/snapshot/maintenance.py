"""The maintenance part of a snapshot: condition-based services and check-control messages."""

from datetime import date

from bmw2mqtt.accounts.mybmw.snapshot.json_reader import JsonReader
from bmw2mqtt.vehicle.service_date import plausible_due_date
from bmw2mqtt.vehicle.snapshot import CheckControlMessage, Service, ServiceStatus, Severity

UNKNOWN_TYPE = "UNKNOWN"
"""Of an entry that BMW sends without a type: what it reports matters all the same."""


def services(
    state: JsonReader, known: tuple[Service, ...] | None, *, today: date
) -> tuple[Service, ...] | None:
    """Return every service; several of one type are several services."""
    if state.is_list_invalid("requiredServices"):
        return known
    entries = state.parts("requiredServices")
    if entries is None:
        return None
    return tuple(
        Service(
            type=entry.text("type") or UNKNOWN_TYPE,
            status=entry.word("status", ServiceStatus) or ServiceStatus.UNKNOWN,
            due_date=plausible_due_date(entry.day("dateTime"), today),
            due_distance_km=entry.whole("mileage", 1),
            description=entry.text("description"),
        )
        for entry in entries
        if entry
    )


def messages(
    state: JsonReader, known: tuple[CheckControlMessage, ...] | None
) -> tuple[CheckControlMessage, ...] | None:
    """Return every message but those that are OK: BMW lists them too."""
    if state.is_list_invalid("checkControlMessages"):
        return known
    entries = state.parts("checkControlMessages")
    if entries is None:
        return None
    return tuple(
        CheckControlMessage(
            type=entry.text("type") or UNKNOWN_TYPE,
            severity=entry.word("severity", Severity) or Severity.UNKNOWN,
            description=entry.text("longDescription") or entry.text("description"),
            mileage_km=entry.number("mileage", 0),
        )
        for entry in entries
        if entry and (entry.text("severity") or "").upper() != "OK"
    )
