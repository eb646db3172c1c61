"""Where a form leads that was sent twice: to where its first answer led, for as long as that is a double press."""

import hmac

from aiohttp.web import Request, Response

from hub.settings import NUMBERS
from web.rendering.pages import see
from web.request.context import LOGIN, SESSION, Cookie, hub_of, is_set, keep, read
from web.request.redirects import own_path

_SENT = Cookie("tegata-sent", NUMBERS.repeat_life)
_PURPOSE = "sent-form"
_LENGTH = 32


async def remember(request: Request, response: Response) -> None:
    """Keep where a form led whose answer brought a new secret: the token in that form is worth nothing from now on."""
    if response.status == 303 and (is_set(request, response, SESSION) or is_set(request, response, LOGIN)):  # noqa: PLR2004
        keep(request, response, _SENT, f"{await _digest(request)}.{response.headers['Location']}")


async def led_on(request: Request) -> Response | None:
    """Lead the same form again to where its first answer led; None for every other form."""
    digest, _, path = read(request, _SENT).partition(".")
    if not path or not hmac.compare_digest((await _digest(request)).encode(), digest.encode()):
        return None
    return see(own_path(path)).response


async def _digest(request: Request) -> str:
    # The library keeps what was read: a form with anything else typed into it is another one.
    body = (await request.read()).decode(errors="replace")
    return hub_of(request).keys.digest(_PURPOSE, f"{request.path} {body}")[:_LENGTH]
