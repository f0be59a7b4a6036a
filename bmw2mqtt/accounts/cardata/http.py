"""HTTP client for BMW: one session per account, bounded answers, aiohttp's errors translated."""

import json
import ssl
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from bmw2mqtt import __version__
from bmw2mqtt.network_errors import describe_network_error
from bmw2mqtt.vehicle.errors import BadAnswer, NoConnection, Unreachable

TIMEOUT_S = 30
MAX_JSON_BYTES = 4 * 1024 * 1024
"""Telematic data of all 295 descriptors is some 60 kB."""
_CHUNK_BYTES = 64 * 1024
_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """Status and body of an answer."""

    status: int
    body: bytes

    @property
    def is_ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's own numbers

    def json(self) -> Any:
        """Return the body as JSON; `None` if it is not JSON."""
        try:
            return json.loads(self.body, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            return None


class HttpClient:
    """The HTTP session of an account; `async with` opens it."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=4, force_close=True),
            middlewares=(_not_repeated,),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "application/json", "User-Agent": f"bmw2mqtt/{__version__}"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(
        self, method: str, url: str, *, max_bytes: int = MAX_JSON_BYTES, **options: Any
    ) -> HttpResponse:
        """Send a request and read the whole answer; redirects are not followed.

        Raises:
            NoConnection: the request was never sent.
            Unreachable: it may have been sent, but no answer came.
            BadAnswer: the answer is longer than `max_bytes`.
        """
        if self._session is None:
            raise NoConnection("the account is not running")
        try:
            async with self._session.request(
                method, url, allow_redirects=False, **options
            ) as response:
                body = bytearray()
                async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                    body += chunk
                    if len(body) > max_bytes:
                        raise BadAnswer(f"BMW sent more than {max_bytes} bytes; trying again later")
                return HttpResponse(response.status, bytes(body))
        except aiohttp.ClientConnectorCertificateError as error:
            raise NoConnection(
                "BMW's certificate is not trusted: check this machine's clock and CA certificates,"
                " and ca_file if you set it; trying again"
            ) from error
        except _NEVER_SENT as error:
            raise NoConnection(
                f"BMW's server cannot be reached ({describe_network_error(error)}); check this"
                " machine's network and DNS; trying again"
            ) from error
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            reason = describe_network_error(error)
            raise Unreachable(f"BMW's server does not answer ({reason}); trying again") from error


async def _not_repeated(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a request by itself: the second one would not be counted."""
    try:
        return await handler(request)
    except _NEVER_SENT:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError from error
