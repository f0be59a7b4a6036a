"""The second container: everything else that BMW serves over REST, if BMW lets us have it."""

from collections import Counter

import pytest

from bmw2mqtt.accounts.cardata.rest.container_lists import (
    CORE,
    ContainerKind,
    extra_descriptors,
    wanted_descriptors,
)
from bmw2mqtt.accounts.cardata.rest.quota import Priority
from bmw2mqtt.entities.catalogue import catalogue
from bmw2mqtt.simulator.cardata import Fault, cu_error
from tests.accounts.cardata.account_parts import OTHER_VIN, VIN, AccountParts
from tests.accounts.state_parts import write_part

pytestmark = pytest.mark.no_cover

READ = "telematicData"


def test_both_lists_together_are_all_that_a_container_can_serve() -> None:
    served = {name for name, row in catalogue().items() if row.rest_via == "container"}
    assert {*wanted_descriptors(), *extra_descriptors()} == served
    assert not set(wanted_descriptors()) & set(extra_descriptors())


async def test_everything_is_there_after_the_first_round_and_once_a_day(
    account: AccountParts,
) -> None:
    await account.poller.poll()
    lists = [len(entry.descriptors) for entry in account.user.containers.values()]
    assert sorted(lists) == sorted([len(wanted_descriptors()), len(extra_descriptors())])
    assert account.listener.data[OTHER_VIN].keys() >= set(extra_descriptors())
    account.asked()
    for _ in range(24):
        await account.clock.forward(hours=1)
        await account.poller.poll()
    assert Counter(account.asked())[f"GET vehicles/{VIN}/{READ}"] == 2
    assert len(account.user.containers) == 2


async def test_both_are_found_again_after_everything_here_is_lost(account: AccountParts) -> None:
    await account.poller.poll()
    account.restart()
    for part in ContainerKind:
        write_part(account.state_file, part, {})
    account.restart()
    account.asked()
    await account.clock.forward(hours=24)
    await account.poller.poll()
    asked = Counter(account.asked())
    assert asked["GET containers"] == 1
    assert asked["POST containers"] == 0
    assert not [path for path in asked if path.startswith("DELETE")]


@pytest.mark.parametrize(("longest", "most"), [(290, 2), (130, 3), (75, 5)])
async def test_lists_that_bmw_finds_too_long_are_shortened(
    account: AccountParts, longest: int, most: int
) -> None:
    account.bmw.containers.max_descriptors = longest
    await account.containers.ready(Priority.FIRST, ContainerKind.EXTRA)
    (container,) = account.user.containers.values()
    assert min(longest, len(extra_descriptors())) / 2 < len(container.descriptors) <= longest
    assert account.budget.count() <= most


@pytest.mark.parametrize("position", [0, 40, 100, -1])
async def test_a_descriptor_that_bmw_stumbles_over_costs_half_of_them(
    account: AccountParts, position: int
) -> None:
    account.bmw.containers.failing_descriptors = {extra_descriptors()[position]}
    await account.containers.ready(Priority.FIRST, ContainerKind.EXTRA)
    (container,) = account.user.containers.values()
    assert len(container.descriptors) >= len(extra_descriptors()) // 2
    assert account.budget.count() <= 4


async def test_descriptors_that_bmw_names_all_at_once_cost_one_request(
    account: AccountParts,
) -> None:
    account.bmw.containers.unknown_descriptors = set(extra_descriptors()[::10])
    await account.containers.ready(Priority.FIRST, ContainerKind.EXTRA)
    (container,) = account.user.containers.values()
    assert set(container.descriptors) == {*extra_descriptors()} - set(extra_descriptors()[::10])
    assert account.budget.count() == 3


async def test_whatever_bmw_refuses_the_main_container_stays_and_requests_are_few(
    account: AccountParts,
) -> None:
    await account.containers.ready(Priority.FIRST)
    account.break_down(cu_error("CU-500", path="/customers/containers", method="POST"))
    sent = []
    for _ in range(10):
        await account.poller.poll()
        sent.append(Counter(account.asked())["POST containers"])
        await account.clock.forward(hours=24)
    assert sent[0] - 1 <= 5, "and the main one's"
    assert sum(sent[1:]) <= 2, "each try costs quota"
    assert account.listener.data[VIN].keys() == set(wanted_descriptors())
    assert len(CORE) <= len(wanted_descriptors())


async def test_a_descriptor_that_bmw_names_is_left_out(account: AccountParts) -> None:
    name = extra_descriptors()[7]
    body = {"exveErrorId": "CU-402", "exveErrorMsg": f"Unknown telematic key {name}"}
    account.bmw.faults.add(
        Fault(path="/customers/containers", method="POST", status=400, body=body, times=1)
    )
    await account.containers.ready(Priority.FIRST, ContainerKind.EXTRA)
    (container,) = account.user.containers.values()
    assert set(container.descriptors) == {*extra_descriptors()} - {name}


async def test_few_requests_left_are_for_what_matters_more(account: AccountParts) -> None:
    account.budget_size = 9
    account.restart()
    await account.poller.poll()
    assert len(account.user.containers) == 1
    assert account.budget.left() >= 1
