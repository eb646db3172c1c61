"""The page on which a member sees the IC cards, has a kiosk wait for a new one, and blocks one that was lost."""

from typing import Any

from aiohttp.web import Request, Response

from hub.cards import binding
from hub.domain.outcomes import Refused
from hub.sessions.sessions import Current
from web.handlers.settings import permitted
from web.rendering import outcome_text
from web.rendering.pages import noted, page, refused, see
from web.request.context import hub_of, now_of, visit_of
from web.request.forms import fields

_PAGE = "/settings/ic-card"
_DIGITS = 18


async def show(request: Request) -> Response:
    """Show the cards, and the kiosk that waits for one."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    return page(request, "ic-cards", **await _shown(request, session))


async def post(request: Request) -> Response:
    """Have a kiosk wait for a card."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    (kiosk,) = await fields(request, "kiosk")
    number = int(kiosk) if kiosk.isascii() and kiosk.isdecimal() and len(kiosk) <= _DIGITS else 0
    outcome = await binding.ask(hub_of(request), visit_of(request), session, number)
    if isinstance(outcome, Refused):
        return refused(request, "ic-cards", outcome)
    raise see(_PAGE)


async def post_block(request: Request) -> Response:
    """Block a card that was lost."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    (fingerprint,) = await fields(request, "card")
    outcome = await binding.block(hub_of(request), visit_of(request), session, fingerprint)
    if isinstance(outcome, Refused):
        return refused(request, "ic-cards", outcome, at=_PAGE)
    return noted(request, _PAGE, outcome_text.CARD_BLOCKED)


async def _shown(request: Request, session: Current) -> dict[str, Any]:
    return {"cards": await binding.overview(session, now=now_of(request))}
