"""Words of BMW's that are not known: each is logged once."""

import structlog

log = structlog.get_logger(__name__)

MAX_REPORTED = 200
LONGEST_SHOWN = 50


class UnknownValueLog:
    """Call it with the name of a field and a word in it."""

    def __init__(self, event: str = "unknown_word") -> None:
        self._event = event
        self._reported: set[tuple[str, str]] = set()

    def __call__(self, field: str, word: str) -> None:
        """Log it, unless it was logged before."""
        seen = (field[: LONGEST_SHOWN * 4], word[:LONGEST_SHOWN])
        if seen not in self._reported and len(self._reported) < MAX_REPORTED:
            self._reported.add(seen)
            log.warning(self._event, field=seen[0], word=seen[1])
