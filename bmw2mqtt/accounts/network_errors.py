"""Why a connection to BMW failed, in words for an owner: without the names of exceptions."""

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Final

_WORDS: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "the connection was closed",
    errno.ECONNABORTED: "the connection was closed",
    errno.EPIPE: "the connection was closed",
    errno.EHOSTUNREACH: "no route to it; check the network of this machine",
    errno.ENETUNREACH: "no network; check the network of this machine",
    errno.ENETDOWN: "no network; check the network of this machine",
    errno.ETIMEDOUT: "no answer in time",
}
_UNRESOLVED: Final = "its name cannot be resolved; check the internet connection and the DNS server"


def describe_network_error(error: BaseException) -> str:
    """Return why no answer came, for the middle of a sentence."""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror) or "DNS" in type(cause).__name__:
            return _UNRESOLVED
        if isinstance(cause, ssl.SSLError):
            return "the encrypted connection failed"
        if isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__:
            return "no answer in time"
        if isinstance(cause, OSError) and cause.errno in _WORDS:
            return _WORDS[cause.errno]
    return "the connection was closed"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from, the outermost last."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    for link in reversed(chain):
        if isinstance(link, BaseExceptionGroup):
            yield from link.exceptions
        yield link
