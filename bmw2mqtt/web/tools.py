"""What helps when something does not work: log, report, test of the broker, removing everything."""

from typing import Final

from aiohttp import web

from bmw2mqtt.log import last_lines
from bmw2mqtt.mqtt.errors import BrokerError
from bmw2mqtt.mqtt.tools.broker_check import BrokerReport, broker_problems, check_broker
from bmw2mqtt.support_report import AccountReport, report
from bmw2mqtt.vehicle.account import AccountState, AccountStatus
from bmw2mqtt.web.bodies import read_object
from bmw2mqtt.web.context import PageContext

REPORTED_LINES: Final = 60
CONFIRMATION: Final = "remove everything"
_HEALTHY: Final = {AccountStatus.OK, AccountStatus.STARTING, AccountStatus.PAUSED}
_GREETINGS: Final = ("check --report", "the page: Copy report")


class ToolRoutes:
    """The log, the report for an issue, the test of the broker, and removing everything."""

    def __init__(self, context: PageContext) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/api/log", self._log),
            web.get("/api/report", self._report),
            web.post("/api/broker/test", self._check_broker),
            web.post("/api/removal", self._remove_everything),
        ]

    async def _log(self, _: web.Request) -> web.Response:
        return web.json_response({"lines": last_lines()})

    async def _report(self, _: web.Request) -> web.Response:
        settings = self._context.settings
        broker = BrokerReport()
        problem = await check_broker(broker, settings, settings.mqtt, is_daemon_running=True)
        broker.problem = problem[0] if problem else None
        accounts = [_account(state) for state in self._context.devices.account_states()]
        text = report(settings, broker, accounts, last_lines(REPORTED_LINES))
        return web.Response(text=text.replace(*_GREETINGS), content_type="text/markdown")

    async def _check_broker(self, _: web.Request) -> web.Response:
        settings = self._context.settings
        is_connected = self._context.is_connected()
        found = await broker_problems(settings, settings.mqtt, is_daemon_running=is_connected)
        return web.json_response({"problems": found})

    async def _remove_everything(self, request: web.Request) -> web.Response:
        """Delete all topics; the bridge then publishes nothing until it is started again."""
        if self._context.removal is None:
            raise web.HTTPNotFound(text="Only for the Home Assistant app. Run bmw2mqtt cleanup.")
        if (await read_object(request)).get("confirm") != CONFIRMATION:
            raise web.HTTPBadRequest(text=f'Expected {{"confirm": "{CONFIRMATION}"}}.')
        if not self._context.is_connected():
            raise web.HTTPConflict(text="The MQTT broker is not connected. Nothing was deleted.")
        try:
            count = await self._context.removal.remove_everything()
        except BrokerError as error:
            raise web.HTTPBadGateway(
                text=f"Not everything was deleted: {error}. Restart bmw2mqtt and try again."
            ) from error
        return web.json_response({"topics": count})


def _account(state: AccountState) -> AccountReport:
    detail = f": {state.message}" if state.message else ""
    result = f"{state.status}{detail}"
    return AccountReport(state.name, result, is_well=state.status in _HEALTHY)
