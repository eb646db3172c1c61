"""The pages on which soft tokens are set up and removed."""

from typing import Any

import segno
from aiohttp.web import Request, Response
from markupsafe import Markup

from hub.accounts import overview as enrolment
from hub.domain.outcomes import Done, Refused, Throttled
from hub.sessions.sessions import Current
from hub.verification import soft_tokens
from hub.verification.soft_tokens import Setup
from web.handlers.settings import HOME, permitted
from web.rendering import outcome_text
from web.rendering.pages import noted, page, refused, see
from web.request.context import hub_of, now_of, visit_of
from web.request.forms import fields

_PAGE = "/settings/soft-token"


async def show(request: Request) -> Response:
    """Show the soft tokens, and the QR code of the next."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    return page(request, "soft-token-setup", label="", **await _shown(request, session))


async def post(request: Request) -> Response:
    """Bind the soft token that proves one code."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    label, code = await fields(request, "label", "code")
    outcome = await soft_tokens.bind(hub_of(request), visit_of(request), session, label=label, code=code)
    match outcome:
        case Done():
            return noted(request, HOME, outcome_text.TOKEN_ADDED)
        case Refused() | Throttled():
            return refused(request, "soft-token-setup", outcome, label=label[:200])


async def show_remove(request: Request) -> Response:
    """Ask once before a soft token is removed, and say what follows from it."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    tokens = [token for token in await soft_tokens.listed(session) if token.id == int(request.match_info["id"])]
    if not tokens:
        raise see(_PAGE)
    overview = await enrolment.overview(hub_of(request), session, now=now_of(request))
    is_last = overview.soft_tokens == 1 and not overview.contacts
    return page(request, "remove-soft-token", token=tokens[0], is_last=is_last, has_matrix=overview.has_matrix_card)


async def post_remove(request: Request) -> Response:
    """Remove a soft token."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    await soft_tokens.remove(hub_of(request), visit_of(request), session, int(request.match_info["id"]))
    return noted(request, _PAGE, outcome_text.TOKEN_REMOVED)


async def _shown(request: Request, session: Current) -> dict[str, Any]:
    setup = await soft_tokens.set_up(hub_of(request), visit_of(request), session)
    picture = _picture(setup.uri) if isinstance(setup, Setup) else None
    return {
        "tokens": await soft_tokens.listed(session),
        "setup": setup if isinstance(setup, Setup) else None,
        "picture": picture,
    }


def _picture(uri: str) -> Markup:
    drawn = segno.make_qr(uri, error="m").svg_inline(
        scale=5, border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True
    )
    return Markup(drawn)  # noqa: S704 - drawn by the library from an encoded URI; nothing a member typed is markup
