"""Destinations, in each of their notations, arrive with what was given and stay private."""

import json
from collections.abc import Iterator

import pytest
from bimmer_connected.tests import VIN_I20

from bmw2mqtt.simulator.mybmw import Fault
from tests.commanding import CommandedDaemon, rig


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandedDaemon]:
    with rig(tmp_path_factory.mktemp("destinations"), VIN_I20) as started:
        yield started


PLACE = {"lat": 48.17683, "lng": 11.55937}
POIS = [
    (
        json.dumps(
            {
                "name": "BMW Museum",
                "latitude": 48.17683,
                "longitude": 11.55937,
                "street": "Am Olympiapark 2",
                "city": "München",
                "postal_code": "80809",
                "country": "Deutschland",
            }
        ),
        "BMW Museum",
        {
            "street": "Am Olympiapark 2",
            "city": "München",
            "postalCode": "80809",
            "country": "Deutschland",
        },
    ),
    ('{"latitude": 48.17683, "longitude": 11.55937, "city": "Rom"}', "Rom", {"city": "Rom"}),
    ('{"latitude": 48.17683, "longitude": 11.55937}', "48.17683, 11.55937", {}),
    ("geo:48.17683,11.55937", "48.17683, 11.55937", {}),
    ("geo:48.17683,11.55937,520;u=35;crs=wgs84", "48.17683, 11.55937", {}),
    ("geo:0,0?q=48.17683,11.55937(BMW+Museum)", "BMW Museum", {}),
    ("geo:0,0?z=3&q=48.17683%2C11.55937(Caf%C3%A9%20(Nord))", "Café (Nord)", {}),
    ("48.17683,11.55937", "48.17683, 11.55937", {}),
    (" 48.17683 , 11.55937 , Home, sweet home", "Home, sweet home", {}),
]


@pytest.mark.parametrize(("payload", "title", "address"), POIS, ids=[p for p, *_ in POIS])
def test_a_destination_is_sent_with_what_was_given_and_no_more(
    drive: CommandedDaemon, payload: str, title: str, address: dict[str, str]
) -> None:
    requests = len(drive.bmw.requests)

    event = drive.command(VIN_I20, "notify/poi/set", payload)

    assert (event["event_type"], event["payload"]) == ("executed", payload[:255])
    (trigger,) = drive.triggers(requests)
    gcid = drive.bmw.accounts.users[0].gcid
    assert (trigger.method, trigger.path) == ("POST", f"/eadrax-dcs/v2/user/{gcid}/send-to-car")
    body = json.loads(trigger.body)
    assert body["vehicleInformation"] == {"vin": VIN_I20}
    (place,) = body["places"]
    assert place["position"] == PLACE
    assert place["title"] == title
    assert place["address"] == address
    assert b"None" not in trigger.body
    assert drive.requests(since=requests) == [trigger]


def test_destinations_are_not_in_the_log(drive: CommandedDaemon) -> None:
    secrets = ["12.3456789", "98.7654321", "Hideaway", "Secret Lane"]
    good = {"name": "Hideaway", "latitude": "12.3456789", "longitude": 98.7654321}
    payloads = [
        json.dumps({**good, "street": "Secret Lane 1"}),
        json.dumps({**good, "Secret Lane": 1}),
        json.dumps({**good, "12.3456789": 1}),
        json.dumps({**good, "latitude": 912.3456789}),
        json.dumps({**good, "name": 12.3456789}),
        "geo:12.3456789,98.7654321?q=Hideaway",
        "geo:0,0?q=Hideaway",
        "12.3456789,98.7654321,Hideaway",
        "12.3456789,998.7654321,Hideaway",
        "Hideaway, Secret Lane",
    ]
    drive.bmw.faults.add(Fault(path="send-to-car", status=500, times=1))
    answers = [drive.command(VIN_I20, "notify/poi/set", payload) for payload in payloads]
    drive.command(VIN_I20, "number/target_soc/set", "12.3456789")

    assert {answer["event_type"] for answer in answers} == {"failed", "executed", "rejected"}
    lines = [json.dumps(line) for line in drive.process.log() if line["level"] != "debug"]
    assert not [line for line in lines if any(secret in line for secret in secrets)]
    messages = [answer["message"] or "" for answer in answers]
    assert not [m for m in messages if any(secret in m for secret in secrets)]
