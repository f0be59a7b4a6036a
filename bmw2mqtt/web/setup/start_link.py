"""The one-time link that opens the setup from another machine, and where to find it."""

import hmac
import os
import secrets
import socket
from pathlib import Path
from typing import Final

from bmw2mqtt.config import Http, is_loopback

_CONTAINER_MARKS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
_ANYWHERE: Final = {"0.0.0.0", "::"}  # noqa: S104 - recognised, not listened on
PLACEHOLDER: Final = "ADDRESS-OF-THIS-MACHINE"
"""Stands in a link for what a person has to fill in."""
_OUTSIDE: Final = "192.0.2.1"
"""An address for documentation (RFC 5737): nothing is sent there."""


class StartLink:
    """A nonce that opens one session, then is invalid."""

    def __init__(self) -> None:
        self._nonce: str | None = secrets.token_urlsafe(16)

    def path(self) -> str:
        """Return the link's path; after the last one was used, that of a new link."""
        if self._nonce is None:
            self._nonce = secrets.token_urlsafe(16)
        return f"setup/start/{self._nonce}"

    def is_valid(self, nonce: str) -> bool:
        """Return whether a nonce was not used yet."""
        known = self._nonce
        return known is not None and hmac.compare_digest(
            nonce.encode(errors="replace"), known.encode()
        )

    def redeem(self, nonce: str) -> bool:
        """Return whether a nonce was not used yet, and invalidate it."""
        if not self.is_valid(nonce):
            return False
        self.revoke()
        return True

    def revoke(self) -> None:
        """Invalidate the last link."""
        self._nonce = None


def page_url(http: Http) -> str:
    """Return the page's address as another machine in the network opens it."""
    host = http.host
    if host in _ANYWHERE:
        host = own_address()
    if ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{http.port}/"


def opens_without_link(http: Http) -> bool:
    """Return whether the page needs no session, because only this machine reaches it."""
    return http.token is None and is_loopback(http.host)


def is_container() -> bool:
    """Return whether this process runs in a container, whose address nobody else can use."""
    return "KUBERNETES_SERVICE_HOST" in os.environ or any(m.exists() for m in _CONTAINER_MARKS)


def own_address() -> str:
    """Return this machine's address in its network."""
    if is_container():
        return PLACEHOLDER
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_OUTSIDE, 9))  # UDP: chooses the interface, sends nothing
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
