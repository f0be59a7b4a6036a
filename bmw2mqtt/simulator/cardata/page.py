"""BMW's web page on which a user confirms the code of a login."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from aiohttp import web

from bmw2mqtt.simulator.https import form_body

from .oauth import UnknownCodeError

if TYPE_CHECKING:
    from .oauth import DeviceCodeFlow

PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - BMW (simulated)</title>
<style>
body {{ font: 17px/1.5 sans-serif; margin: 12vh auto; max-width: 24em; padding: 0 1em }}
input {{ font: inherit; letter-spacing: .2em; padding: .4em; text-transform: uppercase }}
button {{ font: inherit; padding: .4em 1.2em }}
</style>
</head>
<body>
<h1>{title}</h1>
{content}
</body>
</html>
"""
FORM: Final = """\
<p>A program asks to read the data of your cars. Is this the code it shows?</p>
<form method="post">
<p><label>Code<br><input name="user_code" value="{user_code}" maxlength="9" required></label></p>
<p><button name="answer" value="approve">Allow</button>
<button name="answer" value="decline">Decline</button></p>
</form>
"""
APPROVED: Final = "<p>The device is connected. You may close this window.</p>"
DECLINED: Final = "<p>The device was not connected. You may close this window.</p>"
UNKNOWN: Final = '<p role="alert">This code is wrong, used already, or expired.</p>'


@dataclass(frozen=True, slots=True)
class LinkPage:
    """BMW's page "oneid/link", without its login."""

    flow: DeviceCodeFlow

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the page's address."""
        router.add_get("/oneid/link", self.show)
        router.add_post("/oneid/link", self.answer)

    async def show(self, request: web.Request) -> web.Response:
        """Return the form, with the code of the link filled in."""
        user_code = escape(request.query.get("user_code", ""))
        return _page("Connect a device", FORM.format(user_code=user_code))

    async def answer(self, request: web.Request) -> web.Response:
        """Approve or decline the login."""
        form = await form_body(request)
        user_code, approved = form.get("user_code", ""), form.get("answer") != "decline"
        try:
            if approved:
                self.flow.approve(user_code)
            else:
                self.flow.decline(user_code)
        except UnknownCodeError:
            content = UNKNOWN + FORM.format(user_code=escape(user_code))
            return _page("Connect a device", content, status=400)
        if approved:
            return _page("Device connected", APPROVED)
        return _page("Declined", DECLINED)


def _page(title: str, content: str, status: int = 200) -> web.Response:
    text = PAGE.format(title=title, content=content)
    return web.Response(text=text, content_type="text/html", status=status)
