"""The three cars of the demo: one electric, one plug-in hybrid, one diesel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from .route import DACHAU_TO_MUNICH, OLYMPIAPARK_TO_GARCHING, STARNBERG_TO_MUNICH

if TYPE_CHECKING:
    from bmw2mqtt.simulator.pictures import Picture

    from .route import Route

Brand = Literal["bmw", "mini", "toyota"]
"""The brand for which an app requests its vehicle list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """The high-voltage battery and its charger."""

    capacity_kwh: float
    kwh_per_100km: float
    max_charging_kw: float
    initial_percent: float
    target_percent: int
    has_settings: bool

    def percent_of(self, kwh: float) -> float:
        """Return an amount of energy as percent of the capacity."""
        return 100 * kwh / self.capacity_kwh

    def range_km(self, percent: float) -> float:
        """Return the range of a state of charge."""
        return percent / 100 * self.capacity_kwh / self.kwh_per_100km * 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tank:
    """The fuel tank and the engine's consumption."""

    capacity_l: float
    l_per_100km: float
    initial_l: float

    def range_km(self, litres: float) -> float:
        """Return the range of an amount of fuel."""
        return litres / self.l_per_100km * 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tyres:
    """The tyres; pressures in kPa when cold."""

    front_kpa: int
    rear_kpa: int
    dimension: str
    manufacturer: str
    tread: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CarModel:
    """A car's constant properties and its initial condition."""

    vin: str
    brand: Brand
    api_brand: str
    name: str
    body_type: str
    drive_train: Literal["ELECTRIC", "PLUGIN_HYBRID", "COMBUSTION"]
    year: int
    colour: int
    """0xRRGGBB, in the profile; the picture is chosen separately."""
    style: Literal["sedan", "suv", "hatch"]
    picture: Picture
    climate: Literal["AIR_CONDITIONING", "VENTILATION"]
    has_alarm: bool
    has_sun_roof: bool
    battery: Battery | None = None
    tank: Tank | None = None
    tyres: Tyres
    route: Route
    initial_mileage_km: float
    initial_minute: float
    """The minute of its day at which the simulation starts."""
    check_control: tuple[tuple[str, str], ...]
    """Check control messages, type and severity."""


ELECTRIC: Final = CarModel(
    vin="WBY11DEMO0ELECTRC",
    brand="bmw",
    api_brand="BMW_I",
    name="i4 eDrive40",
    body_type="G26",
    drive_train="ELECTRIC",
    year=2023,
    colour=0x2F5D8C,
    style="sedan",
    picture="sedan_blue",
    climate="AIR_CONDITIONING",
    has_alarm=True,
    has_sun_roof=True,
    battery=Battery(
        capacity_kwh=80.7,
        kwh_per_100km=17.6,
        max_charging_kw=11.0,
        initial_percent=79.0,
        target_percent=80,
        has_settings=True,
    ),
    tyres=Tyres(
        front_kpa=250,
        rear_kpa=280,
        dimension="245/40 R19 98Y XL",
        manufacturer="Hankook",
        tread="Ventus S1 evo3",
    ),
    route=OLYMPIAPARK_TO_GARCHING,
    initial_mileage_km=23_412.6,
    initial_minute=9.0,
    check_control=(("TIRE_PRESSURE", "LOW"),),
)

PLUGIN_HYBRID: Final = CarModel(
    vin="WBA21DEMO0PLUGHYB",
    brand="bmw",
    api_brand="BMW",
    name="X1 xDrive30e",
    body_type="U11",
    drive_train="PLUGIN_HYBRID",
    year=2024,
    colour=0x4A5B4E,
    style="suv",
    picture="suv_green",
    climate="AIR_CONDITIONING",
    has_alarm=True,
    has_sun_roof=False,
    battery=Battery(
        capacity_kwh=14.2,
        kwh_per_100km=18.5,
        max_charging_kw=7.4,
        initial_percent=84.0,
        target_percent=100,
        has_settings=False,
    ),
    tank=Tank(capacity_l=47.0, l_per_100km=6.4, initial_l=33.0),
    tyres=Tyres(
        front_kpa=240,
        rear_kpa=240,
        dimension="225/55 R18 102V XL",
        manufacturer="Michelin",
        tread="Primacy 4",
    ),
    route=STARNBERG_TO_MUNICH,
    initial_mileage_km=8_790.2,
    initial_minute=94.0,
    check_control=(("ENGINE_OIL", "LOW"), ("TIRE_PRESSURE", "LOW")),
)

DIESEL: Final = CarModel(
    vin="WMW31DEMO00DIESEL",
    brand="mini",
    api_brand="MINI",
    name="MINI Countryman D",
    body_type="U25",
    drive_train="COMBUSTION",
    year=2024,
    colour=0xB5392F,
    style="hatch",
    picture="hatch_red",
    climate="VENTILATION",
    has_alarm=False,
    has_sun_roof=False,
    tank=Tank(capacity_l=54.0, l_per_100km=5.2, initial_l=29.5),
    tyres=Tyres(
        front_kpa=230,
        rear_kpa=230,
        dimension="225/55 R17 97W",
        manufacturer="Goodyear",
        tread="EfficientGrip Performance 2",
    ),
    route=DACHAU_TO_MUNICH,
    initial_mileage_km=41_077.9,
    initial_minute=52.0,
    check_control=(("WASHING_FLUID", "MEDIUM"), ("ENGINE_OIL", "LOW")),
)
