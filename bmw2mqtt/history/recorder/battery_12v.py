"""Records the 12 V battery of one car: what the rules about it remember."""

import json
from datetime import datetime
from typing import Final

import structlog

from bmw2mqtt.history.recorder.options import Outputs
from bmw2mqtt.history.records import OpenState
from bmw2mqtt.history.time_zone import system_zone
from bmw2mqtt.vehicle.battery_12v import Battery12VTracker
from bmw2mqtt.vehicle.history import Battery12VSummary
from bmw2mqtt.vehicle.observed import ObservedVehicle

log = structlog.get_logger(__name__)

BATTERY_KIND: Final = "battery_12v"


class Battery12VRecorder:
    """The 12 V battery of one car."""

    def __init__(self, vin: str, outputs: Outputs, *, state: str | None) -> None:
        """Continue with what an earlier run has stored; `state` is JSON that `save` has written."""
        self._vin, self._outputs = vin, outputs
        self._tracker = self._restored(state)
        self.summary: Battery12VSummary | None = self._tracker.summary
        """What is published of it."""

    def update(self, observed: ObservedVehicle) -> None:
        """Record what is new."""
        self._tracker.update(observed.battery_12v_v, observed.driving)

    def tick(self, now: datetime) -> None:
        """Judge the voltages that are old enough, and write what follows from them."""
        if self._tracker.advance(now) and self._tracker.summary != self.summary:
            self.summary = self._tracker.summary
            self.save(now)

    def save(self, now: datetime) -> None:
        """Write what the rules remember; what is not written is learnt again from readings."""
        if self.summary is not None:
            self._outputs.put(OpenState.of(self._vin, BATTERY_KIND, self._tracker.state, now))

    def _restored(self, state: str | None) -> Battery12VTracker:
        if state is not None:
            try:
                return Battery12VTracker(system_zone(), json.loads(state))
            except ValueError as error:
                log.warning("battery_12v_state_ignored", vin=self._vin, reason=str(error))
        return Battery12VTracker(system_zone())
