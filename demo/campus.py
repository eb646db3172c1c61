"""The demo's own page: the portal, the inbox and Slack side by side, on campus or off."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.web import AppKey, Application, Request, Response, StreamResponse, middleware
from jinja2 import Environment, PackageLoader


@dataclass(frozen=True, slots=True)
class Place:
    """Something to see beside the portal."""

    name: str
    url: str


PLACES: AppKey[Sequence[Place]] = AppKey("places")
FRAMERS: AppKey[Sequence[str]] = AppKey("framers")
_COOKIE = "demo-zone"
_PATH = "/demo"
# TEST-NET-3 (RFC 5737): nobody's address, and no campus's.
ELSEWHERE = "203.0.113.7"
_NAMES = {"on": "on campus", "off": "off campus"}
_ENVIRONMENT = Environment(loader=PackageLoader("demo", "templates"), autoescape=True)
Handler = Callable[[Request], Awaitable[StreamResponse]]


@middleware
async def moved(request: Request, handler: Handler) -> StreamResponse:
    """Let a request seem to come from elsewhere, if this browser was told to be off campus."""
    if request.cookies.get(_COOKIE) != "off":
        return await handler(request)
    clone = request.clone(remote=ELSEWHERE)
    clone._match_info = request.match_info  # noqa: SLF001 - aiohttp's clone leaves the matched route behind
    return await handler(clone)


@middleware
async def framed(request: Request, handler: Handler) -> StreamResponse:
    """Let the portal stand in a frame of the demo's own pages, and of no other."""
    response = await handler(request)
    if request.path == _PATH:
        response.headers["Content-Security-Policy"] = _policy_of(request.app[PLACES])
    elif not response.prepared:
        policy = response.headers.get("Content-Security-Policy", "")
        ancestors = " ".join(["frame-ancestors 'self'", *request.app[FRAMERS]])
        response.headers["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", ancestors)
        # Browsers that know the policy pass this over.
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


async def show(request: Request) -> Response:
    """Show what there is, side by side, and switch between on campus and off."""
    zone = request.query.get("zone", request.cookies.get(_COOKIE, "on"))
    zone = zone if zone in _NAMES else "on"
    other = "off" if zone == "on" else "on"
    places = request.app[PLACES]
    page = _ENVIRONMENT.get_template("desk.html")
    text = page.render(places=places, zone=_NAMES[zone], other=_NAMES[other], other_value=other)
    response = Response(text=text, content_type="text/html")
    response.set_cookie(_COOKIE, zone, path="/", samesite="Lax", httponly=True)
    return response


def _policy_of(places: Sequence[Place]) -> str:
    origins = " ".join(sorted({_origin(one.url) for one in places}))
    return (
        f"default-src 'none'; style-src 'self'; form-action 'self'; frame-src {origins};"
        " frame-ancestors 'none'; base-uri 'none'"
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def add_page(app: Application, places: Sequence[Place], framers: Sequence[str] = ()) -> None:
    """Put the page beside a web door, and the switch in front of it; `framers` may frame the portal as well."""
    app[PLACES], app[FRAMERS] = places, framers
    app.middlewares[:0] = [moved, framed]
    app.add_routes([web.get(_PATH, show), web.static("/demo/static", str(files("demo").joinpath("static")))])
