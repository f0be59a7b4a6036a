"""The result of `bmw2mqtt check --connect` for the owner: ✔ or ✘, and the next step."""

from collections.abc import Iterator, Sequence

from bmw2mqtt.check_mark import mark
from bmw2mqtt.config import Settings
from bmw2mqtt.mqtt.tools.broker_check import BrokerReport
from bmw2mqtt.support_report import AccountReport

_CHECK_BROKER = (
    "Check that the broker is running, and mqtt.host and mqtt.port in the configuration."
)


def result(settings: Settings, broker: BrokerReport, accounts: Sequence[AccountReport]) -> str:
    """Return the lines to print."""
    lines = [*_broker(settings, broker)]
    for account in accounts:
        lines += _account(settings, account)
    failed = sum(not account.is_well for account in accounts) + (not broker.is_well)
    lines.append("")
    if failed:
        total = len(accounts) + 1
        lines.append(
            f"{failed} of {total} checks failed. To report a problem, put the output of"
            " bmw2mqtt check --report into an issue."
        )
    elif broker.is_beside_daemon:
        lines.append("Everything is well, and bmw2mqtt is running.")
    else:
        lines.append("Everything is well. Start bmw2mqtt with: bmw2mqtt run")
    return "\n".join(lines)


def _broker(settings: Settings, broker: BrokerReport) -> Iterator[str]:
    place = f"MQTT broker {settings.mqtt.host}:{settings.mqtt.port}"
    if broker.problem is not None:
        problem = broker.problem.removeprefix(f"{settings.mqtt.host}:{settings.mqtt.port} ")
        yield f"{mark(is_well=False)} {place}: {problem}"
        if "mqtt." not in broker.problem:
            yield f"    → {_CHECK_BROKER}"
        return
    version = f" ({broker.version})" if broker.version else ""
    yield f"{mark(is_well=broker.is_well)} {place}: connected{version}"
    for fault in broker.faults():
        yield f"    → {fault[:1].upper()}{fault[1:]}."


def _account(settings: Settings, account: AccountReport) -> Iterator[str]:
    backend = settings.accounts[account.name].backend
    yield f"{mark(is_well=account.is_well)} Account {account.name} ({backend}): {account.result}"
    if account.next_step:
        yield f"    → {account.next_step[:1].upper()}{account.next_step[1:]}."
