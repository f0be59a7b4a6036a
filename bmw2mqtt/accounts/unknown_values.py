"""Words of BMW's that the bridge does not know: each is logged once."""

import structlog

from bmw2mqtt.log_once import LogOnce

log = structlog.get_logger(__name__)

LONGEST_FIELD = 200
LONGEST_WORD = 50


class UnknownValueLog:
    """Call it with a field's name and the unknown word in it."""

    def __init__(self, event: str = "unknown_word") -> None:
        self._event = event
        self._logged = LogOnce()

    def __call__(self, field: str, word: str) -> None:
        """Log the word, unless it was logged before."""
        field, word = field[:LONGEST_FIELD], word[:LONGEST_WORD]
        if self._logged.is_new((field, word)):
            log.warning(self._event, field=field, word=word)
