"""BMW's app API as one HTTPS server on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from bmw2mqtt.simulator.clock import utc_now
from bmw2mqtt.simulator.https import HttpsServer
from bmw2mqtt.simulator.tls import Certificates

from .commands import CommandRoutes, PlannedOutcomes
from .login import GcdmLogin
from .login_china import ChinaLogin
from .users import Accounts
from .vehicles import Garage, VehicleRoutes

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime
    from pathlib import Path

    from bmw2mqtt.simulator.faults import Faults
    from bmw2mqtt.simulator.recording import RecordedRequest

    from .users import SimulatedUser

ACCESS_TOKEN_LIFETIME_S: Final = 28_799.0


class MyBmwSimulator:
    """BMW's servers of all three regions, with the given users and their cars.

    Point the library to `server` and let it trust `ca_file`. `captcha_tokens` are the tokens a
    login accepts, each once; without them any token that was not used before is good. A used
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
        self.accounts = Accounts.of(
            users,
            clock=clock,
            access_token_lifetime_s=access_token_lifetime_s,
            refresh_grace_s=refresh_grace_s,
        )
        garage = Garage(self.accounts)
        self._commands = CommandRoutes(garage, clock)
        self._https = HttpsServer(
            (
                GcdmLogin(self.accounts, None if captcha_tokens is None else set(captcha_tokens)),
                ChinaLogin(self.accounts),
                VehicleRoutes(garage),
                self._commands,
            ),
            certificates=certificates or Certificates.throw_away(self),
            host=host,
            port=port,
            clock=clock,
        )

    @property
    def outcomes(self) -> PlannedOutcomes:
        """What will become of commands."""
        return self._commands.outcomes

    @property
    def faults(self) -> Faults:
        """What is answered instead of the truth."""
        return self._https.faults

    @property
    def requests(self) -> deque[RecordedRequest]:
        """What was asked so far, oldest first."""
        return self._https.requests

    @property
    def certificates(self) -> Certificates:
        """What it shows to whoever connects; a change counts from the next `start` on."""
        return self._https.certificates

    @certificates.setter
    def certificates(self, certificates: Certificates) -> None:
        self._https.certificates = certificates

    @property
    def server(self) -> str:
        """Where it is served, as host:port."""
        return self._https.address

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority to trust."""
        return self.certificates.ca_file

    async def start(self) -> None:
        """Start to serve; with port 0 on any free port, and on the same one after a restart."""
        await self._https.start()

    async def stop(self) -> None:
        """Stop to serve; users, cars and tokens are kept, so that `start` goes on with them."""
        await self._https.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
