"""The login of china: a sliding puzzle, an encrypted password and a signed nonce."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from bmw2mqtt.simulator.https import form_body

from .answers import json_body, refuse_with, region_of
from .login import INVALID_GRANT, token_answer

if TYPE_CHECKING:
    from .users import AppAccounts, SimulatedUser

POSITION_TOLERANCE: Final = 0.02

NONCE_VERSION: Final = "u3.6.1"
NONCE_ALPHABET: Final = "01234abcdefghijklmnopqrstuvwxyz56789"

SYSTEM_ERROR: Final = {
    "data": None,
    "code": 699121,
    "error": True,
    "msgType": "toast",
    "description": "系统异常\uff0c请稍后再试\uff01",
}


@dataclass(slots=True)
class _Puzzle:
    position: float
    solved: bool = False


class _Keys:
    """The RSA key for passwords, generated when it is first requested."""

    @cached_property
    def private(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def public_pem(self) -> str:
        return (
            self.private.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )

    def decrypt(self, encrypted: str) -> str | None:
        try:
            return self.private.decrypt(base64.b64decode(encrypted), padding.PKCS1v15()).decode()
        except ValueError:
            return None


_KEYS: Final = _Keys()
"""One for all servers of a process: it takes long to generate."""


@dataclass(slots=True)
class ChinaLogin:
    """BMW's login server in china, "COAS"."""

    accounts: AppAccounts
    _puzzles: dict[str, _Puzzle] = field(default_factory=dict)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the login's addresses."""
        router.add_get("/eadrax-coas/v1/cop/publickey", self.public_key)
        router.add_post("/eadrax-coas/v2/cop/slider-captcha", self.slider_captcha)
        router.add_post("/eadrax-coas/v1/cop/check-captcha", self.check_captcha)
        router.add_post("/eadrax-coas/v2/login/pwd", self.log_in)
        router.add_post("/eadrax-coas/v2/oauth/token", self.refresh)

    async def public_key(self, _request: web.Request) -> web.Response:
        """Return the key with which the app encrypts the password."""
        return _ok({"value": _KEYS.public_pem(), "expires": "3600"})

    async def slider_captcha(self, request: web.Request) -> web.Response:
        """Return a new puzzle picture."""
        if not (await json_body(request)).get("mobile"):
            raise refuse_with(422, SYSTEM_ERROR)
        from .puzzle import draw_puzzle  # noqa: PLC0415 - Pillow is slow to import

        png, position = draw_puzzle()
        verify_id = secrets.token_hex(16)
        self._puzzles[verify_id] = _Puzzle(position)
        return _ok({"verifyId": verify_id, "backGroundImg": base64.b64encode(png).decode()})

    async def check_captcha(self, request: web.Request) -> web.Response:
        """Check the solution of a puzzle."""
        body = await json_body(request)
        puzzle = self._puzzles.get(str(body.get("verifyId")))
        try:
            position = float(body.get("position") or "nan")
        except ValueError:
            position = float("nan")
        if puzzle is None or not abs(position - puzzle.position) <= POSITION_TOLERANCE:
            raise refuse_with(422, SYSTEM_ERROR)
        puzzle.solved = True
        return _ok(None)

    async def log_in(self, request: web.Request) -> web.Response:
        """Exchange a solved puzzle, a phone number and an encrypted password for tokens."""
        body = await json_body(request)
        puzzle = self._puzzles.pop(str(body.get("verifyId")), None)
        mobile = str(body.get("mobile"))
        password = _KEYS.decrypt(str(body.get("password")))
        user = self.accounts.log_in(mobile, password or "", region_of(request))
        if (
            puzzle is None
            or not puzzle.solved
            or user is None
            or not is_nonce_of(request.headers.get("x-login-nonce", ""), mobile)
        ):
            raise refuse_with(422, SYSTEM_ERROR)
        tokens = self.accounts.issue(user, self._access_token(user))
        answer = token_answer(tokens, user)
        return _ok(
            {
                "access_token": answer["access_token"],
                "token_type": answer["token_type"],
                "refresh_token": answer["refresh_token"],
                "usid": user.gcid,
                "cid": user.gcid,
                "gcid": user.gcid,
            }
        )

    async def refresh(self, request: web.Request) -> web.Response:
        """Exchange a refresh token for new tokens; the nonce must contain the owner's gcid."""
        refresh_token = (await form_body(request)).get("refresh_token", "")
        owner = self.accounts.owner(refresh_token)
        nonce = request.headers.get("x-login-nonce", "")
        if owner is None or not is_nonce_of(nonce, owner.gcid):
            raise refuse_with(400, INVALID_GRANT)
        user = self.accounts.redeem(refresh_token, region_of(request))
        if user is None:
            raise refuse_with(400, INVALID_GRANT)
        tokens = self.accounts.issue(user, self._access_token(user))
        return web.json_response(token_answer(tokens, user))

    def _access_token(self, user: SimulatedUser) -> str:
        """Return a JWT, because the app reads the expiry from the token."""
        now = self.accounts.clock()
        issued = int(now.timestamp())
        claims = {
            "jti": f"{user.gcid}$1$A${secrets.token_hex(8)}",
            "nbf": issued,
            "exp": int(self.accounts.next_expiry(now).timestamp()),
            "iat": issued,
        }
        head = _base64url(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        signed = f"{head}.{_base64url(json.dumps(claims).encode())}"
        signature = hmac.digest(user.password.encode(), signed.encode(), "sha256")
        return f"{signed}.{_base64url(signature)}"


def is_nonce_of(nonce: str, who: str) -> bool:
    """Return whether an `x-login-nonce` is valid for `who`, a phone number or gcid."""
    key_end, iv_start, digest_start = nonce[:8], nonce[8:16], nonce[16:48]
    encrypted, tail = nonce[48:-48], nonce[-48:]
    key_start, iv_end, digest_end = tail[:8], tail[8:16], tail[16:]
    signed = f"{key_end}{iv_start}{NONCE_VERSION}{who[-4:]}{key_start}{iv_end}"
    if hashlib.sha256(signed.encode()).hexdigest() != digest_start + digest_end:
        return False
    text = _decrypt_nonce(encrypted, key_start + key_end, iv_start + iv_end)
    return text is not None and text.split("&")[::2] == [who, key_start]


def _decrypt_nonce(encrypted: str, key: str, iv: str) -> str | None:
    aes_key = f"{key[:4]}{_mirror(key[4])}{key[5:12]}{_mirror(key[12])}{key[13:]}"
    try:
        decryptor = Cipher(algorithms.AES(aes_key.encode()), modes.CBC(iv.encode())).decryptor()
        padded = decryptor.update(binascii.unhexlify(encrypted)) + decryptor.finalize()
        unpadder = PKCS7(algorithms.AES.block_size).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except ValueError:
        return None


def _mirror(character: str) -> str:
    return NONCE_ALPHABET[-1 - NONCE_ALPHABET.index(character)]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _ok(data: dict[str, Any] | None) -> web.Response:
    return web.json_response({"data": data, "code": 200, "error": False, "description": "ok"})
