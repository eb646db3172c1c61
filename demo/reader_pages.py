"""The pages of the demo's card reader: buttons for its cards, and a frame that stands for the kiosk's screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.web import Application, Request, Response
from jinja2 import Environment, PackageLoader

from demo.card.piv import PIN
from demo.reader import Reader

_ENVIRONMENT = Environment(loader=PackageLoader("demo", "templates"), autoescape=True)
_SCREEN = "/screen"


@dataclass(frozen=True, slots=True)
class Pages:
    """What is shown of a reader; `screen` is the kiosk's own page with its token, `portal` also frames these."""

    reader: Reader
    screen: str = field(repr=False)
    portal: str

    def application(self) -> Application:
        """Build what answers."""
        app = Application(middlewares=[ours])
        app.add_routes(
            [
                web.get("/", self._show),
                web.get("/kiosk", self._show_kiosk),
                web.get(_SCREEN, self._lead),
                web.get("/changed", self._tell_change),
                web.post(r"/on/{number:\d{1,2}}", self._put_on),
                web.post("/away", self._take_away),
                web.post(r"/tries/{number:\d{1,2}}", self._set_back),
                web.static("/static", str(files("demo").joinpath("static"))),
            ]
        )
        return app

    async def _show(self, _request: Request) -> Response:
        return self._page("reader.html")

    async def _show_kiosk(self, _request: Request) -> Response:
        return self._page("kiosk.html")

    async def _lead(self, _request: Request) -> Response:
        """Lead the frame to the kiosk's page."""
        return Response(status=303, headers={"Location": self.screen, "Cache-Control": "no-store"})

    async def _put_on(self, request: Request) -> Response:
        number = int(request.match_info["number"])
        if number >= len(self.reader.cards):
            return Response(status=404)
        try:
            await self.reader.put_on(self.reader.cards[number])
        except OSError:
            return Response(status=503, text="The virtual reader is gone; start the demo again.")
        return Response(status=303, headers={"Location": "/"})

    async def _take_away(self, _request: Request) -> Response:
        await self.reader.take_away()
        return Response(status=303, headers={"Location": "/"})

    async def _set_back(self, request: Request) -> Response:
        """Set the card's counter of wrong PINs back."""
        number = int(request.match_info["number"])
        if number >= len(self.reader.cards):
            return Response(status=404)
        self.reader.cards[number].set_back()
        return Response(status=303, headers={"Location": "/"})

    async def _tell_change(self, request: Request) -> Response:
        """Answer when something happened that the page hasn't seen."""
        seen = request.query.get("seen", "")
        await self.reader.change(int(seen) if seen.isdecimal() else -1)
        return web.json_response({"changes": self.reader.changes, "removals": self.reader.removals})

    def _page(self, name: str) -> Response:
        text = _ENVIRONMENT.get_template(name).render(reader=self.reader, pin=PIN)
        kiosk = _origin(self.screen)
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self';"
            f" frame-src 'self' {kiosk} {self.portal}; frame-ancestors 'self' {self.portal}; base-uri 'none'"
        )
        return Response(text=text, content_type="text/html", headers={"Content-Security-Policy": policy})


@web.middleware
async def ours(request: Request, handler: Handler) -> web.StreamResponse:
    """Let no page from elsewhere do anything with the cards, or be led to the kiosk's own page."""
    asked_by = request.headers.get("Sec-Fetch-Site", "same-origin")
    if (request.method == "POST" or request.path == _SCREEN) and asked_by != "same-origin":
        return Response(status=404)
    return await handler(request)


@asynccontextmanager
async def serving(pages: Pages, host: str, port: int) -> AsyncIterator[None]:
    """Serve the pages; OSError when the port is taken."""
    app = pages.application()
    app.on_response_prepare.append(_sign)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


async def _sign(_request: Request, response: web.StreamResponse) -> None:
    """Name the demo as what answers, not a library."""
    response.headers["Server"] = "Tegata demo"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
