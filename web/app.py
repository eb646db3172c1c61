"""The web door as an aiohttp application."""

from aiohttp.web import Application

from hub.hub import Hub
from web.context import CLOCK, HUB, Clock
from web.forms import LARGEST
from web.guard import guard
from web.health import PARTS, Trouble
from web.routes import ROUTES
from web.streams import STREAMS, Streams


def application(hub: Hub, clock: Clock, parts: dict[str, Trouble], *, streams: int) -> Application:
    """Build the door on a hub with at most so many streams; `parts` are named on the readiness page."""
    app = Application(middlewares=[guard], client_max_size=LARGEST)
    app[HUB] = hub
    app[CLOCK] = clock
    app[PARTS] = parts
    app[STREAMS] = Streams(streams)
    app.add_routes(ROUTES)
    return app
