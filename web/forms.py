"""How a form is read: bounded, as text, with nothing missing."""

from aiohttp.web import HTTPBadRequest, HTTPUnsupportedMediaType, Request, RequestPayloadError

from hub.labels import is_kept

LARGEST = 64 * 1024


async def fields(request: Request, *names: str) -> list[str]:
    """Read the named fields of a form as text; one that is missing is empty.

    No form of ours sends files, so the many ways in which multipart can be broken are refused as one.
    """
    if request.content_type.startswith("multipart/"):
        raise HTTPUnsupportedMediaType
    try:
        form = await request.post()
    except (ValueError, LookupError, RequestPayloadError) as error:
        raise HTTPBadRequest from error
    values = [form.get(name, "") for name in names]
    # No form of ours sends what a database can't keep.
    if not all(isinstance(value, str) and is_kept(value) for value in values):
        raise HTTPBadRequest
    return [str(value) for value in values]
