"""Access control: who may see the page and press its buttons.

A request is accepted in one of three ways:

* `local`: without `http.token`, on a loopback address that the request's Host header names too,
  which prevents DNS rebinding by other sites;
* `token`: with `http.token`, as `Authorization: Bearer` or as a session cookie after signing in;
* `ingress`: as a Home Assistant app, through Home Assistant's ingress, which has authenticated the
  user.
"""

import hashlib
import hmac
import time
from collections import deque
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from bmw2mqtt.config import Http, is_home_assistant_app, is_loopback
from bmw2mqtt.web.shell import TEXTS, TYPES

log = structlog.get_logger(__name__)

SUPERVISOR = "172.30.32.2"
"""The only address from which Home Assistant's ingress connects."""
COOKIE = "bmw2mqtt_session"
SESSION_S = 30 * 24 * 3600
OUR_HEADER = "X-Bmw2mqtt"
"""Other sites cannot send it: browsers would need our permission first (CORS)."""

HEALTH = "/healthz"
SHELL = frozenset({"/", f"/{TEXTS}", *(f"/{name}" for name in TYPES)})
"""The page without data, the same for everybody; its script requests token and data."""
SESSION = "/api/session"
SETUP = "/setup/"
"""Pages with ordinary forms, which therefore contain a secret of their own."""
SETUP_START = "/setup/start"
SETUP_LINK = "/setup/start/{nonce}"
"""Opens a session; protected by its one-time nonce only."""
CAPTCHA_LINK = "/captcha/{account}/{nonce}"
"""Receives the captcha page's result; protected by its one-time nonce only."""
WITHOUT_TOKEN = SHELL | {HEALTH, SESSION, CAPTCHA_LINK, "/setup", SETUP_START, SETUP_LINK}

ATTEMPTS_PERIOD_S = 60
MAX_ATTEMPTS_PER_ADDRESS = 10
MAX_ATTEMPTS = 60
TOO_MANY_DELAY_S = 1.0
"""Delay of each answer to a client with too many wrong tokens."""


class WrongTokens:
    """Counts wrong tokens of the last minute, by address."""

    def __init__(self) -> None:
        self._wrong: deque[tuple[float, str]] = deque(maxlen=MAX_ATTEMPTS)

    def count(self, peer: str) -> int:
        """Return the number of wrong tokens from an address."""
        while self._wrong and time.monotonic() - self._wrong[0][0] > ATTEMPTS_PERIOD_S:
            self._wrong.popleft()
        return sum(address == peer for _, address in self._wrong)

    def add(self, peer: str) -> None:
        """Record a wrong token."""
        self._wrong.append((time.monotonic(), peer))

    def are_too_many(self, peer: str) -> bool:
        """Return whether an address has sent too many wrong tokens."""
        return self.count(peer) >= MAX_ATTEMPTS_PER_ADDRESS or len(self._wrong) >= MAX_ATTEMPTS


class Access:
    """Accepts a request, or refuses it with a reason."""

    def __init__(self, settings: Http) -> None:
        token = settings.token
        self._token = token.get_secret_value().strip().encode() if token else None
        self._is_local = is_loopback(settings.host)
        self._is_app = is_home_assistant_app()
        self._wrong_tokens = WrongTokens()

    def check(self, request: web.Request) -> None:
        """Raise `web.HTTPException` if the request is not allowed."""
        resource = request.match_info.route.resource
        path = resource.canonical if resource else ""
        if path == HEALTH:
            return
        if not self.is_ingress(request):
            if self._token is None:
                self._check_host(request)
            elif path not in WITHOUT_TOKEN:
                self._check_session(request, path, self._token)
        if path == CAPTCHA_LINK:
            return
        if request.method not in {"GET", "HEAD"}:
            _check_write(request, is_form=path.startswith(SETUP))
        elif path not in SHELL and not _is_same_site(request):
            raise web.HTTPForbidden(text="Other sites may not read this.")

    def is_ingress(self, request: web.Request) -> bool:
        """Return whether a request comes through Home Assistant's ingress."""
        peer = (request.remote or "").removeprefix("::ffff:")
        return self._is_app and peer == SUPERVISOR and "X-Ingress-Path" in request.headers

    def method(self, request: web.Request) -> str:
        """Return how a request was accepted: `ingress`, `token` or `local`."""
        if self.is_ingress(request):
            return "ingress"
        return "local" if self._token is None else "token"

    def sign_in(self, request: web.Request, token: str) -> None:
        """Check an entered token; raise `web.HTTPException` if it is wrong."""
        if self._token is not None:
            self._check(request, token, self._token)

    def open_session(self, request: web.Request, response: web.Response) -> None:
        """Set a session cookie, which stays valid after a restart."""
        if self._token is None:
            return
        ends_at = int(time.time()) + SESSION_S
        response.set_cookie(
            COOKIE,
            f"{ends_at}.{_signature(self._token, str(ends_at))}",
            max_age=SESSION_S,
            httponly=True,
            samesite="Strict",
            secure=request.headers.get("X-Forwarded-Proto") == "https",
        )

    def _check_host(self, request: web.Request) -> None:
        if not self._is_local:
            raise web.HTTPForbidden(
                text="Set http.token to open this page outside of Home Assistant."
            )
        if not is_loopback(_host_of(f"//{request.host}")):
            raise web.HTTPForbidden(
                text="Without http.token this page opens only at http://127.0.0.1 or"
                " http://localhost. Set http.token to use another name."
            )
        if {"Forwarded", "X-Forwarded-For"} & request.headers.keys():
            raise web.HTTPForbidden(text="Set http.token to use this page behind a reverse proxy.")

    def _check_session(self, request: web.Request, path: str, token: bytes) -> None:
        try:
            self._check_token(request, token)
        except web.HTTPUnauthorized:
            if path.startswith(SETUP):  # a person, who needs a page that says what to do
                raise web.HTTPSeeOther("start") from None
            raise

    def _check_token(self, request: web.Request, token: bytes) -> None:
        ends_at, _, signature = request.cookies.get(COOKIE, "").partition(".")
        if signature and _is_equal(signature, _signature(token, ends_at).encode()):
            if time.time() < int(ends_at):
                return
            raise web.HTTPUnauthorized(text="The session has expired. Sign in again.")
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise web.HTTPUnauthorized(
                text="Access token required.", headers={"WWW-Authenticate": "Bearer"}
            )
        self._check(request, given.strip(), token)

    def _check(self, request: web.Request, given: str, token: bytes) -> None:
        """Accept the right token even after many wrong ones: a proxy's users share one address."""
        if _is_equal(given, token):
            return
        peer = request.remote or ""
        if self._wrong_tokens.are_too_many(peer):
            raise web.HTTPTooManyRequests(
                text="Too many wrong tokens. Wait a minute.",
                headers={"Retry-After": str(ATTEMPTS_PERIOD_S)},
            )
        if not self._wrong_tokens.count(peer):
            log.warning("page_token_refused", client=peer)
        self._wrong_tokens.add(peer)
        raise web.HTTPUnauthorized(text="Wrong token.")


def is_visit(request: web.Request) -> bool:
    """Return whether a person opens the page of a car, for example from a bookmark.

    The first page signs in, and works also where a link of another site leads there.
    """
    accepted = request.headers.get("Accept", "")
    return request.method == "GET" and request.path.startswith("/cars/") and "html" in accepted


def _check_write(request: web.Request, *, is_form: bool) -> None:
    """Accept changes only from our own page or from programs that send our header."""
    if not _is_same_site(request):
        raise web.HTTPForbidden(text="Other sites may not change anything here.")
    if is_form:
        return
    if request.content_type != "application/json" or request.headers.get(OUR_HEADER) != "1":
        raise web.HTTPForbidden(
            text=f"Send the headers Content-Type: application/json and {OUR_HEADER}: 1."
        )


def _is_same_site(request: web.Request) -> bool:
    """Return whether a request comes from our own page, or from a program and not a browser.

    `Sec-Fetch-Site` is right even behind proxies that change `Host`, but browsers send it only for
    loopback and HTTPS.
    """
    headers = request.headers
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site is not None:
        return site in {"same-origin", "none"}
    if origin is None:
        return True
    scheme, _, host = origin.partition("://")
    return bool(scheme and host) and host in {request.host, headers.get("X-Forwarded-Host")}


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_equal(given: str, expected: bytes) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected)


def _signature(token: bytes, ends_at: str) -> str:
    text = f"bmw2mqtt session until {ends_at}".encode(errors="replace")
    return hmac.new(token, text, hashlib.sha256).hexdigest()
