"""Drawings of BMW's portal, and QR codes. Colours come from the style sheet."""

from html import escape
from typing import Final

from bmw2mqtt.web.setup.texts import Texts


def _svg(content: str, height: int = 96) -> str:
    return (
        f'<svg class="drawing" viewBox="0 0 240 {height}" aria-hidden="true" focusable="false">'
        f'<rect class="window" x="1" y="1" width="238" height="{height - 2}" rx="8"/>'
        f"{content}</svg>"
    )


def _text(x: int, y: int, text: str, kind: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{text}</text>'


def _switch(y: int, text: str) -> str:
    return (
        _text(16, y + 13, text)
        + f'<rect class="on" x="180" y="{y}" width="40" height="20" rx="10"/>'
        + f'<circle class="knob" cx="210" cy="{y + 10}" r="7"/>'
    )


def _row(y: int, width: int) -> str:
    return (
        f'<rect class="on" x="16" y="{y}" width="14" height="14" rx="3"/>'
        f'<path class="tick" d="M19 {y + 7}l3 3 6-6"/>'
        f'<rect class="line" x="40" y="{y + 3}" width="{width}" height="8" rx="4"/>'
    )


TILE: Final = _svg(
    '<path class="car" d="M22 58l6-16q2-5 8-5h30q5 0 9 4l9 10 14 3q5 1 5 6v6H16v-4q0-3 6-4z"/>'
    '<circle class="wheel" cx="36" cy="66" r="7"/><circle class="wheel" cx="84" cy="66" r="7"/>'
    '<rect class="tile" x="112" y="22" width="114" height="52" rx="6"/>'
    + _text(122, 53, "BMW CarData", "title")
)

SWITCHES: Final = _svg(_switch(20, "CarData API") + _switch(56, "CarData Stream"))


def client_drawing(t: Texts) -> str:
    """Return the button that creates a client, and the client ID."""
    return _svg(
        '<rect class="on" x="16" y="14" width="172" height="26" rx="5"/>'
        + _text(26, 31, t("drawing.create"), "caption")
        + _text(16, 60, t("client.label"))
        + '<rect class="tile" x="16" y="66" width="208" height="20" rx="4"/>'
        + _text(22, 80, "1a2b3c4d-1234-5678-9abc-1a2b…", "mono")
    )


def ticks_drawing(t: Texts) -> str:
    """Return the list of what a car may send."""
    return _svg(
        _row(12, 120)
        + _row(34, 160)
        + _row(56, 90)
        + '<rect class="tile" x="150" y="66" width="78" height="22" rx="5"/>'
        + _text(160, 81, t("drawing.more"))
    )


def qr_code(url: str, label: str) -> str:
    """Return a QR code as an image with this label."""
    from segno import make  # noqa: PLC0415 - only for a login

    drawn = make(url, error="m").svg_inline(scale=4, border=3, dark="#000", light="#fff")
    return f'<div class="qr" role="img" aria-label="{escape(label)}">{drawn}</div>'
