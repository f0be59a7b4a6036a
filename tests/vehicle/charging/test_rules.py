"""Single rules of charging: begin, movement, power, SoC, words, and what time alone does."""

import pytest

from bmw2mqtt.vehicle.charging.session import EndSource
from bmw2mqtt.vehicle.charging.state import TransitionKind
from bmw2mqtt.vehicle.snapshot import ChargingStatus, DriveTrain

from .scenario import Scenario, arc, clock, kwh


def test_a_plug_that_is_stamped_anew_begins_nothing() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C HD=40", "1:00 PL=C", "2:00 PL=C")
    assert not scenario.sessions
    assert scenario.kinds() == [TransitionKind.NOT_CHARGING]
    assert clock(scenario.transitions[0].at) == "0:14:57"


def test_old_readings_after_a_restart_are_no_charge() -> None:
    scenario = Scenario(before="-0:30 HD=66@-1:00 PL=D ST=no OD=1000")
    scenario.restart("-0:10", "0:00")
    assert scenario.play("0:01 HD=76@-2:07").soc_percent == 66
    assert scenario.play("0:02 HD=76@none").soc_percent == 66
    assert scenario.wait("4:00").soc_percent == 66
    assert not scenario.sessions
    assert not scenario.transitions


def test_a_polled_car_is_timed_by_its_reports() -> None:
    scenario = Scenario(before=None, is_report=True)
    scenario.play("0:00 ST=PLUGGED_IN@-1:00 PL=C@-1:00 HD=50@-1:00 ME=78 TG=80@-1:00")
    ends = []
    for poll in ("0:05", "0:10", "0:15"):
        shown = scenario.play(f"{poll} ST=CHARGING@0:04 PL=C@0:04 HD=50@0:04 TR=61@0:04")
        ends.append(clock(shown.end_time))
    shown = scenario.play("0:20 ST=CHARGING@0:19 PL=C@0:19 HD=55@0:19 TR=52@0:19")
    ends.append(clock(shown.end_time))
    assert ends == ["1:05:00", "1:05:00", "1:05:00", "1:11:00"]
    shown = scenario.play("1:10 ST=COMPLETE@1:06 PL=C@1:06 HD=80@1:06 TR=52@1:06")
    assert (shown.status, shown.end_time, shown.remaining_minutes) == (
        ChargingStatus.TARGET_REACHED,
        None,
        None,
    )
    session = scenario.session
    assert (clock(session.start_at), clock(session.end_at)) == ("0:04:00", "1:06:00")
    assert session.start_accuracy_s == 3840
    assert kwh(session) == (23.40, 25.16, "estimated")
    assert scenario.kinds(TransitionKind.STARTED, TransitionKind.ENDED) == [
        TransitionKind.STARTED,
        TransitionKind.ENDED,
    ]


def test_a_missed_charge_is_inferred() -> None:
    scenario = Scenario()
    scenario.play("0:00 HD=40")
    scenario.play("9:00 HD=70 OD=1000")
    session = scenario.session
    assert arc(session) == ("0:00:00", "9:00:00", 40, 70)
    assert session.start_accuracy_s == 9 * 3600
    assert kwh(session) == (23.40, 25.16, "estimated")
    assert scenario.kinds() == [TransitionKind.INFERRED]


@pytest.mark.parametrize(
    "line",
    [
        "9:00 HD=70 OD=1030",
        "9:00 HD=44 OD=1000",
        "9:00 HD=70@-1:00",
    ],
    ids=["driven", "four points", "older"],
)
def test_what_is_no_missed_charge(line: str) -> None:
    scenario = Scenario()
    scenario.play("0:00 HD=40", line)
    assert not scenario.sessions


@pytest.mark.parametrize(
    ("between", "arcs"), [("", [(40, 70)]), ("2:00 PL=D", [(40, 53), (53, 70)])]
)
def test_two_rises_of_one_plug_in_that_nobody_saw_are_one_charge(
    between: str, arcs: list[tuple[float, float]]
) -> None:
    scenario = Scenario()
    scenario.play("0:00 HD=40", "1:30 HD=53", *filter(None, [between]), "4:30 HD=70 POS=5000")
    assert [arc(session)[2:] for session in scenario.sessions.values()] == arcs


def test_a_missed_charge_is_seen_when_the_car_sets_off() -> None:
    lines = ("0:00 HD=40", "9:00 MV=true PL=D HD=70")
    scenario = Scenario()
    scenario.play(*lines, "9:04 MV=true HD=69 OD=1003")
    assert arc(scenario.session)[2:] == (40, 70)
    hybrid = Scenario(drive_train=DriveTrain.PLUGIN_HYBRID)
    hybrid.play(*lines)
    assert not hybrid.sessions, "its engine may have charged it"


def test_a_report_of_a_drive_and_the_next_charge_at_once() -> None:
    """MyBMW stamps everything with the time of the report."""
    scenario = Scenario(before=None, is_report=True)
    scenario.play(
        "0:00 ST=CHARGING@-0:10 PL=C@-0:10 HD=50@-0:10 OD=1000@-0:10 ME=78",
        "1:00 ST=CHARGING@0:55 PL=C@0:55 HD=60@0:55 OD=1000@0:55",
        "9:00 ST=CHARGING@8:58 PL=C@8:58 HD=45@8:58 OD=1040@8:58",
    )
    assert scenario.shown.status is ChargingStatus.CHARGING
    assert scenario.shown.soc_percent == 45
    first, second = scenario.sessions.values()
    assert first.end_source is EndSource.MOVEMENT
    assert arc(second)[2:] == (45, None)


def test_a_jump_of_the_position_ends_nothing() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40 POS=5", "1:00 POS=10", "1:01 POS=198000")
    assert scenario.shown.is_charging
    scenario.play("1:02 POS=30")
    assert scenario.shown.is_charging
    scenario.play("1:10 POS=150")
    assert not scenario.shown.is_charging
    assert scenario.session.end_source is EndSource.MOVEMENT


@pytest.mark.parametrize("line", ["0:05 OD=1030", "1:00 OD=1609", "1:00 MV=true@-0:20"])
def test_what_is_no_drive(line: str) -> None:
    """The report of the drive before, a fault of units, and a word that is left over."""
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40", line)
    assert scenario.shown.is_charging


@pytest.mark.parametrize(
    ("line", "power_kw"),
    [
        ("0:00 ST=act V=230 A=16 PH=3-PHASES@-0:00:11", 11.04),
        ("0:00 ST=act V=230 A=16 PH=3-PHASES@-0:00:14", None),
        ("0:00 ST=act V=230 A=16 PH=1-PHASES@-0:00:11", None),
        ("0:00 ST=act V=230 A=10 PH=1-PHASES", 2.3),
        ("0:00 ST=act V=230 A=10 PH=2-PHASES", 4.6),
        ("0:00 ST=act V=400 A=16 PH=3-PHASES", 11.085),
        ("0:00 ST=act V=230 A=16 PH=3-PHASES PW=10300", 10.3),
        ("0:00 ST=act PW=50000@-0:20", None),
    ],
)
def test_power_at_the_start(line: str, power_kw: float | None) -> None:
    scenario = Scenario()
    scenario.play("-0:10 PL=C")
    shown = scenario.play(line)
    assert shown.power_kw == (None if power_kw is None else pytest.approx(power_kw, abs=0.001))


def test_a_lost_start_is_found_by_power() -> None:
    """One reading may be left over from the last charge; two are a charge."""
    scenario = Scenario()
    scenario.play("0:00 PL=C HD=40", "0:10 PW=7000")
    assert not scenario.shown.is_charging
    assert scenario.play("0:20 PW=7100").is_charging
    assert clock(scenario.session.start_at) == "0:09:57"


def test_power_and_a_risen_soc_are_a_charge_though_the_car_was_last_known_unplugged() -> None:
    """Neither plug nor status is streamed: both are of yesterday."""
    scenario = Scenario()
    scenario.play("0:00 HD=40", "0:10 PW=7000", "0:13 PW=7100")
    assert not scenario.shown.is_charging, "power alone may be left over"
    shown = scenario.play("0:20 HD=41")
    assert (shown.is_charging, shown.is_plugged_in, shown.soc_percent) == (True, True, 41)
    assert (clock(scenario.session.start_at), scenario.session.soc_start) == ("0:09:57", 40)
    scenario.play("1:00 HD=50", "1:01 PW=0", "1:02 PW=0")
    assert not scenario.shown.is_charging
    assert arc(scenario.session)[2:] == (40, 50)


@pytest.mark.parametrize("later", ["0:20 HD=40", "0:45 HD=41", "0:20 PL=D HD=41", "0:20 OD=1002"])
def test_power_that_is_left_over_is_no_charge(later: str) -> None:
    scenario = Scenario()
    scenario.play("0:00 HD=40", "0:10 PW=7000", "0:13 PW=7000", later, "0:50 HD=42")
    assert not scenario.shown.is_charging
    assert not scenario.sessions


def test_a_charge_that_goes_on_after_its_end_is_the_same_session() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40", "1:00 HD=50 ST=ended", "9:00 ST=act", "10:00 HD=60")
    scenario.play("10:10 PL=D")
    assert arc(scenario.session) == ("0:00:00", "10:10:00", 40, 60)
    assert len(scenario.session.blocks) == 2
    scenario.play("11:00 PL=C ST=act")
    assert len(scenario.sessions) == 2


def test_voltage_alone_does_not_prove_that_current_flows() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40 V=230 A=16 PH=3-PHASES", "1:00 V=231", "2:00 V=232")
    scenario.play("2:30 HD=40 PL=D")
    assert (scenario.shown.current_a, scenario.shown.voltage_v) == (0, None)
    assert scenario.session.end_source is EndSource.LAST_EVIDENCE
    assert arc(scenario.session)[1] == "0:00:00"


def test_the_reason_of_the_end_is_that_of_this_charge() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40 RE=CONNECTOR_REMOVED@-5:00", "0:30 HD=45")
    assert scenario.session.end_reason is None
    scenario.play("1:00 ST=ended RE=CHARGING_TARGET_REACHED")
    assert scenario.session.end_reason == "CHARGING_TARGET_REACHED"


def test_fully_charged_far_below_the_target_is_not_shown_as_full() -> None:
    scenario = Scenario()
    shown = scenario.play("0:00 PL=C ST=CHARGING HD=40", "1:00 ST=FINISHED_FULLY_CHARGED HD=50")
    assert shown.status is ChargingStatus.FINISHED_NOT_FULL


def test_not_full_but_at_the_target_is_the_target_reached() -> None:
    scenario = Scenario()
    shown = scenario.play("0:00 PL=C ST=act HD=70", "1:00 ST=FINISHED_NOT_FULL HD=80 TG=80")
    assert shown.status is ChargingStatus.TARGET_REACHED


def test_a_plug_that_is_unknown_now_does_not_fall_back_to_yesterday() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C", "1:00 PL=?")
    assert scenario.shown.is_plugged_in is None


def test_a_read_is_due_once_per_charge_and_hourly_per_car() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40 TR=10", "0:20 PL=D", "0:25 PL=C ST=act TR=10")
    scenario.wait("2:00")
    due = [t for t in scenario.transitions if t.kind is TransitionKind.READ_DUE]
    assert [clock(t.at) for t in due] == ["0:14:57", "1:14:57"]


def test_a_bridge_that_was_off_for_days_does_not_take_it_for_silence() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40")
    scenario.restart("1:00", "60:00")
    assert scenario.wait("82:00").is_charging
    assert not scenario.wait("84:00").is_charging
    assert scenario.session.end_source is EndSource.LAST_EVIDENCE


def test_the_next_plug_in_has_its_own_notice() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40", "1:00 HD=50 ST=ended", "2:00 PL=D", "3:00 PL=C")
    scenario.wait("4:00")
    assert [clock(t.at) for t in scenario.transitions if t.kind is TransitionKind.NOT_CHARGING] == [
        "3:14:57"
    ]


def test_a_petrol_car_with_a_battery_reading_is_never_charged() -> None:
    scenario = Scenario(drive_train=DriveTrain.MILD_HYBRID)
    scenario.play("0:00 HD=40", "9:00 HD=70 OD=1000")
    assert not scenario.sessions


def test_a_spike_waits_for_another_reading() -> None:
    scenario = Scenario()
    assert scenario.play("0:00 HD=67").soc_percent == 67
    assert scenario.play("0:05 HD=100").soc_percent == 67
    assert scenario.play("0:12 HD=54").soc_percent == 54
    assert not scenario.sessions


def test_a_sudden_rise_that_stays_is_accepted() -> None:
    scenario = Scenario()
    scenario.play("0:00 HD=40", "0:10 HD=70")
    assert scenario.wait("0:39:56").soc_percent == 40
    assert scenario.wait("0:40").soc_percent == 70


def test_an_engine_that_charges_is_no_session() -> None:
    scenario = Scenario(drive_train=DriveTrain.PLUGIN_HYBRID)
    scenario.play("0:00 MV=true OD=1001 HD=20", "0:01 ST=act", "0:20 HD=28 ST=act", "0:40 HD=36")
    assert not scenario.sessions


@pytest.mark.parametrize("word", ["UNKNOWN", "INVALID"])
def test_an_unknown_word_leaves_the_status_for_two_minutes(word: str) -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C", f"0:01 ST={word}")
    assert scenario.shown.status is ChargingStatus.PLUGGED_IN
    assert scenario.wait("0:02:56").status is ChargingStatus.PLUGGED_IN
    assert scenario.wait("0:02:57").status is None


@pytest.mark.parametrize("word", ["CHARGINGINTERRUPTED", "chargingDisrupted", "INITIALIZATION"])
def test_words_of_a_pause(word: str) -> None:
    scenario = Scenario()
    shown = scenario.play("0:00 PL=C ST=CHARGING_IN_PROGRESS HD=40", f"0:10 ST={word}")
    assert shown.status is ChargingStatus.WAITING_FOR_CHARGING


def test_a_word_nobody_knows_is_no_charge() -> None:
    scenario = Scenario()
    assert scenario.play("0:00 PL=C ST=SOMETHING_NEW").status is ChargingStatus.PLUGGED_IN
