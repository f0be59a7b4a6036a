"""Our container at BMW: found again, made anew, shortened; foreign ones are left alone."""

import pytest

from bmw2mqtt.accounts.cardata.errors import RequestRefused, ServerFault
from bmw2mqtt.accounts.cardata.rest.container_client import NAME
from bmw2mqtt.accounts.cardata.rest.container_lists import (
    CORE,
    purpose_of,
    wanted_descriptors,
)
from bmw2mqtt.accounts.cardata.rest.quota import Priority
from bmw2mqtt.accounts.cardata.telemetry.descriptors import SOC_FORECAST, core_descriptors
from bmw2mqtt.entities.catalogue import catalogue
from bmw2mqtt.simulator.cardata import Container, Fault, cu_error
from bmw2mqtt.vehicle.errors import BadAnswer, QuotaExceeded, Unreachable
from tests.accounts.cardata.account_parts import AccountParts
from tests.accounts.state_parts import write_part
from tests.accounts.waiting import wait_written

ODD = "vehicle.status.serviceDistance.next"


@pytest.fixture
async def account(parts: AccountParts) -> AccountParts:
    """An account that is logged in."""
    await parts.log_in()
    return parts


async def ready(account: AccountParts) -> Container:
    return account.user.containers[await account.containers.ready(Priority.FIRST)]


def active(account: AccountParts) -> list[Container]:
    return [entry for entry in account.user.containers.values() if entry.state == "ACTIVE"]


def test_the_list_is_what_the_stream_lacks_and_what_a_car_needs() -> None:
    wanted = wanted_descriptors()
    assert len(set(wanted)) == len(wanted)
    for name, row in catalogue().items():
        assert (name in wanted) == (
            name in core_descriptors() or (row.rest_via == "container" and not row.is_streamable)
        ), name
    assert set(core_descriptors()) <= catalogue().keys()
    assert all(catalogue()[name].rest_via == "container" for name in wanted)


async def test_one_container_is_made_and_trusted(account: AccountParts) -> None:
    container = await ready(account)
    assert (container.name, container.purpose) == (NAME, purpose_of(wanted_descriptors()))
    assert set(container.descriptors) == set(wanted_descriptors())
    assert account.asked() == ["GET containers", "POST containers"]
    account.restart()
    assert await ready(account) == container
    assert account.asked() == []


async def test_it_is_found_again_after_everything_is_lost(account: AccountParts) -> None:
    container = await ready(account)
    wait_written(account.store)
    (account.folder / "account-home.json").unlink()
    account.restart()
    assert await ready(account) == container
    assert account.asked() == ["GET containers", "POST containers", "GET containers"]


async def test_a_deleted_one_is_not_found_again(account: AccountParts) -> None:
    container = await ready(account)
    container.state = "INACTIVE"
    wait_written(account.store)
    (account.folder / "account-home.json").unlink()
    account.restart()
    assert (await ready(account)) != container


async def test_a_new_list_gets_a_new_container_before_the_old_one_goes(
    account: AccountParts,
) -> None:
    foreign = account.bmw.containers.add(account.user, "evcc.io", "v6", CORE)
    old = await ready(account)
    account.descriptors = wanted_descriptors()[:-1]
    account.restart()
    assert await ready(account) == old, "at most one a day"
    await account.clock.forward(hours=24)
    account.asked()
    new = await ready(account)
    assert account.asked() == [
        "GET containers",
        "POST containers",
        f"DELETE containers/{old.container_id}",
    ]
    assert active(account) == [foreign, new]
    assert await ready(account) == new


async def test_a_new_list_that_bmw_does_not_give_keeps_the_old_container(
    account: AccountParts,
) -> None:
    old = await ready(account)
    await account.clock.forward(hours=24)
    account.descriptors = wanted_descriptors()[:-1]
    account.restart()
    account.break_down(cu_error("CU-503", method="POST"))
    account.asked()
    for _ in range(3):
        assert await ready(account) == old
    assert account.asked() == ["GET containers", "POST containers"]
    account.break_down()
    await account.clock.forward(hours=5)
    assert await ready(account) != old


async def test_an_old_container_that_cannot_be_deleted_is_deleted_later(
    account: AccountParts,
) -> None:
    old = await ready(account)
    await account.clock.forward(hours=24)
    account.descriptors = wanted_descriptors()[:-1]
    account.restart()
    account.break_down(cu_error("CU-500", method="DELETE"))
    new = await ready(account)
    assert active(account) == [old, new]
    account.break_down()
    account.restart()
    await account.containers.delete_obsolete()
    assert active(account) == [new]
    account.asked()
    await account.containers.delete_obsolete()
    assert account.asked() == []


@pytest.mark.parametrize("code", ["CU-122", "CU-105", "CU-121"])
async def test_an_old_container_that_is_gone_or_not_given_up_is_forgotten(
    account: AccountParts, code: str
) -> None:
    await ready(account)
    await account.clock.forward(hours=24)
    account.descriptors = wanted_descriptors()[:-1]
    account.restart()
    account.break_down(cu_error(code, method="DELETE"))
    await ready(account)
    account.asked()
    await account.containers.delete_obsolete()
    assert account.asked() == []


# What BMW refuses


async def test_descriptors_that_bmw_does_not_know_are_left_out(account: AccountParts) -> None:
    account.bmw.containers.unknown_descriptors = {ODD, SOC_FORECAST}
    container = await ready(account)
    assert set(container.descriptors) == set(wanted_descriptors()) - {ODD, SOC_FORECAST}
    account.asked()
    for _ in range(20):
        await account.clock.forward(days=1)
        account.restart()
        assert await ready(account) == container
    assert account.asked() == [], "the refusal is remembered"


async def test_when_more_and_more_are_unknown_the_core_is_asked_for(account: AccountParts) -> None:
    account.bmw.containers.unknown_descriptors = set(wanted_descriptors()) - set(CORE)
    assert set((await ready(account)).descriptors) == set(CORE)


async def test_a_list_that_is_too_long_is_shortened_to_the_core(account: AccountParts) -> None:
    account.bmw.containers.max_descriptors = 75
    container = await ready(account)
    assert container.descriptors == CORE
    account.asked()
    await account.clock.forward(days=2)
    account.restart()
    assert await ready(account) == container
    assert account.asked() == []
    account.bmw.containers.max_descriptors = None
    await account.clock.forward(days=30)
    await account.log_in()
    assert set((await ready(account)).descriptors) == set(wanted_descriptors())
    assert len(active(account)) == 1


async def test_a_descriptor_that_bmw_stumbles_over_is_left_out_at_last(
    account: AccountParts,
) -> None:
    account.bmw.containers.failing_descriptors = {SOC_FORECAST}
    container = await ready(account)
    assert set(container.descriptors) == set(CORE) - {SOC_FORECAST}
    account.asked()
    account.restart()
    assert await ready(account) == container
    assert account.asked() == []


async def test_the_shortened_one_is_found_again_too(account: AccountParts) -> None:
    account.bmw.containers.max_descriptors = 75
    container = await ready(account)
    wait_written(account.store)
    (account.folder / "account-home.json").unlink()
    account.restart()
    assert await ready(account) == container
    assert len(account.user.containers) == 1


async def test_an_outage_is_not_taken_for_a_bad_list(account: AccountParts) -> None:
    account.break_down(cu_error("CU-500", method="POST"))
    with pytest.raises(ServerFault):
        await ready(account)
    asked = len(account.asked())
    with pytest.raises(RequestRefused, match="out of order"):
        await ready(account)
    assert account.asked() == [], f"{asked} requests were enough"
    account.break_down()
    await account.clock.forward(hours=5)
    assert set((await ready(account)).descriptors) == set(wanted_descriptors())


async def test_a_list_that_is_refused_whatever_it_is_waits_a_day(account: AccountParts) -> None:
    account.break_down(cu_error("CU-403", method="POST"))
    with pytest.raises(RequestRefused, match="CU-403"):
        await ready(account)
    account.asked()
    await account.clock.forward(hours=23)
    account.restart()
    with pytest.raises(RequestRefused, match="CU-403"):
        await ready(account)
    assert account.asked() == []
    await account.clock.forward(hours=1)
    with pytest.raises(RequestRefused, match="CU-403"):
        await ready(account)
    assert account.asked() == ["GET containers", "POST containers"], "not all three lists again"
    account.containers.retry()
    with pytest.raises(RequestRefused, match="CU-403"):
        await ready(account)
    assert account.asked(), "a person may ask"


@pytest.mark.parametrize("code", ["CU-104", "CU-124"])
async def test_a_refusal_that_the_list_is_not_the_cause_of(
    account: AccountParts, code: str
) -> None:
    account.break_down(cu_error(code, method="POST"))
    with pytest.raises(RequestRefused, match=code):
        await ready(account)
    assert account.asked() == ["GET containers", "POST containers"]


# At most ten


async def test_with_ten_containers_ours_make_room(account: AccountParts) -> None:
    foreign = [account.bmw.containers.add(account.user, f"other{n}", "p", CORE) for n in range(8)]
    for number in range(2):
        account.bmw.containers.add(account.user, NAME, f"old{number}", CORE)
    container = await ready(account)
    assert active(account) == [*foreign, container]


async def test_with_ten_foreign_containers_a_person_is_asked(account: AccountParts) -> None:
    foreign = [account.bmw.containers.add(account.user, f"other{n}", "p", CORE) for n in range(10)]
    with pytest.raises(RequestRefused, match="delete one of another program"):
        await ready(account)
    assert active(account) == foreign


async def test_the_one_that_works_is_never_given_up_for_a_place(account: AccountParts) -> None:
    old = await ready(account)
    foreign = [account.bmw.containers.add(account.user, f"other{n}", "p", CORE) for n in range(9)]
    await account.clock.forward(hours=24)
    account.descriptors = wanted_descriptors()[:-1]
    account.restart()
    assert await ready(account) == old
    assert active(account) == [old, *foreign]


# Lost


async def test_a_lost_container_is_replaced_once_a_day(account: AccountParts) -> None:
    first = await ready(account)
    await account.clock.forward(hours=25)
    account.containers.discard()
    second = await ready(account)
    assert second != first
    assert first.state == "INACTIVE"
    account.restart()
    account.asked()
    assert not account.containers.discard()
    assert await ready(account) == second, "perhaps BMW refuses it for one car only"
    assert account.asked() == []
    await account.clock.forward(hours=24)
    assert account.containers.discard()
    assert await ready(account) not in (first, second)


# Short of requests


async def test_upkeep_waits_when_the_budget_is_short(account: AccountParts) -> None:
    old = await ready(account)
    await account.clock.forward(hours=24, minutes=1)
    account.descriptors = wanted_descriptors()[:-1]
    account.restart()
    while account.budget.left() > 2:
        account.budget.spend(Priority.FIRST)
    assert await ready(account) == old
    while account.budget.left():
        account.budget.spend(Priority.FIRST)
    account.containers.discard()
    with pytest.raises(QuotaExceeded):
        await ready(account)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(path="/containers", method="GET", status=200, body={"containers": 7}), BadAnswer),
        (Fault(path="/containers", method="GET", status=200, body="x"), BadAnswer),
        (Fault(path="/containers", method="POST", status=201, body={"name": 1}), BadAnswer),
        (Fault(path="/containers", method="POST", drop=True), Unreachable),
    ],
)
async def test_bad_answers(account: AccountParts, fault: Fault, expected: type[Exception]) -> None:
    account.break_down(fault)
    with pytest.raises(expected):
        await ready(account)


async def test_a_list_with_odd_entries(account: AccountParts) -> None:
    body = [
        None,
        {"name": NAME},
        {"name": NAME, "containerId": 7},
        {"name": NAME, "containerId": "S1", "purpose": None},
        {
            "name": NAME,
            "containerId": "S000000000002",
            "purpose": purpose_of(wanted_descriptors()),
            "state": "DELETED",
        },
        {
            "name": NAME,
            "containerId": "S000000000003",
            "purpose": purpose_of(wanted_descriptors()),
        },
    ]
    account.break_down(Fault(path="/containers", method="GET", status=200, body=body))
    assert await account.containers.ready(Priority.FIRST) == "S000000000003"


@pytest.mark.parametrize(
    "content",
    [{"id": 7, "step": "x", "dropped": "vehicle"}, {"step": 99}, {"paused_until": "2099-01-01"}],
)
async def test_a_damaged_memory(account: AccountParts, content: dict[str, object]) -> None:
    write_part(account.state_file, "container", content)
    account.restart()
    assert await ready(account)


async def test_a_pause_ends_with_its_time(account: AccountParts) -> None:
    account.break_down(cu_error("CU-403", method="POST"))
    with pytest.raises(RequestRefused):
        await ready(account)
    account.break_down()
    await account.clock.forward(hours=24, seconds=1)
    assert await ready(account)
