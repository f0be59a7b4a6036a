"""A Supervisor as an app of Home Assistant sees it: the MQTT service."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

TOKEN: Final = "supervisor-token"
MOSQUITTO: Final[dict[str, Any]] = {
    "addon": "core_mosquitto",
    "host": "core-mosquitto",
    "port": 1883,
    "ssl": False,
    "protocol": "3.1.1",
    "username": "addons",
    "password": "from-the-supervisor",
}


class Supervisor:
    """Answers as Home Assistant's does; `status` and `answer` can be changed."""

    def __init__(self, port: int = 0, service: Mapping[str, Any] = MOSQUITTO) -> None:
        self.status, self.answer = 200, json.dumps({"result": "ok", "data": service})
        self.asked: list[str] = []
        supervisor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                supervisor.asked.append(self.path)
                is_ours = self.headers["Authorization"] == f"Bearer {TOKEN}"
                self.send_response(supervisor.status if is_ours else 401)
                self.end_headers()
                self.wfile.write(supervisor.answer.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
