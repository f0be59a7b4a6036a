"""Draws plots as SVG. Import it when a plot is shown: the library needs two megabytes.

Colours and font sizes come from the style sheet, so that one plot fits light, dark and phones.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final
from xml.etree.ElementTree import Element, tostring

import leather

from bmw2mqtt.web.vehicle_page import words

WIDTH: Final = 440
HEIGHT: Final = 190
BARS: Final = 12
"""Columns of a plot: months."""
_STEPS_S: Final = (60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
_DAY_S: Final = 86_400
_MOST_TICKS: Final = 6
_Point = tuple[float, float | None]

leather.theme.background_color = "none"
leather.theme.margin = 0.02
leather.theme.tick_font_family = "inherit"
leather.theme.tick_font_size = 12
leather.theme.tick_font_char_width = 8
leather.theme.tick_font_char_height = 12


class _Range:
    """A scale with exactly these ends; coordinates are rounded to tenths of a pixel."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high

    def contains(self, value: float) -> bool:
        return self._low <= value <= self._high

    def project(self, value: float, first: float, last: float) -> float:
        share = (float(value) - self._low) / (self._high - self._low)
        return round(float(first) + share * (float(last) - float(first)), 1)


class _Names:
    """A scale of names, for columns with some room between them."""

    def __init__(self, names: Sequence[str]) -> None:
        self._places = {name: index for index, name in enumerate(names)}

    def contains(self, value: str) -> bool:
        return value in self._places

    def project(self, value: str, first: float, last: float) -> float:
        step = (float(last) - float(first)) / len(self._places)
        return round(float(first) + (self._places[value] + 0.5) * step, 1)

    def project_interval(self, value: str, first: float, last: float) -> tuple[float, float]:
        half = (float(last) - float(first)) / len(self._places) * 0.32
        middle = self.project(value, first, last)
        return round(middle - half, 1), round(middle + half, 1)


class _Area(leather.Line):  # type: ignore[misc] # the library has no types
    """A line with the area below it."""

    def to_svg(self, width: float, height: float, *arguments: Any) -> Element:
        """Return the line and the area."""
        group: Element = super().to_svg(width, height, *arguments)
        group.set("fill", "none")
        for line in tuple(group):
            way = str(line.get("d")).split()
            area = {"class": "area", "stroke": "none", "fill": "currentColor"}
            closed = f"{' '.join(way)} L {way[-2]} {height} L {way[1]} {height} Z"
            group.insert(0, Element("path", area | {"d": closed, "fill-opacity": "0.12"}))
        return group


def line(
    points: Sequence[_Point],
    *,
    label: str,
    zone: tzinfo,
    between: tuple[float, float],
    top: float | None = None,
) -> str:
    """Return values over time, as an image with a label for screen readers.

    Times are epoch seconds; the value `None` is a gap. `between` are the first and the last time of
    the axis, `top` its highest value; otherwise what fits.
    """
    chart = leather.Chart()
    first, last = between
    chart.set_x_scale(_Range(first, last))
    days = last - first > 2 * _DAY_S
    chart.add_x_axis(time_ticks(first, last, zone), _time_names(zone, days=days))
    _set_y_axis(chart, [value for _, value in points if value is not None], top)
    chart.add_series(leather.Series(list(points)), _Area("currentColor"))
    return _svg(chart, label)


def columns(values: Sequence[tuple[str, float | None]], *, label: str) -> str:
    """Return one column per month (`2026-11`), oldest first, as an image with a label."""
    chart = leather.Chart()
    names = [name for name, _ in values]
    chart.set_x_scale(_Names(names))
    chart.add_x_axis(
        names[(len(names) - 1) % 2 :: 2], lambda name, *_: words.month_text(int(name[5:]))
    )
    _set_y_axis(chart, [value for _, value in values if value is not None], None)
    chart.add_series(leather.Series(list(values)), leather.Columns("currentColor"))
    return _svg(chart, label, kind="months")


def last_months(newest: str) -> list[str]:
    """Return the months of a plot, oldest first."""
    year, month = (int(part) for part in newest.split("-"))
    count = year * 12 + month - 1
    return [f"{number // 12}-{number % 12 + 1:02}" for number in range(count - BARS + 1, count + 1)]


def time_ticks(first: float, last: float, zone: tzinfo) -> list[float]:
    """Return a few round local times within a stretch of time."""
    start = datetime.fromtimestamp(first, zone)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    fitting = [step for step in _STEPS_S if (last - first) / step <= _MOST_TICKS]
    if fitting:
        zero = midnight.timestamp()
        number = math.ceil((first - zero) / fitting[0])
        found = (zero + index * fitting[0] for index in range(number, number + _MOST_TICKS + 2))
    else:
        days = math.ceil((last - first) / _DAY_S / _MOST_TICKS)
        ends = datetime.fromtimestamp(last, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        dates = (ends - timedelta(days=index * days) for index in range(_MOST_TICKS, -1, -1))
        found = (date.timestamp() for date in dates)
    return [at for at in found if first <= at <= last]


def _set_y_axis(chart: Any, values: Iterable[float], top: float | None) -> None:
    highest = top if top is not None else max((*values, 0.0))
    step = _nice_step(highest)
    rows = max(1, math.ceil(round(highest / step, 6)))
    digits = next(count for count in range(6) if math.isclose(step, round(step, count)))
    chart.set_y_scale(_Range(0, step * rows))
    ticks = [index * step for index in range(rows + 1)]
    chart.add_y_axis(ticks, lambda value, *_: words.number(value, digits))


def _nice_step(highest: float) -> float:
    """Return the distance of at most five ticks: 1, 2, 2.5 or 5 of a power of ten."""
    if highest <= 0:
        return 1
    least = highest / 4
    power: float = 10 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= least * 0.999)


def _time_names(zone: tzinfo, *, days: bool) -> Callable[..., str]:
    def name(at: float, *_: object) -> str:
        time = datetime.fromtimestamp(at, zone)
        return words.day_text(time) if days else f"{time:%H:%M}"

    return name


def _svg(chart: Any, label: str, kind: str = "") -> str:
    image = Element(
        "svg",
        {
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "role": "img",
            "aria-label": label,
            "class": f"plot {kind}".strip(),
        },
    )
    image.append(chart.to_svg_group(WIDTH, HEIGHT))
    return tostring(image, encoding="unicode")
