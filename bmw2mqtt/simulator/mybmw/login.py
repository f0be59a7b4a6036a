"""The login of north_america and rest_of_world: OAuth with PKCE and a captcha."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import web

from bmw2mqtt.simulator.https import form_body

from .answers import refuse, refuse_with, region_of

if TYPE_CHECKING:
    from .users import AppAccounts, IssuedTokens, SimulatedUser

CLIENT_ID: Final = "6d1cb9a0-51e5-4a0e-9d40-0b6d1a2e5c11"
CLIENT_SECRET: Final = secrets.token_urlsafe(24)
RETURN_URL: Final = "com.bmw.connected://oauth"
SCOPES: Final = (
    "openid profile email offline_access smacc vehicle_data perseus dlm svds cesim vsapi"
    " remote_services fupo authenticate_user"
)
INVALID_CLIENT: Final = {
    "error": "invalid_client",
    "error_description": (
        "Client authentication failed (e.g., login failure, unknown client, no client"
        " authentication included or unsupported authentication method)"
    ),
}
INVALID_GRANT: Final = {
    "error": "invalid_grant",
    "error_description": (
        "The provided authorization grant (e.g., authorization code, resource owner credentials)"
        " or refresh token is invalid, expired, revoked, or was issued to another client."
    ),
}


@dataclass(frozen=True, slots=True)
class _Interaction:
    """A login in progress: its user and the app's PKCE challenge."""

    user: SimulatedUser
    code_challenge: str


@dataclass(slots=True)
class GcdmLogin:
    """BMW's login server "GCDM"."""

    accounts: AppAccounts
    captcha_tokens: set[str] | None = None
    """The valid captcha tokens, each usable once; `None` accepts any unused one."""
    _spent_captcha_tokens: set[str] = field(default_factory=set)
    _authorizations: dict[str, _Interaction] = field(default_factory=dict)
    _codes: dict[str, _Interaction] = field(default_factory=dict)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the login's addresses."""
        router.add_get("/eadrax-ucs/v1/presentation/oauth/config", self.oauth_config)
        router.add_post("/gcdm/oauth/authenticate", self.authenticate)
        router.add_post("/gcdm/oauth/token", self.token)

    async def oauth_config(self, request: web.Request) -> web.Response:
        """Return the OAuth settings for the app."""
        if not request.headers.get("ocp-apim-subscription-key"):
            raise refuse(401, "Access denied due to missing subscription key.")
        base = f"https://{request.host}"
        return web.json_response(
            {
                "clientName": "mybmwapp",
                "clientSecret": CLIENT_SECRET,
                "clientId": CLIENT_ID,
                "gcdmBaseUrl": base,
                "returnUrl": RETURN_URL,
                "brand": "bmw",
                "language": "en",
                "country": "US",
                "authorizationEndpoint": f"{base}/oneid/login",
                "tokenEndpoint": f"{base}/gcdm/oauth/token",
                "scopes": SCOPES.split(),
                "promptValues": ["login"],
            }
        )

    async def authenticate(self, request: web.Request) -> web.Response:
        """Exchange credentials for an authorization, or an authorization for a code."""
        form = await form_body(request)
        if form.get("client_id") != CLIENT_ID or form.get("redirect_uri") != RETURN_URL:
            raise refuse_with(401, INVALID_CLIENT)
        if "authorization" in form:
            return self._hand_out_code(form)
        return self._check_credentials(request, form)

    def _check_credentials(self, request: web.Request, form: dict[str, str]) -> web.Response:
        captcha_passed = self._redeem_captcha(request.headers.get("hcaptchatoken", ""))
        user = self.accounts.log_in(
            form.get("username", ""), form.get("password", ""), region_of(request)
        )
        if not captcha_passed or user is None:
            raise refuse_with(401, INVALID_CLIENT)
        if form.get("code_challenge_method") != "S256":
            raise refuse_with(400, {"error": "invalid_request", "error_description": "PKCE"})
        authorization = secrets.token_urlsafe(24)
        self._authorizations[authorization] = _Interaction(user, form.get("code_challenge", ""))
        query = urlencode(
            {
                "client_id": CLIENT_ID,
                "response_type": "code",
                "scope": SCOPES,
                "state": form.get("state", ""),
                "authorization": authorization,
            }
        )
        return web.json_response({"redirect_to": f"redirect_uri={RETURN_URL}?{query}"})

    def _redeem_captcha(self, token: str) -> bool:
        if self.captcha_tokens is not None and token not in self.captcha_tokens:
            return False
        if not token or token in self._spent_captcha_tokens:
            return False
        self._spent_captcha_tokens.add(token)
        return True

    def _hand_out_code(self, form: dict[str, str]) -> web.Response:
        interaction = self._authorizations.pop(form["authorization"], None)
        if interaction is None:
            raise refuse_with(401, INVALID_CLIENT)
        code = secrets.token_urlsafe(24)
        self._codes[code] = interaction
        query = urlencode(
            {
                "code": code,
                "state": form.get("state", ""),
                "client_id": CLIENT_ID,
                "nonce": form.get("nonce", ""),
            }
        )
        return web.Response(status=302, headers={"Location": f"{RETURN_URL}?{query}"})

    async def token(self, request: web.Request) -> web.Response:
        """Exchange a code or a refresh token for tokens."""
        if not _is_client(request.headers.get("authorization", "")):
            raise refuse_with(401, INVALID_CLIENT)
        form = await form_body(request)
        if form.get("grant_type") == "refresh_token":
            user = self.accounts.redeem(form.get("refresh_token", ""), region_of(request))
        else:
            user = self._redeem_code(form.get("code", ""), form.get("code_verifier", ""))
        if user is None:
            raise refuse_with(400, INVALID_GRANT)
        return web.json_response(token_answer(self.accounts.issue(user), user))

    def _redeem_code(self, code: str, verifier: str) -> SimulatedUser | None:
        interaction = self._codes.pop(code, None)
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if interaction is None or interaction.code_challenge != challenge:
            return None
        return interaction.user


def token_answer(tokens: IssuedTokens, user: SimulatedUser) -> dict[str, str | int]:
    """Return the answer to a successful login or refresh."""
    return {
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": int((tokens.expires_at - tokens.issued_at).total_seconds()),
        "refresh_token": tokens.refresh_token,
        "scope": "authenticate_user vehicle_data remote_services",
        "usid": user.gcid,
        "gcid": user.gcid,
    }


def _is_client(authorization: str) -> bool:
    scheme, _, credentials = authorization.partition(" ")
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return scheme == "Basic" and decoded == f"{CLIENT_ID}:{CLIENT_SECRET}"
