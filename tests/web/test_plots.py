"""Plots: what a browser, a screen reader and the page's policy get."""

import itertools
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from bmw2mqtt.web import plots
from bmw2mqtt.web.plots import Plot, bars, lines

SVG = "{http://www.w3.org/2000/svg}"
BERLIN = ZoneInfo("Europe/Berlin")
T0 = datetime(2026, 11, 10, 8, tzinfo=UTC)
ENERGY = Plot(name="energy", title="Energy", unit="kWh", heading="Month", description="Per month.")
MONTHS = [f"2026-{month:02}" for month in range(1, 13)]
HOME = [100.0 + 20 * month for month in range(12)]
AWAY = [50.0, None, 30, 20, 10, 0, 60, 80, 10, 10, 20, 40.5]


def parts(figure: str) -> tuple[ET.Element, ET.Element]:
    """Return the drawing and the table of a figure, read as XML."""
    root = ET.fromstring(figure)  # noqa: S314 - it is our own
    svg, table = root.find(f"{SVG}svg"), root.find("details/table")
    assert svg is not None
    assert table is not None
    return svg, table


def rows(table: ET.Element) -> list[list[str]]:
    return [[cell.text or "" for cell in row] for row in table.findall("tbody/tr")]


def points(count: int, minutes: int = 10):
    return [(T0 + timedelta(minutes=minutes * index), float(index % 100)) for index in range(count)]


def both() -> list[str]:
    power = Plot(name="power", title="Power", unit="kW")
    return [
        bars(ENERGY, MONTHS, {"Home": HOME, "Elsewhere": AWAY}),
        lines(power, {"Power": points(50), "Limit": points(20)}, zone=BERLIN),
    ]


@pytest.mark.parametrize("figure", both(), ids=["bars", "lines"])
def test_the_pages_policy_allows_all_of_it(figure):
    svg, _ = parts(figure)
    for element in svg.iter():
        assert element.tag.removeprefix(SVG) not in {"style", "script", "defs", "image", "a"}
        assert not [name for name in element.attrib if name == "style" or name.startswith("on")]
    assert "http" not in figure.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("figure", both(), ids=["bars", "lines"])
def test_a_screen_reader_gets_a_title_a_description_and_a_table(figure):
    svg, table = parts(figure)
    title, description = svg[0], svg[1]
    assert (title.tag, description.tag) == (f"{SVG}title", f"{SVG}desc")
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text
    assert description.text
    assert table.find("caption").text
    assert all(cell.get("scope") == "col" for cell in table.findall("thead/tr/th"))


def test_the_table_has_the_data_of_the_bars():
    _, table = parts(both()[0])
    headings = [cell.text for cell in table.findall("thead/tr/th")]
    assert headings == ["Month", "Home (kWh)", "Elsewhere (kWh)"]
    expected = [
        [month, f"{home:g}", "" if away is None else f"{away:g}"]
        for month, home, away in zip(MONTHS, HOME, AWAY, strict=True)
    ]
    assert rows(table) == expected


def test_each_bar_says_under_the_mouse_what_it_is():
    svg, _ = parts(bars(ENERGY, MONTHS, {"Home": HOME}))
    hints = [bar[0].text for bar in svg.iter(f"{SVG}g") if bar.get("class") == "bar"]
    assert hints == [f"{month}: {home:g} kWh" for month, home in zip(MONTHS, HOME, strict=True)]


def test_labels_do_not_overlap_on_a_phone():
    for labels in (
        MONTHS,
        [f"{day}" for day in range(1, 32)],
        ["Jan", "Feb"] * 6,
        [f"{index} " + "x" * 60 for index in range(3)],
    ):
        svg, _ = parts(bars(ENERGY, labels, {"Home": [1.0] * len(labels)}))
        shown = [
            (float(text.get("x")), len(text.text))
            for axis in svg.iter(f"{SVG}g")
            if axis.get("class") == "axis x"
            for text in axis.iter(f"{SVG}text")
            if "major" in text.get("class", "")
        ]
        assert shown
        for (left, length), (right, other) in itertools.pairwise(shown):
            assert right - left >= (length + other) / 2 * 6.5


def test_a_line_over_days_has_a_peak_a_gap_and_full_days_as_labels():
    fortnight = [(T0 + timedelta(minutes=5 * index), 50.0) for index in range(4000)]
    fortnight[1234] = (fortnight[1234][0], 99.0)
    silent = fortnight[:2000] + fortnight[2600:]
    plot = Plot(name="soc", title="Charge", unit="%")
    figure = lines(plot, {"Charge": silent}, zone=BERLIN, gap=timedelta(hours=6), limits=(0, 100))
    svg, table = parts(figure)
    values = [cells[1] for cells in rows(table)]
    assert values.count("99") == 1
    assert len(values) <= plots.MOST_POINTS
    paths = [path for path in svg.iter(f"{SVG}path") if "reactive" in path.get("class", "")]
    assert len(paths) == 2, "interrupted once"
    labels = [text.text for text in svg.iter(f"{SVG}text")]
    assert {"13.11.", "16.11.", "19.11.", "22.11."} <= set(labels)
    assert rows(table)[0][0] == "2026-11-10 09:00", "local time"


@pytest.mark.parametrize("count", [1, 2, 7, 400, 401, 5000])
def test_any_number_of_points(count):
    _, table = parts(lines(Plot(name="x", title="X", unit="kW"), {"X": points(count)}, zone=UTC))
    assert 1 <= len(rows(table)) <= plots.MOST_POINTS + 1


def test_nothing_to_draw_says_so():
    for figure in (
        bars(ENERGY, [], {}),
        bars(ENERGY, MONTHS, {"Home": [None] * 12}),
        lines(ENERGY, {"Power": []}, zone=UTC),
    ):
        assert "No data yet" in figure
        assert "<svg" not in figure


def test_texts_are_no_markup():
    evil = '<script>alert("1")</script>&'
    plot = Plot(name="x", title=evil, unit=evil, description=evil, heading=evil, table_label=evil)
    for figure in (
        bars(plot, [evil], {evil: [1.0], "b": [2.0]}),
        lines(plot, {evil: points(5), "b": points(5)}, zone=UTC),
    ):
        assert "<script" not in figure
        parts(figure)


def test_every_colour_of_the_style_sheet_follows_the_page():
    css = Path(plots.__file__).with_name("static").joinpath("plots.css").read_text("utf-8")
    page = Path(plots.__file__).with_name("static").joinpath("page.css").read_text("utf-8")
    light, dark = page.split("@media", 1)
    for name in re.findall(r"var\(--([\w-]+)", css):
        assert f"--{name}:" in light
        assert f"--{name}:" in dark
    assert not re.findall(r"#[0-9a-f]{3,6}\b|rgb", css)
