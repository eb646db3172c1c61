"""Where a form leads that is older than what its browser has done since: on, with the reason, and nothing is done."""

from aiohttp.web import Request, Response

from hub.domain.outcomes import Refused
from hub.login import password_login
from web.rendering.login_paths import path_of
from web.rendering.outcome_text import LOGGED_OUT, N_
from web.rendering.pages import noted
from web.request.context import LOGIN, SESSION, hub_of, now_of, read, session_of

IN_SESSION = N_("You continued in another tab, so that page was out of date. You are logged in.")
IN_LOGIN = N_("You continued in another tab, so that page was out of date. Please go on here.")
_AGAIN = N_("That page was out of date, so nothing was changed. Please try again here.")
_LOGGED_OUT = N_("You have logged out in another tab, so nothing was changed. Please log in again.")
_OVER = N_("That page was out of date because its login has ended. Please log in again.")


async def lead_on(request: Request) -> Response:
    """Lead to the open session, to the login under way, or to the start."""
    is_of_login = request.path.startswith("/login/")
    session = await session_of(request)
    if session is not None:
        return to_session(request) if is_of_login else noted(request, _page_behind(request), _AGAIN)
    if request.path == "/logout":
        return noted(request, "/", LOGGED_OUT)
    if _has_own_page(request):
        return noted(request, request.path, _AGAIN)
    step = await password_login.asked(hub_of(request), read(request, LOGIN), now=now_of(request))
    if isinstance(step, Refused):
        # Logging out takes the session's cookie away; one that ended otherwise leaves it there.
        is_logged_out = not is_of_login and not read(request, SESSION)
        return noted(request, "/", _LOGGED_OUT if is_logged_out else _OVER)
    return noted(request, path_of(step), IN_LOGIN)


def to_session(request: Request) -> Response:
    """Lead a page of a login that is over to the session that this browser has opened."""
    return noted(request, "/portal", IN_SESSION)


def _page_behind(request: Request) -> str:
    """Name the page that a form stands on, or the one that leads there."""
    if _has_own_page(request) or _is_shown(request):
        return request.path
    return "/settings" if request.path.startswith("/settings/") else "/portal"


def _has_own_page(request: Request) -> bool:
    """Tell whether a mailed URL is behind the form: it is opened without a login."""
    return request.path.startswith(("/confirm/", "/not-me/")) and _is_shown(request)


def _is_shown(request: Request) -> bool:
    resource = request.match_info.route.resource
    return resource is not None and any(route.method == "GET" for route in resource)
