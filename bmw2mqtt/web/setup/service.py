"""What the setup's pages read and change. It outlives the bridges that run with its settings."""

import asyncio
import secrets
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Lock
from typing import Final

import structlog
from pydantic import SecretStr

from bmw2mqtt.config import Configuration, Http, Mqtt, Settings, is_home_assistant_app
from bmw2mqtt.config.keys import KeyPath
from bmw2mqtt.config.settings_file import (
    SETTINGS_FILE,
    read_content,
    restore_content,
    write_settings_file,
)
from bmw2mqtt.vehicle.errors import ConfigError
from bmw2mqtt.web.setup.start_link import (
    PLACEHOLDER,
    StartLink,
    in_other_networks,
    opens_without_link,
    page_urls,
)

log = structlog.get_logger(__name__)

EVERY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - protected by a token
RESTART_AFTER_S: Final = 0.5
"""Time for the answer to reach the browser before the page's connections are closed."""


class Setup:
    """The configuration for the setup's pages: reads it, saves it, restarts the bridge with it."""

    def __init__(
        self,
        configuration: Configuration,
        load: Callable[[], Configuration] | None = None,
        check: Callable[[Settings], object] = lambda _: None,
    ) -> None:
        """Prepare it.

        `load` reads every source again; `check` raises `ConfigError` for what shows only when
        the settings are used.
        """
        self.configuration = configuration
        self.start_link = StartLink()
        self.form_token = secrets.token_urlsafe(24)
        """Is in every form, so that no other site can send one."""
        self.tested_broker: Mqtt | None = None
        """The broker whose last test was successful."""
        self.entered_broker: Mqtt | None = None
        """The broker in the form that is shown.

        A password is never sent back to the browser, so the browser cannot send it again.
        """
        self.is_restarting = False
        self.on_restart: Callable[[], None] = lambda: None
        self._load = load or (lambda: configuration)
        self._check = check
        self._saving = Lock()
        self._token = SecretStr(secrets.token_urlsafe(24))

    @property
    def is_waiting(self) -> bool:
        """Whether no account is configured yet."""
        return not self.configuration.settings.accounts

    def settings(self) -> Settings:
        """Return the settings to run with.

        Before the setup, and unless `http.host` is set, the page listens on every address: a server
        or a container has no browser of its own. A token protects it.
        """
        settings = self.configuration.settings
        if not self._opens_page():
            return settings
        token = settings.http.token or self._token
        http = Http(host=EVERY_ADDRESS, port=settings.http.port, token=token)
        return settings.model_copy(update={"http": http})

    def save_new_token(self) -> None:
        """Save the page's token if one was made, so that sessions outlive a restart."""
        token = self.configuration.new_token
        if token is None:
            return
        data_dir = self.configuration.settings.data_dir
        with suppress(OSError, ValueError):  # the bridge reports a folder that cannot be used
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_settings_file(data_dir, {("http", "token"): token})

    @property
    def needs_link(self) -> bool:
        """Whether nobody can know how to open the page: it waits, or its token is new."""
        return self.is_waiting or self.configuration.new_token is not None

    def restarted(self) -> Settings:
        """Record that the bridge starts again; return the settings to run with."""
        self.is_restarting = False
        return self.settings()

    def save(self, changes: Mapping[KeyPath, object]) -> bool:
        """Write values to `settings.yaml`; return whether there was anything to write.

        Blocks until the disk has them.

        Raises:
            ConfigError: With them the configuration would not be valid; nothing is changed.
        """
        with self._saving:
            wanted: dict[KeyPath, object] = dict(changes)
            if self._opens_page():
                wanted["http", "host"] = EVERY_ADDRESS
                wanted["http", "token"] = self._token.get_secret_value()
            saved = {path: value for path, value in wanted.items() if not self.is_fixed(path)}
            if not saved:
                return False
            was_waiting = self.is_waiting
            self.configuration = self._written(saved)
            if was_waiting and not self.is_waiting:
                self.start_link.revoke()  # it may still be in a log that others read
            log.info("setup_saved", settings=[".".join(path) for path in saved])
            return True

    def _written(self, changes: Mapping[KeyPath, object]) -> Configuration:
        """Write values and return the configuration with them; undo it if that is not valid."""
        data_dir = self.configuration.settings.data_dir
        try:
            before = read_content(data_dir)
            write_settings_file(data_dir, changes)
            try:
                configuration = self._load()
                self._check(configuration.settings)
            except ConfigError:
                restore_content(data_dir, before)
                raise
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            file = data_dir / SETTINGS_FILE
            raise ConfigError([f"{file} cannot be written: {reason}"]) from error
        return configuration

    def restart(self) -> None:
        """Let the bridge start again with the saved settings, in a moment."""
        self.is_restarting = True
        asyncio.get_running_loop().call_later(RESTART_AFTER_S, self.on_restart)

    def is_fixed(self, path: KeyPath) -> bool:
        """Return whether another source sets a value."""
        return path in self.configuration.fixed

    def announce(self) -> None:
        """Log where the page is, in each network of this machine; on a terminal with a QR code."""
        if is_home_assistant_app():
            log.info("setup_waiting", by="ingress", url=None)
            return
        http = self.settings().http
        is_open = opens_without_link(http)
        path = "setup/" if is_open else self.start_link.path()
        urls = [root + path for root in page_urls(http)]
        url, others = urls[0], in_other_networks(urls)
        if self.is_waiting:
            log.info("setup_waiting", by="local" if is_open else "link", url=url, **others)
        else:
            log.info("page_link_created", url=url, **others)
        if not is_open and sys.stderr.isatty() and PLACEHOLDER not in url:
            from segno import make  # noqa: PLC0415 - on a terminal only

            make(url).terminal(out=sys.stderr, compact=True)

    def _opens_page(self) -> bool:
        """Return whether the setup chooses where the page listens."""
        http = self.configuration.settings.http
        return self.is_waiting and "host" not in http.model_fields_set
