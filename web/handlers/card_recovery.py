"""The pages for what a member may do alone after card and PIN: a new password, a new matrix card, all ways open."""

import asyncio

from aiohttp.web import Request, Response

from hub.domain.outcomes import Busy, Done, Reason, Refused
from hub.recovery import card_recovery
from hub.sessions.sessions import Current
from web.handlers.settings import HOME, permitted
from web.rendering.pages import page, refused, see, told, turned_away
from web.request.context import hub_of, language_of, session_of, visit_of
from web.request.flash_messages import Said, said_to, say
from web.request.forms import fields

_CARD = "/settings/matrix/card"
_PASSWORD_SET = "/settings/password/set"
_UNLOCKED = "/settings/unlocked"


async def show_password(request: Request) -> Response:
    """Show the form for a new password."""
    session = await _permitted(request)
    if isinstance(session, Response):
        return session
    return page(request, "new-password", account=session.account)


async def post_password(request: Request) -> Response:
    """Set a new password; the old one is not asked for."""
    session = await _permitted(request)
    if isinstance(session, Response):
        return session
    password, again = await fields(request, "password", "again")
    outcome = await card_recovery.set_password(
        hub_of(request), visit_of(request), session, password=password, again=again
    )
    match outcome:
        case Done():
            return _done(request, "password-set", _PASSWORD_SET)
        case Refused() | Busy():
            return refused(request, "new-password", outcome)


async def show_new_matrix(request: Request) -> Response:
    """Ask once before a new matrix card is issued."""
    session = await _permitted(request)
    return session if isinstance(session, Response) else page(request, "new-matrix")


async def post_new_matrix(request: Request) -> Response:
    """Issue a new matrix card."""
    session = await _permitted(request)
    if isinstance(session, Response):
        return session
    outcome = await card_recovery.issue_matrix_card(hub_of(request), visit_of(request), session)
    if isinstance(outcome, Refused):
        return _refused(request, outcome)
    raise see(_CARD)


async def show_matrix_card(request: Request) -> Response:
    """Show the card that was issued a moment ago."""
    session = await _permitted(request)
    if isinstance(session, Response):
        return session
    card = await card_recovery.issued_card(hub_of(request), visit_of(request), session)
    return _refused(request, card) if isinstance(card, Refused) else page(request, "matrix-card", card=card)


async def show_matrix_pdf(request: Request) -> Response:
    """Give that card as it is printed."""
    session = await _permitted(request)
    if isinstance(session, Response):
        return session
    card = await card_recovery.issued_card(hub_of(request), visit_of(request), session)
    if isinstance(card, Refused):
        return _refused(request, card)
    # What draws cards is loaded only where one is drawn.
    from hub.verification import matrix_card_pdf

    service = hub_of(request).settings.service_in(language_of(request))
    drawn = await asyncio.to_thread(matrix_card_pdf.pdf, [card], service)
    return Response(body=drawn, content_type="application/pdf")


async def post_unlock(request: Request) -> Response:
    """Open all ways to log in again."""
    session = await _permitted(request)
    if isinstance(session, Response):
        return session
    outcome = await card_recovery.unlock(hub_of(request), visit_of(request), session)
    return _refused(request, outcome) if isinstance(outcome, Refused) else _done(request, "unlocked", _UNLOCKED)


async def show_password_set(request: Request) -> Response:
    """Say that the new password counts, after the form that set it."""
    return _shown_once(request, "password-set")


async def show_unlocked(request: Request) -> Response:
    """Say that all methods are unlocked, after the form that did it."""
    return _shown_once(request, "unlocked")


def _done(request: Request, name: str, path: str) -> Response:
    response = see(path).response
    say(request, response, Said(name))
    return response


def _shown_once(request: Request, name: str) -> Response:
    if said_to(request, name) is None:
        raise see(HOME)
    return page(request, name)


async def _permitted(request: Request) -> Current | Response:
    """Give the session if card and PIN have just opened it; else the page that says so."""
    opened = await session_of(request)
    if opened is not None and not opened.has_card_proved:
        # The password is not asked for what is refused after it.
        return _refused(request, Refused(Reason.CARD_NEEDED))
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    reason = card_recovery.hindrance(session, visit_of(request))
    return _refused(request, Refused(reason)) if reason else session


def _refused(request: Request, why: Refused) -> Response:
    needs_card = why.reason is Reason.CARD_NEEDED
    return turned_away(request, told(request, why), status=403, back=HOME, needs_card=needs_card)
