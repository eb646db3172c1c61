"""What a form's answer says on the page that the browser is sent on to: once, in a sealed cookie of a minute."""

import base64
import json
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from aiohttp.web import Request, StreamResponse

from hub.domain.errors import KeyRingError, TamperedError
from web.request.context import Cookie, forget, hub_of, keep, now_of, read

_LIFE = timedelta(minutes=1)
_SAID = Cookie("tegata-said", _LIFE)
_IDENTITY = "web/said"


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence for one page, or with an empty `page` for the next one, and what was typed there."""

    page: str = ""
    error: str = ""
    notice: str = ""
    wrong: str = ""
    status: int = 200
    # When what was refused may be tried again, in seconds since 1970; zero for what need not wait.
    open_at: float = 0.0
    typed: dict[str, str] = field(default_factory=dict)


def say(request: Request, response: StreamResponse, said: Said) -> None:
    """Have the next page say this."""
    written = json.dumps({**asdict(said), "until": (now_of(request) + _LIFE).timestamp()})
    sealed = hub_of(request).keys.seal(written.encode(), identity=_IDENTITY)
    keep(request, response, _SAID, base64.urlsafe_b64encode(sealed).decode())


def said_to(request: Request, page: str) -> Said | None:
    """Read what this page is to say; None for any other page, and after a minute."""
    kept = read(request, _SAID)
    if not kept or request.method != "GET":
        return None
    try:
        sealed = base64.urlsafe_b64decode(kept)
        written = json.loads(hub_of(request).keys.unseal(sealed, identity=_IDENTITY))
    except (ValueError, TamperedError, KeyRingError):
        return None
    until = written.pop("until")
    # A hub of another release may have written it.
    said = Said(**{name: value for name, value in written.items() if name in Said.__dataclass_fields__})
    return said if now_of(request).timestamp() < until and said.page in {"", page} else None


def forget_said(request: Request, response: StreamResponse) -> None:
    """Say it once."""
    if request.method == "GET" and read(request, _SAID):
        forget(request, response, _SAID)
