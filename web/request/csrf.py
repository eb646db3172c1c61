"""Whether a form comes from a page of ours in this very browser."""

import hmac
import secrets

from aiohttp.web import Request, RequestKey, Response
from markupsafe import Markup

from hub.security.keyring import KeyRing
from web.request.context import LOGIN, PAGES, SESSION, VISIT, Cookie, hub_of, keep, read

FIELD = "csrf"
_PURPOSE, _MARK_PURPOSE = "csrf", "csrf-pages"
_LENGTH, _MARK_LENGTH = 43, 32
# The strongest secret that the browser holds: the token is renewed with each rise in privilege.
_ANCHORS: tuple[Cookie, ...] = (SESSION, LOGIN, VISIT)
_NEW_VISIT = RequestKey("new-visit", str)
_NEW_PAGES = RequestKey("new-pages", str)
_OWN_SITE = {"same-origin", "none"}


def field_for(request: Request) -> Markup:
    """Write the hidden field for a page's forms; a browser with no cookie of ours yet gets one with the response."""
    anchor = next((value for value in (read(request, cookie) for cookie in _ANCHORS) if value), "")
    if not anchor:
        anchor = request[_NEW_VISIT] = secrets.token_urlsafe(16)
    pages = read(request, PAGES)
    if not pages:
        pages = request[_NEW_PAGES] = secrets.token_urlsafe(16)
    keys = hub_of(request).keys
    token = f"{_token(keys, anchor)}.{_mark(keys, pages)}"
    return Markup(f'<input type="hidden" name="{FIELD}" value="{token}">')  # noqa: S704 - hexadecimal signs


def keep_visit(request: Request, response: Response) -> None:
    """Give a browser its first cookie, if a form was shown to it that needs one."""
    if _NEW_VISIT in request:
        keep(request, response, VISIT, request[_NEW_VISIT])
    if _NEW_PAGES in request:
        keep(request, response, PAGES, request[_NEW_PAGES])


def is_own_site(request: Request) -> bool:
    """Tell whether the browser says that a page of ours sent this; one that says nothing is asked for the token."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in _OWN_SITE
    origin = request.headers.get("Origin")
    return origin is None or origin == hub_of(request).settings.origin


def is_right(request: Request, token: str) -> bool:
    """Tell whether a form's token belongs to a secret that this browser holds."""
    keys = hub_of(request).keys
    token = token.partition(".")[0]
    anchors = [value for value in (read(request, cookie) for cookie in _ANCHORS) if value]
    # A form that was shown before a key was added goes on.
    tokens = [right[:_LENGTH] for anchor in anchors for right in keys.digests(_PURPOSE, anchor)]
    return any(hmac.compare_digest(right.encode(), token.encode()) for right in tokens)


def is_older(request: Request, token: str) -> bool:
    """Tell whether a form was shown to this browser, though under a secret that it holds no more."""
    pages = read(request, PAGES)
    mark = token.partition(".")[2]
    marks = [right[:_MARK_LENGTH] for right in hub_of(request).keys.digests(_MARK_PURPOSE, pages)] if pages else []
    return any(hmac.compare_digest(right.encode(), mark.encode()) for right in marks)


def _mark(keys: KeyRing, pages: str) -> str:
    return keys.digest(_MARK_PURPOSE, pages)[:_MARK_LENGTH]


def _token(keys: KeyRing, anchor: str) -> str:
    return keys.digest(_PURPOSE, anchor)[:_LENGTH]
