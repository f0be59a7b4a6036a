"""The simulated REST API of CarData answers in BMW's shapes, and fails in BMW's ways."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from bmw2mqtt.simulator.cardata import (
    API_SCOPE,
    STREAM_SCOPE,
    CarDataUser,
    RecordedCarDataCar,
    SimulatedReading,
    cu_error,
)
from bmw2mqtt.simulator.cardata.answers import ERRORS

MAPPINGS = "/customers/vehicles/mappings"
CONTAINERS = "/customers/containers"
MILEAGE = "vehicle.vehicle.travelledDistance"
SOC = "vehicle.drivetrain.batteryManagement.header"
TRUNK = "vehicle.body.trunk.isOpen"
MESSAGES = "vehicle.status.checkControlMessages"


def path(car, name):
    return f"/customers/vehicles/{car.vin}/{name}"


@pytest.fixture
async def customer(client):
    await client.log_in()
    return client


async def create(client, *descriptors, name="test", purpose="v1"):
    body = {"name": name, "purpose": purpose, "technicalDescriptors": list(descriptors)}
    return await client.call(CONTAINERS, method="POST", json=body)


async def refusal(client, *args, **options):
    status, body = await client.call(*args, **options)
    assert body.keys() == {"exveErrorId", "exveErrorMsg", "exveErrorRef", "exveNote"}
    return status, body["exveErrorId"]


async def test_without_a_good_token_nothing_is_told(client, clock):
    assert await refusal(client, MAPPINGS) == (401, "CU-100")
    client.tokens = {"access_token": "made-up"}
    assert await refusal(client, MAPPINGS) == (401, "CU-101")
    await client.log_in()
    clock.forward(hours=1)
    assert await refusal(client, MAPPINGS) == (401, "CU-102")
    await client.log_in(f"openid {STREAM_SCOPE}")
    assert await refusal(client, MAPPINGS) == (403, "CU-103")
    await client.log_in(f"openid {API_SCOPE}")
    assert await refusal(client, MAPPINGS, headers={"x-version": "v2"}) == (400, "CU-400")
    assert (await client.call(MAPPINGS))[0] == 200


async def test_cars_are_listed_in_three_shapes(cardata, customer, driver, car):
    driver.cars.append(RecordedCarDataCar("WBA00000000000002"))
    driver.secondary_vins.add("WBA00000000000002")

    _, listed = await customer.call(MAPPINGS)
    cardata.vehicles.mappings_shape = "wrapped"
    _, wrapped = await customer.call(MAPPINGS)
    cardata.vehicles.mappings_shape = "object"
    _, single = await customer.call(MAPPINGS)

    assert [entry["vin"] for entry in listed] == [car.vin, "WBA00000000000002"]
    assert [entry["mappingType"] for entry in listed] == ["PRIMARY", "SECONDARY"]
    assert listed[0]["mappedSince"] == "2024-05-01T08:00:00Z"
    assert wrapped == {"mappings": listed}
    assert single == listed[0]


async def test_a_car_of_somebody_else_is_refused(customer, driver):
    other = RecordedCarDataCar("WBA00000000000002")
    assert await refusal(customer, path(other, "basicData")) == (403, "CU-104")
    driver.cars.append(other)
    driver.secondary_vins.add(other.vin)
    assert await refusal(customer, path(other, "basicData")) == (403, "CU-104")
    lower = "/customers/vehicles/wba00000000000001/basicData"
    assert await refusal(customer, lower) == (400, "CU-120")


async def test_basic_data_in_two_spellings(cardata, customer, car):
    car.basic |= {"countryCodeISO": "DE", "modelRange": "U11", "puStep": "1122"}

    _, openapi = await customer.call(path(car, "basicData"))
    cardata.vehicles.basic_data_spelling = "live"
    _, live = await customer.call(path(car, "basicData"))

    assert openapi["vin"] == car.vin
    assert openapi["countryCodeISO"] == "DE"
    assert live["countryCode"] == "DE"
    assert live["seriesDevt"] == "U11"
    assert not {"vin", "puStep", "modelRange", "countryCodeISO"} & live.keys()


async def test_telematic_data_is_all_text(customer, car):
    car.store(
        {
            MILEAGE: SimulatedReading(41250, "km"),
            SOC: SimulatedReading(63.5, "percent"),
            TRUNK: False,
            "vehicle.channel.teleservice.lastBreakdownCallTime": SimulatedReading(
                "-NA-", None, datetime(2021, 3, 4, tzinfo=UTC)
            ),
            "vehicle.isMoving": SimulatedReading(None, "-"),
        }
    )
    _, container = await create(customer, *car.readings(), MESSAGES)
    query = {"containerId": container["containerId"]}

    status, body = await customer.call(path(car, "telematicData"), params=query)

    data, now = body["telematicData"], "2026-11-01T10:00:00.000Z"
    assert status == 200
    assert data[MILEAGE] == {"value": "41250", "unit": "km", "timestamp": now}
    assert data[SOC] == {"value": "63.5", "unit": "%", "timestamp": now}
    assert data[TRUNK] == {"value": "false", "unit": None, "timestamp": now}
    old = data["vehicle.channel.teleservice.lastBreakdownCallTime"]
    assert old == {"value": "-NA-", "unit": None, "timestamp": "2021-03-04T00:00:00.000Z"}
    assert data["vehicle.isMoving"] == {"value": None, "unit": "-", "timestamp": None}
    assert data[MESSAGES] == {"value": None, "unit": None, "timestamp": None}


async def test_cleared_warnings_are_nulls(customer, car):
    _, container = await create(customer, MESSAGES)
    query = {"containerId": container["containerId"]}
    car.store({MESSAGES: json.dumps([{"id": "164", "messageType": "CCM"}])})
    _, warned = await customer.call(path(car, "telematicData"), params=query)
    car.clear([MESSAGES])
    _, cleared = await customer.call(path(car, "telematicData"), params=query)

    assert "164" in warned["telematicData"][MESSAGES]["value"]
    nothing = {"value": None, "unit": None, "timestamp": None}
    assert cleared["telematicData"][MESSAGES] == nothing


async def test_a_container_from_birth_to_death(cardata, customer, driver, car):
    cardata.containers.add(driver, "evcc.io", "v6", [SOC])

    status, created = await create(customer, MILEAGE, SOC)
    _, listed = await customer.call(CONTAINERS)
    _, detail = await customer.call(f"{CONTAINERS}/{created['containerId']}")
    gone, nothing = await customer.call(f"{CONTAINERS}/{created['containerId']}", method="DELETE")
    _, remaining = await customer.call(CONTAINERS)

    assert status == 201
    assert len(created["containerId"]) == 13
    assert (created["name"], created["purpose"], created["state"]) == ("test", "v1", "ACTIVE")
    assert created["technicalDescriptors"] == [MILEAGE, SOC]
    assert detail == created
    assert [entry["name"] for entry in listed["containers"]] == ["evcc.io", "test"]
    assert all("technicalDescriptors" not in entry for entry in listed["containers"])
    assert (gone, nothing) == (204, b"")
    assert [entry["state"] for entry in remaining["containers"]] == ["ACTIVE", "INACTIVE"]
    again = f"{CONTAINERS}/{created['containerId']}"
    assert await refusal(customer, again, method="DELETE") == (400, "CU-122")
    query = {"containerId": created["containerId"]}
    assert await refusal(customer, path(car, "telematicData"), params=query) == (403, "CU-105")


async def test_containers_that_are_refused(cardata, customer, driver, car):
    async def refused(*descriptors, **options):
        status, body = await create(customer, *descriptors, **options)
        return status, body["exveErrorId"]

    containers = cardata.containers
    containers.failing_descriptors.add("vehicle.drivetrain.electricEngine.charging.level")
    containers.unknown_descriptors.add(TRUNK)
    containers.max_descriptors = 2

    assert await refused("vehicle.made.up") == (400, "CU-402")
    assert await refused("vehicle.look.image") == (400, "CU-402")
    assert await refused(TRUNK) == (400, "CU-402")
    assert await refused("vehicle.drivetrain.electricEngine.charging.level") == (500, "CU-500")
    assert await refused(MILEAGE, SOC, "vehicle.isMoving") == (403, "CU-403")
    assert await refused() == (400, "CU-400")
    assert await refused(MILEAGE, purpose="") == (400, "CU-400")
    for count in range(10):
        containers.add(driver, "other", str(count), [SOC])
    assert await refused(MILEAGE) == (400, "CU-124")
    containers.limit = 11
    assert (await create(customer, MILEAGE))[0] == 201
    telematic_data = path(car, "telematicData")
    missing, short = {"containerId": "S999999999999"}, {"containerId": "S9"}
    assert await refusal(customer, telematic_data, params=missing) == (403, "CU-105")
    assert await refusal(customer, telematic_data, params=short) == (400, "CU-121")
    assert await refusal(customer, telematic_data) == (400, "CU-121")


async def test_a_picture_or_none(customer, car):
    assert await refusal(customer, path(car, "image")) == (404, "CU-126")
    car.picture = b"\x89PNG\r\n\x1a\n picture"
    assert await customer.call(path(car, "image")) == (200, car.picture)


async def test_charging_history_comes_in_pages(cardata, customer, car, clock):
    cardata.vehicles.page_size = 2
    first = clock() - timedelta(days=5)
    car.sessions = [
        {"startTime": int((first + timedelta(days=day)).timestamp()), "displayedSoc": day}
        for day in range(5)
    ]
    query = {"from": "2026-10-27T20:00:00.000Z", "to": "2026-11-01T10:00:00.000Z"}

    _, page = await customer.call(path(car, "chargingHistory"), params=query)
    query["nextToken"] = page["next_token"]
    _, last = await customer.call(path(car, "chargingHistory"), params=query)
    cardata.vehicles.expire_pages()

    assert [session["displayedSoc"] for session in page["data"]] == [1, 2]
    assert [session["displayedSoc"] for session in last["data"]] == [3, 4]
    assert last["next_token"] is None
    history = path(car, "chargingHistory")
    assert await refusal(customer, history, params=query) == (400, "CU-125")
    assert await refusal(customer, history) == (400, "CU-400")
    malformed = {"from": "yesterday", "to": "now"}
    assert await refusal(customer, history, params=malformed) == (400, "CU-401")


async def test_charging_places_and_tyres(customer, car):
    places = path(car, "locationBasedChargingSettings")
    assert await refusal(customer, places) == (404, "CU-127")
    car.places = [{"id": "home", "acCurrentLimit": 16}]
    assert (await customer.call(places))[1] == {"nextToken": None, "data": car.places}
    _, tyres = await customer.call(path(car, "smartMaintenanceTyreDiagnosis"))
    assert tyres == car.tyres


async def test_the_quota_is_used_up_by_every_request(cardata, customer, driver, clock):
    bad = "/customers/vehicles/nonsense/basicData"
    cardata.faults.add(cu_error("CU-503", MAPPINGS, times=1))
    assert await refusal(customer, MAPPINGS) == (503, "CU-503")
    assert await refusal(customer, bad) == (400, "CU-120")
    assert cardata.quota.used(driver.gcid) == 2

    cardata.quota.spend(driver.gcid, 47)
    assert (await customer.call(MAPPINGS))[0] == 200
    assert await refusal(customer, MAPPINGS) == (403, "CU-429")
    cardata.quota.status = 429
    assert await refusal(customer, MAPPINGS) == (429, "CU-429")
    assert (await customer.refresh())[0] == 200
    clock.forward(hours=24)
    await customer.log_in()
    assert (await customer.call(MAPPINGS))[0] == 200


async def test_the_quota_is_one_for_each_customer(cardata, customer, client_of):
    cardata.add_user(CarDataUser(name="neighbour", client_ids={"neighbour's client"}))
    neighbour = client_of(cardata, client_id="neighbour's client")
    await neighbour.log_in()
    cardata.quota.exhaust(cardata.users[0].gcid)

    assert (await customer.call(MAPPINGS))[0] == 403
    assert await neighbour.call(MAPPINGS) == (200, [])


@pytest.mark.parametrize("error_id", ERRORS)
async def test_every_error_can_be_played(cardata, customer, car, error_id):
    cardata.faults.add(cu_error(error_id, "basicData", vin=car.vin, times=1))

    assert await refusal(customer, path(car, "basicData")) == (ERRORS[error_id][0], error_id)
    assert (await customer.call(path(car, "basicData")))[0] == 200


async def test_requests_are_recorded_and_a_restart_forgets_nothing(cardata, customer, car):
    url = cardata.api_url
    await cardata.stop()
    await cardata.start()

    status, _ = await customer.call(path(car, "basicData"))

    assert status == 200
    assert cardata.api_url == url
    request = cardata.requests[-1]
    assert (request.method, request.path, request.vin) == ("GET", path(car, "basicData"), car.vin)
    assert request.headers["x-version"] == "v1"
