"""The page on which the owner chooses what a CarData car sends, and sees what arrives."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape
from typing import Final

from bmw2mqtt.entities.catalogue import Descriptor, catalogue
from bmw2mqtt.translations import NAMES, translator
from bmw2mqtt.vehicle.account import StreamedData
from bmw2mqtt.vehicle.snapshot import DriveTrain, Vehicle
from bmw2mqtt.web.setup.pages import portal_links
from bmw2mqtt.web.vehicle_page import html, words
from bmw2mqtt.web.vehicle_page.portal_script import bookmarklet, console_text
from bmw2mqtt.web.vehicle_page.words import mark, t

NEVER_AFTER: Final = timedelta(days=7)
_KINDS: Final[Mapping[DriveTrain, str]] = {
    DriveTrain.COMBUSTION: "ICE",
    DriveTrain.MILD_HYBRID: "MHEV",
    DriveTrain.HYBRID: "MHEV",
    DriveTrain.PLUGIN_HYBRID: "PHEV",
    DriveTrain.ELECTRIC_WITH_RANGE_EXTENDER: "PHEV",
    DriveTrain.ELECTRIC: "BEV",
}
_GROUPS: Final = {
    "arrived": mark("Arrived"),
    "new": mark("Not arrived yet"),
    "never": mark("Never arrived in 7 days"),
    "daily": mark("BMW does not stream it: read once a day"),
    "other": mark("Not for this kind of car"),
}


def group_of(row: Descriptor, vehicle: Vehicle, streamed: StreamedData, today: date) -> str | None:
    """Return where a value is listed; `None`: it is none that a car sends."""
    if row.descriptor in streamed.last:
        return "arrived"
    if not row.is_streamable:
        return "daily" if row.rest_via == "container" else None
    kind = _KINDS.get(vehicle.drive_train) if vehicle.drive_train else None
    if row.kinds and kind and kind not in row.kinds:
        return "other"
    is_over = streamed.since is not None and today - streamed.since >= NEVER_AFTER
    return "never" if is_over else "new"


def render(vehicle: Vehicle, name: str, streamed: StreamedData, today: date) -> str:
    """Return the page; its address ends in `cars/{VIN}/data`."""
    title = t("Choose what {name} sends", name=name)
    groups: dict[str, list[Descriptor]] = {key: [] for key in _GROUPS}
    for row in catalogue().values():
        if key := group_of(row, vehicle, streamed, today):
            groups[key].append(row)
    body = (
        f'<p class="back"><a href="./">{t("Back to the car")}</a></p>\n'
        f"<h1>{escape(title)}</h1>\n"
        + _helper_section()
        + html.section("arrived", t("What arrives"), _arrived(groups, streamed))
    )
    return words.document(
        title=f"{title} · bmw2mqtt", body=body, root="../../", name=name, script="page-data.js"
    )


def render_helper() -> str:
    """Return the page with the helper alone, for an account that has no car yet."""
    title = t("Choose what the car sends")
    body = f"<h1>{title}</h1>\n{_helper_section()}"
    return words.document(
        title=f"{title} · bmw2mqtt", body=body, root="./", name="", script="page-data.js"
    )


def _helper_section() -> str:
    steps = (
        (
            f'{t("Drag this link to the bookmarks of your browser:")} <a class="button main"'
            f' id="bookmarklet" href="{escape(bookmarklet())}">{t("Select for bmw2mqtt")}</a>'
        ),
        f"{t('Log in at BMW or MINI:')} {portal_links(' · ')}. "
        + t("Open the car, then CarData, then Configure data stream."),
        t(
            "On that page, click the bookmark. It adds every value that BMW offers and bmw2mqtt"
            " knows. It removes nothing. It shows its progress, and at the end a short text."
        ),
        (
            f'<label for="result">{t("Paste that text here:")}</label>'
            '<div class="row"><input id="result" autocomplete="off" spellcheck="false">'
            f'<button type="button" id="check-result">{t("Check")}</button></div>'
            '<p id="outcome" role="status"></p>'
        ),
        t("Lock or unlock the car once: then it reports."),
    )
    why = t(
        "BMW streams only what is selected for each car in its portal. There you select some 240"
        " rows by hand, or you let this helper do it in your own browser."
    )
    honest = t(
        "The helper uses what is publicly known of BMW's portal. It was tried with a simulated"
        " portal, never with BMW's own: tell us whether it works. It runs in your tab, with your"
        " login there; bmw2mqtt gets nothing but the text that you paste."
    )
    listed = "".join(f"<li>{step}</li>" for step in steps)
    console = html.details(
        t("Without bookmarks: paste it into the console of the browser"), _console()
    )
    content = (
        f'<p>{why}</p><ol class="steps-list">{listed}</ol>{console}<p class="soft">{honest}</p>'
    )
    return html.section("ticks", t("Select everything in BMW's portal"), html.card(content))


def _console() -> str:
    how = t(
        "On BMW's page press F12, choose Console, paste this text and press Enter. Some browsers"
        " ask you to type a word first."
    )
    return (
        f'<p>{how}</p><p><button type="button" id="copy-console">{t("Copy the text")}</button></p>'
        f'<textarea id="console" readonly rows="6" aria-label="{t("Text for the console")}">'
        f"{escape(console_text())}</textarea>"
    )


def _arrived(groups: Mapping[str, Sequence[Descriptor]], streamed: StreamedData) -> str:
    shown = {key: rows for key, rows in groups.items() if rows}
    parts = [
        html.details(f"{t(_GROUPS[key])}: {len(rows)}", _rows(rows, streamed))
        for key, rows in shown.items()
    ]
    since = ""
    if streamed.since is not None:
        date_text = words.date_text(streamed.since)
        since = f'<p class="soft">{t("Recorded since {date}.", date=date_text)}</p>'
    normal = t("It is normal that many values never arrive: no car has everything.")
    return html.card(f'{since}<p class="soft">{normal}</p>' + "".join(parts))


def _rows(rows: Sequence[Descriptor], streamed: StreamedData) -> str:
    name_of = translator(words.language(), NAMES)
    items = []
    for row in sorted(rows, key=lambda row: name_of(row.name)):
        last = streamed.last.get(row.descriptor)
        when = f' <span class="soft">{words.date_text(last)}</span>' if last else ""
        items.append(
            f"<li>{escape(name_of(row.name))}{when}<br><code>{escape(row.descriptor)}</code></li>"
        )
    return f'<ul class="descriptors">{"".join(items)}</ul>'
