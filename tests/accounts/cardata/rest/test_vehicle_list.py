"""BMW's list of an account's cars: which cars stay, which go, and what a strange list changes."""

from collections import Counter

import pytest

from bmw2mqtt.simulator.cardata import Fault, cu_error
from bmw2mqtt.vehicle.errors import Unreachable
from tests.accounts.cardata.account_parts import OTHER_VIN, VIN, AccountParts


@pytest.mark.parametrize("shape", ["array", "wrapped", "object"])
async def test_the_list_of_cars_in_each_of_bmws_shapes(parts: AccountParts, shape: str) -> None:
    await parts.log_in()
    parts.bmw.vehicles.mappings_shape = shape
    await parts.poller.poll()
    assert parts.vehicles.vins == {VIN}


async def test_a_car_goes_when_two_lists_miss_it(account: AccountParts) -> None:
    await account.poller.poll()
    del account.user.cars[1]
    await account.clock.forward(hours=24)
    await account.poller.poll()
    assert account.listener.listed[-1] == {VIN, OTHER_VIN}, "BMW's lists are short now and then"
    account.asked()
    account.restart()
    await account.clock.forward(hours=24)
    await account.poller.poll()
    assert account.listener.listed == [{VIN}]
    assert not [path for path in account.asked() if OTHER_VIN in path]


async def test_lists_in_a_row_that_miss_a_car_remove_nothing(account: AccountParts) -> None:
    await account.poller.poll()
    account.user.cars.clear()
    for _ in range(6):
        await account.clock.forward(hours=3)
        await account.poller.poll(by_person=True)
        assert account.vehicles.vins == {VIN, OTHER_VIN}, "a person presses refresh"
    await account.clock.forward(hours=5)
    await account.poller.poll(by_person=True)
    assert account.listener.listed[-1] == frozenset()
    assert "no car" in str(account.poller.list.problem)


async def test_a_car_that_goes_is_gone_from_disk(account: AccountParts) -> None:
    await account.poller.poll()
    account.measure(OTHER_VIN)
    account.values.commit()
    await account.clock.forward(minutes=1)
    del account.user.cars[1]
    for _ in range(2):
        await account.clock.forward(hours=24)
        await account.poller.poll()
    account.restart()
    assert account.vehicles.vins == account.values.vins() | {VIN} == {VIN}
    files = [str(path) for path in account.folder.rglob("*") if OTHER_VIN in str(path)]
    assert files == []
    assert (account.folder / "images" / f"{VIN}.png").exists()


async def test_a_car_that_is_back_on_the_list_was_never_gone(account: AccountParts) -> None:
    await account.poller.poll()
    gone = account.user.cars.pop()
    for is_listed in (False, True, False, True):
        await account.clock.forward(hours=24)
        account.user.cars[1:] = [gone] if is_listed else []
        await account.poller.poll()
        assert account.listener.listed[-1] == {VIN, OTHER_VIN}


async def test_a_car_that_streams_is_not_gone(account: AccountParts) -> None:
    await account.poller.poll()
    del account.user.cars[1]
    for _ in range(4):
        await account.clock.forward(hours=24)
        await account.poller.poll()
        account.measure(OTHER_VIN)
    assert account.listener.listed[-1] == {VIN, OTHER_VIN}
    for _ in range(2):
        await account.clock.forward(hours=24)
        await account.poller.poll()
    assert account.listener.listed[-1] == {VIN}


async def test_a_car_that_streams_stays_though_rest_gives_no_data_of_it(
    account: AccountParts,
) -> None:
    await account.poller.poll()
    account.break_down(cu_error("CU-104", path=f"{VIN}/telematicData"))
    for _ in range(4):
        account.measure(VIN)
        await account.clock.forward(hours=24)
        await account.poller.poll()
    assert account.listener.listed[-1] == {VIN, OTHER_VIN}
    assert Counter(account.asked())[f"GET vehicles/{VIN}/telematicData"] == 3, (
        "each try costs quota"
    )
    for _ in range(3):
        await account.clock.forward(hours=24)
        await account.poller.poll()
    assert account.listener.listed[-1] == {VIN, OTHER_VIN}, "BMW's list names it"


async def test_odd_entries_in_the_list(parts: AccountParts) -> None:
    await parts.log_in()
    body = [None, 7, {}, {"vin": 7}, {"vin": "short"}, {"vin": VIN.lower()}]
    parts.break_down(Fault(path="mappings", status=200, body=body))
    await parts.poller.poll()
    assert parts.vehicles.vins == {VIN}


@pytest.mark.parametrize("body", [{}, {"mappings": None}, {"mappings": {}}, '"x"', "7", "<html>"])
async def test_no_list_is_not_an_empty_list(account: AccountParts, body: object) -> None:
    await account.poller.poll()
    await account.clock.forward(hours=24)
    account.break_down(Fault(path="mappings", status=200, body=body))
    await account.poller.poll()
    assert account.vehicles.vins == {VIN, OTHER_VIN}
    assert account.listener.listed == [{VIN, OTHER_VIN}]


async def test_while_bmw_lists_no_cars_it_is_not_asked_at_each_round(parts: AccountParts) -> None:
    await parts.log_in()
    parts.break_down(cu_error("CU-503", path="mappings"))
    asked = 0
    for _ in range(24 * 60):
        with pytest.raises(Unreachable, match="CU-503"):
            await parts.poller.poll()
        await parts.clock.forward(minutes=1)
        asked += len(parts.asked())
    assert 3 <= asked <= 10
    parts.break_down()
    await parts.poller.poll(by_person=True)
    assert parts.vehicles.vins == {VIN}
