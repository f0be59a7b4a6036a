"""The one-time link that opens the setup from another machine, and where to find it."""

import fcntl
import hmac
import ipaddress
import os
import re
import secrets
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from bmw2mqtt.config import Http, is_loopback

_CONTAINER_MARKS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
_INTERFACES: Final = Path("/sys/class/net")
ANYWHERE: Final = {"0.0.0.0", "::"}  # noqa: S104 - recognised, not listened on
PLACEHOLDER: Final = "ADDRESS-OF-THIS-MACHINE"
"""Stands in a link for what a person has to fill in."""
_OUTSIDE: Final = "192.0.2.1"
"""An address for documentation (RFC 5737): nothing is sent there."""
_INSIDE: Final = re.compile(
    "lo$|docker|br-[0-9a-f]{12}$|veth|hassio$|podman|cni|flannel|virbr|vmnet|vboxnet|lxcbr|lxdbr"
)
"""Interfaces to containers and virtual machines of this machine; other machines cannot use them."""
_GET_FLAGS: Final = 0x8913
_GET_ADDRESS: Final = 0x8915
"""Requests of Linux about one interface (netdevice(7))."""
_NAME_BYTES: Final = 16
_RUNNING: Final = 0x40


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


def page_urls(http: Http) -> list[str]:
    """Return the page's addresses as other machines open them, the most likely one first."""
    hosts = own_addresses() if http.host in ANYWHERE else [http.host]
    return [f"http://{f'[{host}]' if ':' in host else host}:{http.port}/" for host in hosts]


def in_other_networks(urls: list[str]) -> dict[str, str]:
    """Return what a log line says of all addresses but the first, if there are more."""
    if len(urls) == 1:
        return {}
    return {"remedy": f"In another network of this machine, open {' or '.join(urls[1:])} instead"}


def opens_without_link(http: Http) -> bool:
    """Return whether the page needs no session, because only this machine reaches it."""
    return http.token is None and is_loopback(http.host)


def is_container() -> bool:
    """Return whether this process runs in a container, whose address nobody else can use.

    One that shares the network of its host has the host's addresses, and its network cards.
    """
    is_inside = "KUBERNETES_SERVICE_HOST" in os.environ or any(m.exists() for m in _CONTAINER_MARKS)
    return is_inside and not any(_INTERFACES.glob("*/device"))


def own_address() -> str:
    """Return this machine's address in its network."""
    return PLACEHOLDER if is_container() else routed_address()


def own_addresses() -> list[str]:
    """Return this machine's addresses in all its networks, that of the default route first."""
    if is_container():
        return [PLACEHOLDER]
    found = dict.fromkeys((routed_address(), *_interface_addresses()))
    return [address for address in found if not is_loopback(address)] or list(found)


def routed_address() -> str:
    """Return the address from which this machine reaches others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_OUTSIDE, 9))  # UDP: chooses the interface, sends nothing
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def _interface_addresses() -> Iterator[str]:
    """Yield the IPv4 address of each interface that is in use; none where this is not Linux."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode())
            with suppress(OSError):  # it has no address
                answer = fcntl.ioctl(probe, _GET_FLAGS, request)
                (flags,) = struct.unpack_from("H", answer, _NAME_BYTES)
                answer = fcntl.ioctl(probe, _GET_ADDRESS, request)
                address = socket.inet_ntoa(answer[_NAME_BYTES + 4 : _NAME_BYTES + 8])
                if is_for_others(name, address) and flags & _RUNNING:
                    yield address


def is_for_others(name: str, address: str) -> bool:
    """Return whether other machines may reach this one at the address of an interface."""
    found = ipaddress.ip_address(address)
    return not (_INSIDE.match(name) or found.is_loopback or found.is_link_local)
