"""How a form is read: bounded, as text, with nothing missing."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar
from urllib.parse import parse_qsl

from aiohttp.web import (
    HTTPBadRequest,
    HTTPRequestTimeout,
    HTTPUnsupportedMediaType,
    Request,
    RequestKey,
    RequestPayloadError,
)

from hub.domain.identifiers import is_kept

LARGEST = 64 * 1024
# Seconds for a form of a few hundred bytes, over the worst of lines.
_PATIENCE = 20.0
# Above the hub's own limits, and little enough for whatever looks at each sign.
LONGEST_FIELD = 2048
_MOST_FIELDS = 100
_UTF_8 = {"utf-8", "utf8"}
_FORM_TYPES = {"application/x-www-form-urlencoded", ""}
_FORM: RequestKey[dict[str, str]] = RequestKey("form")
_Read = TypeVar("_Read")


async def fields(request: Request, *names: str) -> list[str]:
    """Read the named fields of a form as text; one that is missing is empty.

    No form of ours sends files, so the many ways in which multipart can be broken are refused as one. A field is cut
    to one length that is above every limit of the hub, which then refuses it with the sentence of that field.
    """
    if _FORM not in request:
        request[_FORM] = await _form(request)
    form = request[_FORM]
    values = [form.get(name, "")[:LONGEST_FIELD] for name in names]
    # No form of ours sends what a database can't keep.
    if not all(is_kept(value) for value in values):
        raise HTTPBadRequest
    return values


async def _form(request: Request) -> dict[str, str]:
    """Read a form; of a field that is sent twice, the first."""
    if request.content_type.startswith("multipart/"):
        raise HTTPUnsupportedMediaType
    # Codecs of other charsets may take the square of what they are given.
    if (request.charset or "utf-8").casefold() not in _UTF_8:
        raise HTTPUnsupportedMediaType
    try:
        body = await in_time(request.read())
        if request.content_type not in _FORM_TYPES:
            return {}
        pairs = parse_qsl(body.rstrip().decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except (ValueError, LookupError, RequestPayloadError) as error:
        raise HTTPBadRequest from error
    return dict(reversed(pairs))


async def in_time(reading: Awaitable[_Read]) -> _Read:
    """Wait for what a request brings; whoever sends it a byte at a time does not hold a place for ever."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await reading
    except TimeoutError as error:
        raise HTTPRequestTimeout from error
