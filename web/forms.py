"""How a form is read: bounded, as text, with nothing missing."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from aiohttp.web import (
    HTTPBadRequest,
    HTTPRequestTimeout,
    HTTPUnsupportedMediaType,
    Request,
    RequestPayloadError,
)

from hub.labels import is_kept

LARGEST = 64 * 1024
# Seconds for a form of a few hundred bytes, over the worst of lines.
_PATIENCE = 20.0
_Read = TypeVar("_Read")


async def fields(request: Request, *names: str) -> list[str]:
    """Read the named fields of a form as text; one that is missing is empty.

    No form of ours sends files, so the many ways in which multipart can be broken are refused as one.
    """
    if request.content_type.startswith("multipart/"):
        raise HTTPUnsupportedMediaType
    try:
        form = await in_time(request.post())
    except (ValueError, LookupError, RequestPayloadError) as error:
        raise HTTPBadRequest from error
    values = [form.get(name, "") for name in names]
    # No form of ours sends what a database can't keep.
    if not all(isinstance(value, str) and is_kept(value) for value in values):
        raise HTTPBadRequest
    return [str(value) for value in values]


async def in_time(reading: Awaitable[_Read]) -> _Read:
    """Wait for what a request brings; whoever sends it a byte at a time does not hold a place for ever."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await reading
    except TimeoutError as error:
        raise HTTPRequestTimeout from error
