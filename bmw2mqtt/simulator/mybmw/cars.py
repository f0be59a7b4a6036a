"""What the simulator asks of a car."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

Brand = Literal["bmw", "mini", "toyota"]
"""The brand an app asks its vehicle list for."""

Json = dict[str, Any]


class InvalidCommandError(Exception):
    """A car was told something its interface does not allow; answered with HTTP `status`."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class SimulatedCar(Protocol):
    """A car that can be asked for BMW's answers about itself."""

    @property
    def vin(self) -> str:
        """The 17 characters on the windscreen."""

    @property
    def brand(self) -> Brand:
        """The app, and so the vehicle list, in which the car appears."""

    def profile(self) -> Json:
        """Return the answer to `vehicle-data/profile`."""

    def state(self) -> Json:
        """Return the answer to `vehicles/state`: `capabilities` and `state`."""

    def charging_details(self) -> Json | None:
        """Return the charging settings, or `None` for a car without any."""

    def position(self) -> Json | None:
        """Return what the vehicle finder found: `latitude`, `longitude`, `heading`, address."""

    def image(self) -> bytes:
        """Return a picture of the car as PNG."""

    def check(self, service: str, params: Mapping[str, str], body: Json) -> None:
        """Raise `InvalidCommandError` if BMW would refuse this command at once."""

    def perform(self, service: str, params: Mapping[str, str], body: Json) -> None:
        """Do what a command asks for; called when its event is reported as executed."""
