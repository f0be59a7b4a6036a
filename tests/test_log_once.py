"""What is logged once, and when it is logged again."""

from bmw2mqtt.log_once import LogOnce


def test_a_subject_is_new_once() -> None:
    known = LogOnce()
    assert [known.is_new("word"), known.is_new("word"), known.is_new("other")] == [
        True,
        False,
        True,
    ]


def test_another_state_is_new_again() -> None:
    errors = LogOnce()
    states = ["no room", "no room", "read-only", "no room"]
    assert [errors.is_new("file", state) for state in states] == [True, False, True, True]


def test_what_is_over_is_new_when_it_comes_back() -> None:
    errors = LogOnce()
    assert not errors.is_over("file")
    assert errors.is_new("file", "no room")
    assert errors.is_over("file")
    assert not errors.is_over("file")
    assert errors.is_new("file", "no room")


def test_reset_forgets_every_subject() -> None:
    errors = LogOnce()
    errors.is_new("a")
    errors.is_new("b")
    errors.reset()
    assert errors.is_new("a")
    assert errors.is_new("b")


def test_subjects_are_bounded() -> None:
    known = LogOnce(max_subjects=2)
    assert [known.is_new(word) for word in "abcab"] == [True, True, False, False, False]
    assert known.is_new("a", "another state")
