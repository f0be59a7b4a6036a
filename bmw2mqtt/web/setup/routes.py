"""The addresses of the setup: ordinary pages with forms, which work without JavaScript."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from itertools import chain
from typing import Final, NamedTuple

from aiohttp import web

from bmw2mqtt.config import is_loopback
from bmw2mqtt.config.keys import KeyPath
from bmw2mqtt.mqtt.tools.broker_check import broker_problems
from bmw2mqtt.vehicle.errors import ConfigError
from bmw2mqtt.web import access
from bmw2mqtt.web.access import Access
from bmw2mqtt.web.bodies import read_form
from bmw2mqtt.web.context import PageContext
from bmw2mqtt.web.setup import account_forms, pages, result_pages
from bmw2mqtt.web.setup.account_forms import AccountForm
from bmw2mqtt.web.setup.broker_form import BrokerForm
from bmw2mqtt.web.setup.html import page
from bmw2mqtt.web.setup.service import Setup
from bmw2mqtt.web.setup.start_link import page_urls
from bmw2mqtt.web.setup.texts import LANGUAGES, YEAR_S, Texts, texts_for
from bmw2mqtt.web.visitor import LANGUAGE_COOKIE, UNITS, UNITS_COOKIE

Sent = Mapping[str, str]


class _AccountPage(NamedTuple):
    """The page for an account of one backend."""

    title: str
    """The key of its text."""
    current: Callable[[Setup, str], AccountForm]
    receive: Callable[[AccountForm, Setup, Sent, Texts], None]
    render: Callable[[Texts, Setup, AccountForm, list[str]], str]


_ACCOUNT_PAGES: Final[Mapping[str, _AccountPage]] = {
    "cardata": _AccountPage(
        "portal.title", account_forms.cardata_form, account_forms.receive_cardata, pages.portal
    ),
    "mybmw": _AccountPage(
        "mybmw.title", account_forms.mybmw_form, account_forms.receive_mybmw, pages.mybmw
    ),
}


class SetupRoutes:
    """The setup, which later is the settings."""

    def __init__(self, context: PageContext, setup: Setup, allowed: Access) -> None:
        self._context = context
        self._setup = setup
        self._access = allowed

    def routes(self) -> list[web.RouteDef]:
        """Return what to add to the application."""
        return [
            web.get("/setup", _to_folder),
            web.get(access.SETUP, self._overview),
            web.get(access.SETUP_START, self._show_start),
            web.post(access.SETUP_START, self._sign_in),
            web.get(access.SETUP_LINK, self._show_link),
            web.post(access.SETUP_LINK, self._redeem_link),
            *self._page("language", self._show_language, self._choose_language),
            *self._page("broker", self._show_broker, self._receive_broker),
            *self._page("car", self._show_car, self._choose_backend),
            *chain.from_iterable(
                self._page(
                    backend,
                    partial(self._show_account, backend),
                    partial(self._receive_account, backend),
                )
                for backend in _ACCOUNT_PAGES
            ),
            *self._page("login", self._show_login, self._request_code),
            *self._page("remove", self._show_remove, self._remove),
            web.get(f"{access.SETUP}done", self._show_done),
            web.post(f"{access.SETUP}link", self._with_form(self._create_link)),
        ]

    def _page(
        self,
        name: str,
        show: Callable[[web.Request], Awaitable[web.Response]],
        receive: Callable[[web.Request, Sent], Awaitable[web.Response]],
    ) -> list[web.RouteDef]:
        path = f"{access.SETUP}{name}"
        return [web.get(path, show), web.post(path, self._with_form(receive))]

    def _with_form(
        self, receive: Callable[[web.Request, Sent], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return a handler of a form; only a form of this process is accepted."""

        async def handle(request: web.Request) -> web.Response:
            sent = await read_form(request)
            given, expected = sent.get("form_token", ""), self._setup.form_token
            if not hmac.compare_digest(given.encode(errors="replace"), expected.encode()):
                t = texts_for(request)
                text = f'<p class="message warn" role="alert">{t("form.old")}</p>'
                link = f'<p><a class="button" href="">{t("continue")}</a></p>'
                return page(t, t("settings"), text + link, status=403)
            return await receive(request, sent)

        return handle

    def _step(self, name: str) -> str | None:
        """Return the step that is shown; later the same pages are the settings."""
        return name if self._setup.is_waiting else None

    def _before(self, step: str) -> str:
        """Return the page before a step; of the settings, the overview."""
        return step if self._setup.is_waiting else "./"

    # The one-time link

    async def _show_start(self, request: web.Request, error: str = "") -> web.Response:
        t = texts_for(request)
        body = pages.locked(t, with_token=self._has_own_token(), error=error)
        return page(t, pages.locked_title(t), body, status=401)

    def _has_own_token(self) -> bool:
        """Return whether the owner may know a token; before the setup it can be of this process."""
        return self._setup.is_fixed(("http", "token")) or not self._setup.is_waiting

    async def _sign_in(self, request: web.Request) -> web.Response:
        sent = await read_form(request)
        try:
            self._access.sign_in(request, sent.get("token", "").strip())
        except web.HTTPUnauthorized as error:
            return await self._show_start(request, error.text or "")
        response = _see_other("./")
        self._access.open_session(request, response)
        return response

    async def _show_link(self, request: web.Request) -> web.Response:
        t = texts_for(request)
        if not self._setup.start_link.is_valid(request.match_info["nonce"]):
            body = pages.locked(t, with_token=False)
            return page(t, pages.locked_title(t), body, root="../../", status=403)
        title, body = t("start.title"), pages.language(t, "")
        return page(t, title, body, step=self._step("language"), root="../../")

    async def _redeem_link(self, request: web.Request) -> web.Response:
        """Open a session. A link that is only looked at, as chats do, stays valid."""
        sent = await read_form(request)
        if not self._setup.start_link.redeem(request.match_info["nonce"]):
            return await self._show_link(request)
        await self._save_language(sent)
        response = _see_other("../broker" if self._setup.is_waiting else "../")
        self._access.open_session(request, response)
        _keep_choices(response, sent)
        return response

    async def _create_link(self, request: web.Request, _: Sent) -> web.Response:
        t = texts_for(request)
        # The visitor's own address of the page works, unless it is that of this machine alone.
        is_local = is_loopback(request.url.host or "localhost")
        root = page_urls(self._setup.settings().http)[0] if is_local else f"{request.url.origin()}/"
        url = root + self._setup.start_link.path()
        body = result_pages.overview(t, self._context, self._setup, url)
        return page(t, t("settings"), body)

    # The steps

    async def _overview(self, request: web.Request) -> web.Response:
        t = texts_for(request)
        if self._setup.is_restarting:
            body = f'<p class="pill busy">{t("overview.restarting")}</p>'
            return page(t, t("settings"), body, live=True)
        if self._setup.is_waiting:
            raise web.HTTPSeeOther("language")
        body = result_pages.overview(t, self._context, self._setup)
        return page(t, t("settings"), body)

    async def _show_language(self, request: web.Request) -> web.Response:
        t = texts_for(request)
        title = t("start.title") if self._setup.is_waiting else t("step.language")
        body = pages.language(t, self._setup.form_token)
        back = None if self._setup.is_waiting else "./"
        return page(t, title, body, step=self._step("language"), back=back)

    async def _choose_language(self, _: web.Request, sent: Sent) -> web.Response:
        await self._save_language(sent)
        response = _see_other("broker" if self._setup.is_waiting else "./")
        _keep_choices(response, sent)
        return response

    async def _save_language(self, sent: Sent) -> None:
        """Name the entities in the language of the setup; later that is a setting of its own."""
        language = sent.get("language", "")
        current = self._setup.configuration.settings.homeassistant.language
        if self._setup.is_waiting and language in LANGUAGES and language != current:
            await self._save({("homeassistant", "language"): language})

    async def _show_broker(
        self,
        request: web.Request,
        entered: BrokerForm | None = None,
        tested: list[str] | None = None,
        lines: list[str] | None = None,
    ) -> web.Response:
        t = texts_for(request)
        self._setup.entered_broker = entered.mqtt if entered else None
        entered = entered or BrokerForm.current(self._setup)
        body = pages.broker(t, self._setup, entered, tested=tested, lines=lines or [])
        return page(
            t, t("broker.title"), body, step=self._step("broker"), back=self._before("language")
        )

    async def _receive_broker(self, request: web.Request, sent: Sent) -> web.Response:
        entered = BrokerForm.received(self._setup, sent)
        if entered.mqtt is None:
            return await self._show_broker(request, entered)
        action = sent.get("action", "save")
        if action != "anyway" and (action == "test" or self._setup.tested_broker != entered.mqtt):
            settings = self._setup.configuration.settings
            is_running = not self._setup.is_waiting
            found = await broker_problems(settings, entered.mqtt, is_daemon_running=is_running)
            self._setup.tested_broker = None if found else entered.mqtt
            if found or action == "test":
                return await self._show_broker(request, entered, found)
        if lines := await self._save(entered.changes(self._setup)):
            return await self._show_broker(request, entered, lines=lines)
        self._setup.entered_broker = None
        return _see_other("car" if self._setup.is_waiting else "./")

    async def _show_car(self, request: web.Request) -> web.Response:
        t = texts_for(request)
        body = pages.car(t, self._setup)
        return page(t, t("car.title"), body, step=self._step("car"), back=self._before("broker"))

    async def _choose_backend(self, _: web.Request, sent: Sent) -> web.Response:
        wanted = sent.get("where", "")
        return _see_other(wanted if wanted in _ACCOUNT_PAGES else next(iter(_ACCOUNT_PAGES)))

    def _account(self, request: web.Request) -> str:
        return account_forms.account_name(self._setup, request.query.get("account"))

    async def _show_account(
        self,
        backend: str,
        request: web.Request,
        entered: AccountForm | None = None,
        lines: list[str] | None = None,
    ) -> web.Response:
        t, kind = texts_for(request), _ACCOUNT_PAGES[backend]
        entered = entered or kind.current(self._setup, self._account(request))
        body = kind.render(t, self._setup, entered, lines or [])
        return page(t, t(kind.title), body, step=self._step("portal"), back=self._before("car"))

    async def _receive_account(
        self, backend: str, request: web.Request, sent: Sent
    ) -> web.Response:
        kind = _ACCOUNT_PAGES[backend]
        entered = kind.current(self._setup, self._account(request))
        kind.receive(entered, self._setup, sent, texts_for(request))
        lines = [] if entered.errors else await self._save(entered.changes())
        if entered.errors or lines:
            return await self._show_account(backend, request, entered, lines)
        return _see_other(f"login?account={entered.name}")

    async def _save(self, changes: Mapping[KeyPath, object]) -> list[str]:
        """Save values and restart the bridge with them; return what is wrong with them."""
        if not changes:
            return []
        was_waiting = self._setup.is_waiting
        try:
            has_saved = await asyncio.to_thread(self._setup.save, changes)
        except ConfigError as error:
            return list(error.problems)
        if has_saved and not (was_waiting and self._setup.is_waiting):
            self._setup.restart()
        return []

    # After an account was saved

    async def _show_login(self, request: web.Request) -> web.Response:
        t, name = texts_for(request), request.query.get("account", "")
        if name not in self._setup.configuration.settings.accounts:
            raise web.HTTPSeeOther("./")
        found = result_pages.login(t, self._context, self._setup, name)
        if found.is_done:
            raise web.HTTPSeeOther(f"done?account={name}")
        return page(t, found.title, found.body, step="login", live=True)

    async def _request_code(self, request: web.Request, _: Sent) -> web.Response:
        name = request.query.get("account", "")
        if account := self._context.accounts.get(name):
            account.log_in(None)
        return _see_other(f"login?account={name}" if account else "./")

    async def _show_done(self, request: web.Request) -> web.Response:
        t, name = texts_for(request), request.query.get("account", "")
        visited = request.url.host or "localhost"
        body = result_pages.done(t, self._context, self._setup, name, visited)
        return page(t, t("done.title"), body, step="done")

    async def _show_remove(
        self, request: web.Request, lines: list[str] | None = None
    ) -> web.Response:
        t, name = texts_for(request), request.query.get("account", "")
        if not self._is_removable(name):
            raise web.HTTPSeeOther("./")
        body = result_pages.remove(t, self._setup, name, lines or [])
        return page(t, t("overview.remove"), body)

    async def _remove(self, request: web.Request, _: Sent) -> web.Response:
        name = request.query.get("account", "")
        if self._is_removable(name) and (lines := await self._save({("accounts", name): None})):
            return await self._show_remove(request, lines)
        return _see_other("./")

    def _is_removable(self, name: str) -> bool:
        """Return whether an account was saved by the setup, and is not the last one."""
        accounts = self._setup.configuration.settings.accounts
        fixed = {path[1] for path in self._setup.configuration.fixed if path[0] == "accounts"}
        return len(accounts) > 1 and name in accounts and name not in fixed


async def _to_folder(_: web.Request) -> web.Response:
    raise web.HTTPSeeOther("setup/")


def _see_other(location: str) -> web.Response:
    """Return a redirect on which cookies can be set."""
    return web.Response(status=303, headers={"Location": location})


def _keep_choices(response: web.Response, sent: Sent) -> None:
    """Let the browser remember the language and the units, as the page does."""
    for name, cookie, known in (
        ("language", LANGUAGE_COOKIE, LANGUAGES),
        ("units", UNITS_COOKIE, UNITS),
    ):
        if (value := sent.get(name, "")) in known:
            response.set_cookie(cookie, value, max_age=YEAR_S, samesite="Lax")
