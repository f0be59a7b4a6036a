"""One-time addresses at which BMW's captcha page may hand over its result."""

import secrets
import time
from collections.abc import Callable

LIFE_S = 15 * 60
MAX_OPEN = 20


class Invitations:
    """Addresses that were given out: each takes one result, for one account, for 15 minutes."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._open: dict[str, tuple[str, float]] = {}

    def invite(self, account: str) -> str:
        """Return a new nonce for an account."""
        nonce = secrets.token_urlsafe(32)
        self._open[nonce] = (account, self._now_s() + LIFE_S)
        while len(self._open) > MAX_OPEN:
            del self._open[next(iter(self._open))]
        return nonce

    def redeem(self, account: str, nonce: str) -> bool:
        """Whether a nonce is good for an account; it is not from now on."""
        invited, ends_s = self._open.get(nonce, ("", 0.0))
        if invited != account or self._now_s() >= ends_s:
            return False
        del self._open[nonce]
        return True
