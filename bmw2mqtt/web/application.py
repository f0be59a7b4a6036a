"""The web application: routes, request limits and headers."""

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Final

import structlog
from aiohttp import web, web_app
from aiohttp.typedefs import Handler

from bmw2mqtt.accounts.account import Account
from bmw2mqtt.config import Http
from bmw2mqtt.config.text import captcha_token
from bmw2mqtt.mqtt.device import dump_json
from bmw2mqtt.translations import message
from bmw2mqtt.web import access
from bmw2mqtt.web.access import Access
from bmw2mqtt.web.bodies import MAX_BODY_BYTES, read_form, read_object
from bmw2mqtt.web.captcha_links import CaptchaLinks
from bmw2mqtt.web.car_values import car_values
from bmw2mqtt.web.connection_limits import ConnectionLimits
from bmw2mqtt.web.context import PageContext
from bmw2mqtt.web.dashboard_download import send_dashboard
from bmw2mqtt.web.events import Events
from bmw2mqtt.web.setup.routes import SetupRoutes
from bmw2mqtt.web.shell import send_index, static_routes, tagged
from bmw2mqtt.web.status_document import document, picture_tag
from bmw2mqtt.web.tools import ToolRoutes
from bmw2mqtt.web.vehicle_page.routes import VehicleRoutes
from bmw2mqtt.web.visitor import visitor_of

log = structlog.get_logger(__name__)

IDLE_S: Final = 60
"""Time after which an idle connection is closed."""
SHUTDOWN_S: Final = 0.5

_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " manifest-src 'self'; form-action 'self'; base-uri 'none'"
)
_SILENT: Final = logging.getLogger(f"{__name__}.silent")
_SILENT.setLevel(logging.CRITICAL + 1)
"""aiohttp would log malformed requests with their content, which may be a secret."""


class WebApplication:
    """The page, its API, `/healthz` and `/metrics`."""

    def __init__(self, settings: Http, context: PageContext) -> None:
        self._context = context
        self._access = Access(settings)
        self._captcha_links = CaptchaLinks()
        self._events = Events(self._document)
        self._limits: ConnectionLimits | None = None
        self._render_metrics: Callable[[str], tuple[bytes, str]] | None = None

    async def serve(self, sockets: list[socket.socket]) -> None:
        """Answer requests until cancelled."""
        app = web.Application(
            middlewares=[_translate_errors, self._guard], client_max_size=MAX_BODY_BYTES
        )
        app.on_response_prepare.append(self._add_headers)
        app.on_shutdown.append(self._stop_events)
        app.add_routes(self._routes())
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=_SILENT,
            keepalive_timeout=IDLE_S,
            lingering_time=1,
            shutdown_timeout=SHUTDOWN_S,
            handler_cancellation=True,
        )
        await runner.setup()
        assert runner.server is not None  # noqa: S101 - it is set up
        self._limits = ConnectionLimits(runner.server)
        loop = asyncio.get_running_loop()
        servers: list[asyncio.Server] = []
        try:
            servers = [
                await loop.create_server(self._limits, sock=listener) for listener in sockets
            ]
            log.debug("page_loaded")
            await asyncio.Event().wait()
        finally:
            for server in servers:
                server.close()
            await runner.cleanup()
            _release_handlers()

    def _routes(self) -> list[web.RouteDef]:
        account, setup = "/api/accounts/{account}", self._context.setup
        return [
            web.get("/", self._index),
            *static_routes(),
            web.get(access.HEALTH, self._health),
            web.get("/metrics", self._metrics),
            web.get("/api/state", self._state),
            web.get("/api/events", self._events.serve, allow_head=False),
            web.get("/api/cars/{vin}", self._car_values),
            web.get("/cars/{vin}/picture.png", self._picture),
            web.get("/dashboard.yaml", partial(send_dashboard, self._context)),
            *VehicleRoutes(self._context).routes(),
            *(SetupRoutes(self._context, setup, self._access).routes() if setup else ()),
            *ToolRoutes(self._context).routes(),
            web.post(access.SESSION, self._sign_in),
            web.delete(access.SESSION, self._sign_out),
            web.post(f"{account}/refresh", self._refresh),
            web.post(f"{account}/polling", self._set_polling),
            web.post(f"{account}/login", self._log_in_account),
            web.post(f"{account}/captcha", self._create_captcha_link),
            web.post(access.CAPTCHA_LINK, self._receive_captcha),
        ]

    async def _index(self, request: web.Request) -> web.StreamResponse:
        if self._context.setup is not None and self._context.setup.is_waiting:
            raise web.HTTPSeeOther("setup/")
        return await send_index(request)

    # Around every request

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._limits is not None:
            self._limits.request_received(request)
        try:
            self._access.check(request)
            return await handler(request)
        except web.HTTPTooManyRequests:
            await asyncio.sleep(access.TOO_MANY_DELAY_S)
            raise
        except (web.HTTPUnauthorized, web.HTTPForbidden):
            if access.is_visit(request):
                raise web.HTTPSeeOther("../" * (request.path.count("/") - 1)) from None
            raise
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:
            log.exception("page_request_crashed", method=request.method)
            raise web.HTTPInternalServerError(
                text="Internal error. Please report it with the traceback from the log."
            ) from None

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        policy = _CONTENT_SECURITY_POLICY
        if not self._access.is_ingress(request):  # Home Assistant shows the page in a frame
            policy = f"{policy}; frame-ancestors 'self'"
            headers["X-Frame-Options"] = "SAMEORIGIN"
        headers["Content-Security-Policy"] = policy
        headers["X-Content-Type-Options"] = "nosniff"
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Server"] = "bmw2mqtt"
        headers.setdefault("Cache-Control", "no-store")

    async def _stop_events(self, _: web.Application) -> None:
        self._events.stop()

    # Read

    def _document(self) -> bytes:
        return dump_json(document(self._context))

    async def _state(self, request: web.Request) -> web.Response:
        return web.Response(
            body=self._document(),
            content_type="application/json",
            headers={f"{access.OUR_HEADER}-Access": self._access.method(request)},
        )

    async def _car_values(self, request: web.Request) -> web.Response:
        car = self._context.devices.find(request.match_info["vin"])
        if car is None:
            raise web.HTTPNotFound(text="No such car.")
        body = dump_json(car_values(car, self._context.topics))
        return web.Response(body=body, content_type="application/json")

    async def _picture(self, request: web.Request) -> web.Response:
        car = self._context.devices.find(request.match_info["vin"])
        image = car.vehicle.image if car is not None else None
        if image is None:
            raise web.HTTPNotFound(text="No such picture.")
        return tagged(request, image, "image/png", picture_tag(image))

    async def _health(self, _: web.Request) -> web.Response:
        """Answer 200 if the broker is connected, else 503; any answer means the daemon is alive."""
        if self._context.setup is not None and self._context.setup.is_waiting:
            return web.json_response({"status": "setup"})
        if self._context.is_connected():
            return web.json_response({"status": "ok"})
        reason = "not connected to the MQTT broker"
        return web.json_response({"status": "unhealthy", "reason": reason}, status=503)

    async def _metrics(self, request: web.Request) -> web.Response:
        if self._render_metrics is None:
            self._render_metrics = await asyncio.to_thread(_import_metrics, self._context)
        body, content_type = self._render_metrics(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    # Change

    async def _sign_in(self, request: web.Request) -> web.Response:
        token = (await read_object(request)).get("token")
        if not isinstance(token, str):
            raise web.HTTPBadRequest(text='Expected {"token": "…"}.')
        self._access.sign_in(request, token.strip())
        response = web.Response(status=204)
        self._access.open_session(request, response)
        return response

    async def _sign_out(self, _: web.Request) -> web.Response:
        response = web.Response(status=204)
        response.del_cookie(access.COOKIE)
        return response

    async def _refresh(self, request: web.Request) -> web.Response:
        self._account(request, "refresh").refresh()
        return web.Response(status=204)

    async def _set_polling(self, request: web.Request) -> web.Response:
        is_polling = (await read_object(request)).get("is_polling")
        if not isinstance(is_polling, bool):
            raise web.HTTPBadRequest(text='Expected {"is_polling": true} or false.')
        self._account(request, "polling").set_polling(is_polling=is_polling)
        return web.Response(status=204)

    async def _log_in_account(self, request: web.Request) -> web.Response:
        """Log in with a captcha token, or without one where BMW requires none."""
        token = (await read_object(request)).get("token")
        self._start_login(request, token)
        return web.Response(status=204)

    def _start_login(self, request: web.Request, text: object) -> None:
        token = captcha_token(text) if isinstance(text, str) else None
        if text is not None and token is None:
            raise web.HTTPBadRequest(
                text="This is not a captcha token. Copy all of it: one long line without spaces."
            )
        self._account(request, "login").log_in(token)

    async def _create_captcha_link(self, request: web.Request) -> web.Response:
        """Return the captcha page and a one-time link to which it sends its result."""
        if self._access.is_ingress(request):
            raise web.HTTPForbidden(
                text="In Home Assistant the captcha cannot send its result here. Paste the token."
            )
        account = self._account(request, "captcha")
        form_url = account.state.login_form_url
        if form_url is None:
            raise web.HTTPConflict(text="The account needs no captcha at the moment.")
        nonce = self._captcha_links.create(account.name)
        return web.json_response(
            {"form_url": form_url, "receiver": f"captcha/{account.name}/{nonce}"}
        )

    async def _receive_captcha(self, request: web.Request) -> web.Response:
        """Receive the captcha page's result: a form from another site, at a one-time link."""
        match = request.match_info
        if not self._captcha_links.redeem(match["account"], match["nonce"]):
            raise web.HTTPForbidden(
                text="This link was already used, or is older than 15 minutes. Open the page of"
                " bmw2mqtt and start again."
            )
        form = await read_form(request)
        self._start_login(request, form.get("h-captcha-response", ""))
        raise web.HTTPSeeOther("../../")

    def _account(self, request: web.Request, key: str) -> Account:
        name = request.match_info["account"]
        account = self._context.accounts.get(name)
        if account is not None:
            log.info("account_command_received", account=name, key=key, by="page")
            return account
        if any(state.name == name for state in self._context.devices.account_states()):
            raise web.HTTPServiceUnavailable(
                text="bmw2mqtt is starting. Try again in a moment.", headers={"Retry-After": "2"}
            )
        raise web.HTTPNotFound(text="No such account.")


@web.middleware
async def _translate_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with the text of an error in the visitor's language."""
    try:
        return await handler(request)
    except web.HTTPError as error:
        error.text = message(visitor_of(request).language, error.text or error.reason)
        raise


def _release_handlers() -> None:
    """Empty a cache of aiohttp, which would keep the application for good."""
    cache = getattr(web_app, "_cached_build_middleware", None)
    if cache is not None:
        cache.cache_clear()


def _import_metrics(context: PageContext) -> Callable[[str], tuple[bytes, str]]:
    from bmw2mqtt.web.metrics import Metrics  # noqa: PLC0415 - heavy

    return Metrics(context).render
