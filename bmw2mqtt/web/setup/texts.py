"""The texts of the setup in the language chosen on its first page, else the browser's."""

from collections.abc import Mapping
from html import escape
from typing import Final

from aiohttp import web

from bmw2mqtt import translations
from bmw2mqtt.web.setup.texts_de import GERMAN
from bmw2mqtt.web.setup.texts_en import ENGLISH
from bmw2mqtt.web.visitor import Visitor, visitor_of

LANGUAGES: Final[Mapping[str, Mapping[str, str]]] = {"en": ENGLISH, "de": GERMAN}
YEAR_S: Final = 365 * 24 * 3600


class Texts:
    """The texts as one visitor reads them, as HTML."""

    def __init__(self, visitor: Visitor) -> None:
        self.language = visitor.language
        self.visitor = visitor
        self._texts = LANGUAGES[visitor.language]

    def __contains__(self, key: object) -> bool:
        """Return whether there is a text."""
        return key in self._texts

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with these values filled in."""
        return self._texts[key].format(**{k: escape(str(v)) for k, v in values.items()})

    def message(self, text: str) -> str:
        """Return what another part of bmw2mqtt says, as text: an error, the result of a test."""
        return translations.message(self.language, text)


def texts_for(request: web.Request) -> Texts:
    """Return the texts for the visitor of a request."""
    return Texts(visitor_of(request))
