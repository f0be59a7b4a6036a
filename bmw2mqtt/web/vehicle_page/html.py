"""The elements of a car's page."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, Generic, TypeVar

from bmw2mqtt.web.page_head import page_head

T = TypeVar("T")

NONE: Final = "\N{EN DASH}"
"""Stands for a value that is not known."""
_THEME_COLORS: Final = """\
<meta name="theme-color" content="#f3f5f8" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#0e1217" media="(prefers-color-scheme: dark)">
"""


@dataclass(frozen=True, slots=True)
class PageColumn(Generic[T]):
    """A column: its heading, the text of a cell, and where the cell leads."""

    heading: str
    text: Callable[[T], str]
    is_number: bool = True
    link: Callable[[T], str] | None = None


def document(
    *,
    title: str,
    body: str,
    root: str,
    name: str,
    language: str,
    skip: str,
    script: str = "page-vehicle.js",
) -> str:
    """Return a page.

    Args:
        title: Of the window.
        body: HTML.
        root: The address of the first page, seen from this one: `../../`.
        name: Of the car, at the top of the page.
        language: Of the page.
        skip: The text of the link to the content.
        script: Its script.
    """
    head = page_head(
        language=language,
        title=escape(title),
        root=root,
        style="page-vehicle.css",
        script=script,
        more=_THEME_COLORS,
    )
    return f"""{head}<body>
<a class="skip" href="#main">{escape(skip)}</a>
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
        f'<th scope="col"{_kind(columns[index])}>{escape(columns[index].heading)}</th>'
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


def _cell(column: PageColumn[T], row: T, text: str, index: int) -> str:
    content = escape(text)
    if column.link is not None:
        content = f'<a href="{escape(column.link(row))}">{content}</a>'
    if index == 0:
        return f'<th scope="row"{_kind(column)}>{content}</th>'
    return f"<td{_kind(column)}>{content}</td>"


def _kind(column: PageColumn[T]) -> str:
    return ' class="number"' if column.is_number else ""
