"""The pages behind "This was not me" in a letter; only the second press counts, and no login is needed or given."""

from typing import assert_never

from aiohttp.web import Request, Response

from hub.domain.outcomes import Refused
from hub.recovery import disavow
from hub.recovery.disavow import Disownable, Disowned
from web.rendering.pages import page, see, told, turned_away
from web.request.context import hub_of, now_of, visit_of
from web.submission import delayed_confirmation


async def show(request: Request) -> Response:
    """Show what would end, with the button that leads to the second page."""
    return await _shown(request, "not-me")


async def post(request: Request) -> Response:
    """Lead to the second page; the first press changes nothing."""
    raise see(f"/not-me/{request.match_info['token']}/again")


async def show_again(request: Request) -> Response:
    """Ask once more, with the button that ends it."""
    return await _shown(request, "not-me-again")


async def _shown(request: Request, name: str) -> Response:
    token = request.match_info["token"]
    outcome = await disavow.opened_link(hub_of(request), token, now=now_of(request))
    match outcome:
        case Disownable(done_at=None):
            return page(
                request,
                name,
                told=outcome,
                ends=str(outcome.ends),
                path=f"/not-me/{token}",
                back="/",
                shown=delayed_confirmation.field_for(request),
            )
        case Disownable():
            return page(
                request,
                "not-me-done",
                ends=str(outcome.ends),
                codes_from=outcome.codes_from,
                is_desk_told=outcome.is_desk_told,
            )
        case Refused():
            return _refused(request, outcome)
        case _:
            assert_never(outcome)


async def post_again(request: Request) -> Response:
    """End it."""
    early = await delayed_confirmation.too_early(request)
    if early is not None:
        return early
    outcome = await disavow.disown_with_link(hub_of(request), visit_of(request), request.match_info["token"])
    match outcome:
        case Disowned():
            # The page itself says what was ended, as often as it is read.
            raise see(f"/not-me/{request.match_info['token']}")
        case Refused():
            return _refused(request, outcome)
        case _:
            assert_never(outcome)


def _refused(request: Request, outcome: Refused) -> Response:
    return turned_away(request, told(request, outcome), status=404, back="/")
