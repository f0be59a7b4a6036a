"""Log once per change of state, never per retry."""

from collections.abc import Hashable

MAX_SUBJECTS = 200
"""More are not logged: what others send must not fill the log or the memory."""


class LogOnce:
    """Tracks states, so that each change is logged once. It does no logging itself.

    A subject is whatever can be in a state: a file that cannot be written, a topic, a car. Typical
    uses::

        if self._unknown_words.is_new(word):              # once for ever
            log.warning("word_unknown", word=word)

        if self._write_errors.is_new(path, str(error)):   # once per reason, until it is over
            log.error("file_not_written", ...)
        ...
        if self._write_errors.is_over(path):              # was logged, and is over now
            log.info("file_written", ...)
    """

    def __init__(self, max_subjects: int = MAX_SUBJECTS) -> None:
        self._states: dict[Hashable, Hashable] = {}
        self._max_subjects = max_subjects

    def is_new(self, subject: Hashable, state: Hashable = "") -> bool:
        """Record the state of a subject; return whether it differs from the last recorded one."""
        is_known = subject in self._states
        if not is_known and len(self._states) >= self._max_subjects:
            return False
        if is_known and self._states[subject] == state:
            return False
        self._states[subject] = state
        return True

    def is_over(self, subject: Hashable) -> bool:
        """Forget a subject, so that its next state is new; return whether it had one."""
        is_known = subject in self._states
        self._states.pop(subject, None)
        return is_known

    def reset(self) -> None:
        """Forget every subject."""
        self._states.clear()
