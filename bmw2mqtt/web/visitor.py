"""The language and the units of a visitor: what was chosen on the page, else the browser's."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from bmw2mqtt.translations import ENGLISH, LANGUAGES

LANGUAGE_COOKIE: Final = "bmw2mqtt_language"
UNITS_COOKIE: Final = "bmw2mqtt_units"
METRIC: Final = "metric"
UNITS: Final = (METRIC, "uk", "us")
_UNITS_OF_REGION: Final = {"US": "us", "LR": "us", "MM": "us", "GB": "uk"}
_MOST_LANGUAGES: Final = 10
KM_PER_MILE: Final = 1.609344
LITRES_PER_GALLON: Final = 3.785412


@dataclass(frozen=True, slots=True)
class Visitor:
    """How one visitor reads the page."""

    language: str = ENGLISH
    locale: str = ENGLISH
    """The language with the region of the browser, for numbers and dates: `en-GB`."""
    units: str = METRIC

    @property
    def has_miles(self) -> bool:
        """Whether the visitor reads miles."""
        return self.units != METRIC

    @property
    def has_gallons(self) -> bool:
        """Whether the visitor reads gallons."""
        return self.units == "us"

    def quantity(self, value: float, unit: str) -> tuple[float, str]:
        """Return a value with its unit as the visitor reads it."""
        if unit == "km" and self.has_miles:
            return value / KM_PER_MILE, "mi"
        if unit == "L" and self.has_gallons:
            return value / LITRES_PER_GALLON, "gal"
        return value, unit


def visitor_of(request: web.Request) -> Visitor:
    """Return how the visitor of a request reads the page."""
    accepted = list(_accepted(request.headers.get("Accept-Language", "")))
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    spoken = (language for language, _ in accepted if language in LANGUAGES)
    language = chosen if chosen in LANGUAGES else next(spoken, ENGLISH)
    regions = [region for spoken, region in accepted if spoken == language and region]
    locale = f"{language}-{regions[0]}" if regions else language
    units = request.cookies.get(UNITS_COOKIE, "")
    if units not in UNITS:
        # English of the USA is what many browsers elsewhere ask for, beside their owner's language
        found = {region for language, region in accepted if region or language != ENGLISH}
        units = _UNITS_OF_REGION.get(found.pop(), METRIC) if len(found) == 1 else METRIC
    return Visitor(language, locale, units)


def _accepted(header: str) -> Iterator[tuple[str, str]]:
    """Yield the browser's languages with their regions, the preferred one first."""
    for part in header.split(",")[:_MOST_LANGUAGES]:
        language, _, region = part.split(";")[0].strip().partition("-")
        is_region = len(region) == len("GB") and region.isascii() and region.isalpha()
        yield language.lower(), region.upper() if is_region else ""
