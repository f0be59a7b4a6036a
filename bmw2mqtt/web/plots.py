"""Plots as SVG, drawn on the server by pygal, each with a table of the same data behind it.

What pygal adds for use without a page (style sheet, script, tooltips) is removed: the page's policy
allows none of it, and `plots.css` has the colours of the page, light and dark.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from html import escape
from typing import Any, Final
from xml.etree import ElementTree as ET

import pygal
from pygal.style import Style

WIDTH: Final = 360
"""As wide as a phone: there a text is as large as written, on a desk larger."""
HEIGHT: Final = 220
FONT_PX: Final = 12
LABELS_PX: Final = 300
"""Width of the axis with labels; a character and the space between two labels take:"""
CHARACTER_PX: Final = 7
SPACE_PX: Final = 4
MOST_LABELS: Final = 6
"""Of a time axis."""
MOST_POINTS: Final = 400
"""More cannot be told apart on a screen."""

_STYLE: Final = Style(
    font_family="system-ui, sans-serif",
    label_font_size=FONT_PX,
    major_label_font_size=FONT_PX,
    legend_font_size=FONT_PX,
)
_OPTIONS: Final[dict[str, Any]] = {
    "css": [],
    "js": [],
    "style": _STYLE,
    "width": WIDTH,
    "height": HEIGHT,
    "margin": 8,
    "no_prefix": True,
    "disable_xml_declaration": True,
    "legend_at_bottom": True,
    "legend_box_size": 10,
    "show_x_guides": False,
    "show_minor_x_labels": False,
    "max_scale": 6,
    "truncate_label": -1,
    "truncate_legend": -1,
}
_STEPS: Final = tuple(
    timedelta(hours=hours) for hours in (0.5, 1, 2, 4, 6, 12, 24, 48, 72, 24 * 7, 24 * 14, 24 * 30)
)
"""Distances between two labels of a time axis."""

Point = tuple[datetime, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What a plot is called, for people who see it and people who hear it."""

    name: str
    """Unique on the page: letters, digits, hyphens."""
    title: str
    unit: str
    description: str = ""
    """One sentence; what the table says need not be repeated."""
    heading: str = "Time"
    """Of the table's first column."""
    table_label: str = "Show as a table"


def bars(plot: Plot, labels: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> str:
    """Return a figure of bars, for example one per month; `None` is no bar and an empty cell."""
    chart = pygal.Bar(show_legend=len(series) > 1, legend_at_bottom_columns=len(series), **_OPTIONS)
    chart.x_labels = list(labels)
    chart.x_labels_major_every = _label_step(labels)
    chart.value_formatter = _number
    for name, values in series.items():
        chart.add(name, list(values))
    rows = [
        [label, *(_cell(values[index]) for values in series.values())]
        for index, label in enumerate(labels)
    ]
    return _figure(plot, chart, list(series), rows)


def lines(
    plot: Plot,
    series: Mapping[str, Sequence[Point]],
    *,
    zone: tzinfo,
    gap: timedelta | None = None,
    limits: tuple[float, float] | None = None,
) -> str:
    """Return a figure of lines over time.

    Args:
        plot: Its names.
        series: Points in order of time.
        zone: Of the labels.
        gap: A longer silence interrupts the line.
        limits: Lowest and highest value of the axis, for example 0 and 100 for percent.
    """
    thinned = {name: _thin(points) for name, points in series.items()}
    chart = pygal.XY(
        show_legend=len(series) > 1,
        legend_at_bottom_columns=len(series),
        show_dots=False,
        allow_interruptions=True,
        range=limits,
        **_OPTIONS,
    )
    times = [at for points in thinned.values() for at, _ in points]
    ticks, form = _ticks(times, zone)
    chart.x_labels = chart.x_labels_major = [at.timestamp() for at in ticks]
    chart.x_value_formatter = lambda at: f"{datetime.fromtimestamp(at, zone):{form}}"
    chart.value_formatter = _number
    for name, points in thinned.items():
        chart.add(name, _with_gaps(points, gap))
    rows = _time_rows(thinned, zone)
    return _figure(plot, chart, list(series), rows)


def _figure(plot: Plot, chart: Any, names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    title = escape(plot.title)
    if not any(cell for row in rows for cell in row[1:]):
        return f'<figure class="plot"><figcaption>{title}</figcaption><p>No data yet</p></figure>'
    chart.add_xml_filter(lambda root: _adapt(root, plot))
    svg = chart.render(is_unicode=True)
    headings = [plot.heading, *(_heading(name, plot.unit) for name in names)]
    return (
        f'<figure class="plot"><figcaption>{title}</figcaption>{svg}'
        f"<details><summary>{escape(plot.table_label)}</summary>"
        f"{_table(plot, headings, rows)}</details></figure>"
    )


def _table(plot: Plot, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f"<table><caption>{escape(plot.title)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _adapt(root: ET.Element, plot: Plot) -> ET.Element:
    """Name the drawing for screen readers, and remove what only pygal's own script needs."""
    for parent in list(root.iter()):
        for child in list(parent):
            if _is_unwanted(child):
                parent.remove(child)
    for bar in root.iter("g"):
        _add_hint(bar, plot.unit)
    root.attrib.pop("id", None)
    title, description = f"{plot.name}-title", f"{plot.name}-description"
    root.set("role", "img")
    root.set("aria-labelledby", f"{title} {description}")
    for position, (tag, name, text) in enumerate(
        (
            ("title", title, f"{plot.title} ({plot.unit})"),
            ("desc", description, plot.description or "The table below has the same data."),
        )
    ):
        element = ET.Element(tag, {"id": name})
        element.text = text
        root.insert(position, element)
    return root


def _is_unwanted(element: ET.Element) -> bool:
    if callable(element.tag):  # a comment
        return True
    kinds = set(element.get("class", "").split())
    return (
        element.tag in {"defs", "title", "script", "style"}
        or bool(kinds & {"background", "tooltip-overlay", "text-overlay", "overlay"})
        or (element.tag == "desc" and "centered" in kinds)
    )


def _add_hint(group: ET.Element, unit: str) -> None:
    """Turn pygal's notes about a bar into what a browser shows under the mouse."""
    notes = {note.get("class", ""): note for note in group.findall("desc")}
    for note in notes.values():
        group.remove(note)
    value, label = notes.get("value"), notes.get("x_label")
    if value is not None and label is not None:
        hint = ET.Element("title")
        hint.text = f"{label.text}: {value.text} {unit}"
        group.insert(0, hint)


def _label_step(labels: Sequence[str]) -> int:
    """Return of how many labels one has room, so that none overlaps the next."""
    longest = max(map(len, labels), default=1)
    fitting = max(1, int(LABELS_PX / (longest * CHARACTER_PX + SPACE_PX)))
    return math.ceil(len(labels) / fitting) or 1


def _thin(points: Sequence[Point]) -> list[Point]:
    """Keep the lowest and the highest value of each stretch, so that no peak is lost."""
    if len(points) <= MOST_POINTS:
        return list(points)
    size = math.ceil(len(points) / (MOST_POINTS // 2))
    kept: list[Point] = []
    for start in range(0, len(points), size):
        part = points[start : start + size]
        low, high = min(part, key=_value), max(part, key=_value)
        kept += sorted({low, high})
    return kept


def _value(point: Point) -> float:
    return point[1]


def _with_gaps(points: Sequence[Point], gap: timedelta | None) -> list[tuple[float, float | None]]:
    result: list[tuple[float, float | None]] = []
    for index, (at, value) in enumerate(points):
        if gap is not None and index and at - points[index - 1][0] > gap:
            result.append((at.timestamp(), None))
        result.append((at.timestamp(), value))
    return result


def _ticks(times: Sequence[datetime], zone: tzinfo) -> tuple[list[datetime], str]:
    """Return where a time axis has labels, at full local hours or days, and their form."""
    if not times:
        return [], "%H:%M"
    first, last = min(times).astimezone(zone), max(times).astimezone(zone)
    span = last - first
    step = next((step for step in _STEPS if span / step <= MOST_LABELS - 1), _STEPS[-1])
    tick = first.replace(hour=0, minute=0, second=0, microsecond=0)
    while tick < first:
        tick += step
    ticks = []
    while tick <= last:
        ticks.append(tick)
        tick += step
    return ticks or [first], "%H:%M" if step < timedelta(days=1) else "%d.%m."


def _time_rows(series: Mapping[str, Sequence[Point]], zone: tzinfo) -> list[list[str]]:
    values = [dict(points) for points in series.values()]
    times = sorted({at for points in values for at in points})
    return [
        [f"{at.astimezone(zone):%Y-%m-%d %H:%M}", *(_cell(points.get(at)) for points in values)]
        for at in times
    ]


def _heading(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def _cell(value: float | None) -> str:
    return "" if value is None else _number(value)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
