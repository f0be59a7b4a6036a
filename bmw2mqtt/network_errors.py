"""Why a connection failed, in words for an owner: without the names of exceptions."""

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Final

_WORDS: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "the connection was closed",
    errno.ECONNABORTED: "the connection was closed",
    errno.EPIPE: "the connection was closed",
    errno.EHOSTUNREACH: "there is no route to it",
    errno.ENETUNREACH: "there is no network",
    errno.ENETDOWN: "there is no network",
    errno.ETIMEDOUT: "no answer in time",
}
_NUMBER: Final = re.compile(r"\[Errno (\d+)\]")


def describe_network_error(error: BaseException) -> str:
    """Return why no answer came, for the middle of a sentence."""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror) or "DNS" in type(cause).__name__:
            return "its name cannot be resolved"
        if isinstance(cause, ssl.SSLError):
            return "the encrypted connection failed"
        if isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__:
            return "no answer in time"
        if isinstance(cause, OSError) and (number := _error_number(cause)) in _WORDS:
            return _WORDS[number]
    return "the connection was closed"


def _error_number(error: OSError) -> int:
    """Return the error's number; asyncio puts several tries into the text of one error."""
    found = _NUMBER.search(str(error))
    return error.errno or (int(found[1]) if found else 0)


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
