"""The page for what is no request, or was answered before any page could hear it: made without a request."""

import re
from urllib.parse import urlsplit

from aiohttp.web import Response

from hub.context import Hub
from web.middleware import put_headers
from web.rendering.pages import bare
from web.request.context import LANGUAGE
from web.request.language import LANGUAGES, negotiated

_PAGES = {414: "url-too-long", 431: "head-too-large"}
_KEPT = re.compile(rf"(?:__Host-)?{LANGUAGE.name}=({'|'.join(LANGUAGES)})\b")
_ACCEPTED = re.compile(r"^accept-language:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


def refuse(hub: Hub, status: int, head: bytes) -> Response:
    """Write the page in the language that `head` asks for; it is what was heard, and need be no HTTP."""
    host = urlsplit(hub.settings.origin).hostname or ""
    response = bare(hub.settings, _PAGES.get(status, "bad-request"), _language_in(head), status=status, host=host)
    put_headers(response, is_secure=hub.settings.is_secure)
    response.headers["Cache-Control"] = "no-store"
    return response


def _language_in(head: bytes) -> str:
    text = head.decode("latin-1")
    kept = _KEPT.search(text)
    if kept:
        return kept[1]
    accepted = _ACCEPTED.search(text)
    return negotiated(accepted[1].strip()) if accepted else "en"
