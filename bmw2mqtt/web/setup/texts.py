"""The language of the setup: the one chosen on its first page, else the browser's."""

from collections.abc import Mapping
from html import escape
from typing import Final

from aiohttp import web

from bmw2mqtt.web.setup.texts_de import GERMAN
from bmw2mqtt.web.setup.texts_en import ENGLISH

LANGUAGES: Final[Mapping[str, Mapping[str, str]]] = {"en": ENGLISH, "de": GERMAN}
LANGUAGE_COOKIE: Final = "bmw2mqtt_language"
YEAR_S: Final = 365 * 24 * 3600


class Texts:
    """The texts in one language, as HTML."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = LANGUAGES[language]

    def __contains__(self, key: object) -> bool:
        """Return whether there is a text."""
        return key in self._texts

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with these values filled in."""
        return self._texts[key].format(**{k: escape(str(v)) for k, v in values.items()})


def texts_for(request: web.Request) -> Texts:
    """Return the texts in the visitor's language."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return Texts(chosen)
    for part in request.headers.get("Accept-Language", "").split(","):
        language = part.split(";")[0].strip().split("-")[0].lower()
        if language in LANGUAGES:
            return Texts(language)
    return Texts("en")
