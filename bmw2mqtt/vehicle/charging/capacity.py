"""The usable capacity of a battery, from the best source there is."""

from bmw2mqtt.vehicle.charging.constants import (
    MAX_CAPACITY_KWH,
    MIN_BATTERY_SIZE_KWH,
    MIN_CAPACITY_KWH,
)

_MODELS_KWH = (
    # The longer name first where one begins another.
    ("ix1", 64.7),
    ("ix2", 64.7),
    ("ix3 50", 109.0),
    ("ix3", 74.0),
    ("ix xdrive40", 71.0),
    ("ix xdrive50", 105.2),
    ("ix m60", 105.2),
    ("i4 edrive35", 59.4),
    ("i4", 80.7),
    ("i5", 81.2),
    ("i7", 101.7),
)


def usable_capacity_kwh(
    *,
    configured_kwh: float | None = None,
    max_energy_kwh: float | None = None,
    battery_size_kwh: float | None = None,
    model: str | None = None,
) -> float | None:
    """Return the usable capacity; `None` means that no energy can be estimated.

    Args:
        configured_kwh: what the owner wrote into the settings.
        max_energy_kwh: `batteryManagement.maxEnergy`.
        battery_size_kwh: `batteryManagement.batterySizeMax`, 0 or 1 if BMW does not know it.
        model: for the table of usual capacities.
    """
    for kwh in (configured_kwh, max_energy_kwh):
        if kwh is not None and MIN_CAPACITY_KWH <= kwh <= MAX_CAPACITY_KWH:
            return kwh
    if battery_size_kwh is not None and battery_size_kwh > MIN_BATTERY_SIZE_KWH:
        return battery_size_kwh
    return None if model is None else _model_kwh(model)


def _model_kwh(model: str) -> float | None:
    name = " ".join(model.lower().removeprefix("bmw ").split())
    return next((kwh for start, kwh in _MODELS_KWH if name.startswith(start)), None)
