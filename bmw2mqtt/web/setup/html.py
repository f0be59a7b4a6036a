"""Building blocks of the setup's pages."""

import hashlib
from dataclasses import dataclass
from html import escape
from typing import Final

from aiohttp import web

from bmw2mqtt.web.page_head import page_head
from bmw2mqtt.web.setup.texts import Texts

STEPS: Final = ("language", "broker", "car", "portal", "login", "done")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input of a form."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    error: str = ""
    fixed: str | None = None
    """The place of another source that sets it; the field then cannot be changed."""
    kind: str = "text"
    attributes: str = ""
    """More attributes, as HTML."""


def page(
    t: Texts,
    title: str,
    body: str,
    *,
    step: str | None = None,
    root: str = "../",
    live: bool = False,
    back: str | None = None,
    status: int = 200,
) -> web.Response:
    """Answer with a whole page.

    A page without a `step` is one of the settings. `root` and `back` are the relative addresses of
    the page with the cars and of the page before; a `live` page is read again every few seconds.
    """
    name = "bmw2mqtt" if step is None else t("title")
    digest = hashlib.sha256(f"{title}{body}".encode()).hexdigest()[:16]
    watched = f' data-live="{digest}"' if live else ""
    return_link = f'<p><a href="{back}">{t("back")}</a></p>' if back else ""
    refresh = '<noscript><meta http-equiv="refresh" content="5"></noscript>' if live else ""
    head = page_head(
        language=t.language,
        title=f"{title} · bmw2mqtt",
        root=root,
        style="setup.css",
        script="setup.js",
        more=refresh,
    )
    text = f"""{head}<body class="setup">
<a class="skip" href="#main">{t("skip")}</a>
<header><h1><img src="{root}icon.svg" alt="" width="28" height="28">{name}</h1></header>
<div id="announcement" class="unseen" role="status"></div>
<main id="main" tabindex="-1"{watched}>
{_progress(t, step)}
<h2 id="title">{title}</h2>
{body}
{return_link}
</main>
</body>
</html>
"""
    # With no-referrer browsers would send `Origin: null` with a form.
    headers = {"Referrer-Policy": "same-origin"}
    return web.Response(text=text, content_type="text/html", headers=headers, status=status)


def _progress(t: Texts, step: str | None) -> str:
    if step is None:
        return ""
    at = STEPS.index(step)
    number = t("step", number=at + 1, count=len(STEPS))
    items = []
    for i, name in enumerate(STEPS):
        kind = "over" if i < at else "next"
        mark = 'class="now" aria-current="step"' if i == at else f'class="{kind}"'
        items.append(f"<li {mark}>{t(f'step.{name}')}</li>")
    label = t("steps")
    listed = "".join(items)
    return f'<p class="soft">{number}</p><ol class="steps" aria-label="{label}">{listed}</ol>'


def form(content: str, token: str, *, action: str = "", kind: str = "card form") -> str:
    """Return a form that only our own pages can send."""
    where = f' action="{action}"' if action else ""
    return (
        f'<form method="post"{where} class="{kind}" novalidate>'
        f'<input type="hidden" name="form_token" value="{escape(token)}">{content}</form>'
    )


def field(field: Field, t: Texts) -> str:
    """Return an input with its label, hint and error."""
    name = escape(field.name)
    notes = []
    if field.fixed is not None:
        notes.append(("fixed", t("fixed", place=t.message(field.fixed))))
    elif field.hint:
        notes.append(("hint", field.hint))
    if field.error:
        notes.append(("error", escape(t.message(field.error))))
    described = " ".join(f"{name}-{kind}" for kind, _ in notes)
    attributes = field.attributes
    if described:
        attributes += f' aria-describedby="{described}"'
    if field.error:
        attributes += ' aria-invalid="true"'
    if field.fixed is not None:
        attributes += " disabled"
    below = "".join(f'<p class="{kind}" id="{name}-{kind}">{text}</p>' for kind, text in notes)
    label = f'<label for="{name}">{field.label}</label>'
    if field.kind == "checkbox":
        checked = " checked" if field.value else ""
        box = f'<input type="checkbox" id="{name}" name="{name}" value="on"{checked}{attributes}>'
        return f'<div class="field check">{box}{label}{below}</div>'
    value = "" if field.kind == "password" else f' value="{escape(field.value)}"'
    spelled = 'autocomplete="off" autocapitalize="off" spellcheck="false"'
    return (
        f'<div class="field">{label}<input type="{field.kind}" id="{name}" name="{name}"{value}'
        f" {spelled}{attributes}>{below}</div>"
    )


def choice(name: str, value: str, title: str, text: str = "", *, checked: bool = False) -> str:
    """Return one of several answers."""
    more = f'<span class="soft">{text}</span>' if text else ""
    mark = " checked" if checked else ""
    return (
        f'<label class="choice"><input type="radio" name="{name}" value="{value}"{mark} required>'
        f"<span><strong>{title}</strong>{more}</span></label>"
    )


def button(text: str, *, value: str = "", main: bool = True, busy: str = "") -> str:
    """Return a button that sends its form; `busy` replaces its text meanwhile."""
    named = f' name="action" value="{value}"' if value else ""
    kind = ' class="main"' if main else ""
    waiting = f' data-busy="{busy}"' if busy else ""
    return f"<button{kind}{named}{waiting}>{text}</button>"


def problems(lines: list[str], t: Texts, title: str = "problems") -> str:
    """Return what was wrong, as an alert."""
    if not lines:
        return ""
    items = "".join(f"<li>{escape(t.message(line))}</li>" for line in lines)
    return f'<div class="message bad" role="alert"><p>{t(title)}</p><ul>{items}</ul></div>'
