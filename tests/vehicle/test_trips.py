"""Trips and refuelling: what a car reports, line by line, and what the log says of it."""

from dataclasses import dataclass, field

import pytest

from bmw2mqtt.vehicle.snapshot import DriveTrain
from bmw2mqtt.vehicle.trips import Trip
from tests.vehicle.trip_steps import EV, ICE, PHEV, at, records, run


@dataclass
class Case:
    name: str
    reports: str
    trips: list[str]
    """start (`-` unknown) - end, km, how it ended; then what else is to be checked."""
    drive_train: DriveTrain = EV
    refuels: list[str] = field(default_factory=list)


CASES = [
    Case(
        "an i5 streams positions; a trip end block in mid-drive is no end",
        """
        -1:00 OD=1000 POS=0 HD=80 DO=0
        0:00 DO=0
        0:01 POS=60
        0:03 POS=1500
        0:05 POS=3000
        0:07 POS=4500
        0:09 POS=6000
        0:11 POS=7500
        0:12 END=1009
        0:13 POS=9000
        0:15 POS=10500
        0:17 POS=12000
        0:19 POS=13500
        0:21 POS=15000
        0:23 POS=16500
        0:25 POS=18000
        0:27 POS=19500
        0:29 POS=21000
        0:30 POS=22000 OD=1025 HD=74
        0:31:40 DO=1
        """,
        ["0:00-0:30 25 km door soc 80>74"],
    ),
    Case(
        "a car that reports at the end only, and refuels in between",
        """
        -14:00 OD=50000 FL=41
        0:00 OD=50023@-0:01 FL=39@-0:01 POS=9000@-0:01
        2:00 OD=50031 FL=52
        2:02 FL=54
        3:00 OD=50040 FL=52
        """,
        [
            "?--0:01 23 km odometer",
            "?-2:00 8 km odometer",
            "?-3:00 9 km odometer",
        ],
        ICE,
        ["2:00 39>54 15 l"],
    ),
    Case(
        "an old position in a burst is no trip; a SoC that is not measured anew is unknown",
        """
        -2:00 OD=1000 POS=0 HD=38
        0:00 POS=40000@-120:00
        0:00:02 POS=0
        1:00 MV=1
        1:10 OD=1006
        1:20 OD=1012
        1:21 MV=0
        1:30 HD=38@-2:00
        """,
        ["1:00-1:21 12 km not_moving soc 38>?"],
        PHEV,
    ),
    Case(
        "a far position with a fresh time, and back: nothing moved",
        "-2:00 OD=1000 POS=0\n0:00 POS=40000\n0:00:12 POS=0\n1:00 POS=0",
        [],
    ),
    Case(
        "driven off after a charge: odometer and movement in one burst",
        "-1:00 OD=1000 PL=1\n0:00 PL=0\n0:10 OD=1004 MV=1\n0:30 OD=1020\n0:31 MV=0",
        ["~0:10-0:31 20 km not_moving"],
    ),
    Case(
        "the app tells position and odometer of the parked car, by polls",
        """
        0:00 OD=100 POS=0 HD=80
        0:05 OD=100 POS=0 HD=80
        0:50 OD=130@0:47 POS=25000@0:47 HD=70@0:47
        0:55 OD=130@0:47 POS=25000@0:47 HD=70@0:47
        """,
        ["?-0:47 30 km odometer soc 80>70"],
    ),
    Case(
        "kilometres and miles by turns are no trip",
        "0:00 OD=93272\n1:00 OD=57958\n2:00 OD=93272\n3:00 OD=57957\n4:00 OD=93280",
        ["?-4:00 8 km odometer"],
    ),
    Case(
        "one impossible odometer is ignored; a second one near it is believed",
        "0:00 OD=1000\n1:00 OD=9000\n1:10 OD=1001\n2:00 OD=9000\n2:30 OD=9003",
        ["?-1:10 1 km odometer", "?-2:30 8002 km odometer"],
    ),
    Case(
        "an odometer of zero is a missing one",
        "0:00 OD=1000\n1:00 OD=0\n2:00 OD=1000",
        [],
    ),
    Case(
        "the last kilometre is told of after the end",
        "-1:00 OD=100 POS=0\n0:00 MV=1\n0:10 OD=108\n0:20 MV=0\n1:00 OD=109",
        ["0:00-0:20 9 km not_moving"],
    ),
    Case(
        "the whole distance is told of after the end, before and after the trip is closed",
        """
        -1:00 OD=100 POS=0
        0:00 POS=100
        0:05 POS=5000
        0:10 POS=10000
        0:11 DO=1
        0:12 OD=112
        4:00 POS=10100
        4:05 POS=15000
        4:10 POS=20000
        4:11 DO=1
        4:30 OD=123
        """,
        ["0:00-0:10 12 km door", "4:00-4:10 11 km door"],
    ),
    Case(
        "words alone: the odometer proves the drive half an hour later",
        "-1:00 OD=100\n0:00 MV=1\n0:20 MV=0\n0:50 OD=115\n3:00 MV=1\n3:20 MV=0",
        ["0:00-0:20 15 km not_moving"],
    ),
    Case(
        "words of two minutes prove no drive of 50 km",
        "-1:00 OD=100\n0:00 MV=1\n0:02 MV=0\n0:50 OD=150",
        ["?-0:50 50 km odometer"],
    ),
    Case(
        "a tunnel: twelve silent minutes at speed are one trip",
        """
        -1:00 OD=100 POS=0
        0:00 POS=100
        0:02 POS=2000
        0:14 POS=20000 OD=118
        0:16 POS=22000 OD=120
        0:18 LK=1
        """,
        ["0:00-0:16 20 km locked"],
    ),
    Case(
        "a stop of twelve minutes without a sign of standing: two trips",
        """
        -1:00 OD=100 POS=0
        0:00 POS=100
        0:02 POS=2000 OD=102
        0:04 POS=4000 OD=104
        0:16 POS=4200
        0:18 POS=6000 OD=106
        0:20 POS=8000 OD=108
        0:22 LK=1
        """,
        ["0:00-0:04 4 km stopped", "0:16-0:20 4 km locked"],
    ),
    Case(
        "a red light, and a stop of two minutes without a door: one trip",
        "-1:00 OD=100\n0:00 MV=1\n0:10 MV=0 OD=105\n0:12 MV=1\n0:20 MV=0 OD=110\n0:21 LK=1",
        ["0:00-0:20 10 km not_moving"],
    ),
    Case(
        "a jump of 198 km and back within a minute did not happen",
        """
        -1:00 OD=100 POS=0
        0:00 POS=100
        0:02 POS=900
        0:03 POS=198000
        0:04 POS=1500
        0:05 LK=1
        """,
        ["0:00-0:04 1.5 km locked"],
    ),
    Case(
        "the first odometer was in miles: after five others it is believed no more",
        "\n".join(
            ["0:00 OD=57958", *(f"{hour}:00 OD=93272" for hour in range(1, 6)), "6:00 OD=93292"]
        ),
        ["?-6:00 20 km odometer"],
    ),
    Case(
        "an ignition of before the charge does not begin the drive after it",
        """
        -1:00 OD=100 CH=1
        0:00 CH=0
        0:10 MV=1
        0:11 IG=1@-0:30
        0:30 MV=0 OD=120
        """,
        ["0:10-0:30 20 km not_moving"],
    ),
    Case(
        "a late word of a drive that is over opens no other one",
        """
        -1:00 OD=100
        0:00 MV=1
        0:30 MV=0 OD=140
        0:40 IG=1@0:10
        0:45 OD=141@0:35
        """,
        ["0:00-0:30 41 km not_moving"],
    ),
    Case(
        "an hour between two words is a drive, eleven hours for 5 km are none",
        "-1:00 OD=100\n0:00 MV=1\n1:00 MV=0 OD=190\n9:00 MV=1\n20:00 MV=0 OD=195",
        ["0:00-1:00 90 km not_moving", "?-20:00 5 km not_moving"],
    ),
    Case(
        "a silent motorway counts until the car says that it stands, a word left over does not",
        "-1:00 OD=100\n0:00 MV=1\n0:35 OD=170\n1:10 MV=0\n9:00 MV=1\n9:05 OD=173\n17:00 MV=0",
        ["0:00-1:10 70 km not_moving", "9:00-9:05 3 km silence"],
    ),
    Case(
        "words alone of yesterday are not proved by an odometer of today",
        "-1:00 OD=100\n0:00 MV=1\n0:20 MV=0\n20:00 OD=115",
        ["?-20:00 15 km odometer"],
    ),
    Case(
        "a door that opens at once, and an old trip end block, are no signs of standing",
        """
        -1:00 OD=100 POS=0
        0:00 POS=100
        0:10 POS=10000
        0:10:05 DO=1
        0:20 POS=20000
        0:38 END=124@0:21
        0:39 POS=40000
        0:40 POS=42000 OD=150
        0:41 LK=1
        """,
        ["0:00-0:40 50 km locked"],
    ),
    Case(
        "sixty kilometres more than the positions show are another trip",
        "-1:00 OD=100 POS=0\n0:00 POS=100\n0:10 POS=9000 OD=110\n0:11 DO=1\n4:00 OD=170",
        ["0:00-0:10 10 km door", "?-4:00 60 km odometer"],
    ),
    Case(
        "an odometer that was read at the end of a drive leaves the next one its kilometres",
        """
        -1:00 OD=100 POS=0
        0:00 MV=1
        0:30 OD=140 POS=38000
        0:31 MV=0 OD=140
        1:00 OD=152 POS=49000
        1:10 OD=160 POS=57000
        1:11 LK=1
        """,
        ["0:00-0:31 40 km not_moving", "~1:00-1:10 20 km locked"],
    ),
    Case(
        "moving across the yard is noise",
        "-1:00 OD=100 POS=0\n0:00 MV=1\n0:01 POS=60\n0:01:30 MV=0",
        [],
    ),
    Case(
        "a word left over from the last drive is no trip",
        "-1:00 OD=100 POS=0\n0:00 MV=1\n6:00 MV=1\n6:30 MV=0",
        [],
    ),
    Case(
        "a drifting position while plugged in is no trip",
        "-1:00 OD=100 POS=0 PL=1\n0:00 POS=80\n0:05 POS=400\n0:10 POS=800\n0:15 POS=30",
        [],
    ),
    Case(
        "a frozen odometer: a short way by positions, a long one of unknown length",
        """
        -1:00 OD=100 POS=0
        0:00 POS=100
        0:02 POS=900
        0:04 POS=1500
        0:05 LK=1
        2:00 POS=3000
        2:10 POS=15000
        2:12 LK=1
        """,
        ["0:00-0:04 1.5 km locked", "2:00-2:10 ? km locked"],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_table(case: Case):
    trips, refuels = records(run(case.reports, case.drive_train))
    assert [_describe(trip, wanted) for trip, wanted in zip(trips, case.trips, strict=False)] == (
        case.trips
    )
    assert len(trips) == len(case.trips)
    assert [
        f"{_clock(refuel.at)} {refuel.before_l:g}>{refuel.after_l:g} {refuel.litres:g} l"
        for refuel in refuels
    ] == case.refuels


def _describe(trip: Trip, wanted: str) -> str:
    start = "?" if trip.start_at is None else ("" if trip.start_known else "~")
    start += "" if trip.start_at is None else _clock(trip.start_at)
    km = "?" if trip.km is None else f"{trip.km:g}"
    text = f"{start}-{_clock(trip.end_at)} {km} km {trip.end_source}"
    if "soc" in wanted:
        ends = ("?" if soc is None else f"{soc:g}" for soc in (trip.soc_start, trip.soc_end))
        text += f" soc {'>'.join(ends)}"
    return text


def _clock(time):
    seconds = int((time - at("0:00")).total_seconds())
    sign = "-" if seconds < 0 else ""
    hours, rest = divmod(abs(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{sign}{hours}:{minutes:02}" + (f":{seconds:02}" if seconds else "")
