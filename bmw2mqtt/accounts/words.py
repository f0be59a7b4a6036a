"""Words of BMW's that nobody here knows."""

from typing import Final

import structlog

log = structlog.get_logger(__name__)

MAX_REPORTED: Final = 100


class UnknownWords:
    """Logs each word once, and not too many of them."""

    def __init__(self) -> None:
        self._reported: set[tuple[str, str]] = set()

    def report(self, field: str, word: str) -> None:
        """Log that a word is not known."""
        seen = (field, word)
        if seen not in self._reported and len(self._reported) < MAX_REPORTED:
            self._reported.add(seen)
            log.warning("unknown_word", field=field, word=word[:50], shown_as="unknown")
