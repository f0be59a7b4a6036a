"""One-time links to which the captcha page sends its result."""

import secrets
import time
from collections.abc import Callable

VALID_S = 15 * 60
MAX_OPEN = 20


class CaptchaLinks:
    """Open links: each is valid once, for one account, for 15 minutes."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._open: dict[str, tuple[str, float]] = {}

    def create(self, account: str) -> str:
        """Return the nonce of a new link for an account."""
        nonce = secrets.token_urlsafe(32)
        self._open[nonce] = (account, self._now_s() + VALID_S)
        while len(self._open) > MAX_OPEN:
            del self._open[next(iter(self._open))]
        return nonce

    def redeem(self, account: str, nonce: str) -> bool:
        """Return whether a nonce is valid for an account, and invalidate it."""
        owner, ends_s = self._open.get(nonce, ("", 0.0))
        if owner != account or self._now_s() >= ends_s:
            return False
        del self._open[nonce]
        return True
