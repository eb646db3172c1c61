"""The second press of "This was not me": it counts only some seconds after its page was shown.

Link scanners send the first form of a page that a letter's URL leads to; what that ends would have a lasting effect.
"""

import hmac
from datetime import UTC, datetime

from aiohttp.web import Request, Response
from markupsafe import Markup

from hub.security.keyring import KeyRing
from hub.settings import NUMBERS
from web.rendering.outcome_text import N_
from web.rendering.pages import noted
from web.request.context import hub_of, now_of
from web.request.forms import fields

FIELD = "shown"
_PURPOSE = "second-press"
_LONGEST_TIME = 12
_EARLY = N_("That was too early. Please wait three seconds, and press again.")


def field_for(request: Request) -> Markup:
    """Write the hidden field that says, signed, when the page was shown."""
    # Hexadecimal signs, digits and a full stop.
    value = signed(hub_of(request).keys, request.match_info["token"], now_of(request))
    return Markup(f'<input type="hidden" name="{FIELD}" value="{value}">')  # noqa: S704


async def too_early(request: Request) -> Response | None:
    """Answer a press that comes too early, or from a page of another letter; None when the press counts."""
    (value,) = await fields(request, FIELD)
    if is_due(hub_of(request).keys, request.match_info["token"], value, now=now_of(request)):
        return None
    return noted(request, request.path, _EARLY)


def signed(keys: KeyRing, token: str, shown_at: datetime) -> str:
    """Sign when the second page of a letter's token was shown."""
    told = f"{shown_at.timestamp():.0f}"
    return f"{told}.{keys.digest(_PURPOSE, f'{told} {token}')}"


def is_due(keys: KeyRing, token: str, value: str, *, now: datetime) -> bool:
    """Tell whether a signed time is right and far enough back."""
    told, _, digest = value.partition(".")
    if not (told.isascii() and told.isdigit() and len(told) <= _LONGEST_TIME):
        return False
    rights = keys.digests(_PURPOSE, f"{told} {token}")
    if not any(hmac.compare_digest(right.encode(), digest.encode()) for right in rights):
        return False
    return datetime.fromtimestamp(int(told), tz=UTC) + NUMBERS.not_me_pause <= now
