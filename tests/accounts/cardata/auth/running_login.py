"""A login manager that runs before a simulated BMW."""

import json
from typing import Any

from bmw2mqtt.accounts.cardata.auth.device_login import DeviceLogin
from bmw2mqtt.accounts.cardata.auth.manager import LoginManager
from bmw2mqtt.accounts.cardata.auth.tokens import OAuthTokens
from bmw2mqtt.vehicle.account import AccountStatus
from tests.accounts.cardata.account_parts import AccountParts
from tests.accounts.waiting import until

CODES = "device/code"
TOKEN = "oauth/token"


class RunningLogin:
    """A login manager, and what it reported."""

    def __init__(self, parts: AccountParts) -> None:
        parts.restart()
        self.bmw, self.clock, self.parts = parts.bmw, parts.clock, parts
        self.tokens: list[OAuthTokens | None] = []
        self.logins = 0
        self.reports: list[tuple[str | None, str | None]] = []
        """Problem and code, as a person sees them, each time that something may have changed."""
        self.manager = LoginManager(
            "home",
            parts.credentials,
            DeviceLogin(parts.oauth, now=parts.clock),
            parts.state_file,
            on_tokens=self.tokens.append,
            on_login=self._count_login,
            on_change=self._note,
            now=parts.clock,
        )

    def _count_login(self) -> None:
        self.logins += 1

    def _note(self) -> None:
        codes = self.manager.codes
        self.reports.append((self.problem_text or None, codes.user_code if codes else None))

    @property
    def problem_text(self) -> str:
        return str(self.manager.problem or "")

    @property
    def status(self) -> AccountStatus:
        problem = self.manager.problem
        return problem.status if problem else AccountStatus.OK

    def asked(self, path: str) -> int:
        return sum(path in request.path for request in self.bmw.requests)

    def saved(self) -> dict[str, Any]:
        """Return what is on disk of the login."""
        document: dict[str, Any] = json.loads((self.parts.folder / "tokens-home.json").read_bytes())
        return document

    async def code(self) -> str:
        """Wait for a code that waits for its user."""
        await until(lambda: self.manager.codes, within_s=3600)
        codes = self.manager.codes
        assert codes is not None
        return codes.user_code

    async def log_in(self) -> None:
        self.bmw.approve(await self.code())
        await until(lambda: self.logins)

    async def decline(self) -> None:
        """Decline the code that waits for its user."""
        self.bmw.decline(await self.code())
        await until(lambda: "declined" in self.problem_text)

    async def rest(self) -> None:
        """Give it time to do what it should not do."""
        await self.clock.forward(minutes=2)
