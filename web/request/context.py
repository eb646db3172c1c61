"""What a request brings along: the hub, the clock, the visit, the cookies and the session behind them."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp.web import AppKey, Request, RequestKey, StreamResponse

from hub.context import Hub
from hub.domain import policy
from hub.domain.request_context import Visit
from hub.sessions import sessions
from hub.sessions.sessions import Current
from hub.settings import NUMBERS
from models.kinds import Zone
from web.request.client_info import FORWARDED, browser_of, client_address, speaks_for_itself
from web.request.language import LANGUAGES, negotiated

Clock = Callable[[], datetime]
HUB = AppKey("hub", Hub)
CLOCK: AppKey[Clock] = AppKey("clock")
_NOW = RequestKey("now", datetime)
_BROWSER = RequestKey("browser", str)
_SESSION: RequestKey[Current | None] = RequestKey("session")


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie of ours; `name` without the prefix that HTTPS adds."""

    name: str
    life: timedelta | None = None


VISIT = Cookie("tegata-visit")
# By it a form that is older than what the browser did since is told from a forged one; it opens nothing.
PAGES = Cookie("tegata-pages")
LOGIN = Cookie("tegata-login")
SESSION = Cookie("tegata-session")
LANGUAGE = Cookie("tegata-language", timedelta(days=365))
# That the language was switched on the way in: then the one kept with the account does not turn it back.
SWITCHED = Cookie("tegata-switched", NUMBERS.login_life)
# Where the claimant was going; a path may carry a mailed token, which no query string ever does.
ONWARD = Cookie("tegata-onward", NUMBERS.login_life)
# What a kiosk's browser goes on with when a card has named somebody, and the kiosk's own page to go back to.
KIOSK = Cookie("tegata-kiosk")
START = Cookie("tegata-start")
# By it a browser is known again at the next login; browsers keep no cookie longer.
BROWSER = Cookie("tegata-browser", timedelta(days=400))


def hub_of(request: Request) -> Hub:
    """Give the hub behind this door."""
    return request.app[HUB]


def now_of(request: Request) -> datetime:
    """Read the clock, once a request."""
    if _NOW not in request:
        request[_NOW] = request.app[CLOCK]()
    return request[_NOW]


def visit_of(request: Request) -> Visit:
    """Tell the hub of this request."""
    settings = hub_of(request).settings
    headers = forwarded_headers(request)
    address = client_address(request.remote, headers["X-Forwarded-For"], settings.trusted_proxies)
    # A proxy's own address is never on campus for those whom it forwards.
    is_own = speaks_for_itself(request.remote, headers, settings.trusted_proxies)
    return Visit(
        now=now_of(request),
        address=address,
        zone=policy.zone_of(address, settings.campus_networks) if is_own else Zone.OFF_CAMPUS,
        browser=browser_of(request.headers.get("User-Agent", "")),
        language=language_of(request),
        browser_token=browser_token_of(request),
        visit_token=read(request, VISIT),
    )


def forwarded_headers(request: Request) -> dict[str, tuple[str, ...]]:
    """Give what the request carries of proxies' headers, by their names."""
    return {name: tuple(request.headers.getall(name, ())) for name in FORWARDED}


def browser_token_of(request: Request) -> str:
    """Give what this browser is known by; one that has nothing yet gets it when it is admitted."""
    if _BROWSER not in request:
        # Derived from the login: an answer that is sent twice makes the browser known by one token.
        login = read(request, LOGIN)
        drawn = hub_of(request).keys.digest("new-browser", login) if login else secrets.token_urlsafe(32)
        request[_BROWSER] = read(request, BROWSER) or drawn
    return request[_BROWSER]


def language_of(request: Request) -> str:
    """Choose the page's language: the one switched to, else the browser's."""
    kept = read(request, LANGUAGE)
    return kept if kept in LANGUAGES else negotiated(request.headers.get("Accept-Language", ""))


async def session_of(request: Request) -> Current | None:
    """Find the session that the request came with; looked up once."""
    if _SESSION not in request:
        request[_SESSION] = await sessions.current(hub_of(request), read(request, SESSION), now=now_of(request))
    return request[_SESSION]


def read(request: Request, cookie: Cookie) -> str:
    """Read a cookie of ours; empty when there is none, or none that we could have set."""
    value = request.cookies.get(_name(request, cookie), "")
    return value if value.isascii() and value.isprintable() else ""


def keep(request: Request, response: StreamResponse, cookie: Cookie, value: str) -> None:
    """Set a cookie of ours: this host only, out of scripts' reach, not sent along from other sites."""
    response.set_cookie(
        _name(request, cookie),
        value,
        path="/",
        secure=hub_of(request).settings.is_secure,
        httponly=True,
        samesite="Lax",
        max_age=int(cookie.life.total_seconds()) if cookie.life else None,
    )


def forget(request: Request, response: StreamResponse, cookie: Cookie) -> None:
    """Take a cookie of ours back."""
    response.del_cookie(
        _name(request, cookie),
        path="/",
        secure=hub_of(request).settings.is_secure,
        httponly=True,
        samesite="Lax",
    )


def is_set(request: Request, response: StreamResponse, cookie: Cookie) -> bool:
    """Tell whether an answer sets a cookie of ours or takes it back."""
    return _name(request, cookie) in response.cookies


def _name(request: Request, cookie: Cookie) -> str:
    # RFC 6265bis, 4.1.3.2: a __Host- cookie can't be planted by a neighbour; browsers want HTTPS for it.
    return f"__Host-{cookie.name}" if hub_of(request).settings.is_secure else cookie.name
