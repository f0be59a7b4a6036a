"""A process that is told what to do on standard input, one line of JSON a request and answer."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Request = Mapping[str, Any]


async def serve(answer: Callable[[Request], Awaitable[Mapping[str, Any]]]) -> None:
    """Say that all is ready; then answer until standard input ends."""
    print("{}", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await answer(json.loads(line))), flush=True)
