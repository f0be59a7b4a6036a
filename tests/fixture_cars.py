"""The nine cars that `bimmer_connected` records for its own tests, as simulated cars."""

from bimmer_connected.tests import ALL_CHARGING_SETTINGS, ALL_PROFILES, ALL_STATES, ALL_VEHICLES

from bmw2mqtt.simulator.mybmw import RecordedCar

BRAND_OF_VIN = {
    mapping["vin"]: brand
    for brand, vehicles in ALL_VEHICLES.items()
    for mapping in vehicles["mappingInfos"]
}


def fixture_car(vin: str) -> RecordedCar:
    """Return a new copy of one of the nine cars."""
    return RecordedCar(
        ALL_PROFILES[vin],
        ALL_STATES[vin],
        ALL_CHARGING_SETTINGS.get(vin),
        brand=BRAND_OF_VIN[vin],
    )


def copies_of(*vins: str) -> list[RecordedCar]:
    """Return new copies of some of the nine cars, each with a VIN of its own."""
    cars = [fixture_car(vin) for vin in vins]
    for number, car in enumerate(cars):
        car.profile_data["vin"] = f"WBA000000COPY{number:04}"
    return cars


def fixture_cars() -> list[RecordedCar]:
    """Return new copies of all nine cars, in the order of their VINs."""
    return [fixture_car(vin) for vin in sorted(ALL_PROFILES)]


def two_cars() -> list[RecordedCar]:
    """Return two electric cars: what shows with nine cars shows with them, in less time."""
    return [fixture_car(vin) for vin in ("WBA00000000DEMO01", "WBA00000000DEMO02")]
