"""The server of the simulated app API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bmw2mqtt.simulator.clock import utc_now
from bmw2mqtt.simulator.https import HttpsServer

from .authorizer import AppAuthorizer
from .commands import CommandRoutes, PlannedOutcomes
from .login import GcdmLogin
from .login_china import ChinaLogin
from .users import AppAccounts
from .vehicles import AppVehicleRoutes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    from bmw2mqtt.simulator.tls import Certificates

    from .users import SimulatedUser

ACCESS_TOKEN_LIFETIME_S: Final = 28_799.0


class MyBmwSimulator(HttpsServer):
    """Simulates BMW's app API of all three regions, with the given users and their cars.

    Point the library to `server` and let it trust `ca_file`. `captcha_tokens` are the tokens a
    login accepts, each once; without them any unused token is accepted. A used
    refresh token works for `refresh_grace_s` more; nobody knows what BMW does.
    """

    def __init__(
        self,
        users: Iterable[SimulatedUser] = (),
        *,
        certificates: Certificates | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        captcha_tokens: Collection[str] | None = None,
        access_token_lifetime_s: float = ACCESS_TOKEN_LIFETIME_S,
        refresh_grace_s: float = 0.0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.accounts = AppAccounts.of(
            users,
            clock=clock,
            access_token_lifetime_s=access_token_lifetime_s,
            refresh_grace_s=refresh_grace_s,
        )
        authorizer = AppAuthorizer(self.accounts)
        self._commands = CommandRoutes(authorizer, clock)
        super().__init__(
            (
                GcdmLogin(self.accounts, None if captcha_tokens is None else set(captcha_tokens)),
                ChinaLogin(self.accounts),
                AppVehicleRoutes(authorizer),
                self._commands,
            ),
            certificates=certificates,
            host=host,
            port=port,
            clock=clock,
        )

    @property
    def outcomes(self) -> PlannedOutcomes:
        """The planned outcomes of commands."""
        return self._commands.outcomes

    @property
    def server(self) -> str:
        """The value for the library's `server` setting, as host:port."""
        return self.address
