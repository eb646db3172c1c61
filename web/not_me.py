"""The page behind "This was not me" in a letter; a GET changes nothing, and no login is needed or given."""

from typing import assert_never

from aiohttp.web import Request, Response

from hub import not_me
from hub.not_me import Disownable, Disowned
from hub.outcome import Refused
from web.context import hub_of, now_of, visit_of
from web.pages import page, told


async def show(request: Request) -> Response:
    """Show what would end, with the button that ends it."""
    token = request.match_info["token"]
    outcome = await not_me.opened_link(hub_of(request), token, now=now_of(request))
    match outcome:
        case Disownable(done_at=None):
            return page(request, "not-me", told=outcome, ends=str(outcome.ends), token=token)
        case Disownable():
            return page(request, "not-me-done", ends=str(outcome.ends), codes_from=None)
        case Refused():
            return _refused(request, outcome)
        case _:
            assert_never(outcome)


async def post(request: Request) -> Response:
    """End it."""
    outcome = await not_me.disown_with_link(hub_of(request), visit_of(request), request.match_info["token"])
    match outcome:
        case Disowned():
            return page(request, "not-me-done", ends=str(outcome.ends), codes_from=outcome.codes_from)
        case Refused():
            return _refused(request, outcome)
        case _:
            assert_never(outcome)


def _refused(request: Request, outcome: Refused) -> Response:
    return page(request, "refused", status=404, sentence=told(request, outcome), back="/")
