"""Who may see the page, and who may press its buttons.

Three ways in:

* without `http.token`, from this machine: the address is one of this machine alone, and the request
  names it, so that no foreign site can pose as it (DNS rebinding);
* with `http.token`: as `Authorization: Bearer`, or typed in once for a session cookie;
* as an app of Home Assistant, through its ingress, which has checked who it is.
"""

import hashlib
import hmac
import time
from collections import deque
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from bmw2mqtt.config import Http, is_home_assistant_app, is_loopback

log = structlog.get_logger(__name__)

SUPERVISOR = "172.30.32.2"
"""Where Home Assistant's ingress comes from, and nobody else."""
COOKIE = "bmw2mqtt_session"
SESSION_S = 30 * 24 * 3600
OUR_HEADER = "X-Bmw2mqtt"
"""No foreign page can send it: browsers would ask us first."""

HEALTH = "/healthz"
SHELL = frozenset({"/", "/page.css", "/page.js", "/page-cars.js", "/page-parts.js", "/icon.svg"})
"""The empty page, the same for everybody: it asks for the token and for the data."""
SESSION = "/api/session"
RECEIVER = "/captcha/{account}/{nonce}"
"""Takes what BMW's captcha page sends, so it cannot ask for more than its one-time address."""
WITHOUT_TOKEN = SHELL | {HEALTH, SESSION, RECEIVER}

ATTEMPTS_WITHIN_S = 60
ATTEMPTS_OF_ONE = 10
ATTEMPTS_OF_ALL = 60
WRONG_TOKEN_S = 1.0
"""How long whoever has tried too often waits for each answer; connections are few."""


class Attempts:
    """Wrong tokens of the last minute, by address."""

    def __init__(self) -> None:
        self._wrong: deque[tuple[float, str]] = deque(maxlen=ATTEMPTS_OF_ALL)

    def count(self, peer: str) -> int:
        """Return how many came from an address."""
        while self._wrong and time.monotonic() - self._wrong[0][0] > ATTEMPTS_WITHIN_S:
            self._wrong.popleft()
        return sum(address == peer for _, address in self._wrong)

    def add(self, peer: str) -> None:
        """Count one."""
        self._wrong.append((time.monotonic(), peer))

    def are_too_many(self, peer: str) -> bool:
        """Whether an address has tried too often."""
        return self.count(peer) >= ATTEMPTS_OF_ONE or len(self._wrong) >= ATTEMPTS_OF_ALL


class Access:
    """Lets a request pass or refuses it with a sentence."""

    def __init__(self, settings: Http) -> None:
        token = settings.token
        self._token = token.get_secret_value().strip().encode() if token else None
        self._is_local = is_loopback(settings.host)
        self._is_app = is_home_assistant_app()
        self._attempts = Attempts()

    def check(self, request: web.Request) -> None:
        """Raise `web.HTTPException` for whoever must not do this."""
        resource = request.match_info.route.resource
        path = resource.canonical if resource else ""
        if path == HEALTH:
            return
        if not self.is_ingress(request):
            if self._token is None:
                self._check_host(request)
            elif path not in WITHOUT_TOKEN:
                self._check_token(request, self._token)
        if path == RECEIVER:
            return
        if request.method not in {"GET", "HEAD"}:
            _check_write(request)
        elif path not in SHELL and not _is_same_site(request):
            raise web.HTTPForbidden(text="Other sites may not read this.")

    def is_ingress(self, request: web.Request) -> bool:
        """Whether it comes through Home Assistant."""
        peer = (request.remote or "").removeprefix("::ffff:")
        return self._is_app and peer == SUPERVISOR and "X-Ingress-Path" in request.headers

    def way(self, request: web.Request) -> str:
        """By which way somebody got in: `ingress`, `token` or `local`."""
        if self.is_ingress(request):
            return "ingress"
        return "local" if self._token is None else "token"

    def log_in(self, request: web.Request, token: str) -> None:
        """Check a token that somebody typed; raise `web.HTTPException` if it is wrong."""
        if self._token is not None:
            self._check(request, token, self._token)

    def open_session(self, request: web.Request, response: web.Response) -> None:
        """Let the browser be known from now on, also after a restart."""
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
                text="Without http.token this page opens in Home Assistant only."
            )
        if not is_loopback(_host_of(f"//{request.host}")):
            raise web.HTTPForbidden(
                text="Without http.token this page opens at http://127.0.0.1 or http://localhost"
                " only; set http.token to reach it by another name."
            )
        if {"Forwarded", "X-Forwarded-For"} & request.headers.keys():
            raise web.HTTPForbidden(text="Behind a reverse proxy this page needs http.token.")

    def _check_token(self, request: web.Request, token: bytes) -> None:
        ends_at, _, signature = request.cookies.get(COOKIE, "").partition(".")
        if signature and _is_equal(signature, _signature(token, ends_at).encode()):
            if time.time() < int(ends_at):
                return
            raise web.HTTPUnauthorized(text="The session has ended; log in again.")
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise web.HTTPUnauthorized(
                text="This needs the token of http.token.", headers={"WWW-Authenticate": "Bearer"}
            )
        self._check(request, given.strip(), token)

    def _check(self, request: web.Request, given: str, token: bytes) -> None:
        """Let the right token pass always: behind a proxy others have the same address."""
        if _is_equal(given, token):
            return
        peer = request.remote or ""
        if self._attempts.are_too_many(peer):
            raise web.HTTPTooManyRequests(
                text="Too many wrong tokens; wait a minute.",
                headers={"Retry-After": str(ATTEMPTS_WITHIN_S)},
            )
        if not self._attempts.count(peer):
            log.warning("page_token_wrong", address=peer)
        self._attempts.add(peer)
        raise web.HTTPUnauthorized(text="This is not the token of http.token.")


def _check_write(request: web.Request) -> None:
    """Let only our own page (or a program that says so) change something."""
    if not _is_same_site(request):
        raise web.HTTPForbidden(text="Other sites may not press buttons here.")
    if request.content_type != "application/json" or request.headers.get(OUR_HEADER) != "1":
        raise web.HTTPForbidden(
            text=f"This needs the headers Content-Type: application/json and {OUR_HEADER}: 1."
        )


def _is_same_site(request: web.Request) -> bool:
    """Whether a browser says that our own page asks; programs say nothing.

    `Sec-Fetch-Site` holds behind proxies that change `Host`; browsers leave it out where the page
    is neither on this machine nor encrypted.
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
