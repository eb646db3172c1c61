"""The web door as an aiohttp application."""

from aiohttp.web import Application

from hub.hub import Hub
from web.context import CLOCK, HUB, Clock
from web.forms import LARGEST
from web.guard import guard
from web.health import PARTS, Trouble
from web.routes import ROUTES


def application(hub: Hub, clock: Clock, parts: dict[str, Trouble]) -> Application:
    """Build the door on a hub; `parts` are named on the readiness page."""
    app = Application(middlewares=[guard], client_max_size=LARGEST)
    app[HUB] = hub
    app[CLOCK] = clock
    app[PARTS] = parts
    app.add_routes(ROUTES)
    return app
