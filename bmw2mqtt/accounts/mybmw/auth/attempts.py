"""How often a password may be tried: BMW locks accounts, so a refusal is remembered."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from bmw2mqtt.accounts.local_time import local_time
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_file import StateFile, moment
from bmw2mqtt.config import MyBmwSettings as AccountSettings
from bmw2mqtt.vehicle.errors import LoginRequired

MAX_ATTEMPTS = 5
ATTEMPTS_WITHIN = timedelta(hours=24)
_ROUNDS = 100_000


class LoginAttempts:
    """What is known of an account's logins over a restart; holds no secret."""

    def __init__(self, memory: StateFile, settings: AccountSettings) -> None:
        self._memory = memory
        self._password = settings.password.get_secret_value()
        captcha = settings.captcha_token
        self._captcha = captcha.get_secret_value() if captcha else ""
        self._fingerprint: str | None = None

    def is_new(self) -> bool:
        """Whether password or captcha differ from those with which a login came to nothing."""
        known = self._known()
        return not known or (known.get("password"), known.get("captcha")) != (
            self._password_print(known),
            _digest(self._captcha),
        )

    def is_spent(self, captcha: str) -> bool:
        """Whether this captcha's token was used before, also by an earlier run."""
        return self._known().get("spent") == _digest(captcha)

    async def begin(self, captcha: str | None) -> None:
        """Write down, on disk, that the password is about to be sent.

        Raises:
            LoginRequired: BMW has refused it so often that one more might lock the account.
        """
        attempts = self._attempts()
        if len(attempts) >= MAX_ATTEMPTS:
            until = attempts[0] + ATTEMPTS_WITHIN
            raise LoginRequired(
                f"BMW has refused this password {MAX_ATTEMPTS} times in a day and might lock the"
                f" account: correct it, or log in again after {local_time(until)}"
            )
        self._write(attempts=[*attempts, utc_now()], spent=_digest(captcha) if captcha else None)
        await self._memory.saved()

    def interrupted(self, *, is_captcha_left: bool) -> None:
        """Take the attempt back: BMW has not judged the password, perhaps not seen the captcha."""
        self._write(attempts=self._attempts()[:-1], spent="" if is_captcha_left else None)

    def gave_up(self) -> None:
        """Remember with what the account waits for a person."""
        self._write(captcha=_digest(self._captcha))

    def logged_in(self) -> None:
        """Forget what was refused."""
        known = self._known()
        if known.get("attempts") or known.get("captcha"):
            kept = {key: value for key, value in known.items() if key in {"salt", "spent"}}
            self._memory.remember("login", kept)

    def _known(self) -> dict[str, Any]:
        return self._memory.recall("login")

    def _attempts(self) -> list[datetime]:
        """Return when this very password was tried and not accepted."""
        known = self._known()
        texts = known.get("attempts")
        if not isinstance(texts, list) or known.get("password") != self._password_print(known):
            return []
        oldest = utc_now() - ATTEMPTS_WITHIN
        return [at for text in texts if (at := moment(text)) and oldest < at <= utc_now()]

    def _write(self, attempts: list[datetime] | None = None, **changes: Any) -> None:
        known = self._known()
        known.setdefault("salt", secrets.token_hex(16))
        kept = self._attempts() if attempts is None else attempts
        known |= {key: value for key, value in changes.items() if value is not None}
        known["password"] = self._password_print(known)
        known["attempts"] = [at.isoformat() for at in kept]
        self._memory.remember("login", known)

    def _password_print(self, known: dict[str, Any]) -> str:
        """Return what tells one password from another and does not give it away."""
        if self._fingerprint is None:
            salt = str(known.get("salt", "")).encode()
            digest = hashlib.pbkdf2_hmac("sha256", self._password.encode(), salt, _ROUNDS)
            self._fingerprint = digest.hex()
        return self._fingerprint


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
