"""The web door as an aiohttp application."""

from aiohttp.web import Application

from hub.context import Hub
from web.handlers.health import PARTS, Trouble
from web.middleware import guard
from web.request.context import CLOCK, HUB, Clock
from web.request.forms import LARGEST
from web.request.stream_limits import STREAMS, Streams
from web.routes import ROUTES


def application(hub: Hub, clock: Clock, parts: dict[str, Trouble], *, streams: int) -> Application:
    """Build the door on a hub with at most so many streams; `parts` are named on the readiness page."""
    app = Application(middlewares=[guard], client_max_size=LARGEST)
    app[HUB] = hub
    app[CLOCK] = clock
    app[PARTS] = parts
    app[STREAMS] = Streams(streams)
    app.add_routes(ROUTES)
    return app
