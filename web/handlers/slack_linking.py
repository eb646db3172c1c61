"""The page behind the URL that `/tegata link` gives: a Slack account is said to be one's own; a GET changes nothing."""

from typing import Any, assert_never

from aiohttp.web import Request, Response

from hub.contacts import slack_linking
from hub.contacts.slack_linking import Profile
from hub.domain.outcomes import Confirmed, Reason, Refused
from hub.sessions.sessions import Current
from web.handlers.settings import HOME, permitted
from web.rendering.pages import page, refused, see, told, turned_away
from web.request.context import hub_of, now_of, visit_of
from web.request.forms import fields

_LABEL = "Slack"
# What another label mends; whatever else stands against it is not for this form to change.
_MENDABLE = {Reason.LABEL_BAD, Reason.LABEL_TAKEN}


async def show(request: Request) -> Response:
    """Show whose Slack account it is and what it will receive, with the button that links it."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    return await _shown(request, session)


async def post(request: Request) -> Response:
    """Link it."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    token = request.match_info["token"]
    (label,) = await fields(request, "label")
    outcome = await slack_linking.link(hub_of(request), visit_of(request), session, token, label)
    match outcome:
        case Confirmed(contact_id):
            raise see(f"/settings/email/{contact_id}/waiting")
        case Refused(reason) if reason in _MENDABLE:
            return refused(request, "slack-link", outcome, label=label[:200])
        case Refused():
            return _over(request, outcome)
        case _:
            assert_never(outcome)


async def _shown(request: Request, session: Current) -> Response:
    token = request.match_info["token"]
    outcome = await slack_linking.opened_link(hub_of(request), token, now=now_of(request))
    match outcome:
        case Profile():
            shown: dict[str, Any] = {"profile": outcome, "account": session.account, "token": token, "label": _LABEL}
            return page(request, "slack-link", **shown)
        case Refused():
            return _over(request, outcome)
        case _:
            assert_never(outcome)


def _over(request: Request, outcome: Refused) -> Response:
    status = 404 if outcome.reason is Reason.NOT_FOUND else 410
    return turned_away(request, told(request, outcome), status=status, back=HOME)
