"""The content of the setup's first pages, as HTML: from the welcome to BMW's portal."""

import re
from collections.abc import Mapping
from html import escape
from typing import Final

from bmw2mqtt.config import is_home_assistant_app, is_loopback
from bmw2mqtt.web.setup.account_forms import AccountForm
from bmw2mqtt.web.setup.broker_form import PATHS, BrokerForm
from bmw2mqtt.web.setup.drawings import SWITCHES, TILE, client_drawing, ticks_drawing
from bmw2mqtt.web.setup.html import Field, button, choice, field, form, problems
from bmw2mqtt.web.setup.service import Setup
from bmw2mqtt.web.setup.start_link import is_container
from bmw2mqtt.web.setup.texts import LANGUAGES, Texts
from bmw2mqtt.web.visitor import UNITS

_PORTALS: Final[Mapping[str, str]] = {
    "BMW Deutschland": "https://www.bmw.de/de-de/mybmw/vehicle-overview",
    "BMW UK": "https://www.bmw.co.uk/en-gb/mybmw/vehicle-overview",
    "MINI Deutschland": "https://www.mini.de/de-de/mymini/vehicle-overview",
    "MINI UK": "https://www.mini.co.uk/en-gb/mymini/vehicle-overview",
}
_REGIONS: Final = ("rest_of_world", "north_america", "china")


def portal_links(separator: str) -> str:
    """Return links to BMW's portals."""
    return separator.join(
        f'<a href="{url}" target="_blank" rel="noopener noreferrer">{name}</a>'
        for name, url in _PORTALS.items()
    )


def language(t: Texts, form_token: str) -> str:
    """Return the choice of the language and the units."""
    languages = "".join(
        choice("language", code, texts["language.own"], checked=code == t.language)
        for code, texts in LANGUAGES.items()
    )
    units = "".join(
        choice("units", name, t(f"units.{name}"), checked=name == t.visitor.units) for name in UNITS
    )
    content = (
        f"<fieldset><legend>{t('start.choose')}</legend>{languages}</fieldset>"
        f"<fieldset><legend>{t('start.units')}</legend>{units}</fieldset>"
        f'<p class="soft">{t("start.units.note")}</p>'
        f'<div class="row">{button(t("continue"))}</div>'
    )
    return f"<p>{t('start.text')}</p>{form(content, form_token)}"


def locked_title(t: Texts) -> str:
    """Return the title of the page that is shown without a session."""
    return t("start.app.title" if is_home_assistant_app() else "start.wrong.title")


def locked(t: Texts, *, with_token: bool, error: str = "") -> str:
    """Return what to do without a session."""
    text = f"<p>{t('start.app.text' if is_home_assistant_app() else 'start.wrong.text')}</p>"
    if not with_token:
        return text
    entry = Field(name="token", label=t("start.token.label"), kind="password", error=error)
    content = (
        f"<p>{t('start.token.text')}</p>{field(entry, t)}"
        f'<div class="row">{button(t("start.token.button"))}</div>'
    )
    return text + form(content, "")


def broker(
    t: Texts, setup: Setup, entered: BrokerForm, *, tested: list[str] | None, lines: list[str]
) -> str:
    """Return the form for the broker.

    `tested` is what the test found: an empty list if the broker works, `None` if it was not tested.
    `lines` are why the form was not saved.
    """
    result = ""
    buttons = button(t("continue"), value="save", busy=t("broker.testing"))
    if tested == []:
        result = f'<p class="message good" role="status">{t("broker.ok")}</p>'
    elif tested:
        found_by_test = [_with_labels(t.message(line), t) for line in tested]
        result = problems([*found_by_test, *_container_hint(t, entered)], t, "broker.failed")
        buttons += button(t("broker.anyway"), value="anyway", main=False)
    buttons += button(t("broker.test"), value="test", main=False, busy=t("broker.testing"))
    found = ""
    if setup.configuration.is_broker_offered:
        found = f'<p class="message good">{t("broker.found")}</p>'
    fields = "".join(field(part, t) for part in entered.fields(setup, t))
    content = f'{fields}{result}<div class="row">{buttons}</div>'
    return f"<p>{t('broker.text')}</p>{found}{problems(lines, t)}{form(content, setup.form_token)}"


def _with_labels(line: str, t: Texts) -> str:
    """Return a result of the test with the labels of the form instead of the settings' names."""
    for name, path in PATHS.items():
        label = t("quoted", text=t(f"broker.{name}"))
        line = re.sub(rf"\b{'.'.join(path)}(: true)?", label, line)
    return line


def _container_hint(t: Texts, entered: BrokerForm) -> list[str]:
    host = str(entered.values["host"])
    return [t("broker.container", host=host)] if is_loopback(host) and is_container() else []


def car(t: Texts, setup: Setup) -> str:
    """Return the choice of BMW's interface."""
    answers = choice("where", "cardata", t("car.europe"), t("car.europe.text"), checked=True)
    answers += choice("where", "mybmw", t("car.elsewhere"), t("car.elsewhere.text"))
    content = (
        f'<fieldset aria-labelledby="title">{answers}</fieldset>'
        f'<div class="row">{button(t("continue"))}</div>'
    )
    return form(content, setup.form_token)


def portal(t: Texts, setup: Setup, entered: AccountForm, lines: list[str]) -> str:
    """Return BMW's portal step by step, and the form for the client ID."""
    first = (
        f'{t("portal.1")}<span class="links">{portal_links("")}</span>'
        f'<span class="soft">{t("portal.1.note")}</span>'
    )
    link = f'<a href="../selection" target="_blank">{t("portal.helper")}</a>'
    helper = f' <span class="links">{link}</span>'
    steps = (
        (first, ""),
        (t("portal.2"), TILE),
        (t("portal.3"), client_drawing(t)),
        (t("portal.4"), SWITCHES),
        (t("portal.5"), ""),
        (t("portal.6") + helper, ticks_drawing(t)),
    )
    listed = "".join(f"<li><div>{text}</div>{drawing}</li>" for text, drawing in steps)
    texts = "".join(
        f' data-{kind}="{escape(t(f"client.{kind}"))}"' for kind in ("good", "short", "example")
    )
    entry = Field(
        name="client_id",
        label=t("client.label"),
        value=entered.values["client_id"],
        hint=t("client.hint"),
        error=entered.errors.get("client_id", ""),
        fixed=setup.configuration.fixed.get((*entered.root, "client_id")),
        attributes=" required data-check",
    )
    content = (
        f'{field(entry, t)}<p id="client-check" class="check-result" role="status"{texts}></p>'
        f'<div class="row">{button(t("continue"), busy=t("busy"))}</div>'
    )
    return (
        f'<p>{t("portal.text")}</p><ol class="portal card">{listed}</ol>'
        f"{problems(lines, t)}{form(content, setup.form_token)}"
    )


def mybmw(t: Texts, setup: Setup, entered: AccountForm, lines: list[str]) -> str:
    """Return the form for an account of the BMW app."""

    def entry(name: str, kind: str = "text", hint: str = "") -> str:
        part = Field(
            name=name,
            label=t(f"mybmw.{name}"),
            value=entered.values[name],
            kind=kind,
            hint=hint,
            error=entered.errors.get(name, ""),
            fixed=setup.configuration.fixed.get((*entered.root, name)),
        )
        return field(part, t)

    regions = "".join(
        choice("region", name, t(f"mybmw.region.{name}"), checked=name == entered.values["region"])
        for name in _REGIONS
    )
    wrong = entered.errors.get("region", "")
    wrong = f'<p class="error">{escape(t.message(wrong))}</p>' if wrong else ""
    content = (
        entry("username", hint=t("mybmw.username.hint"))
        + entry("password", kind="password")
        + f"<fieldset><legend>{t('mybmw.region')}</legend>{regions}{wrong}</fieldset>"
        + f'<div class="row">{button(t("continue"), busy=t("busy"))}</div>'
    )
    return (
        f'<p class="message warn">{t("mybmw.text")}</p>'
        f"{problems(lines, t)}{form(content, setup.form_token)}"
    )
