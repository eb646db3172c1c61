"""Serving the stand-in: a workspace, its API and its members' page, on one port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web

from demo.slack.acting import StandIn
from demo.slack.core import Core
from demo.slack.page import Page
from demo.slack.sending import Timing

__all__ = ["StandIn", "standing_in"]


@asynccontextmanager
async def standing_in(
    *, host: str = "127.0.0.1", port: int = 0, timing: Timing | None = None
) -> AsyncIterator[StandIn]:
    """Serve a workspace at a port, 0 for a free one; OSError when it is taken."""
    core = Core(timing=timing or Timing())
    async with ClientSession() as session:
        slack = StandIn(core, session)
        page = Page(slack)
        app = web.Application(middlewares=[page.refused])
        app.on_response_prepare.append(_sign)
        app.add_routes([*slack.doors.routes(), *page.routes()])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            core.url = f"http://{host}:{runner.addresses[0][1]}"
            yield slack
        finally:
            core.ended.set()
            await page.end()
            await core.watch.ring()
            await slack.sockets.drop()
            await runner.cleanup()


async def _sign(_request: web.Request, response: web.StreamResponse) -> None:
    """Name the stand-in as what answers, not a library."""
    response.headers["Server"] = "Slack stand-in"
