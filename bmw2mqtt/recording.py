"""Connects the history with the cars on the broker."""

import asyncio
import math
from typing import Final

from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.config import Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.history.recorder.options import RecorderOptions
from bmw2mqtt.history.service import FILE, History
from bmw2mqtt.measured_topics import MeasuredTopics, meter_names
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.trips import Home

OPEN_FIRST_S: Final = 5.0
"""Longest wait for the file before the accounts start; a slow disk delays no car."""
_EVERYWHERE: Final = "sensor/energy_charged"
_AT_HOME: Final = "sensor/energy_charged_home"


class Recording:
    """Records what the cars do, if that is wanted."""

    def __init__(self, settings: Settings, registry: DeviceRegistry, topics: Topics) -> None:
        self._topics = topics
        self._retained: dict[str, dict[str, float]] = {_EVERYWHERE: {}, _AT_HOME: {}}
        """The energy that earlier runs have published, by VIN."""
        self.file = settings.data_dir / FILE if settings.history.enabled else None
        """The database; `None`: nothing is recorded."""
        self.history: History | None = None
        """What records; `None`: nothing is recorded."""
        self._measured: MeasuredTopics | None = None
        if self.file is not None:
            self.history = History(
                self.file,
                recorder_options(settings),
                publish=registry.history_changed,
                send=registry.send_event,
                now=utc_now,
            )
            registry.recorder = self.history
            self._measured = MeasuredTopics(settings, self.history)

    @property
    def filters(self) -> tuple[str, ...]:
        """The topics of others that the history needs; `measured` gets their messages."""
        return () if self._measured is None else self._measured.filters

    def measured(self, topic: str, payload: bytes) -> None:
        """Pass on a message of one of `filters`."""
        if self._measured is not None:
            self._measured.receive(topic, payload)

    def received(self, topic: str, payload: bytes) -> None:
        """Note what an earlier run has published of energy."""
        vin, _, entity = topic.removeprefix(f"{self._topics.base}/").partition("/")
        if entity in self._retained and (kwh := _number(payload)) is not None:
            self._retained[entity].setdefault(vin, kwh)

    def retained_read(self) -> None:
        """Let the counters go on with what was published last."""
        if self.history is not None:
            everywhere, home = self._retained[_EVERYWHERE], self._retained[_AT_HOME]
            vins = everywhere.keys() | home.keys()
            self.history.energy_published(
                {vin: (everywhere.get(vin, 0.0), home.get(vin, 0.0)) for vin in vins}
            )

    async def run(self) -> None:
        """Record until cancelled."""
        if self.history is not None:
            await self.history.run()

    async def opened(self) -> None:
        """Wait until the file was tried, but not long."""
        if self.history is not None:
            try:
                async with asyncio.timeout(OPEN_FIRST_S):
                    await self.history.is_ready.wait()
            except TimeoutError:
                return

    def stop(self) -> None:
        """Have everything that waits written when `run` is cancelled next."""
        if self.history is not None:
            self.history.stop()


def recorder_options(settings: Settings) -> RecorderOptions:
    """Return the settings as the recorders need them."""
    history, home = settings.history, None
    if history.home is not None:
        home = Home(history.home.latitude, history.home.longitude, history.home.radius_m)
    return RecorderOptions(
        home=home,
        keep_positions=history.positions,
        price_per_kwh=history.price_per_kwh,
        currency=history.currency,
        meters=meter_names(settings),
    )


def _number(payload: bytes) -> float | None:
    try:
        number = float(payload)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
