"""When a car has an entity: rules that several rows share."""

from bmw2mqtt.vehicle.snapshot import Vehicle


def reports_state(vehicle: Vehicle) -> bool:
    """Whether the car reports its state by itself."""
    return vehicle.capabilities.state_reports


def has_battery(vehicle: Vehicle) -> bool:
    """Whether it can be charged from a plug."""
    return vehicle.has_battery


def has_engine(vehicle: Vehicle) -> bool:
    """Whether it burns fuel."""
    return vehicle.has_engine


def reports_charging(vehicle: Vehicle) -> bool:
    """Whether it can be charged from a plug and reports its state."""
    return vehicle.capabilities.state_reports and vehicle.has_battery


def reports_fuel(vehicle: Vehicle) -> bool:
    """Whether it burns fuel and reports its state."""
    return vehicle.capabilities.state_reports and vehicle.has_engine


def reports_tires(vehicle: Vehicle) -> bool:
    """Whether it measures its tires and reports its state."""
    return vehicle.capabilities.state_reports and vehicle.capabilities.tires


def has_history(vehicle: Vehicle) -> bool:
    """Whether its trips are recorded."""
    return vehicle.history is not None


def has_charging_history(vehicle: Vehicle) -> bool:
    """Whether its charging sessions are recorded."""
    return vehicle.history is not None and vehicle.has_battery
