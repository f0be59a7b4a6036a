"""What must be true of a recorded year, beside what the car really did."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Final

from bmw2mqtt.history.database import open_for_reading
from bmw2mqtt.history.queries import HistoryReader
from bmw2mqtt.history.records import SessionRecord, TripRecord
from bmw2mqtt.history.service import FILE
from tests.history.samples import every_session
from tests.history.year.car import TrueCharge, TrueTrip
from tests.history.year.recording import RecordedYear

MOST_MB: Final = 5.0
"""Of the file, for a year."""
ESTIMATE: Final = 0.03
"""How far the sum may be off where nothing but the car's own reports is known."""
PERCENTS_KWH: Final = 2.0
"""How far one charge may be off: both its SoCs are whole percents."""
LOST_KM: Final = 8
"""Reports on the way are lost, and so these kilometres belong to the next or last trip."""
SEEN: Final = 0.9
"""So many of the charges have to be within that; of the others the bridge missed the end."""


def check(year: RecordedYear) -> list[str]:
    """Check what was recorded; return the figures."""
    with closing(open_for_reading(year.path / FILE)) as connection:
        reader = HistoryReader(connection)
        sessions = every_session(connection)
        trips = [row.record for row in reader.trips()]
    sessions.sort(key=_begin)
    trips.sort(key=lambda trip: trip.end_at)
    megabytes = (year.path / FILE).stat().st_size / 1e6
    _check_durations(sessions, trips)
    return [
        f"{year.reports} reports, {year.restarts} restarts of the bridge",
        *_check_charges(year, sessions),
        *_check_counters(year, sessions),
        *_check_trips(year.car.trips, trips),
        _check_size(megabytes, len(year.car.days)),
    ]


def _check_durations(sessions: list[SessionRecord], trips: list[TripRecord]) -> None:
    assert all(s.start_at is None or (s.end_at or 0) >= s.start_at for s in sessions)
    assert all((s.active_s or 0) >= 0 and (s.grid_kwh or 0) >= 0 for s in sessions)
    assert all(b.end_at >= b.start_at for s in sessions for b in s.blocks)
    assert all(t.start_at is None or t.end_at >= t.start_at for t in trips)


def _check_charges(year: RecordedYear, sessions: list[SessionRecord]) -> Iterator[str]:
    """Each plug-in is one session, of the right kind, at the right place."""
    charges = year.car.charges
    assert len(sessions) == len(charges)
    assert not any(session.is_hidden for session in sessions)
    pairs = list(zip(charges, sessions, strict=True))
    for charge, session in pairs:
        assert _begin(session) <= charge.end.timestamp(), (charge, session)
        assert (session.end_at or 0) >= int(charge.begin.timestamp()), (charge, session)
        assert (session.kind == "dc") == charge.is_dc, (charge, session)
        assert (session.zone == "home") == charge.is_home, (charge, session)
    recorded = [pair for pair in pairs if _is_recorded_by_bmw(pair[0], year.records_from)]
    for charge, session in recorded:
        assert session.energy_source == "bmw", (charge, session)
        assert abs((session.grid_kwh or 0) - charge.grid_kwh) < 0.01, (charge, session)
    own = [pair for pair in pairs if pair not in recorded]
    off_kwh = [abs((session.grid_kwh or 0) - charge.grid_kwh) for charge, session in own]
    seen = sum(off < PERCENTS_KWH for off in off_kwh)
    assert seen >= SEEN * len(own), off_kwh
    true_kwh = sum(charge.grid_kwh for charge, _ in own)
    found_kwh = sum(session.grid_kwh or 0 for _, session in own)
    assert abs(found_kwh - true_kwh) <= ESTIMATE * true_kwh, (found_kwh, true_kwh)
    yield f"{len(sessions)} sessions, {len(recorded)} of them with BMW's own record"
    if own:
        yield (
            f"the other {len(own)}: {found_kwh:.1f} kWh, in truth {true_kwh:.1f} kWh"
            f" ({found_kwh / true_kwh - 1:+.1%}, ± {ESTIMATE:.0%});"
            f" {seen} are within {PERCENTS_KWH} kWh"
        )


def _check_counters(year: RecordedYear, sessions: list[SessionRecord]) -> Iterator[str]:
    """The counters never fall, and in the end they are what the sessions add up to."""
    last = year.published[-1]
    for name, zones in (("energy_kwh", {"home", "elsewhere"}), ("energy_home_kwh", {"home"})):
        known = [kwh for one in year.published if (kwh := getattr(one, name)) is not None]
        assert known == sorted(known)
        rows_kwh = sum(s.grid_kwh or 0 for s in sessions if s.zone in zones)
        assert 0 <= known[-1] - rows_kwh + 0.01 < PERCENTS_KWH, (known[-1], rows_kwh)
    yield f"counters {last.energy_kwh} kWh, at home {last.energy_home_kwh} kWh"


def _check_trips(true: list[TrueTrip], trips: list[TripRecord]) -> Iterator[str]:
    """Each drive is one trip, and the odometer is in them, but for what was before the first."""
    assert len(trips) == len(true)
    for drive, trip in zip(true, trips, strict=True):
        assert (trip.start_at or 0) <= drive.end.timestamp(), (drive, trip)
        assert trip.end_at >= int(drive.begin.timestamp()), (drive, trip)
        assert abs((trip.km or 0) - drive.km) <= LOST_KM, (drive, trip)
    true_km, found_km = sum(drive.km for drive in true), sum(trip.km or 0 for trip in trips)
    assert abs(found_km - true_km) <= 2, (found_km, true_km)
    yield f"{len(trips)} trips, {found_km:.0f} km, in truth {true_km:.1f} km"


def _check_size(megabytes: float, days: int) -> str:
    assert megabytes < MOST_MB, megabytes
    return f"{days} days in {megabytes:.2f} MB (< {MOST_MB:.0f})"


def _is_recorded_by_bmw(charge: TrueCharge, since: datetime | None) -> bool:
    return since is not None and charge.begin >= since


def _begin(session: SessionRecord) -> int:
    return session.start_at or session.key
