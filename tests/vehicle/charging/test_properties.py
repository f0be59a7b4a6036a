"""Whatever order, loss, repetition and restarts do to the messages of a charge.

Never a doubled session, never a falling counter, never a negative duration, and no SoC that steps
back while the car charges.
"""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmw2mqtt.vehicle.charging.energy import active_s, energy_of, mean_kw
from bmw2mqtt.vehicle.charging.machine import ChargingMachine
from bmw2mqtt.vehicle.charging.state import TransitionKind

from .scenario import LAG, Scenario, arc, kwh

pytestmark = pytest.mark.no_cover

CHARGE = (
    ("0:00", ("PL=C", "ST=act", "HD=40", "PW=7000", "TR=180")),
    ("0:20", ("HD=43", "PW=7000", "PL=C")),
    ("0:50", ("HD=47", "V=230", "A=10", "PH=3-PHASES")),
    ("1:10", ("ST=act", "HD=40", "PL=C", "TG=80")),
    ("1:30", ("HD=53", "PW=6900", "TR=90")),
    ("2:00", ("ST=paused", "PW=0")),
    ("2:20", ("ST=act", "PW=7000", "PL=C")),
    ("2:50", ("HD=64", "TR=10")),
    ("3:00", ("ST=ended", "HD=66", "PW=0")),
    ("3:40", ("HD=66", "PL=C")),
    ("4:00", ("PL=D", "ST=no", "HD=66")),
    ("4:30", ("OD=1010", "MV=true", "POS=5000", "HD=63")),
)
"""One plug-in: 40 to 66 %, two blocks, with a re-sent burst in between."""

Bursts = list[tuple[str, tuple[str, ...]]]


def check(scenario: Scenario, *, most: int = 1) -> None:
    assert len(scenario.sessions) <= most
    assert scenario.counts == sorted(scenario.counts)
    assert scenario.counter.carry_kwh <= 0
    for session in scenario.sessions.values():
        spans = [(block.start_at, block.end_at or scenario.now) for block in session.blocks]
        assert all(begin <= end for begin, end in spans)
        assert all(spans[i][1] <= spans[i + 1][0] for i in range(len(spans) - 1))
        assert session.start_accuracy_s >= 0
        assert session.gap_s >= 0
        assert (active_s(session) or 0) >= 0
        assert (mean_kw(session) or 0) >= 0
        assert (energy_of(session).grid_kwh or 0) >= 0
        assert session.end_at is None or session.end_at >= session.start_at
    started = scenario.kinds(TransitionKind.STARTED)
    assert len(started) <= most


def play(bursts: Bursts, restarts: frozenset[int] = frozenset()) -> Scenario:
    scenario = Scenario()
    ceiling = 0.0
    for place, (at, parts) in enumerate(bursts):
        shown = scenario.play(f"{at} {' '.join(parts)}")
        if shown.is_charging:
            assert shown.soc_percent is None or shown.soc_percent >= ceiling
            ceiling = shown.soc_percent or 0.0
        if place in restarts:
            document = json.loads(json.dumps(scenario.machine.to_document(scenario.now)))
            scenario.machine = ChargingMachine.from_document(document, scenario.now)
        check(scenario)
    scenario.wait("30:00")
    check(scenario)
    return scenario


def summary(scenario: Scenario) -> tuple[object, ...]:
    session = scenario.session
    return (arc(session), kwh(session), session.end_source, session.blocks, scenario.count_kwh)


TRUTH = summary(play(list(CHARGE)))


def test_the_charge_itself() -> None:
    (times, energy, source, blocks, total), *_ = (TRUTH,)
    assert times == ("0:00:00", "3:00:00", 40, 66)
    assert energy[:2] == (20.28, 21.81)  # type: ignore[index]
    assert source == "status"
    assert len(blocks) == 2  # type: ignore[arg-type]
    assert total == 121.81


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_any_order_of_the_messages_of_a_burst(data: st.DataObject) -> None:
    bursts = [(at, tuple(data.draw(st.permutations(parts)))) for at, parts in CHARGE]
    assert summary(play(bursts)) == TRUTH


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_any_order_one_message_at_a_time(data: st.DataObject) -> None:
    """A burst that lasts longer than the settling time is judged in pieces."""
    pieces: Bursts = []
    for at, parts in CHARGE:
        stamped = [f"{part}@{at}" for part in data.draw(st.permutations(parts))]
        pieces += [(f"{at}:{second + 3:02}", (part,)) for second, part in enumerate(stamped)]
    scenario = play(pieces)
    times, energy = arc(scenario.session), kwh(scenario.session)
    assert times[2:] == (40, 66)
    assert energy[1] is not None
    assert abs(energy[1] - 21.81) < 0.01
    assert scenario.session.end_at is not None
    assert abs(scenario.session.end_at - scenario.session.start_at - timedelta(hours=3)) <= LAG


@given(st.frozensets(st.integers(0, len(CHARGE) - 1)))
@settings(deadline=None, max_examples=60)
def test_restarts_in_any_place(restarts: frozenset[int]) -> None:
    assert summary(play(list(CHARGE), restarts)) == TRUTH


@given(st.lists(st.sampled_from(range(len(CHARGE))), max_size=6))
@settings(deadline=None, max_examples=60)
def test_bursts_that_come_twice(doubled: list[int]) -> None:
    """The same readings again, later, with their old stamps."""
    bursts: Bursts = []
    for place, (at, parts) in enumerate(CHARGE):
        stamped = tuple(f"{part}@{at}" for part in parts)
        bursts.append((f"{at}:03", stamped))
        bursts += [(f"{at}:{30 + again}", stamped) for again in range(doubled.count(place))]
    times = summary(play(bursts))[0]
    assert times == ("0:00:03", "3:00:03", 40, 66)


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_messages_that_are_lost(data: st.DataObject) -> None:
    """A SoC that has risen since the car was unplugged is of another charge: not drawn here."""
    bursts: Bursts = []
    for at, parts in CHARGE:
        kept = tuple(part for part in parts if data.draw(st.booleans(), label=f"{at} {part}"))
        is_unplugged = any("PL=D" in earlier for _, earlier in bursts)
        bursts.append((at, tuple(part for part in kept if not (is_unplugged and part == "HD=63"))))
    play(bursts, data.draw(st.frozensets(st.integers(0, len(CHARGE) - 1), max_size=3)))


def test_all_but_the_soc_is_lost() -> None:
    """What rises bit by bit in silences, while the car stands, is one charge."""
    levels: Bursts = [("0:00", ("HD=40",)), ("0:50", ("HD=47",)), ("1:30", ("HD=53",))]
    play([*levels, ("4:30", ("POS=5000", "HD=63"))])


WORDS = ("ST=act", "ST=paused", "ST=ended", "ST=no", "ST=INVALID", "PL=C", "PL=D", "PL=?")
NUMBERS = ("HD=40", "HD=55", "HD=54", "HD=80", "LV=60", "PW=0", "PW=7000", "PW=-500", "TR=30")
OTHERS = ("OD=1000", "OD=1001", "OD=1609", "MV=true", "MV=false", "POS=0", "POS=500")
MESSAGE = st.builds(
    lambda part, stamp: part + stamp,
    st.sampled_from(WORDS + NUMBERS + OTHERS),
    st.sampled_from(("", "", "", "@none", "@1990", "@0:00", "@3:00", "@40:00")),
)


@given(
    bursts=st.lists(st.tuples(st.integers(1, 400), st.lists(MESSAGE, max_size=5)), max_size=25),
    is_restarting=st.booleans(),
)
@settings(deadline=None, max_examples=200)
def test_nonsense(bursts: list[tuple[int, list[str]]], *, is_restarting: bool) -> None:
    scenario = Scenario()
    minutes = 0
    for gap, parts in bursts:
        minutes += gap
        scenario.play(f"{minutes // 60}:{minutes % 60:02} {' '.join(parts)}")
        if is_restarting:
            document = json.loads(json.dumps(scenario.machine.to_document(scenario.now)))
            scenario.machine = ChargingMachine.from_document(document, scenario.now)
        check(scenario, most=len(bursts))
    scenario.wait(f"{minutes // 60 + 40}:00")
    check(scenario, most=len(bursts))
    assert scenario.shown.is_charging is not True
