"""What REST tells of the cars: asked when it is due, kept on disk, no car in another's way."""

from collections import Counter
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata.rest.container_lists import extra_descriptors, wanted_descriptors
from bmw2mqtt.simulator.cardata import Fault, cu_error
from bmw2mqtt.vehicle.errors import Unreachable
from tests.accounts.cardata.account_parts import OTHER_VIN, PNG, VIN, AccountParts, car

READ = f"{VIN}/telematicData"
MILEAGE = "vehicle.vehicle.travelledDistance"


async def test_a_first_round_learns_everything_with_four_requests_and_four_a_car(
    account: AccountParts,
) -> None:
    await account.poller.poll()
    assert account.asked() == [
        "GET vehicles/mappings",
        f"GET vehicles/{VIN}/basicData",
        "GET containers",
        "POST containers",
        f"GET vehicles/{VIN}/telematicData",
        f"GET vehicles/{OTHER_VIN}/basicData",
        f"GET vehicles/{OTHER_VIN}/telematicData",
        f"GET vehicles/{VIN}/image",
        f"GET vehicles/{OTHER_VIN}/image",
        "POST containers",
        f"GET vehicles/{VIN}/telematicData",
        f"GET vehicles/{OTHER_VIN}/telematicData",
    ]
    assert account.vehicles.vins == {VIN, OTHER_VIN}
    assert account.basic_data[VIN].model == "i4 eDrive40"
    assert account.images == {VIN: PNG, OTHER_VIN: PNG}
    assert account.listener.listed == [{VIN, OTHER_VIN}]
    assert account.listener.data[VIN].keys() == {*wanted_descriptors(), *extra_descriptors()}
    assert account.listener.data[VIN][MILEAGE]["value"] == "41250"
    assert Counter(account.listener.described) == {VIN: 2, OTHER_VIN: 2}
    assert (account.folder / "images" / f"{VIN}.png").read_bytes() == PNG


async def test_a_restart_asks_for_nothing_that_is_not_due(account: AccountParts) -> None:
    await account.poller.poll()
    account.asked()
    account.restart()
    assert account.vehicles.vins == {VIN, OTHER_VIN}
    assert account.basic_data.keys() == account.images.keys() == {VIN, OTHER_VIN}
    for _ in range(5):
        await account.poller.poll()
    assert account.asked() == []
    assert account.poller.due_at() == account.clock.now + timedelta(hours=24)


async def test_each_day_the_cars_are_listed_and_read(account: AccountParts) -> None:
    await account.poller.poll()
    await account.clock.forward(hours=24)
    account.asked()
    await account.poller.poll()
    assert account.asked() == [
        "GET vehicles/mappings",
        *2 * [f"GET vehicles/{VIN}/telematicData", f"GET vehicles/{OTHER_VIN}/telematicData"],
    ], "once for the main container, once for the extra one"


async def test_telematic_data_is_read_at_the_poll_interval(account: AccountParts) -> None:
    account.poll_interval_s = 6 * 3600
    account.restart()
    await account.poller.poll()
    account.asked()
    for _ in range(12):
        await account.clock.forward(hours=1)
        await account.poller.poll()
    assert Counter(account.asked()) == {
        f"GET vehicles/{VIN}/telematicData": 2,
        f"GET vehicles/{OTHER_VIN}/telematicData": 2,
    }


async def test_without_an_interval_it_is_read_once_and_on_request(account: AccountParts) -> None:
    account.poll_interval_s = 0
    account.restart()
    await account.poller.poll()
    account.asked()
    await account.clock.forward(hours=23)
    await account.poller.poll()
    assert account.asked() == ["GET vehicles/mappings"]
    await account.clock.forward(minutes=10)
    await account.poller.poll(by_person=True)
    assert len(account.asked()) == 5
    await account.poller.poll(by_person=True)
    assert account.asked() == [], "nothing is younger than ten minutes"


async def test_a_person_gets_new_values_and_new_cars_at_once(account: AccountParts) -> None:
    await account.poller.poll()
    account.asked()
    account.user.cars.append(car("WBA00000000000003"))
    await account.clock.forward(minutes=10)
    await account.poller.poll(by_person=True)
    assert Counter(account.asked()) == {
        "GET vehicles/mappings": 1,
        f"GET vehicles/{VIN}/telematicData": 1,
        f"GET vehicles/{OTHER_VIN}/telematicData": 1,
        "GET vehicles/WBA00000000000003/basicData": 1,
        "GET vehicles/WBA00000000000003/telematicData": 2,
        "GET vehicles/WBA00000000000003/image": 1,
    }


async def test_an_unwanted_car_costs_nothing(account: AccountParts) -> None:
    account.listener.unwanted = {OTHER_VIN}
    await account.poller.poll()
    assert not [path for path in account.asked() if OTHER_VIN in path]
    assert account.listener.listed == [{VIN, OTHER_VIN}]


@pytest.mark.parametrize("is_streaming", [True, False])
async def test_a_car_of_another_user_stays_and_costs_one_request(
    account: AccountParts, is_streaming: Any
) -> None:
    account.user.secondary_vins = {OTHER_VIN}
    with capture_logs() as lines:
        for _ in range(5):
            await account.poller.poll()
            if is_streaming:
                account.measure(OTHER_VIN)
            await account.clock.forward(hours=24)
            account.restart()
        await account.poller.poll(by_person=True)
    named = [line for line in lines if line["event"] == "vehicle_of_another_user"]
    assert {line["vin"] for line in named} == {OTHER_VIN}
    assert "primary user" in named[0]["remedy"]
    assert account.vehicles.vins == {VIN, OTHER_VIN}
    assert [path for path in account.asked() if OTHER_VIN in path] == [
        f"GET vehicles/{OTHER_VIN}/basicData"
    ]
    account.user.secondary_vins = set()
    await account.clock.forward(hours=24)
    await account.poller.poll()
    assert account.basic_data.keys() == {VIN, OTHER_VIN}, "it is the primary user by now"


async def test_a_bare_403_ends_requests_about_a_car_of_another_user(account: AccountParts) -> None:
    account.user.secondary_vins = {OTHER_VIN}
    account.break_down(Fault(path=f"{OTHER_VIN}/basicData", status=403, body="<html>"))
    for _ in range(3):
        await account.poller.poll()
        await account.clock.forward(hours=24)
    assert Counter(account.asked())[f"GET vehicles/{OTHER_VIN}/basicData"] == 1
    assert account.vehicles.vins == {VIN, OTHER_VIN}


# One bad car


@pytest.mark.parametrize(
    "fault",
    [
        cu_error("CU-500", path=READ),
        cu_error("CU-400", path=READ),
        Fault(path=READ, status=200, body="<html>"),
        Fault(path=READ, status=200, body={"telematicData": []}),
        Fault(path=READ, status=200, body=[]),
        Fault(path=READ, drop=True),
    ],
    ids=["CU-500", "CU-400", "html", "list", "no-object", "drop"],
)
async def test_one_bad_car_hides_no_other(account: AccountParts, fault: Fault) -> None:
    account.break_down(fault)
    with capture_logs() as lines:
        for _ in range(3):
            await account.poller.poll()
    assert account.listener.data.keys() == {OTHER_VIN}
    assert account.images.keys() == {VIN, OTHER_VIN}
    missing = [line for line in lines if line["event"] == "data_not_read"]
    assert [(line["vin"], line["what"]) for line in missing] == [(VIN, "telematic_data")]
    asked = Counter(account.asked())
    assert asked[f"GET vehicles/{VIN}/telematicData"] == 1, "each try costs quota"
    account.break_down()
    assert account.poller.due_at() == account.clock.now + timedelta(minutes=10)
    await account.clock.forward(minutes=10)
    await account.poller.poll()
    assert account.listener.data.keys() == {VIN, OTHER_VIN}


async def test_a_bug_that_one_car_brings_out_hides_no_other(
    account: AccountParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = account.listener.telematic_data

    def stumble(vehicle: Any, *rest: Any) -> None:
        if vehicle.vin == VIN:
            raise ZeroDivisionError
        take(vehicle, *rest)

    monkeypatch.setattr(account.listener, "telematic_data", stumble)
    with capture_logs() as lines:
        await account.poller.poll()
    assert account.listener.data.keys() == {OTHER_VIN}
    assert "vehicle_crashed" in {line["event"] for line in lines}


async def test_if_no_car_gives_anything_the_account_hears_why(account: AccountParts) -> None:
    account.break_down(cu_error("CU-500", path="telematicData"))
    for _ in range(3):
        with pytest.raises(Unreachable, match="CU-500"):
            await account.poller.poll()
    asked = Counter(account.asked())
    assert asked[f"GET vehicles/{VIN}/telematicData"] == 1
    assert asked[f"GET vehicles/{OTHER_VIN}/telematicData"] == 1


async def test_a_car_without_basic_data_has_values_all_the_same(account: AccountParts) -> None:
    account.break_down(Fault(path=f"{VIN}/basicData", status=200, body=[]))
    await account.poller.poll()
    assert account.listener.data.keys() == {VIN, OTHER_VIN}
    assert account.basic_data.keys() == {OTHER_VIN}
    account.break_down()
    await account.clock.forward(minutes=10)
    await account.poller.poll()
    assert account.basic_data.keys() == {VIN, OTHER_VIN}


@pytest.mark.parametrize("path", ["basicData", "telematicData"])
async def test_a_car_that_bmw_gives_no_data_of_is_asked_about_no_more(
    account: AccountParts, path: str
) -> None:
    account.break_down(cu_error("CU-104", path=f"{VIN}/{path}"))
    with capture_logs() as lines:
        for _ in range(3):
            await account.poller.poll()
            await account.clock.forward(hours=24)
        account.restart()
        await account.poller.poll()
    dropped = [line for line in lines if line["event"] == "vehicle_refused"]
    assert [line["vin"] for line in dropped] == [VIN]
    assert "primary user" in dropped[0]["reason"]
    assert account.vehicles.vins == {VIN, OTHER_VIN}, "BMW's list names it"
    assert account.listener.data.keys() == {OTHER_VIN}
    assert Counter(account.asked())[f"GET vehicles/{VIN}/{path}"] == 1
    account.break_down()
    await account.clock.forward(minutes=10)
    await account.poller.poll(by_person=True)
    assert account.listener.data.keys() == {VIN, OTHER_VIN}


# Pictures


async def test_a_car_without_a_picture_is_asked_once(account: AccountParts) -> None:
    account.user.cars[0] = car(image=None)
    for _ in range(3):
        await account.poller.poll()
        await account.clock.forward(hours=24)
        account.restart()
    assert Counter(account.asked())[f"GET vehicles/{VIN}/image"] == 1
    assert account.images.keys() == {OTHER_VIN}


async def test_a_picture_that_comes_as_jpeg_is_shown_as_png(account: AccountParts) -> None:
    jpeg = BytesIO()
    Image.new("RGB", (8, 4), "navy").save(jpeg, "JPEG")
    account.break_down(Fault(path=f"{VIN}/image", status=200, body=jpeg.getvalue()))
    await account.poller.poll()
    with Image.open(BytesIO(account.images[VIN])) as shown:
        assert (shown.format, shown.size) == ("PNG", (8, 4))


@pytest.mark.parametrize("body", [b"<html>", b"\xff\xd8\xff and so on"])
async def test_what_is_no_picture_is_not_shown(account: AccountParts, body: bytes) -> None:
    account.break_down(Fault(path=f"{OTHER_VIN}/image", status=200, body=body))
    await account.poller.poll()
    assert account.images == {VIN: PNG}
    await account.poller.poll()
    assert Counter(account.asked())[f"GET vehicles/{OTHER_VIN}/image"] == 1


# Requests that can never succeed


@pytest.mark.parametrize("code", ["CU-104", "CU-120"])
async def test_a_request_that_can_never_succeed_is_sent_once(
    account: AccountParts, code: str
) -> None:
    account.break_down(cu_error(code, path=f"{VIN}/basicData"))
    for _ in range(5):
        await account.poller.poll()
        await account.clock.forward(hours=24)
    assert [path for path in account.asked() if VIN in path] == [f"GET vehicles/{VIN}/basicData"]


@pytest.mark.parametrize("code", ["CU-126", "CU-127"])
async def test_a_picture_that_does_not_exist_is_requested_once(
    account: AccountParts, code: str
) -> None:
    account.break_down(cu_error(code, path=f"{VIN}/image"))
    for _ in range(5):
        await account.poller.poll()
        await account.clock.forward(hours=24)
    assert Counter(account.asked())[f"GET vehicles/{VIN}/image"] == 1
