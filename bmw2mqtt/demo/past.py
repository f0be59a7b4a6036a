"""Gives the demo a past: what the simulated cars did before it began, through the real recorder.

The cars of CarData report all the time, those of MyBMW after a drive and now and then while they
charge, as in real life.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from bmw2mqtt.config import Settings
from bmw2mqtt.demo.broker import DemoError
from bmw2mqtt.history.database import HistoryDatabase
from bmw2mqtt.history.errors import HistoryError
from bmw2mqtt.history.recorder.car import CarRecorder, StoredCar
from bmw2mqtt.history.recorder.options import Outputs, RecorderOptions
from bmw2mqtt.history.records import Record, latest
from bmw2mqtt.history.service import FILE
from bmw2mqtt.recording import recorder_options
from bmw2mqtt.simulator.clock import utc_now
from bmw2mqtt.simulator.driving import CarModel, PastEvent, PastKind, past
from bmw2mqtt.simulator.driving.route import Place
from bmw2mqtt.vehicle.charging.facts import ChargingFacts, Fact
from bmw2mqtt.vehicle.charging.machine import ChargingMachine
from bmw2mqtt.vehicle.observed import ObservedVehicle, charging_sign
from bmw2mqtt.vehicle.snapshot import ChargingStatus, DriveTrain, Position
from bmw2mqtt.vehicle.trips import Coordinates, Measured, Observation

RECORDED: Final = timedelta(days=14)
MOMENT: Final = timedelta(minutes=1)
STREAMED_EVERY: Final = timedelta(minutes=8)
POLLED_EVERY: Final = timedelta(minutes=20)


def record_past(
    settings: Settings, *, streaming: Iterable[CarModel], polled: Iterable[CarModel]
) -> None:
    """Write a fortnight of the cars' past into their history, unless there is one already.

    The cars of CarData are `streaming`, those of MyBMW `polled`.

    Raises:
        DemoError: the file cannot be written.
    """
    path, options, now = settings.data_dir / FILE, recorder_options(settings), utc_now()
    if path.exists():
        return
    records: list[Record] = []
    for model in streaming:
        records += _Car(model, options, now, is_streaming=True).records
    for model in polled:
        records += _Car(model, options, now, is_streaming=False).records
    database = HistoryDatabase(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        database.open()
        database.write(latest(records))
    except (HistoryError, OSError) as error:
        raise DemoError(f"the history of the demo cannot be written: {error}") from error
    finally:
        database.close()


class _Car:
    """One car with the rules that judge it and the recorder behind them."""

    def __init__(
        self, model: CarModel, options: RecorderOptions, now: datetime, *, is_streaming: bool
    ) -> None:
        """Play its past."""
        self.records: list[Record] = []
        self._model, self._is_streaming = model, is_streaming
        self._machine = ChargingMachine()
        self._newest: dict[str, Measured[Any]] = {}
        events = [event for event in past(model, now) if event.start_at >= now - RECORDED]
        begin = events[0].start_at - MOMENT
        outputs = Outputs(put=self.records.append, publish=lambda *_: None, send=lambda *_: None)
        self._recorder = CarRecorder(model.vin, options, outputs, stored=StoredCar(), now=begin)
        self._recorder.continue_from(0.0, 0.0, begin)
        self._report(begin, events[0], 0.0, is_plugged_in=False)
        for event in events:
            for at, share, values in self._reports(event):
                self._report(at, event, share, **values)
        self._recorder.tick(now)
        self._recorder.save(now)

    def _reports(self, event: PastEvent) -> Iterator[tuple[datetime, float, dict[str, Any]]]:
        """Yield when the car reports of an event, after which share of it, and what."""
        charging = {"status": ChargingStatus.CHARGING, "is_plugged_in": True}
        if event.kind is PastKind.CHARGE:
            power_w = event.kw * 1000
            yield event.start_at - MOMENT, 0.0, {"is_plugged_in": True}
            for share in self._shares(event):
                at = event.start_at + share * (event.end_at - event.start_at)
                yield at, share, charging | {"power_w": power_w}
            ended = {"status": ChargingStatus.TARGET_REACHED, "power_w": 0.0}
            yield event.end_at + MOMENT / 2, 1.0, ended
        elif event.kind is PastKind.DRIVE:
            unplugged = {"is_plugged_in": False, "status": ChargingStatus.NOT_CHARGING}
            yield event.start_at - MOMENT, 0.0, unplugged | {"is_locked": False}
            if self._is_streaming:
                for share in self._shares(event):
                    at = event.start_at + share * (event.end_at - event.start_at)
                    yield at, share, {"is_moving": True}
            yield event.end_at + MOMENT, 1.0, {"is_moving": False}
            yield event.end_at + 6 * MOMENT, 1.0, {"is_locked": True}
        else:
            yield event.end_at, 1.0, {}

    def _shares(self, event: PastEvent) -> list[float]:
        every = STREAMED_EVERY if self._is_streaming else POLLED_EVERY
        steps = max(1, round((event.end_at - event.start_at) / every))
        return [step / steps for step in range(steps + 1)]

    def _report(self, at: datetime, event: PastEvent, share: float, **values: Any) -> None:
        """Let the car report what it shows at a moment of an event."""
        state = event.after if share >= 1 else event.before
        driven_km = share * event.km if event.kind is PastKind.DRIVE and share < 1 else 0.0
        place = event.place(share)
        values["odometer_km"] = float(int(state.mileage_km + driven_km))
        if self._model.battery is not None:
            values["soc_percent"] = float(int(event.percent(share)))
        if self._model.tank is not None:
            values["fuel_l"] = float(round(state.fuel_l))
        if not self._is_streaming:
            values.pop("power_w", None)
            values.pop("is_moving", None)
        self._newest |= {name: Measured(value, at) for name, value in values.items()}
        transitions = self._machine.step(self._facts(at, values, place), at)
        observed = ObservedVehicle(
            vin=self._model.vin,
            at=at,
            driving=self._observation(at, place),
            transitions=transitions,
            session=self._machine.session,
            power_kw=self._machine.state(at).power_kw,
        )
        self._recorder.tick(at)
        self._recorder.update(observed)

    def _facts(self, at: datetime, values: dict[str, Any], place: Place) -> ChargingFacts:
        ours = {"status", "is_plugged_in", "soc_percent", "power_w", "odometer_km", "is_moving"}
        facts = {name: Fact(value, at, at) for name, value in values.items() if name in ours}
        if self._is_streaming:
            facts["position"] = Fact(
                Position(latitude=place.latitude, longitude=place.longitude), at, at
            )
        battery = self._model.battery
        return ChargingFacts(
            **facts,
            capacity_kwh=battery.capacity_kwh if battery else None,
            drive_train=DriveTrain(self._model.drive_train.lower()),
            is_report=not self._is_streaming,
        )

    def _observation(self, at: datetime, place: Place) -> Observation:
        battery, newest = self._model.battery, self._newest
        return Observation(
            received_at=at,
            drive_train=DriveTrain(self._model.drive_train.lower()),
            capacity_kwh=battery.capacity_kwh if battery else None,
            position=Measured(Coordinates(place.latitude, place.longitude), at),
            odometer_km=newest.get("odometer_km"),
            soc_percent=newest.get("soc_percent"),
            fuel_l=newest.get("fuel_l"),
            is_moving=newest.get("is_moving"),
            is_locked=newest.get("is_locked"),
            is_plugged_in=newest.get("is_plugged_in"),
            is_charging=charging_sign(self._machine.session),
        )
