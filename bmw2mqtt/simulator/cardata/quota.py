"""BMW's quota of REST requests."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from .answers import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler, Middleware

    from .users import UserRegistry


@dataclass(slots=True)
class Quota:
    """Limits a user's REST requests in any 24 hours, over all programs together.

    Failed requests count; requests that the quota refuses do not.
    """

    clock: Callable[[], datetime]
    limit: int | None = 50
    status: int = 403
    """The HTTP status of a refusal; 429 was seen too."""
    window: timedelta = timedelta(hours=24)
    _sent_at: defaultdict[str, deque[datetime]] = field(default_factory=lambda: defaultdict(deque))

    def used(self, gcid: str) -> int:
        """Return how many requests a user made within the window."""
        sent_at, now = self._sent_at[gcid], self.clock()
        while sent_at and now - sent_at[0] >= self.window:
            sent_at.popleft()
        return len(sent_at)

    def spend(self, gcid: str, requests: int = 1) -> bool:
        """Count requests if the quota allows them, and return whether it does."""
        if self.limit is not None and self.used(gcid) + requests > self.limit:
            return False
        self._sent_at[gcid].extend([self.clock()] * requests)
        return True

    def exhaust(self, gcid: str) -> None:
        """Use up the remaining requests, as another program would."""
        if self.limit is not None:
            self.spend(gcid, self.limit - self.used(gcid))

    def reset(self) -> None:
        """Discard all counted requests."""
        self._sent_at.clear()


def counting(quota: Quota, registry: UserRegistry) -> Middleware:
    """Return a middleware that counts requests to the REST API and refuses those over the quota."""

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        grant = registry.by_access_token(bearer(request))
        is_counted = grant is not None and request.path.startswith("/customers/")
        if grant is not None and is_counted and not quota.spend(grant.user.gcid):
            raise refuse("CU-429", status=quota.status)
        return await handler(request)

    return count


def bearer(request: web.Request) -> str:
    """Return the access token of a request, empty if it has none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""
