"""The page on which a member sees the IC cards, has a kiosk wait for a new one, and blocks one that was lost."""

from typing import Any

from aiohttp.web import Request, Response

from hub import card_binding
from hub.outcome import Refused
from hub.sessions import Current
from web import sentences
from web.context import hub_of, now_of, visit_of
from web.forms import fields
from web.pages import noted, page, refused, see
from web.settings_pages import permitted

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
    outcome = await card_binding.ask(hub_of(request), visit_of(request), session, number)
    if isinstance(outcome, Refused):
        return refused(request, "ic-cards", outcome)
    raise see(_PAGE)


async def post_block(request: Request) -> Response:
    """Block a card that was lost."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    (fingerprint,) = await fields(request, "card")
    outcome = await card_binding.block(hub_of(request), visit_of(request), session, fingerprint)
    if isinstance(outcome, Refused):
        return refused(request, "ic-cards", outcome, at=_PAGE)
    return noted(request, _PAGE, sentences.CARD_BLOCKED)


async def _shown(request: Request, session: Current) -> dict[str, Any]:
    return {"cards": await card_binding.overview(session, now=now_of(request))}
