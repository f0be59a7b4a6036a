"""JSON Web Tokens with BMW's claims and an invalid signature, which no client can verify."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Final

SIGNATURE_BYTES: Final = 256


def jwt(claims: Mapping[str, object]) -> str:
    """Return claims as a JSON Web Token with a signature that verifies with no key."""
    header = {"alg": "RS256", "kid": secrets.token_urlsafe(20), "typ": "JWT"}
    parts = (
        *(json.dumps(part, separators=(",", ":")).encode() for part in (header, claims)),
        secrets.token_bytes(SIGNATURE_BYTES),
    )
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
