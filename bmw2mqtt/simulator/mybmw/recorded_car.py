"""A car with recorded answers, which tests may edit."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Final

from bmw2mqtt.simulator.pictures import read_picture

from . import charging
from .cars import InvalidCommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bmw2mqtt.simulator.driving import Brand

    from .cars import Json

CAPABILITY_OF_SERVICE: Final = {
    "light-flash": "lights",
    "horn-blow": "horn",
    "door-lock": "lock",
    "door-unlock": "unlock",
    "climate-now": "climateNow",
    "send-to-car": "sendPoi",
}


def check_command(
    service: str, params: Mapping[str, str], body: Json, answers: Json, details: Json | None
) -> None:
    """Raise `InvalidCommandError` if BMW refuses a command to a car with these answers."""
    capabilities = answers["capabilities"]
    capability = CAPABILITY_OF_SERVICE.get(service)
    if capability is not None and not capabilities.get(capability):
        raise InvalidCommandError(f"Service {service} not supported.", status=403)
    if service == "climate-now" and params.get("action") not in ("START", "STOP"):
        raise InvalidCommandError("Parameter action is required.")
    if service in ("start-charging", "stop-charging"):
        offered = capabilities.get("remoteChargingCommands", {}).get("chargingControl", [])
        if service.partition("-")[0].upper() not in offered:
            raise InvalidCommandError(f"Service {service} not supported.", status=403)
    if service == "charging-settings":
        charging.check_settings(body, capabilities, details)
    if service == "charging-profile":
        charging.check_profile(body, capabilities)


class RecordedCar:
    """A car made of one recorded profile, state and charging settings.

    The three are copied, and the copies are there to be edited: what `state_data` says is what
    the next poll is answered. Commands change them as they would change the car.
    """

    def __init__(
        self,
        profile: Json,
        state: Json,
        charging_details: Json | None = None,
        *,
        brand: Brand = "bmw",
    ) -> None:
        self.brand: Brand = brand
        self.profile_data = deepcopy(profile)
        self.state_data = deepcopy(state)
        self.charging_data = deepcopy(charging_details)
        self.finder_position: Json | None = {
            "latitude": 12.345,
            "longitude": 34.5678,
            "formattedAddress": "some_formatted_address",
            "heading": 121,
        }
        self.performed: list[tuple[str, Json]] = []
        """The services performed so far with their bodies, oldest first."""

    def __repr__(self) -> str:
        return f"RecordedCar({self.vin!r}, {self.profile_data.get('model')!r})"

    @property
    def vin(self) -> str:
        """The VIN in the recorded profile."""
        return str(self.profile_data["vin"])

    def profile(self) -> Json:
        """Return the recorded profile."""
        return self.profile_data

    def state(self) -> Json:
        """Return the recorded state."""
        return self.state_data

    def charging_details(self) -> Json | None:
        """Return the recorded charging settings."""
        return self.charging_data

    def position(self) -> Json | None:
        """Return `finder_position`."""
        return self.finder_position

    def image(self) -> bytes:
        """Return the same picture for every recorded car."""
        return read_picture("sedan_black")

    def check(self, service: str, params: Mapping[str, str], body: Json) -> None:
        """Raise `InvalidCommandError` for a command outside the recorded capabilities."""
        check_command(service, params, body, self.state_data, self.charging_data)

    def perform(self, service: str, params: Mapping[str, str], body: Json) -> None:
        """Change the recorded answers as the command would; missing parts stay missing."""
        self.performed.append((service, body))
        state = self.state_data["state"]
        if service in ("door-lock", "door-unlock") and "doorsState" in state:
            locked = "LOCKED" if service == "door-lock" else "UNLOCKED"
            state["doorsState"]["combinedSecurityState"] = locked
        elif service == "climate-now" and "climateControlState" in state:
            activity = "COOLING" if params.get("action") == "START" else "STANDBY"
            state["climateControlState"] = {"activity": activity}
        elif service in ("start-charging", "stop-charging"):
            status = "CHARGING" if service == "start-charging" else "PLUGGED_IN"
            state["electricChargingState"]["chargingStatus"] = status
        elif service == "charging-settings":
            charging.apply_settings(body, state, self.charging_data)
        elif service == "charging-profile":
            charging.apply_profile(body, state, self.charging_data)
