"""Follow-up reads: reads a car over REST when something happened that the stream may leave out.

They stay within the quota and leave the reserve for a person untouched.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from weakref import WeakKeyDictionary

import structlog

from bmw2mqtt.accounts.cardata.rest.follow_up_rules import FollowUpReason, FollowUpRules
from bmw2mqtt.accounts.cardata.rest.poller import RestPoller
from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.vehicle.errors import AccountError

log = structlog.get_logger(__name__)

CHECK_EVERY_S: Final = 60.0


class FollowUpReads:
    """Checks the cars of one account, and reads those that are worth it."""

    def __init__(
        self,
        account: str,
        vehicles: VehicleRegistry,
        poller: RestPoller,
        on_error: Callable[[AccountError], None],
        now: Callable[[], datetime],
    ) -> None:
        """Prepare; `on_error` is called with errors of the whole account."""
        self._account = account
        self._vehicles = vehicles
        self._poller = poller
        self._on_error = on_error
        self._now = now
        self._rules: WeakKeyDictionary[CarDataVehicle, FollowUpRules] = WeakKeyDictionary()

    async def check(self) -> None:
        """Read the cars that are worth it now."""
        now = self._now()
        for vehicle in self._vehicles:
            if reason := self._rules_of(vehicle).check(now):
                await self._read(vehicle, reason)
                now = self._now()

    def _rules_of(self, vehicle: CarDataVehicle) -> FollowUpRules:
        rules = self._rules.get(vehicle)
        if rules is None:
            rules = self._rules[vehicle] = FollowUpRules(vehicle, self._now())
        return rules

    async def _read(self, vehicle: CarDataVehicle, reason: FollowUpReason) -> None:
        """Read a car, once: the next reason may read it again in an hour."""
        if not vehicle.is_served:
            return
        vehicle.followed_up_at = self._now()
        context = {"account": self._account, "vin": vehicle.vin, "reason": str(reason)}
        try:
            error = await self._poller.follow_up(vehicle)
        except AccountError as failure:
            log.debug("follow_up_skipped", **context, error=str(failure))
            self._on_error(failure)
        else:
            if error is None:
                log.info("follow_up_read", **context)

    def pause_s(self) -> float:
        """Return how long to wait for the next `check`."""
        now = self._now()
        due = [at for v in self._vehicles if (at := self._rules_of(v).due_at()) and at > now]
        return min([CHECK_EVERY_S, *((at - now).total_seconds() for at in due)])
