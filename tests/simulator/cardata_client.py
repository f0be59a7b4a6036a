"""A bare client of CarData: aiohttp and nothing that knows this project."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from bmw2mqtt.simulator.cardata import CLIENT_ID, CarDataSimulator

SCOPE = "authenticate_user openid cardata:api:read cardata:streaming:read"
DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass
class SteppedClock:
    """A clock that stands still until it is put forward."""

    now: datetime = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@dataclass
class Client:
    """One program of a customer's."""

    bmw: CarDataSimulator
    http: aiohttp.ClientSession
    client_id: str = CLIENT_ID
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    tokens: dict[str, Any] = field(default_factory=dict)

    async def device_code(self, **changes: str | None) -> tuple[int, dict[str, Any]]:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        form = {
            "client_id": self.client_id,
            "response_type": "device_code",
            "scope": SCOPE,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        return await self.post("/gcdm/oauth/device/code", form)

    async def poll(self, device_code: str, **changes: str | None) -> tuple[int, dict[str, Any]]:
        form = {
            "client_id": self.client_id,
            "device_code": device_code,
            "grant_type": DEVICE_CODE_GRANT,
            "code_verifier": self.verifier,
            **changes,
        }
        return await self.post("/gcdm/oauth/token", form)

    async def refresh(self, refresh_token: str | None = None) -> tuple[int, dict[str, Any]]:
        form = {
            "client_id": self.client_id,
            "grant_type": "refresh_token",
            "refresh_token": refresh_token or self.tokens["refresh_token"],
        }
        return await self.post("/gcdm/oauth/token", form)

    async def log_in(self, scope: str = SCOPE) -> dict[str, Any]:
        _, codes = await self.device_code(scope=scope)
        self.bmw.approve(codes["user_code"])
        status, self.tokens = await self.poll(codes["device_code"])
        assert status == 200, self.tokens
        return self.tokens

    async def post(self, path: str, form: dict[str, str | None]) -> tuple[int, dict[str, Any]]:
        data = {key: value for key, value in form.items() if value is not None}
        async with self.http.post(self.bmw.auth_url + path, data=data) as response:
            return response.status, await response.json()

    async def call(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> tuple[int, Any]:
        """Call the REST API; without a login as nobody."""
        own = {"x-version": "v1", "Accept": "application/json"}
        if self.tokens:
            own["Authorization"] = f"Bearer {self.tokens['access_token']}"
        async with self.http.request(
            method, self.bmw.api_url + path, headers={**own, **(headers or {})}, **options
        ) as response:
            if response.content_type == "application/json":
                return response.status, await response.json()
            return response.status, await response.read()
