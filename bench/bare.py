"""Pages of the same size with nothing behind them: what the web library alone takes for a login's seven requests."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import uvloop
from aiohttp import web

from bench.server import Server, free_port
from models.kinds import Channel

_FORM = '<input type="hidden" name="csrf" value="token"><input name="way" value="contact:1">'
_PAGES = {"/login/account": 1961, "/login/choice": 1826, "/login/code": 2026, "/portal": 2535}
_NEXT = {"/login/account": "/login/choice", "/login/choice": "/login/code", "/login/code": "/portal"}


class NoCodes:
    """Gives a code that nobody sent."""

    channel = Channel.MAIL

    async def code_to(self, recipient: str) -> str:  # noqa: ARG002
        """Give a code."""
        return "123456"


@asynccontextmanager
async def bare() -> AsyncIterator[Server]:
    """Run the pages in a process of their own, on the hub's event loop."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.bare", str(port))
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as client, asyncio.timeout(20):
            while True:
                try:
                    async with client.get(f"{url}/portal"):
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.02)
        yield Server(process.pid, url, 0)
    finally:
        process.terminate()
        await process.wait()


async def _show(request: web.Request) -> web.Response:
    page = f'<main data-page="{Path(request.path).name}">{_FORM}'
    return web.Response(text=page.ljust(_PAGES[request.path]), content_type="text/html")


async def _post(request: web.Request) -> web.Response:
    form = await request.post()
    assert form["csrf"] == "token"
    answer = web.Response(status=303, headers={"Location": _NEXT[request.path]})
    answer.set_cookie("tegata-login", "x" * 43, httponly=True, samesite="Lax")
    return answer


def _main(port: int) -> None:
    app = web.Application()
    for path in _PAGES:
        app.router.add_get(path, _show)
    for path in _NEXT:
        app.router.add_post(path, _post)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None, loop=uvloop.new_event_loop())


if __name__ == "__main__":
    _main(int(sys.argv[1]))
