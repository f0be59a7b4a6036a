"""The content of the pages after something was saved: login, first value, settings."""

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final, NamedTuple

from bmw2mqtt.config import is_home_assistant_app, is_loopback
from bmw2mqtt.config.settings_file import SETTINGS_FILE
from bmw2mqtt.translations import status_message
from bmw2mqtt.vehicle.account import AccountState, AccountStatus, LoginKind
from bmw2mqtt.web.car_values import native
from bmw2mqtt.web.context import PageContext
from bmw2mqtt.web.setup.drawings import qr_code
from bmw2mqtt.web.setup.html import button, form, problems
from bmw2mqtt.web.setup.service import Setup
from bmw2mqtt.web.setup.start_link import opens_without_link, own_address
from bmw2mqtt.web.setup.texts import Texts
from bmw2mqtt.web.status_document import SHOWN_ENTITIES

_EVCC: Final = "https://github.com/bmw2mqtt/bmw2mqtt/blob/main/docs/recipes/evcc.md"
_EVCC_ENTITIES: Final = (
    "sensor/remaining_battery_percent",
    "sensor/remaining_range_electric",
    "binary_sensor/connection_status",
    "binary_sensor/charging_status",
)
"""What evcc reads of a car."""
_SHOWN: Final = 4
"""So many values of a car."""
_LOGGED_IN: Final = {AccountStatus.OK, AccountStatus.PAUSED, AccountStatus.QUOTA_EXCEEDED}


class LoginPage(NamedTuple):
    """The page of a login."""

    title: str
    body: str
    is_done: bool = False
    """Whether a first value has arrived."""


def login(t: Texts, context: PageContext, setup: Setup, name: str) -> LoginPage:
    """Return what there is to do until the first value of an account."""
    states = {state.name: state for state in context.devices.account_states()}
    state = states.get(name)
    if state is None or setup.is_restarting:
        return LoginPage(t("login.title"), _wait(t("login.starting")))
    if state.user_code and not _is_over(state):
        return LoginPage(t("login.code"), _code(t, setup, state))
    if state.status in _LOGGED_IN:
        return LoginPage(
            t("login.waiting"),
            f'<p class="message good">{t("login.waiting.text")}</p>{_message(t, state)}',
            is_done=bool(cars_with_values(context, name, t)),
        )
    return LoginPage(t("login.title"), _message(t, state) + _next_step(t, setup, state))


def _next_step(t: Texts, setup: Setup, state: AccountState) -> str:
    """Return what a person can do while the account is not logged in."""
    if state.status is AccountStatus.STARTING:
        return _wait(t("login.requested"))
    if state.is_login_required and state.backend.login is LoginKind.CAPTCHA:
        return f'<div class="row"><a class="button main" href="../">{t("login.other")}</a></div>'
    return _new_code(t, setup, state.name)


def _is_over(state: AccountState) -> bool:
    return state.expires_at is not None and state.expires_at <= datetime.now(UTC)


def _wait(text: str) -> str:
    return f'<p class="pill busy">{text}</p>'


def _message(t: Texts, state: AccountState) -> str:
    if not state.message:
        return ""
    return f'<p class="message warn">{escape(status_message(t.language, state.message))}</p>'


def _new_code(t: Texts, setup: Setup, name: str) -> str:
    again = f'<a class="button" href="cardata?account={name}">{t("login.again")}</a>'
    content = f'<div class="row">{button(t("login.new"), busy=t("busy"))}{again}</div>'
    return form(content, setup.form_token, kind="plain-form")


def _code(t: Texts, setup: Setup, state: AccountState) -> str:
    code = escape(state.user_code or "")
    url = state.login_url or ""
    is_web = url.startswith(("https://", "http://"))
    opened = expires = qr = ""
    if is_web:
        opened = (
            f'<a class="button main" href="{escape(url)}" target="_blank"'
            f' rel="noopener noreferrer">{t("login.open")}</a>'
        )
        qr = f'<div><p class="soft">{t("login.qr")}</p>{qr_code(url, t("login.qr.label"))}</div>'
    if state.expires_at is not None:
        time = f'<span data-expires="{state.expires_at.isoformat()}">…</span>'
        expires = f'<p class="soft">{t("login.expires", time="{time}").format(time=time)}</p>'
    return (
        f"<p>{t('login.code.text')}</p>"
        f'<div class="card login-code"><div><p class="code" id="code">{code}</p>'
        f'<div class="row">{opened}<button type="button" data-copy="code"'
        f' data-copied="{t("copied")}">{t("copy")}</button></div>{expires}</div>{qr}</div>'
        + form(button(t("login.new"), main=False), setup.form_token, kind="plain-form")
    )


@dataclass(frozen=True, slots=True)
class CarWithValues:
    """A car that has sent something."""

    vin: str
    name: str
    values: tuple[tuple[str, str], ...]
    """Label and text of each."""


def cars_with_values(context: PageContext, account: str, t: Texts) -> list[CarWithValues]:
    """Return the cars of an account that have at least one value."""
    cars = [car for car in context.devices.vehicles() if car.account == account]
    found = (
        CarWithValues(
            car.vehicle.vin,
            car.name,
            tuple(
                (t(f"value.{entity.key}"), _value(value, entity.unit, t))
                for entity in SHOWN_ENTITIES
                if hasattr(entity, "unit") and f"value.{entity.key}" in t
                if entity.exists(car.vehicle)
                and (value := native(entity.value(car.vehicle))) is not None
            )[:_SHOWN],
        )
        for car in cars
    )
    return [car for car in found if car.values]


def _value(value: object, unit: str, t: Texts) -> str:
    if not isinstance(value, int | float):
        return f"{value} {unit}"
    shown, shown_unit = t.visitor.quantity(value, unit)
    is_whole = float(shown).is_integer() or shown_unit != unit
    text = f"{shown:,.0f}" if is_whole else f"{shown:,.1f}"
    if t.language == "de":
        text = text.translate(str.maketrans(",.", ".,"))
    return f"{text} {shown_unit}"


def done(t: Texts, context: PageContext, setup: Setup, name: str, visited: str) -> str:
    """Return the first values, and where to see them from now on.

    `visited` is the name or address by which the visitor opened the page.
    """
    cars = cars_with_values(context, name, t)
    shown = "".join(_car(car) for car in cars) or f'<p class="empty">{t("done.none")}</p>'
    mqtt = setup.configuration.settings.mqtt
    host = mqtt.host
    if is_loopback(host):  # others need this machine's address, which the visitor may know better
        host = own_address() if is_loopback(visited) else visited
    base = mqtt.base_topic
    vin = cars[0].vin if cars else "VIN"
    if is_home_assistant_app():
        home_assistant = t("done.homeassistant.app")
    else:
        home_assistant = t("done.homeassistant.text", host=host, port=mqtt.port)
    topics = "\n".join(f"{base}/{vin}/{entity}" for entity in _EVCC_ENTITIES)
    user = " -u USER -P PASSWORD" if mqtt.username else ""
    command = f"mosquitto_sub -h {host} -p {mqtt.port}{user} -v -t '{base}/{vin}/#'"
    evcc = (
        f"<p>{t('done.evcc.text')}</p><pre>{escape(topics)}</pre>"
        f'<p><a href="{_EVCC}" target="_blank" rel="noopener noreferrer">'
        f"{t('done.evcc.link')}</a></p>"
    )
    return (
        f'<p>{t("done.text")}</p><div class="grid">{shown}</div>'
        + _section(t("done.homeassistant"), f"<p>{home_assistant}</p>")
        + _section(t("done.evcc"), evcc)
        + _section(t("done.other"), f"<p>{t('done.other.text')}</p><pre>{escape(command)}</pre>")
        + f'<div class="row"><a class="button main" href="../">{t("page")}</a></div>'
    )


def _section(title: str, content: str) -> str:
    return f'<section class="card form"><h3>{title}</h3>{content}</section>'


def _link_to(page: str, text: str) -> str:
    return f'<div class="row"><a class="button" href="{page}">{text}</a></div>'


def _car(car: CarWithValues) -> str:
    rows = "".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in car.values)
    return f'<article class="card form"><h3>{escape(car.name)}</h3><dl>{rows}</dl></article>'


def overview(t: Texts, context: PageContext, setup: Setup, url: str = "") -> str:
    """Return the settings: what is configured, and links to change it; `url`: a one-time link."""
    settings = setup.configuration.settings
    connected = context.is_connected()
    pill = "good" if connected else "bad"
    state = t("overview.connected" if connected else "overview.disconnected")
    accounts = "".join(_account(t, context, setup, name) for name in settings.accounts)
    file = settings.data_dir / SETTINGS_FILE
    broker = (
        f'<p><code>{escape(context.broker)}</code> <span class="pill {pill}">{state}</span></p>'
    )
    language = f"<p>{t('language.own')} · {t(f'units.{t.visitor.units}')}</p>"
    return (
        _section(t("overview.broker"), broker + _link_to("broker", t("overview.change")))
        + _section(t("overview.accounts"), accounts + _link_to("car", t("overview.add")))
        + _section(t("step.language"), language + _link_to("language", t("overview.change")))
        + _link(t, setup, url)
        + f'<p class="soft">{t("overview.file", file=file)}</p>'
        f'<p><a href="../">{t("page")}</a></p>'
    )


def _account(t: Texts, context: PageContext, setup: Setup, name: str) -> str:
    backend = setup.configuration.settings.accounts[name].backend
    states = {state.name: state.backend.title for state in context.devices.account_states()}
    title = escape(states.get(name, backend))
    place = setup.configuration.fixed.get(("accounts", name, "backend"))
    acts = f'<a class="button" href="{backend}?account={name}">{t("overview.change")}</a>'
    acts += f'<a class="button" href="login?account={name}">{t("overview.login")}</a>'
    fixed = f'<p class="fixed">{t("fixed", place=t.message(place))}</p>' if place else ""
    if not fixed and len(setup.configuration.settings.accounts) > 1:
        acts += f'<a class="button" href="remove?account={name}">{t("overview.remove")}</a>'
    return (
        f'<div class="entry"><p><strong>{escape(name)}</strong> '
        f'<span class="soft">{title}</span></p>{fixed}<div class="row">{acts}</div></div>'
    )


def _link(t: Texts, setup: Setup, url: str) -> str:
    if is_home_assistant_app():
        return ""
    if opens_without_link(setup.settings().http):
        content = f"<p>{t('overview.local')}</p>"
    elif url:
        content = (
            f'<p>{t("overview.link.text")}</p><p><code id="link">{escape(url)}</code></p>'
            f'<div class="row"><button type="button" data-copy="link" data-copied="{t("copied")}">'
            f"{t('copy')}</button></div>{qr_code(url, t('overview.link'))}"
        )
    else:
        create = button(t("overview.link.button"), main=False)
        content = form(create, setup.form_token, action="link", kind="plain-form")
    return _section(t("overview.link"), content)


def remove(t: Texts, setup: Setup, name: str, lines: list[str]) -> str:
    """Return the question whether to remove an account; `lines`: why it was not removed."""
    content = (
        f"<p>{t('overview.remove.confirm', name=name)}</p>"
        f'<div class="row">{button(t("overview.remove.yes", name=name))}'
        f'<a class="button" href="./">{t("back")}</a></div>'
    )
    return problems(lines, t) + form(content, setup.form_token)
