"""The portal's own pages: who is logged in and how strongly, sessions, logout, language, help."""

from aiohttp.web import Request, Response

from hub import ending, enrolment, sessions
from hub.outcome import Refused
from web import sentences
from web.context import (
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
from web.forms import fields
from web.pages import noted, page, see, told
from web.paths import own_path
from web.words import LANGUAGES


async def show_portal(request: Request) -> Response:
    """Show who is logged in, how strongly, from where and when."""
    session = await session_of(request)
    if session is None:
        raise see("/")
    now = now_of(request)
    listed = await sessions.listed(session, now=now)
    overview = await enrolment.overview(hub_of(request), session, now=now)
    return page(request, "portal", session=session, sessions=listed, overview=overview)


async def post_logout(request: Request) -> Response:
    """End this session and leave nothing of it behind in the browser."""
    session = await session_of(request)
    if session is not None:
        await sessions.end(hub_of(request), visit_of(request), session, session.id)
    answer = see("/")
    forget(request, answer.response, SESSION)
    forget(request, answer.response, LOGIN)
    forget(request, answer.response, ONWARD)
    answer.response.headers["Clear-Site-Data"] = '"cache", "storage"'
    raise answer


async def post_end_session(request: Request) -> Response:
    """End one session of the account."""
    session = await session_of(request)
    if session is None:
        raise see("/")
    number = int(request.match_info["id"])
    outcome = await sessions.end(hub_of(request), visit_of(request), session, number)
    if isinstance(outcome, Refused):
        return page(request, "refused", status=404, sentence=told(request, outcome), back="/portal")
    if number == session.id:
        raise see("/")
    return noted(request, "/portal", sentences.SESSION_ENDED)


async def post_end_others(request: Request) -> Response:
    """End every session of the account but this one."""
    session = await session_of(request)
    if session is None:
        raise see("/")
    await ending.end_others(hub_of(request), visit_of(request), session)
    raise see("/portal")


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
