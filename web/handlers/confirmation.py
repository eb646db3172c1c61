"""The pages behind a mailed URL; a GET changes nothing, whoever follows it."""

from typing import assert_never

from aiohttp.web import Request, Response

from hub.contacts import confirmation
from hub.contacts.confirmation import LinkElsewhere, LinkHere, Stopped
from hub.domain.outcomes import Confirmed, Done, Reason, Refused
from web.rendering import outcome_text
from web.rendering.pages import noted, page, see, told, turned_away
from web.request.context import ONWARD, hub_of, keep, now_of, session_of, visit_of
from web.request.redirects import own_path
from web.submission import delayed_confirmation


async def show(request: Request) -> Response:
    """Show the button that confirms, in the account's own browser; the code to type there, in any other."""
    token = request.match_info["token"]
    outcome = await confirmation.opened_link(hub_of(request), await session_of(request), token, now=now_of(request))
    match outcome:
        case LinkHere():
            return page(request, "confirm", link=outcome, token=token)
        case LinkElsewhere():
            return page(request, "confirm-elsewhere", link=outcome, token=token)
        case Confirmed():
            return page(request, "confirmed", confirmed=outcome)
        case Stopped():
            return page(request, "not-me-done", ends="registration", codes_from=None, is_desk_told=False)
        case Refused():
            return _refused(request, outcome)
        case _:
            assert_never(outcome)


async def post(request: Request) -> Response:
    """Confirm, in a browser that is logged in to this very account."""
    session = await session_of(request)
    token = request.match_info["token"]
    if session is None:
        return noted(request, f"/confirm/{token}", outcome_text.SESSION_OVER)
    outcome = await confirmation.confirm_with_link(hub_of(request), visit_of(request), session, token)
    match outcome:
        case Confirmed(contact_id):
            raise see(f"/settings/email/{contact_id}/waiting")
        case Refused(Reason.ALREADY_CONFIRMED | Reason.NOT_FOUND):
            raise see(f"/confirm/{token}")
        case Refused():
            return _refused(request, outcome)


async def post_login(request: Request) -> Response:
    """Go to the login, and remember to come back here; the token stays out of query strings."""
    answer = see("/login/account")
    keep(request, answer.response, ONWARD, own_path(f"/confirm/{request.match_info['token']}", ""))
    raise answer


async def show_refuse(request: Request) -> Response:
    """Ask whether the registration is to end."""
    return _refuse_page(request, "not-me")


async def post_refuse(request: Request) -> Response:
    """Lead to the second page; the first press changes nothing."""
    raise see(f"/confirm/{request.match_info['token']}/refuse/again")


async def show_refuse_again(request: Request) -> Response:
    """Ask once more whether the registration is to end."""
    return _refuse_page(request, "not-me-again")


def _refuse_page(request: Request, name: str) -> Response:
    back = f"/confirm/{request.match_info['token']}"
    shown = delayed_confirmation.field_for(request)
    return page(request, name, ends="registration", told=None, path=f"{back}/refuse", back=back, shown=shown)


async def post_refuse_again(request: Request) -> Response:
    """End the registration: this was not me."""
    early = await delayed_confirmation.too_early(request)
    if early is not None:
        return early
    outcome = await confirmation.refuse(hub_of(request), visit_of(request), request.match_info["token"])
    match outcome:
        case Done():
            # The page of the mailed URL itself says so from now on.
            raise see(f"/confirm/{request.match_info['token']}")
        case Refused():
            return _refused(request, outcome)


def _refused(request: Request, outcome: Refused) -> Response:
    status = 404 if outcome.reason is Reason.NOT_FOUND else 410
    return turned_away(request, told(request, outcome), status=status, back="/")
