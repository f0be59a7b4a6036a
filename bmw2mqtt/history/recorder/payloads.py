"""The attributes of events: of a charge, a trip, a refuelling."""

from dataclasses import asdict

from bmw2mqtt.vehicle.history import ChargeSummary, TripSummary
from bmw2mqtt.vehicle.trips import Refuel


def charge_attributes(charge: ChargeSummary) -> dict[str, object]:
    """Return everything about a session that is over."""
    return asdict(charge)


def trip_attributes(trip: TripSummary) -> dict[str, object]:
    """Return everything about a trip that is over."""
    return asdict(trip)


def refuel_attributes(refuel: Refuel) -> dict[str, object]:
    """Return what is known of a refuelling, without its place."""
    return {
        "time": refuel.at,
        "litres": refuel.litres,
        "before_l": refuel.before_l,
        "after_l": refuel.after_l,
        "before_percent": refuel.before_percent,
        "after_percent": refuel.after_percent,
        "odometer_km": refuel.odometer_km,
        "place": refuel.zone,
    }
