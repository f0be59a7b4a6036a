"""An account's cars as the bridge sees them: readings become snapshots, and snapshots are told.

Messages come one by one, at times thousands in a second. Each is taken at once; a car is shown
when no more is waiting to be read, or after a moment at the latest. So a single message is seen
without delay, and of a flood only the last value of each key is worked on.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from bmw2mqtt.accounts.account import AccountListener
from bmw2mqtt.accounts.cardata.rest.basic_data import BasicData
from bmw2mqtt.accounts.cardata.snapshot.builder import to_vehicle
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.accounts.unknown_values import UnknownValueLog
from bmw2mqtt.guard import BugLogger
from bmw2mqtt.vehicle.snapshot import Vehicle

log = structlog.get_logger(__name__)

LONGEST_WAIT_S: Final = 0.2
BASIC_DATA_WAIT: Final = timedelta(minutes=2)
"""Home Assistant names entities once, after the car's model: it should be known by then."""


class SnapshotUpdater:
    """Shows the cars of one account."""

    def __init__(
        self,
        account: str,
        values: ReadingStore,
        listener: AccountListener,
        *,
        basic: Mapping[str, BasicData],
        images: Mapping[str, bytes],
        bug_logger: BugLogger,
        now: Callable[[], datetime],
    ) -> None:
        self._account = account
        self._values = values
        self._listener = listener
        self._basic = basic
        self._images = images
        self._bug_logger = bug_logger
        self._now = now
        self._shown: dict[str, Vehicle] = {}
        self._report_word = UnknownValueLog()
        self._waiting: dict[str, None] = {}
        """Cars that have changed, in the order in which they did."""
        self._awaited_since: dict[str, datetime] = {}
        self._arrivals = 0
        self._since_s = 0.0
        self._handle: asyncio.Handle | None = None

    def change(self, vin: str) -> None:
        """Show this car soon: its readings, its picture or what is known about it has changed."""
        self._waiting[vin] = None
        self._arrivals += 1
        if self._handle is None:
            loop = asyncio.get_running_loop()
            self._since_s = loop.time()
            self._handle = loop.call_soon(self._look, self._arrivals)

    def wait_no_longer(self) -> None:
        """Show cars without basic data: BMW was asked, and did not tell."""
        for vin in self._awaited_since:
            self._awaited_since[vin] = datetime.min.replace(tzinfo=UTC)
        self.look_again()

    def look_again(self, vins: Iterable[str] = ()) -> None:
        """See whether cars that are not shown may be by now.

        They wait for their basic data, or another account had them.
        """
        for vin in {*vins, *self._awaited_since} - self._shown.keys():
            self.change(vin)

    def forget(self, vin: str) -> None:
        """Let a car go that has left the account."""
        self._waiting.pop(vin, None)
        self._shown.pop(vin, None)
        self._awaited_since.pop(vin, None)

    def close(self) -> None:
        """Show nothing more; what has changed is written down."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._values.commit()

    def _look(self, arrivals: int) -> None:
        """Wait while more is coming."""
        loop = asyncio.get_running_loop()
        if self._arrivals != arrivals and loop.time() - self._since_s < LONGEST_WAIT_S:
            self._handle = loop.call_soon(self._look, self._arrivals)
            return
        try:
            self._values.commit()
        except Exception:  # what cannot be kept is shown all the same
            self._bug_logger.exception("values_not_kept", account=self._account)
        self._handle = loop.call_soon(self._show_next, list(self._waiting))
        self._waiting.clear()

    def _show_next(self, vins: list[str]) -> None:
        """Show one car in each turn of the loop: somebody else may want to do something."""
        loop = asyncio.get_running_loop()
        if vins:
            vin = vins.pop(0)
            try:
                self._show(vin)
            except Exception:  # a bug with one car must not hide the others
                self._bug_logger.exception("car_crashed", account=self._account, vin=vin)
        if vins:
            self._handle = loop.call_soon(self._show_next, vins)
        elif self._waiting:
            self._since_s = loop.time()
            self._handle = loop.call_soon(self._look, self._arrivals)
        else:
            self._handle = None

    def _show(self, vin: str) -> None:
        if not self._listener.is_wanted(self._account, vin):
            self._shown.pop(vin, None)  # when it comes back, it is told anew
            return
        if vin not in self._basic and not self._is_awaited_long(vin):
            return
        vehicle = to_vehicle(
            vin,
            self._basic.get(vin),
            self._values.of(vin),
            previous=self._shown.get(vin),
            image=self._images.get(vin),
            now=self._now(),
            report=self._report_word,
        )
        if vehicle != self._shown.get(vin):
            self._shown[vin] = vehicle
            self._listener.vehicle_changed(self._account, vehicle)

    def _is_awaited_long(self, vin: str) -> bool:
        """Whether BMW has not said for long what kind of car it is."""
        now = self._now()
        return now - self._awaited_since.setdefault(vin, now) >= BASIC_DATA_WAIT
