"""The files of the page that are the same for everybody: styles, scripts, icons, texts."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from html import escape
from importlib.resources import files
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from bmw2mqtt.translations import MESSAGES, NAMES, PAGE, STATES, translations, translator
from bmw2mqtt.web.visitor import Visitor, visitor_of

INDEX: Final = "index.html"
TEXTS: Final = "page-texts.js"
"""A script with the visitor's language: written for each request, from the translations."""
TYPES: Final[Mapping[str, str]] = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "page-accounts.js": "text/javascript",
    "page-cars.js": "text/javascript",
    "page-data.js": "text/javascript",
    "page-parts.js": "text/javascript",
    "page-tools.js": "text/javascript",
    "page-vehicle.css": "text/css",
    "page-vehicle.js": "text/javascript",
    "setup.css": "text/css",
    "setup.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "icon-192.png": "image/png",
    "icon-512.png": "image/png",
    "icon-maskable-512.png": "image/png",
    "manifest.webmanifest": "application/manifest+json",
}
_MARKED: Final = re.compile(r"\{\{(.+?)\}\}")
"""A text in a file that is translated."""


def static_routes() -> list[web.RouteDef]:
    """Return the routes of all files but the first page."""
    return [
        web.get(f"/{TEXTS}", _texts),
        *(web.get(f"/{name}", _file(name)) for name in TYPES),
    ]


async def send_index(request: web.Request) -> web.StreamResponse:
    """Answer with the first page."""
    return _answer(request, _index(visitor_of(request).language), "text/html")


@lru_cache(16)
def texts_script(visitor: Visitor) -> bytes:
    """Return the script that exports the language, the units and the translations."""
    exports = {
        "language": visitor.language,
        "locale": visitor.locale,
        "units": visitor.units,
        "texts": translations(visitor.language, PAGE),
        "names": translations(visitor.language, NAMES),
        "states": translations(visitor.language, STATES),
        "messages": translations(visitor.language, MESSAGES),
    }
    lines = (f"export const {name} = {_json(value)};\n" for name, value in exports.items())
    return "".join(lines).encode()


def tagged(request: web.Request, content: bytes, content_type: str, tag: str) -> web.Response:
    """Answer with content that the browser may cache if it revalidates it each time."""
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
    if any(known.value == tag for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=content, content_type=content_type, headers=headers)


@cache
def _index(language: str) -> bytes:
    translate = translator(language, PAGE)

    def fill(found: re.Match[str]) -> str:
        return language if found[1] == "language" else escape(translate(found[1]))

    return _MARKED.sub(fill, _read(INDEX).decode()).encode()


async def _texts(request: web.Request) -> web.Response:
    return _answer(request, texts_script(visitor_of(request)), "text/javascript")


def _file(name: str) -> Handler:
    content = _read(name)

    async def send(request: web.Request) -> web.Response:
        return _answer(request, content, TYPES[name])

    return send


def _answer(request: web.Request, content: bytes, content_type: str) -> web.Response:
    response = tagged(request, content, content_type, hashlib.sha256(content).hexdigest()[:16])
    if response.body:
        response.headers["Vary"] = "Accept-Encoding, Accept-Language, Cookie"
        response.enable_compression()
    return response


def _read(name: str) -> bytes:
    return files(__package__).joinpath("static", name).read_bytes()


def _json(value: object) -> str:
    return json.dumps(dict(value) if isinstance(value, Mapping) else value, ensure_ascii=False)
