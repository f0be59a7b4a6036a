"""Home Assistant's ingress: the page in a frame, below a path, through a proxy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from tests.mosquitto import free_port

SUPERVISOR = "127.0.0.9"
PATH = "/api/hassio_ingress/a-session"


@asynccontextmanager
async def home_assistant(page_url: str) -> AsyncIterator[str]:
    """Serve a Home Assistant with the page in its frame; return its address."""
    connector = aiohttp.TCPConnector(local_addr=(SUPERVISOR, 0))
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as client:

        async def panel(_: web.Request) -> web.Response:
            frame = f'<title>Home Assistant</title><iframe src="{PATH}/" width=900 height=900>'
            return web.Response(text=frame, content_type="text/html")

        async def forward(request: web.Request) -> web.StreamResponse:
            headers = {
                **request.headers,
                "X-Ingress-Path": PATH,
                "X-Forwarded-For": "192.0.2.1",
                "X-Forwarded-Host": request.host,
                "Host": "172.30.33.5:8099",
            }
            url = f"{page_url}/{request.match_info['path']}"
            if request.query_string:
                url += f"?{request.query_string}"
            body = await request.read()
            sent = client.request(
                request.method, url, headers=headers, data=body, allow_redirects=False
            )
            async with sent as answer:
                kept = {k: v for k, v in answer.headers.items() if k != "Transfer-Encoding"}
                response = web.StreamResponse(status=answer.status, headers=kept)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                return response

        app = web.Application()
        app.add_routes([web.get("/", panel), web.route("*", PATH + "/{path:.*}", forward)])
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            await runner.cleanup()
