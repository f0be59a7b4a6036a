"""REST's troubles: containers, trouble of the whole account, a short budget, the disk."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata.errors import RequestRefused
from bmw2mqtt.accounts.cardata.rest.quota import Priority
from bmw2mqtt.simulator.cardata import Fault, cu_error
from bmw2mqtt.vehicle.errors import (
    LoginOutage,
    LoginRequired,
    QuotaExceeded,
)
from tests.accounts.cardata.account_parts import OTHER_VIN, VIN, AccountParts, car
from tests.accounts.state_parts import write_part

READ = f"{VIN}/telematicData"


# The container


async def test_a_lost_container_is_replaced_at_once(account: AccountParts) -> None:
    await account.poller.poll()
    await account.clock.forward(hours=25)
    for container in account.user.containers.values():
        container.state = "INACTIVE"
    await account.poller.poll()
    assert [entry.state for entry in account.user.containers.values()] == [
        "INACTIVE",
        "INACTIVE",
        "ACTIVE",
        "ACTIVE",
    ]
    assert account.listener.data.keys() == {VIN, OTHER_VIN}
    assert account.poller.due_at() == account.clock.now + timedelta(hours=24)


@pytest.mark.parametrize("code", ["CU-105", "CU-121", "CU-122", None])
async def test_whatever_says_that_there_is_no_such_container(
    account: AccountParts, code: str | None
) -> None:
    await account.poller.poll()
    await account.clock.forward(hours=25)
    account.asked()
    fault = Fault(path=READ, status=404, body={}) if code is None else cu_error(code, path=READ)
    account.bmw.faults.add(replace(fault, times=1))
    await account.poller.poll()
    assert Counter(account.asked())["POST containers"] == 1
    assert account.poller.due_at() == account.clock.now + timedelta(hours=24)


async def test_a_car_that_rest_knows_nothing_of_takes_no_container_from_the_others(
    account: AccountParts,
) -> None:
    account.break_down(Fault(path=READ, status=404, body={}))
    account.poll_interval_s = 3600
    account.restart()
    for _ in range(5):
        await account.poller.poll()
        account.listener.data.clear()
        await account.clock.forward(hours=1)
    await account.poller.poll()
    assert account.listener.data.keys() == {OTHER_VIN}
    assert Counter(account.asked())["POST containers"] == 2, "the main and the extra one"


async def test_an_old_container_that_cannot_be_deleted_costs_a_request_a_day(
    account: AccountParts,
) -> None:
    await account.poller.poll()
    await account.clock.forward(hours=25)
    account.containers.discard()
    account.break_down(cu_error("CU-500", method="DELETE"))
    await account.poller.poll()
    account.asked()
    for _ in range(24):
        await account.clock.forward(hours=1)
        await account.poller.poll()
    assert sum(path.startswith("DELETE") for path in account.asked()) == 1
    account.break_down()
    await account.clock.forward(hours=24)
    await account.poller.poll()
    assert sorted(entry.state for entry in account.user.containers.values()) == [
        "ACTIVE",
        "ACTIVE",
        "INACTIVE",
    ]


async def test_a_container_that_is_refused_again_and_again_costs_little(
    account: AccountParts,
) -> None:
    account.break_down(cu_error("CU-105", path="telematicData"))
    for _ in range(24):
        with pytest.raises(RequestRefused):
            await account.poller.poll()
        await account.clock.forward(hours=1)
    asked = Counter(account.asked())
    assert asked["POST containers"] == 1
    assert account.basic_data.keys() == {VIN, OTHER_VIN}


async def test_without_a_container_the_cars_are_known_all_the_same(account: AccountParts) -> None:
    account.break_down(cu_error("CU-124", path="containers", method="POST"))
    for _ in range(3):
        with pytest.raises(RequestRefused, match="10 containers"):
            await account.poller.poll()
    assert account.basic_data.keys() == {VIN, OTHER_VIN}
    assert Counter(account.asked())["POST containers"] == 1


# Trouble of the whole account


async def test_trouble_of_the_whole_account_ends_the_round(account: AccountParts) -> None:
    account.break_down(cu_error("CU-429", path="basicData", status=403))
    with pytest.raises(QuotaExceeded):
        await account.poller.poll()
    assert len(account.asked()) == 2
    account.restart()
    with pytest.raises(QuotaExceeded):
        await account.poller.poll()
    assert account.asked() == []


async def test_without_a_login_nothing_is_asked(parts: AccountParts) -> None:
    with pytest.raises(LoginRequired):
        await parts.poller.poll()
    await parts.log_in()
    parts.break_down(Fault(path="/oauth/token", status=503))
    await parts.clock.forward(hours=2)
    with pytest.raises(LoginOutage):
        await parts.poller.poll()
    assert parts.asked() == []


async def test_what_is_learnt_first_comes_before_pictures_when_requests_are_few(
    account: AccountParts,
) -> None:
    account.budget_size = 7
    account.restart()
    await account.poller.poll()
    assert account.listener.data.keys() == {VIN, OTHER_VIN}
    assert account.images == {}
    assert account.budget.left() == 0
    await account.clock.forward(hours=24, minutes=1)
    await account.poller.poll()
    assert account.images.keys() == {VIN, OTHER_VIN}


async def test_who_has_waited_longest_is_read_first(account: AccountParts) -> None:
    await account.poller.poll()
    read = []
    for _ in range(4):
        await account.clock.forward(hours=24, minutes=1)
        while account.budget.left() > 11:  # 9 are kept for what matters more
            account.budget.spend(Priority.FIRST)
        account.asked()
        with pytest.raises(QuotaExceeded):
            await account.poller.poll()
        read += [path for path in account.asked() if "telematicData" in path]
    assert set(Counter(read).values()) == {2}


@pytest.mark.no_cover
async def test_a_greedy_account_stays_in_its_budget(account: AccountParts) -> None:
    account.poll_interval_s = 1800
    account.user.cars += [car(f"WBA0000000000000{number}") for number in range(3, 8)]
    account.restart()
    sent = []
    for _ in range(3 * 24):
        with contextlib.suppress(QuotaExceeded):
            await account.poller.poll()
        sent += [account.clock.now] * len(account.asked())
        await account.clock.forward(hours=1)
        if account.clock.now.hour % 5 == 0:
            account.restart()
    for first, last in zip(sent, sent[45:], strict=False):
        assert last - first > timedelta(hours=24)
    assert len(sent) > 3 * 30, "and it uses it"


async def test_a_picture_that_cannot_be_saved_is_shown_all_the_same(account: AccountParts) -> None:
    account.folder.mkdir(exist_ok=True)
    (account.folder / "images").write_text("in the way")
    (account.folder / "cars").write_text("in the way")
    with capture_logs() as lines:
        await account.poller.poll()
    assert account.images.keys() == {VIN, OTHER_VIN}
    assert "vehicle_not_saved" in {line["event"] for line in lines}


async def test_damaged_files_are_asked_for_anew(account: AccountParts) -> None:
    await account.poller.poll()
    (account.folder / "cars" / f"{VIN}.json").write_text("{")
    damaged = {"listed_at": "x", "vehicles": {"7": {}, VIN: 7, OTHER_VIN: {"read_at": [1]}}}
    write_part(account.state_file, "vehicles", damaged)
    account.restart()
    await account.poller.poll()
    assert account.basic_data.keys() == {VIN, OTHER_VIN}
    assert account.listener.data.keys() == {VIN, OTHER_VIN}


async def test_what_the_former_version_has_written_is_read(account: AccountParts) -> None:
    await account.poller.poll()
    account.asked()
    read_at = account.clock.now.isoformat()
    write_part(account.state_file, "vehicles", {})
    write_part(
        account.state_file,
        "garage",
        {
            "listed_at": read_at,
            "vins": [VIN, OTHER_VIN],
            "missed": {OTHER_VIN: read_at},
            "dropped": ["WBA00000000000003"],
            "without_image": [VIN],
            "read_at": {VIN: read_at},
        },
    )
    account.restart()
    first, second, third = sorted(account.vehicles, key=lambda vehicle: vehicle.vin)
    assert (first.is_served, first.has_no_image, first.read_at) == (True, True, account.clock.now)
    assert (second.is_refused, second.vin) == (True, "WBA00000000000003")
    assert (third.is_served, third.missed_since) == (False, account.clock.now)
    await account.poller.poll()
    assert account.asked() == [f"GET vehicles/{VIN}/telematicData"], "from the new container"
    account.restart()
    assert account.vehicles.vins == {VIN, OTHER_VIN, "WBA00000000000003"}


async def test_times_of_the_future_are_left_out(account: AccountParts) -> None:
    await account.poller.poll()
    asyncio.get_running_loop().set_wall_clock(days=-400)  # type: ignore[attr-defined]
    account.restart()
    assert account.poller.list.listed_at is None
    assert {vehicle.read_at for vehicle in account.vehicles} == {None}
