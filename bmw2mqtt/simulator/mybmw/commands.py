"""The addresses for commands, and the events that report their results."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from bmw2mqtt.simulator.clock import timestamp

from .answers import json_body, refuse
from .cars import InvalidCommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from .authorizer import AppAuthorizer
    from .cars import Json, SimulatedCar
    from .users import SimulatedUser

REMOTE_COMMANDS: Final = (
    "light-flash",
    "horn-blow",
    "door-lock",
    "door-unlock",
    "climate-now",
    "vehicle-finder",
)
CHARGING_COMMANDS: Final = (
    "start-charging",
    "stop-charging",
    "charging-settings",
    "charging-profile",
)
SEND_TO_CAR: Final = "send-to-car"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answers to the polls of a command's event; the last status is repeated."""

    statuses: tuple[str, ...]
    details: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the answer with the last status."""

    def answer(self, poll: int) -> Json:
        """Return the answer to the poll with this number, the first one being 0."""
        last = poll >= len(self.statuses) - 1
        status = self.statuses[-1 if last else poll]
        return {"eventStatus": status, **(self.details if last else {})}


EXECUTED: Final = Outcome(statuses=("PENDING", "DELIVERED", "EXECUTED"))
IGNORED: Final = Outcome(statuses=("PENDING", "DELIVERED", "IGNORED"))
NEVER_FINISHED: Final = Outcome(statuses=("PENDING", "DELIVERED"))
FAILED: Final = Outcome(
    statuses=("PENDING", "DELIVERED", "ERROR"),
    details={
        "errorDetails": {
            "title": "Something went wrong",
            "description": "The vehicle could not carry out the request. Please try again later.",
            "presentationType": "PAGE",
            "iconId": 60217,
            "isRetriable": True,
            "errorDetails": "NACK",
        }
    },
)


@dataclass(slots=True)
class _Plan:
    outcome: Outcome
    service: str | None
    vin: str | None
    left: int | None


@dataclass(slots=True)
class PlannedOutcomes:
    """The planned results of future commands; those without a plan are executed."""

    _plans: list[_Plan] = field(default_factory=list)

    def plan(
        self,
        outcome: Outcome,
        *,
        service: str | None = None,
        vin: str | None = None,
        times: int | None = None,
    ) -> None:
        """Plan the outcome of the next `times` commands (`None`: all) of a service and a car."""
        self._plans.append(_Plan(outcome, service, vin, times))

    def clear(self) -> None:
        """Remove all plans."""
        self._plans.clear()

    def consume(self, service: str, vin: str) -> Outcome:
        """Return the planned outcome of a command, and count it."""
        for plan in self._plans:
            if plan.service not in (None, service) or plan.vin not in (None, vin):
                continue
            if plan.left is not None:
                plan.left -= 1
                if plan.left <= 0:
                    self._plans.remove(plan)
            return plan.outcome
        return EXECUTED


@dataclass(slots=True, kw_only=True)
class _Event:
    """A command in progress."""

    user: SimulatedUser
    car: SimulatedCar
    service: str
    params: Mapping[str, str]
    body: Json
    outcome: Outcome
    polls: int = 0
    performed: bool = False


@dataclass(slots=True)
class CommandRoutes:
    """Accepts commands for the user's cars and answers the polls of their events."""

    authorizer: AppAuthorizer
    clock: Callable[[], datetime]
    outcomes: PlannedOutcomes = field(default_factory=PlannedOutcomes)
    _events: dict[str, _Event] = field(default_factory=dict)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the commands' addresses."""
        base = "/presentation/remote-commands"
        router.add_post(f"/eadrax-vrccs/v3{base}/eventStatus", self.event_status)
        router.add_post(f"/eadrax-vrccs/v4{base}/eventPosition", self.event_position)
        services = "|".join(REMOTE_COMMANDS)
        router.add_post(f"/eadrax-vrccs/v4{base}/{{service:{services}}}", self.command)
        services = "|".join(CHARGING_COMMANDS)
        router.add_post(f"/eadrax-crccs/v1/vehicles/{{vin}}/{{service:{services}}}", self.command)
        router.add_post("/eadrax-dcs/v2/user/{gcid}/send-to-car", self.send_to_car)

    async def command(self, request: web.Request) -> web.Response:
        """Accept a command and return the ID of its event."""
        user = self.authorizer.user(request)
        car = self.authorizer.car(request)
        service = request.match_info["service"]
        params, body = dict(request.query), await json_body(request)
        _check(car, service, params, body)
        event_id = str(uuid.uuid4())
        self._events[event_id] = _Event(
            user=user,
            car=car,
            service=service,
            params=params,
            body=body,
            outcome=self.outcomes.consume(service, car.vin),
        )
        return web.json_response({"creationTime": timestamp(self.clock()), "eventId": event_id})

    async def event_status(self, request: web.Request) -> web.Response:
        """Return a command's status; the car performs it when EXECUTED is first answered."""
        event = self._event(request)
        answer = event.outcome.answer(event.polls)
        event.polls += 1
        if answer["eventStatus"] == "EXECUTED" and not event.performed:
            event.performed = True
            event.car.perform(event.service, event.params, event.body)
        return web.json_response(answer)

    async def event_position(self, request: web.Request) -> web.Response:
        """Return the vehicle finder's position, if the request has the app's own position."""
        event = self._event(request)
        try:
            float(request.headers["latitude"])
            float(request.headers["longitude"])
        except (KeyError, ValueError) as error:
            raise refuse(400, "Headers latitude and longitude are required.") from error
        position = event.car.position()
        if position is None:
            details = {
                "title": "Unknown position",
                "description": "The position of the vehicle could not be determined.",
            }
            return web.json_response({"positionData": None, "errorDetails": details})
        data = {"status": "OK", "position": position}
        return web.json_response({"positionData": data, "errorDetails": None})

    async def send_to_car(self, request: web.Request) -> web.Response:
        """Accept a destination; BMW creates no event for it."""
        user = self.authorizer.user(request)
        if request.match_info["gcid"] != user.gcid:
            raise refuse(403, "Forbidden.")
        body = await json_body(request)
        information = body.get("vehicleInformation")
        vin = information.get("vin") if isinstance(information, dict) else None
        car = self.authorizer.car_of(user, vin)
        if not _is_poi(body):
            raise refuse(400, "Invalid place.")
        _check(car, SEND_TO_CAR, {}, body)
        car.perform(SEND_TO_CAR, {}, body)
        return web.Response(status=201)

    def _event(self, request: web.Request) -> _Event:
        user = self.authorizer.user(request)
        event = self._events.get(request.query.get("eventId", ""))
        if event is None or event.user is not user:
            raise refuse(404, "Event not found.")
        return event


def _check(car: SimulatedCar, service: str, params: Mapping[str, str], body: Json) -> None:
    try:
        car.check(service, params, body)
    except InvalidCommandError as error:
        raise refuse(error.status, str(error)) from error


def _is_poi(body: Json) -> bool:
    match body.get("places"):
        case [{"position": {"lat": float(), "lng": float()}, "title": str(title)}, *_]:
            return bool(title)
    return False
