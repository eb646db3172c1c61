"""Whether this process lives, and whether its parts are ready."""

from collections.abc import Callable

from aiohttp.web import AppKey, Request, Response, json_response
from tortoise.exceptions import BaseORMException

from hub.maintenance import checks, jobs
from hub.sessions import password_check
from web.request import unknown_proxies
from web.request.context import CLOCK, hub_of

# Parts that degrade and never fail: each gives what is wrong with it, empty when nothing is.
Trouble = Callable[[], str]
PARTS: AppKey[dict[str, Trouble]] = AppKey("parts")


async def show_live(request: Request) -> Response:
    """Answer as long as the process does, with the id of this hub."""
    return json_response({"status": "ok", "hub": jobs.hub_id(hub_of(request).keys)})


async def show_ready(request: Request) -> Response:
    """Name each part: ok, degraded with what is wrong, or failed; 503 only when the database can't be used."""
    parts: dict[str, dict[str, str]] = {"database": await _database(request)}
    if parts["database"]["status"] == "ok":
        # A database that can't be written keeps reads waiting, too.
        parts |= await _keys(request)
    for name, trouble in request.app[PARTS].items():
        said = trouble()
        parts[name] = {"status": "degraded", "what": said} if said else {"status": "ok"}
    for name in (unknown_proxies.ALARM, password_check.ALARM):
        alarm = hub_of(request).alarms.standing(name, now=request.app[CLOCK]())
        if alarm:
            parts[name] = {"status": "degraded", "what": alarm}
    states = {part["status"] for part in parts.values()}
    status = next(state for state in ("failed", "degraded", "ok") if state in states)
    return json_response({"status": status, "parts": parts}, status=503 if status == "failed" else 200)


async def _keys(request: Request) -> dict[str, dict[str, str]]:
    """Tell of keys that the ring lacks and rows need; nothing as long as there are none."""
    try:
        missing = await checks.missing_keys(hub_of(request).keys)
    except (BaseORMException, OSError, TimeoutError):
        # The database's own part tells what is wrong.
        return {}
    return {"keys": {"status": "failed", "what": checks.missing_sentence(missing)}} if missing else {}


async def _database(request: Request) -> dict[str, str]:
    trouble = await jobs.probe(hub_of(request), now=request.app[CLOCK]())
    return {"status": "failed", "what": trouble} if trouble else {"status": "ok"}
