"""The interface of a simulated car of the app API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bmw2mqtt.simulator.driving import Brand

Json = dict[str, Any]


class InvalidCommandError(Exception):
    """A command that the car's interface does not allow; answered with HTTP `status`."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class SimulatedCar(Protocol):
    """A car: BMW's answers to requests about it, and the commands it performs."""

    @property
    def vin(self) -> str:
        """The vehicle identification number, 17 characters."""

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
        """Perform a command; called when its event is first reported as executed."""
