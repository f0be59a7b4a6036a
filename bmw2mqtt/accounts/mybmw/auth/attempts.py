"""Limits login attempts: BMW locks accounts, so refused passwords are kept over a restart."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Annotated, Any

from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_document import StateDocument, Time, within
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.config import MyBmwSettings as AccountSettings
from bmw2mqtt.local_time import local_time
from bmw2mqtt.vehicle.errors import LoginRequired

MAX_ATTEMPTS = 5
ATTEMPTS_WITHIN = timedelta(hours=24)
HASH_ROUNDS = 100_000
_PART = "login"


class AttemptsDocument(StateDocument):
    """What is kept of an account's logins: fingerprints, no secret."""

    salt: str = ""
    password: str = ""
    """Fingerprint of the password that the attempts were made with."""
    captcha: str = ""
    """Fingerprint of the configured captcha token with which a login failed."""
    spent: str = ""
    """Fingerprint of the captcha token that was used last; a token works once."""
    attempts: tuple[Annotated[Time, within(past=ATTEMPTS_WITHIN, future=timedelta())], ...] = ()
    """When the password was sent and not accepted."""


class LoginAttempts:
    """The login attempts of one account, kept over a restart."""

    def __init__(self, state_file: StateFile, settings: AccountSettings) -> None:
        self._state_file = state_file
        self._password = settings.password.get_secret_value()
        captcha = settings.captcha_token
        self._captcha = captcha.get_secret_value() if captcha else ""
        self._fingerprint: tuple[str, str] | None = None
        self._document: AttemptsDocument | None = None

    def are_credentials_new(self) -> bool:
        """Whether password or captcha differ from those with which a login failed."""
        kept = self._kept()
        return (
            not kept.password  # nothing has failed, so the slow hash is not needed
            or kept.captcha != _fingerprint(self._captcha)
            or kept.password != self._password_fingerprint(kept.salt)
        )

    def is_spent(self, captcha: str) -> bool:
        """Whether this captcha token was used before, also by an earlier run."""
        return self._kept().spent == _fingerprint(captcha)

    async def begin(self, captcha: str | None) -> None:
        """Record, on disk, that the password is about to be sent.

        Raises:
            LoginRequired: BMW has refused it so often that another attempt might lock the account.
        """
        attempts = self._attempts()
        if len(attempts) >= MAX_ATTEMPTS:
            until = attempts[0] + ATTEMPTS_WITHIN
            raise LoginRequired(
                f"BMW has refused this password {MAX_ATTEMPTS} times in a day and might lock the"
                f" account: correct it, or log in again after {local_time(until)}"
            )
        spent = {"spent": _fingerprint(captcha)} if captcha else {}
        self._write(attempts=(*attempts, utc_now()), **spent)
        await self._state_file.saved()

    def cancel(self, *, is_captcha_left: bool) -> None:
        """Remove the last attempt: BMW has not checked the password, perhaps not the captcha."""
        spent = {"spent": ""} if is_captcha_left else {}
        self._write(attempts=self._attempts()[:-1], **spent)

    def record_failure(self) -> None:
        """Record the captcha with which the account now waits for a person."""
        self._write(captcha=_fingerprint(self._captcha))

    def reset(self) -> None:
        """Remove what was refused: a login has succeeded."""
        kept = self._kept()
        if kept.attempts or kept.captcha:
            self._document = AttemptsDocument(salt=kept.salt, spent=kept.spent)
            self._state_file.write(_PART, self._document)

    def _kept(self) -> AttemptsDocument:
        if self._document is None:
            self._document = self._state_file.read(_PART, AttemptsDocument, utc_now())
        return self._document

    def _attempts(self) -> tuple[datetime, ...]:
        """Return when this very password was sent and not accepted."""
        kept = self._kept()
        if not kept.attempts or kept.password != self._password_fingerprint(kept.salt):
            return ()
        oldest = utc_now() - ATTEMPTS_WITHIN
        return tuple(at for at in kept.attempts if at > oldest)

    def _write(self, **changes: Any) -> None:
        kept = self._kept()
        salt = kept.salt or secrets.token_hex(16)
        changes = {"attempts": self._attempts(), **changes}
        self._document = kept.model_copy(
            update={"salt": salt, "password": self._password_fingerprint(salt), **changes}
        )
        self._state_file.write(_PART, self._document)

    def _password_fingerprint(self, salt: str) -> str:
        """Return a slow hash that distinguishes passwords without revealing them."""
        if self._fingerprint is None or self._fingerprint[0] != salt:
            digest = hashlib.pbkdf2_hmac(
                "sha256", self._password.encode(), salt.encode(), HASH_ROUNDS
            )
            self._fingerprint = salt, digest.hex()
        return self._fingerprint[1]


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
