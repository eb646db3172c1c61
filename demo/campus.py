"""The demo's own page: what there is to open side by side, and a switch between on campus and off campus."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web
from aiohttp.web import AppKey, Application, Request, Response, StreamResponse, middleware
from markupsafe import escape


@dataclass(frozen=True, slots=True)
class Place:
    """Something to open beside the portal."""

    name: str
    url: str


PLACES: AppKey[Sequence[Place]] = AppKey("places")
_COOKIE = "demo-zone"
# TEST-NET-3 (RFC 5737): nobody's address, and no campus's.
ELSEWHERE = "203.0.113.7"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>The demo</title><link rel="stylesheet" href="/static/style.css"></head>
<body><main data-page="demo-zone">
<h1>Where are you?</h1>
<p>The demo takes this browser for one that is <strong>{zone}</strong>.</p>
<form method="get" action="/demo" class="form">
<p><button name="zone" value="{other_value}">Be {other}</button></p></form>
<h2>Open these side by side</h2>
<ul class="doors">{places}</ul>
</main></body></html>"""
Handler = Callable[[Request], Awaitable[StreamResponse]]


@middleware
async def moved(request: Request, handler: Handler) -> StreamResponse:
    """Let a request seem to come from elsewhere, if this browser was told to be off campus."""
    if request.cookies.get(_COOKIE) != "off":
        return await handler(request)
    clone = request.clone(remote=ELSEWHERE)
    clone._match_info = request.match_info  # noqa: SLF001 - aiohttp's clone leaves the matched route behind
    return await handler(clone)


async def show(request: Request) -> Response:
    """Show where this browser is, and switch it."""
    zone = request.query.get("zone", request.cookies.get(_COOKIE, "on"))
    names = {"on": "on campus", "off": "off campus"}
    zone = zone if zone in names else "on"
    other = "off" if zone == "on" else "on"
    places = "".join(
        f'<li><a class="button" href="{escape(one.url)}" target="_blank" rel="noopener">{escape(one.name)}</a></li>'
        for one in request.app[PLACES]
    )
    text = _PAGE.format(zone=names[zone], other=names[other], other_value=other, places=places)
    response = Response(text=text, content_type="text/html")
    response.set_cookie(_COOKIE, zone, path="/", samesite="Lax", httponly=True)
    return response


def add_page(app: Application, places: Sequence[Place]) -> None:
    """Put the page beside a web door, and the switch in front of it."""
    app[PLACES] = places
    app.middlewares.insert(0, moved)
    app.add_routes([web.get("/demo", show)])
