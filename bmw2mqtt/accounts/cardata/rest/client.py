"""Client of CarData's REST API: counts each request before it is sent, translates refusals.

BMW's own code (`exveErrorId`) decides, not the HTTP status: an exhausted quota comes as 403. Where
BMW's text says that the token is expired or invalid, that decides: some codes mean two things.
"""

import re
from typing import Any
from urllib.parse import quote

from bmw2mqtt.accounts.cardata.auth.tokens import Credentials
from bmw2mqtt.accounts.cardata.errors import LoginFailed, RequestRefused, ServerFault
from bmw2mqtt.accounts.cardata.http import HttpClient, HttpResponse
from bmw2mqtt.accounts.cardata.rest.quota import Priority, RequestQuota
from bmw2mqtt.vehicle.errors import AccountError, BadAnswer, LoginOutage, NoConnection

NO_VEHICLE = "CU-104"
NO_CONTAINER = "CU-105"
BAD_CONTAINER = "CU-121"
BEING_DELETED = "CU-122"
TOO_MANY_CONTAINERS = "CU-124"
PAGE_EXPIRED = "CU-125"
NO_IMAGE = "CU-126"
NO_DATA = "CU-127"
BAD_VIN = "CU-120"
BAD_REQUEST, BAD_PARAMETER = "CU-400", "CU-401"
UNKNOWN_DESCRIPTOR = "CU-402"
BAD_LIST = "CU-403"
SERVER_ERROR = "CU-500"
FORBIDDEN = "HTTP 403"
"""No code of BMW's: a refusal that comes without one."""
_NO_API_SCOPE = "CU-103"
_TOKEN = {"CU-100", "CU-101", "CU-102"}
_QUOTA = "CU-429"
_OUTAGE = {SERVER_ERROR, "CU-503"}
_NOT_THE_TOKEN = {_NO_API_SCOPE, _QUOTA, PAGE_EXPIRED}
"""Codes whose text may mention a token, and that mean something else."""
_TOKEN_TEXT = re.compile(
    r"\btoken\b[^.]{0,60}\b(expired|invalid|not valid)\b"
    r"|\b(expired|invalid)\b[^.]{0,30}\btoken\b",
    re.IGNORECASE,
)

_SENTENCES = {
    NO_VEHICLE: "BMW gives no data of this car: be its primary user in the My BMW app, with an"
    " active ConnectedDrive contract, then refresh",
    NO_CONTAINER: "BMW does not let this account use its container; a new one is created within"
    " a day",
    BAD_VIN: "BMW does not accept this VIN; please report it",
    BAD_CONTAINER: "BMW does not accept this container ID; please report it",
    BEING_DELETED: "the container is being deleted already",
    TOO_MANY_CONTAINERS: "the account has BMW's maximum of 10 containers: delete one of another"
    " program, or wait until BMW has purged it",
    NO_IMAGE: "BMW has no picture of this car",
    NO_DATA: "BMW has no such data of this car",
    BAD_REQUEST: "BMW does not accept the request; please report it",
    BAD_PARAMETER: "BMW does not accept a parameter of the request; please report it",
    UNKNOWN_DESCRIPTOR: "BMW does not know one of the telematic descriptors",
    BAD_LIST: "BMW does not accept this list of telematic descriptors",
}
_CODE = re.compile(r"CU-?(\d{3})")
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _SERVER_ERROR = 401, 403, 404, 429, 500
_CODE_OF_STATUS = {_UNAUTHORIZED: "CU-101", _TOO_MANY: _QUOTA, _SERVER_ERROR: SERVER_ERROR}
_MAX_DETAILS = 2000
MAX_IMAGE_BYTES = 8 * 1024 * 1024


class RestClient:
    """The requests of one account."""

    def __init__(
        self,
        http: HttpClient,
        api_url: str,
        credentials: Credentials,
        quota: RequestQuota,
    ) -> None:
        self._http = http
        self._url = f"{api_url}/customers"
        self._credentials = credentials
        self._quota = quota

    async def get(self, path: str, priority: Priority, **query: str) -> Any:
        """Return the JSON behind a path below `/customers/`.

        Raises:
            RequestRefused: BMW refuses the request, with its code.
            QuotaExceeded: the budget or BMW's quota is used up.
            LoginRequired: BMW requires a login, or the client lacks the API.
            Unreachable, BadAnswer: no usable answer; each try costs quota.
        """
        return _content(await self._request("GET", path, priority, params=query))

    async def get_bytes(self, path: str, priority: Priority) -> bytes:
        """Return what is behind a path as it is; errors as `get`."""
        headers = {"Accept": "image/png, image/*, */*"}
        answer = await self._request(
            "GET", path, priority, headers=headers, max_bytes=MAX_IMAGE_BYTES
        )
        return answer.body

    async def post(self, path: str, priority: Priority, content: dict[str, Any]) -> Any:
        """Send JSON and return the JSON that comes back; errors as `get`."""
        return _content(await self._request("POST", path, priority, json=content))

    async def delete(self, path: str, priority: Priority) -> None:
        """Delete what is behind a path; errors as `get`."""
        await self._request("DELETE", path, priority)

    async def _request(
        self, method: str, path: str, priority: Priority, **options: Any
    ) -> HttpResponse:
        tokens = await self._credentials.fresh()
        answer = await self._send(method, path, priority, tokens.access_token, options)
        code = _code(answer)
        if _is_token_refused(code, answer):
            if tokens == await self._credentials.fresh():  # nobody has renewed them meanwhile
                await self._credentials.renew()
            tokens = await self._credentials.fresh()
            answer = await self._send(method, path, priority, tokens.access_token, options)
            code = _code(answer)
        if code is None and answer.is_ok:
            return answer
        raise self._meaning(code, answer)

    async def _send(
        self, method: str, path: str, priority: Priority, token: str, options: dict[str, Any]
    ) -> HttpResponse:
        headers = {
            "x-version": "v1",
            "Authorization": f"Bearer {token}",
            **options.get("headers", {}),
        }
        url = f"{self._url}/{quote(path)}"
        spent = self._quota.spend(priority)
        try:
            await self._quota.saved()
            answer = await self._http.send(method, url, **options | {"headers": headers})
        except NoConnection:
            self._quota.refund(spent)
            raise
        except BaseException:
            self._quota.add(None)
            raise
        self._quota.add(answer.status, is_exhausted=_code(answer) == _QUOTA)
        return answer

    def _meaning(self, code: str | None, answer: HttpResponse) -> AccountError:
        if code == _QUOTA:
            return self._quota.exhausted()
        if _is_token_refused(code, answer):
            return LoginOutage(f"BMW does not accept its own new token ({code}); trying again")
        if code == _NO_API_SCOPE:
            return LoginFailed(
                "BMW's login is not for CarData API: switch CarData API off and on again in BMW's"
                " portal, wait two minutes, then log in again",
            )
        if code is None and answer.status == _NOT_FOUND:
            return RequestRefused(None, "BMW does not have what was requested (HTTP 404)")
        if code in _OUTAGE or code is None:
            name = code or f"HTTP {answer.status}"
            if answer.status == _FORBIDDEN:
                code = FORBIDDEN
            return ServerFault(code, f"BMW's server is out of order ({name}); trying again")
        sentence = _SENTENCES.get(code, "BMW refuses the request")
        details = answer.body[:_MAX_DETAILS].decode(errors="replace")
        return RequestRefused(code, f"{sentence} ({code})", details)


def _code(answer: HttpResponse) -> str | None:
    """Return BMW's code, as `CU-104`; a status without a code counts as one too."""
    content = None if answer.is_ok and not answer.body.startswith(b"{") else answer.json()
    text = content.get("exveErrorId") if isinstance(content, dict) else None
    if isinstance(text, str) and (match := _CODE.search(text.upper())):
        return f"CU-{match[1]}"
    return _CODE_OF_STATUS.get(answer.status)


def _is_token_refused(code: str | None, answer: HttpResponse) -> bool:
    """Return whether BMW refuses the access token: a new one may be accepted."""
    if code in _TOKEN:
        return True
    if answer.is_ok or code in _NOT_THE_TOKEN:
        return False
    content = answer.json()
    if not isinstance(content, dict):
        return False
    texts = (content.get(name) for name in ("exveErrorMsg", "exveNote"))
    return any(isinstance(text, str) and _TOKEN_TEXT.search(text) for text in texts)


def _content(answer: HttpResponse) -> Any:
    content = answer.json()
    if content is None:
        raise BadAnswer("BMW sent an answer that cannot be read (no JSON); trying again")
    return content
