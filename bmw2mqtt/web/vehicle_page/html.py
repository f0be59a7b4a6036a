"""The elements of a car's page."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, Generic, TypeVar

T = TypeVar("T")

NONE: Final = "\N{EN DASH}"
"""Stands for a value that is not known."""


@dataclass(frozen=True, slots=True)
class PageColumn(Generic[T]):
    """A column: its heading with a unit, the text of a cell, and where the cell leads."""

    heading: str
    text: Callable[[T], str]
    unit: str = ""
    """Stands behind the heading."""
    is_number: bool = True
    link: Callable[[T], str] | None = None


def section(key: str, title: str, content: str) -> str:
    """Return a part of the page with a heading."""
    return f'<section id="{key}"><h2>{title}</h2>\n{content}</section>\n'


def card(content: str) -> str:
    """Return a card."""
    return f'<div class="card past">{content}</div>\n'


def empty(text: str) -> str:
    """Return what stands where there is nothing yet: what will appear, and when."""
    return f'<p class="empty">{text}</p>\n'


def table(label: str, columns: Sequence[PageColumn[T]], rows: Sequence[T]) -> str:
    """Return a table without the columns of which nothing is known; empty without rows."""
    cells = [[column.text(row) for column in columns] for row in rows]
    shown = [
        index
        for index in range(len(columns))
        if index == 0 or any(texts[index] != NONE for texts in cells)
    ]
    body = "".join(
        f"<tr>{''.join(_cell(columns[index], row, texts[index], index) for index in shown)}</tr>"
        for row, texts in zip(rows, cells, strict=True)
    )
    if not body:
        return ""
    head = "".join(
        f'<th scope="col"{_kind(columns[index])}>{escape(_heading(columns[index]))}</th>'
        for index in shown
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label)}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>\n"
    )


def figure(caption: str, plot: str, *, kind: str = "") -> str:
    """Return a plot with its caption."""
    return f'<figure class="{kind}"><figcaption>{escape(caption)}</figcaption>{plot}</figure>\n'


def figures(plots: Iterable[str]) -> str:
    """Return plots side by side."""
    return f'<div class="plots">{"".join(plots)}</div>\n'


def details(summary: str, content: str) -> str:
    """Return what opens at a click."""
    return f'<details class="behind"><summary>{escape(summary)}</summary>{content}</details>\n'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names and values; those of which nothing is known are left out."""
    return "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in pairs
        if value != NONE
    ).join(("<dl>", "</dl>\n"))


def _heading(column: PageColumn[T]) -> str:
    return f"{column.heading} ({column.unit})" if column.unit else column.heading


def _cell(column: PageColumn[T], row: T, text: str, index: int) -> str:
    content = escape(text)
    if column.link is not None:
        content = f'<a href="{escape(column.link(row))}">{content}</a>'
    if index == 0:
        return f'<th scope="row"{_kind(column)}>{content}</th>'
    return f"<td{_kind(column)}>{content}</td>"


def _kind(column: PageColumn[T]) -> str:
    return ' class="number"' if column.is_number else ""
