"""Commands to the bridge's own accounts: refresh, polling, login."""

from collections.abc import Callable, Mapping

import structlog

from bmw2mqtt.accounts.account import Account
from bmw2mqtt.config.text import MAX_TOKEN_BYTES, captcha_token
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.topics import CommandTopic
from bmw2mqtt.vehicle.account import LoginKind

log = structlog.get_logger(__name__)


class AccountCommands:
    """Receives messages on the accounts' command topics; they work in read-only mode too."""

    def __init__(self, accounts: Mapping[str, Account], publisher: Publisher) -> None:
        self._accounts = accounts
        self._publisher = publisher

    def receive(self, command: CommandTopic, message: Received) -> None:
        """Carry out a command to an account, or log why not."""
        account = self._find(command.account, message)
        if account is None:
            return
        actions: dict[tuple[str, str, str, bytes], Callable[[], None]] = {
            ("button", "refresh", "press", b"PRESS"): account.refresh,
            ("button", "refresh", "press", b""): account.refresh,
            ("switch", "polling", "set", b"ON"): lambda: account.set_polling(is_polling=True),
            ("switch", "polling", "set", b"OFF"): lambda: account.set_polling(is_polling=False),
        }
        if account.state.backend.login is LoginKind.DEVICE_CODE:
            actions["button", "login", "press", b"PRESS"] = lambda: account.log_in(None)
            actions["button", "login", "press", b""] = lambda: account.log_in(None)
        key = (command.platform, command.key, command.suffix, message.payload)
        if key in actions:
            log.info("account_command_received", account=account.name, key=command.key)
            actions[key]()
        else:
            log.warning("command_refused", topic=message.topic, reason="invalid_payload")

    def receive_login(self, name: str, message: Received) -> None:
        """Log in with a captcha's token. It is a secret: neither logged nor published."""
        if message.retain:
            self._publisher.clear(message.topic)  # a secret must not stay on the broker
        account = self._find(name, message)
        if account is None:
            return
        if account.state.backend.login is not LoginKind.CAPTCHA:
            title = account.state.backend.title
            log.warning(
                "command_refused", topic=message.topic, reason=f"{title} does not use a captcha"
            )
            return
        token = captcha_token(message.payload[: MAX_TOKEN_BYTES + 1].decode(errors="replace"))
        if token is None:
            log.warning("command_refused", topic=message.topic, reason="invalid_payload")
            return
        log.info("account_command_received", account=account.name, key="login")
        account.log_in(token)

    def _find(self, name: str | None, message: Received) -> Account | None:
        account = self._accounts.get(name or "")
        if message.retain:
            log.warning("command_refused", topic=message.topic, reason="retained")
            return None
        if message.is_stale:  # the token may have expired, or polling may have been resumed since
            log.warning("command_refused", topic=message.topic, reason="expired")
            return None
        if account is None:
            log.warning("command_refused", topic=message.topic, reason="unknown_account")
        return account
