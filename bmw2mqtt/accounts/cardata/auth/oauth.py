"""BMW's OAuth endpoints: device codes, tokens for codes, new tokens for old."""

import re
from dataclasses import dataclass
from typing import Any

from oauthlib.oauth2 import DeviceClient

from bmw2mqtt.accounts.cardata.http import HttpClient, HttpResponse
from bmw2mqtt.vehicle.errors import AccountError, LoginOutage, NoConnection

API_SCOPE = "cardata:api:read"
STREAM_SCOPE = "cardata:streaming:read"
IDENTITY_SCOPES = ("authenticate_user", "openid")
"""`openid` makes BMW send the id token, the stream's password."""
SCOPES = (*IDENTITY_SCOPES, API_SCOPE, STREAM_SCOPE)

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_WORD = re.compile(r"[a-z_]{3,40}")
_SERVER_ERROR, _TIMEOUT, _TOO_MANY = 500, 408, 429


@dataclass
class OAuthRefusal(Exception):  # noqa: N818 - named for what happened
    """BMW's answer has no tokens; what that means depends on the request."""

    status: int
    word: str | None
    """OAuth's `error`, as `invalid_grant`; `None` if the answer has none."""
    is_key_fault: bool
    """A fault of BMW's device flow; the code cannot be used again."""

    @property
    def is_outage(self) -> bool:
        """Whether BMW's login is out of order, so that the request may be repeated."""
        is_busy = self.status >= _SERVER_ERROR or self.status in {_TIMEOUT, _TOO_MANY}
        return is_busy or self.word is None

    def __str__(self) -> str:
        return f"HTTP {self.status}" + (f", {self.word}" if self.word else "")


class OAuth:
    """The device flow's three requests, for one client id."""

    def __init__(self, session: HttpClient, auth_url: str, client_id: str) -> None:
        self.client_id = client_id
        self._session = session
        self._url = f"{auth_url}/gcdm/oauth"
        self._client = DeviceClient(client_id)

    async def device_code(self, code_challenge: str, scopes: tuple[str, ...]) -> dict[str, Any]:
        """Request a code that a person confirms on BMW's page.

        Raises:
            OAuthRefusal: BMW refuses.
            LoginOutage, NoConnection: no answer.
        """
        form = {
            "client_id": self.client_id,
            "response_type": "device_code",
            "scope": " ".join(scopes),
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
        }
        return await self._post("device/code", form)

    async def exchange(self, device_code: str, code_verifier: str) -> dict[str, Any]:
        """Exchange a device code for tokens.

        Raises:
            OAuthRefusal: the code is not confirmed yet, or never will be.
            LoginOutage, NoConnection: no answer.
        """
        body = self._client.prepare_request_body(
            device_code, include_client_id=True, code_verifier=code_verifier
        )
        return await self._post("token", body)

    async def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Exchange the refresh token for new tokens; it works once.

        Raises:
            OAuthRefusal: BMW refuses.
            LoginOutage, NoConnection: no answer.
        """
        body = self._client.prepare_refresh_body(
            refresh_token=refresh_token, client_id=self.client_id
        )
        return await self._post("token", body)

    async def _post(self, path: str, form: str | dict[str, str]) -> dict[str, Any]:
        url = f"{self._url}/{path}"
        try:
            answer = await self._session.send("POST", url, data=form, headers=_FORM)
        except NoConnection:
            raise
        except AccountError as error:
            raise LoginOutage(str(error)) from error
        content = answer.json()
        if answer.is_ok and isinstance(content, dict) and "error" not in content:
            return content
        raise _refusal(answer, content)


def read_seconds(value: object, default: float, longest: float) -> float:
    """Read a number of seconds; what is none, or not plausible, is the default."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) else default
    except (ValueError, OverflowError):
        return default
    return seconds if 0 < seconds <= longest else default


def _refusal(answer: HttpResponse, content: Any) -> OAuthRefusal:
    word = content.get("error") if isinstance(content, dict) else None
    return OAuthRefusal(
        answer.status,
        word if isinstance(word, str) and _WORD.fullmatch(word) else None,
        is_key_fault=answer.status >= _SERVER_ERROR and b"keymanagement" in answer.body,
    )
