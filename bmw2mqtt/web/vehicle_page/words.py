"""Times, numbers and words of a car's past as the visitor reads them."""

from contextvars import ContextVar
from datetime import date, datetime, tzinfo
from html import escape
from typing import Final

from bmw2mqtt.history.statistics import local_zone
from bmw2mqtt.translations import ENGLISH, PAGE, translator
from bmw2mqtt.web.page_head import page_head
from bmw2mqtt.web.vehicle_page.html import NONE
from bmw2mqtt.web.visitor import KM_PER_MILE, LITRES_PER_GALLON, Visitor

VISITOR: Final[ContextVar[Visitor]] = ContextVar("VISITOR", default=Visitor())  # noqa: B039 - immutable
"""Who reads the page that is being rendered."""
_LITRES_PER_100KM_TO_MPG: Final = 235.2146
_THEME_COLORS: Final = """\
<meta name="theme-color" content="#f3f5f8" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#0e1217" media="(prefers-color-scheme: dark)">
"""


def mark(text: str) -> str:
    """Mark a text that is translated when it is shown."""
    return text


CLASSES: Final = {
    "private": mark("Private"),
    "business": mark("Business"),
    "commute": mark("Commute"),
}
KINDS: Final = {"ac": mark("AC"), "dc": mark("DC")}
SOURCES: Final = {
    "meter": mark("meter of the wallbox"),
    "bmw": mark("charging history of BMW"),
    "measured": mark("measured by the car"),
    "estimated": mark("estimated from the state of charge"),
}
COST_SOURCES: Final = {
    "fixed": mark("fixed price"),
    "sampled": mark("price at the time"),
    "bmw": mark("told by BMW"),
    "user": mark("entered by you"),
}
STATUSES: Final = {"charging": mark("charging"), "paused": mark("paused")}
_MONTHS: Final = (
    mark("Jan"),
    mark("Feb"),
    mark("Mar"),
    mark("Apr"),
    mark("May"),
    mark("Jun"),
    mark("Jul"),
    mark("Aug"),
    mark("Sep"),
    mark("Oct"),
    mark("Nov"),
    mark("Dec"),
)
_ZONES: Final = {"home": mark("home"), "elsewhere": mark("elsewhere")}


def t(text: str, **values: object) -> str:
    """Return a text in the visitor's language, with these values filled in."""
    translated = translator(language(), PAGE)(text)
    return translated.format(**values) if values else translated


def known(words: dict[str, str], key: str | None) -> str:
    """Return the word for a key in the visitor's language; a dash for none."""
    text = words.get(key or "")
    return NONE if text is None else t(text)


def place(zone: str | None) -> str:
    """Return the word for a place."""
    return NONE if zone is None else t(_ZONES.get(zone, zone))


def language() -> str:
    """Return the visitor's language."""
    return VISITOR.get().language


def date_text(day: date) -> str:
    """Return a date."""
    return day.isoformat() if language() == ENGLISH else f"{day:%d.%m.%Y}"


def month_text(month: int) -> str:
    """Return the short name of a month."""
    return t(_MONTHS[month - 1])


def day_text(day: date) -> str:
    """Return a day without its year."""
    name = month_text(day.month)
    return f"{day.day} {name}" if language() == ENGLISH else f"{day.day}. {name}"


def time_text(at: int | None, name: str | None, zone: tzinfo) -> str:
    """Return a time in the zone of its place, or in another where that is unknown."""
    if at is None:
        return t("unknown")
    date = "%Y-%m-%d" if language() == ENGLISH else "%d.%m.%Y"
    return datetime.fromtimestamp(at, local_zone(name, zone)).strftime(f"{date} %H:%M")


def near_time_text(at: int | None, near: int | None, name: str | None, zone: tzinfo) -> str:
    """Return a time without its date if that is the date of another time beside it."""
    text, other = time_text(at, name, zone), time_text(near, name, zone)
    return text[11:] if at is not None and text[:10] == other[:10] else text


def number(value: float | None, digits: int, unit: str = "") -> str:
    """Return a number."""
    if value is None:
        return NONE
    text = f"{value:.{digits}f}"
    return (text if language() == ENGLISH else text.replace(".", ",")) + unit


def distance(km: float | None) -> float | None:
    """Return a distance in the visitor's unit."""
    return km / KM_PER_MILE if km is not None and VISITOR.get().has_miles else km


def distance_text(km: float | None, unit: str = "") -> str:
    """Return a distance as text."""
    return number(distance(km), 0, unit)


def volume(litres: float | None) -> float | None:
    """Return a volume in the visitor's unit."""
    return (
        litres / LITRES_PER_GALLON if litres is not None and VISITOR.get().has_gallons else litres
    )


def energy_use(kwh_per_100km: float | None) -> float | None:
    """Return an electric consumption in the visitor's unit."""
    return (
        kwh_per_100km * KM_PER_MILE
        if kwh_per_100km is not None and VISITOR.get().has_miles
        else kwh_per_100km
    )


def energy_use_text(kwh_per_100km: float | None, unit: str = "") -> str:
    """Return an electric consumption as text."""
    return number(energy_use(kwh_per_100km), 1, unit)


def fuel_use(litres_per_100km: float | None) -> float | None:
    """Return a consumption of fuel in the visitor's unit."""
    if not litres_per_100km or not VISITOR.get().has_gallons:
        return litres_per_100km
    return _LITRES_PER_100KM_TO_MPG / litres_per_100km


def km() -> str:
    """Return the visitor's unit of distances."""
    return "mi" if VISITOR.get().has_miles else "km"


def litre() -> str:
    """Return the visitor's unit of volumes."""
    return "gal" if VISITOR.get().has_gallons else "L"


def energy_unit() -> str:
    """Return the visitor's unit of electric consumption."""
    return "kWh/100 mi" if VISITOR.get().has_miles else "kWh/100 km"


def fuel_unit() -> str:
    """Return the visitor's unit of a consumption of fuel."""
    return "mpg" if VISITOR.get().has_gallons else "L/100 km"


def energy(value: float | None, *, is_estimate: bool, unit: str = "") -> str:
    """Return kilowatt-hours; ~ marks an estimate."""
    mark_of = "~" if is_estimate and value is not None else ""
    return f"{mark_of}{number(value, 1, unit)}"


def span(first: float | None, last: float | None, unit: str = "") -> str:
    """Return the state of charge at both ends."""
    if first is None and last is None:
        return NONE
    return f"{number(first, 0)} → {number(last, 0)}{unit}"


def minutes(seconds: float | None) -> str:
    """Return a duration."""
    if seconds is None:
        return NONE
    hours, rest = divmod(max(0, round(seconds / 60)), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def document(
    *, title: str, body: str, root: str, name: str, script: str = "page-vehicle.js"
) -> str:
    """Return a page in the visitor's language, with the name of the car at its top.

    `root` is the address of the first page, seen from this one: `../../`.
    """
    head = page_head(
        language=language(),
        title=escape(title),
        root=root,
        style="page-vehicle.css",
        script=script,
        more=_THEME_COLORS,
    )
    return f"""{head}<body>
<a class="skip" href="#main">{escape(t("Skip to content"))}</a>
<header>
<p class="brand"><a href="{root}">
<img src="{root}icon.svg" alt="" width="28" height="28">bmw2mqtt</a></p>
<p class="soft">{escape(name)}</p>
</header>
<div id="notice" role="alert"></div>
<div id="announcement" class="unseen" role="status"></div>
<main id="main" tabindex="-1">
{body}
</main>
</body>
</html>
"""
