"""The last lines of the log, for the page. They are as they were logged: without secrets."""

import re
from collections import deque
from typing import Final

LINES_KEPT: Final = 200
_LONGEST: Final = 2000
_COLOUR: Final = re.compile(r"\033\[[0-9;]*m")

_lines: deque[str] = deque(maxlen=LINES_KEPT)


def keep(text: str) -> None:
    """Keep what is written to the log. Thread-safe."""
    for line in _COLOUR.sub("", text).splitlines():
        if line:
            _lines.append(line[:_LONGEST])


def last_lines(count: int = LINES_KEPT) -> list[str]:
    """Return the last lines, oldest first."""
    return list(_lines)[-count:]
