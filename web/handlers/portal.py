"""The portal's own pages: who is logged in and how strongly, sessions, logout, language, help."""

from aiohttp.web import Request, Response

from hub.accounts import overview as enrolment
from hub.domain.outcomes import Refused
from hub.sessions import ending, sessions
from web.rendering import outcome_text
from web.rendering.pages import noted, page, see, told, turned_away
from web.request.context import (
    LANGUAGE,
    LOGIN,
    ONWARD,
    SESSION,
    SWITCHED,
    forget,
    hub_of,
    keep,
    now_of,
    read,
    session_of,
    visit_of,
)
from web.request.flash_messages import said_to
from web.request.forms import fields
from web.request.language import LANGUAGES
from web.request.redirects import own_path


async def show_portal(request: Request) -> Response:
    """Show who is logged in, how strongly, from where and when."""
    session = await session_of(request)
    if session is None:
        raise see("/")
    now = now_of(request)
    listed = await sessions.listed(session, now=now)
    overview = await enrolment.overview(hub_of(request), session, now=now)
    return page(request, "portal", session=session, sessions=listed, overview=overview)


async def show_refused(request: Request) -> Response:
    """Show why the form before this page did nothing; there is nothing to show to anybody else."""
    if said_to(request, "refused") is None:
        raise see("/portal")
    return page(request, "refused")


async def post_logout(request: Request) -> Response:
    """End this session and leave nothing of it behind in the browser."""
    session = await session_of(request)
    if session is not None:
        await sessions.end(hub_of(request), visit_of(request), session, session.id)
    answer = noted(request, "/", outcome_text.LOGGED_OUT)
    forget(request, answer, SESSION)
    forget(request, answer, LOGIN)
    forget(request, answer, ONWARD)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


async def post_end_session(request: Request) -> Response:
    """End one session of the account."""
    session = await session_of(request)
    if session is None:
        return noted(request, "/", outcome_text.SESSION_OVER)
    number = int(request.match_info["id"])
    outcome = await sessions.end(hub_of(request), visit_of(request), session, number)
    if isinstance(outcome, Refused):
        return turned_away(request, told(request, outcome), status=404, back="/portal")
    if number == session.id:
        return noted(request, "/", outcome_text.LOGGED_OUT)
    return noted(request, "/portal", outcome_text.SESSION_ENDED)


async def post_end_others(request: Request) -> Response:
    """End every session of the account but this one."""
    session = await session_of(request)
    if session is None:
        return noted(request, "/", outcome_text.SESSION_OVER)
    await ending.end_others(hub_of(request), visit_of(request), session)
    return noted(request, "/portal", outcome_text.SESSIONS_ENDED)


async def post_language(request: Request) -> Response:
    """Switch the language and stay on the page."""
    language, onward = await fields(request, "language", "next")
    answer = see(own_path(onward, "/"))
    if language in LANGUAGES:
        keep(request, answer.response, LANGUAGE, language)
        session = await session_of(request)
        if session is not None:
            await sessions.speak(session, language)
        else:
            keep(request, answer.response, SWITCHED, language)
    raise answer


async def show_help(request: Request) -> Response:
    """Show how to set up and use one-time passwords."""
    return page(request, "help", has_session=bool(read(request, SESSION)))
