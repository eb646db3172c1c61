"""The pages on which contacts are added, listed, renamed and removed."""

from typing import Any, assert_never

from aiohttp.web import Request, Response

from hub.accounts import overview as enrolment
from hub.contacts import confirmation, contacts, registration
from hub.contacts.last_answers import last_answers
from hub.contacts.registration import Waiting
from hub.domain.outcomes import Added, Confirmed, Done, Refused, Throttled
from hub.domain.sentences import joined
from hub.sessions.sessions import Current
from web.handlers.settings import permitted
from web.rendering import outcome_text
from web.rendering.pages import clock_of, note, noted, page, refused, see, told, turned_away
from web.request.context import hub_of, language_of, now_of, session_of, visit_of
from web.request.flash_messages import Said, say
from web.request.forms import fields
from web.request.language import translations
from web.request.redirects import own_path

_LIST = "/settings/contacts"
_ADD = "/settings/email"


async def show_add(request: Request) -> Response:
    """Show the form for a label and an address."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    return page(request, "add-mail", label="", email="")


async def post_add(request: Request) -> Response:
    """Add an address; a mail goes there."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    label, email = await fields(request, "label", "email")
    outcome = await registration.add(hub_of(request), visit_of(request), session, label=label, address=email)
    match outcome:
        case Added(contact_id):
            raise see(_waiting_path(contact_id))
        case Refused() | Throttled():
            again = await registration.added_again(
                hub_of(request), session, label=label, address=email, now=now_of(request)
            )
            if again is not None:
                raise see(_waiting_path(again.contact_id))
            return refused(request, "add-mail", outcome, label=label[:200], email=email[:320])
        case _:
            assert_never(outcome)


async def show_waiting(request: Request) -> Response:
    """Show that a mail is on its way, with the field for its code."""
    session = await _logged_in(request)
    outcome = await registration.waiting(hub_of(request), session, _id(request), now=now_of(request))
    match outcome:
        case Waiting():
            return page(request, "waiting", waiting=outcome, **waiting_shown(request, outcome))
        case Confirmed():
            return page(request, "confirmed", confirmed=outcome)
        case Refused():
            raise see(_LIST)


async def post_waiting(request: Request) -> Response:
    """Confirm with the code from the mail."""
    session = await _logged_in(request)
    (code,) = await fields(request, "code")
    outcome = await confirmation.confirm_with_code(hub_of(request), visit_of(request), session, _id(request), code)
    if isinstance(outcome, Confirmed):
        raise see(_waiting_path(outcome.contact_id))
    return await _waiting_refused(request, session, outcome)


async def post_again(request: Request) -> Response:
    """Send the confirmation again."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    outcome = await registration.send_again(hub_of(request), visit_of(request), session, _id(request))
    match outcome:
        case Done():
            return noted(request, _waiting_path(_id(request)), outcome_text.SENT_AGAIN)
        case Refused() | Throttled():
            return await _waiting_refused(request, session, outcome)
        case _:
            assert_never(outcome)


async def show_list(request: Request) -> Response:
    """Show the list of contact email addresses."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    found = await contacts.listed(session)
    came = await last_answers([contact.id for contact in found])
    words = translations(language_of(request))
    answers = {number: outcome_text.answer_line(one, words, clock_of(request)) for number, one in came.items()}
    return page(request, "contacts", contacts=found, answers=answers)


async def show_remove(request: Request) -> Response:
    """Ask once before a contact is removed, and say what follows from it."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    contact = await contacts.one(session, _id(request))
    if contact is None:
        raise see(_LIST)
    overview = await enrolment.overview(hub_of(request), session, now=now_of(request))
    is_offered = contact.confirmed_at is not None and contact.suspended_at is None
    is_last = is_offered and overview.contacts == 1 and not overview.soft_tokens
    onward = own_path(request.query.get("next", ""), "")
    return page(request, "remove", contact=contact, is_last=is_last, has_matrix=overview.has_matrix_card, next=onward)


async def post_remove(request: Request) -> Response:
    """Remove a contact; where it gives way to another address, what was typed stands in the form again."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    (onward,) = await fields(request, "next")
    contact = await contacts.one(session, _id(request))
    await contacts.remove(hub_of(request), visit_of(request), session, _id(request))
    if onward != _ADD:
        return noted(request, _LIST, outcome_text.CONTACT_REMOVED)
    response = see(_ADD).response
    notice = translations(language_of(request)).gettext(outcome_text.CONTACT_REMOVED)
    typed = {"label": contact.label, "email": contact.shown} if contact else {}
    say(request, response, Said("add-mail", notice=notice, typed=typed))
    return response


async def show_rename(request: Request) -> Response:
    """Show the form for another label."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    contact = await contacts.one(session, _id(request))
    if contact is None:
        raise see(_LIST)
    return page(request, "rename", contact=contact, label=contact.label)


async def post_rename(request: Request) -> Response:
    """Give a contact another label."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    (label,) = await fields(request, "label")
    outcome = await contacts.rename(hub_of(request), visit_of(request), session, _id(request), label)
    contact = await contacts.one(session, _id(request))
    if isinstance(outcome, Done):
        return noted(request, _LIST, outcome_text.CONTACT_RENAMED)
    if contact is None:
        raise see(_LIST)
    return refused(request, "rename", outcome, label=label[:200])


async def post_notification(request: Request) -> Response:
    """Keep a Slack contact's code out of the notification, or put it there again."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    (code,) = await fields(request, "code")
    await contacts.hide_code(hub_of(request), visit_of(request), session, _id(request), hidden=code == "hidden")
    return noted(request, _LIST, outcome_text.NOTIFICATION_CHANGED)


def waiting_shown(request: Request, waiting: Waiting) -> dict[str, Any]:
    """Give what the waiting page and its stream show of a delivery."""
    if waiting.delivery is None:
        return {"state": "", "line": ""}
    words = translations(language_of(request))
    line = outcome_text.mail_line(waiting.label, waiting.delivery, words, clock_of(request))
    answer = outcome_text.answer_line(waiting.answer, words, clock_of(request)) if waiting.answer else ""
    return {"state": str(waiting.delivery.state), "line": joined(line, answer)}


async def _waiting_refused(request: Request, session: Current, outcome: Refused | Throttled) -> Response:
    waiting = await registration.waiting(hub_of(request), session, _id(request), now=now_of(request))
    if isinstance(waiting, Waiting):
        return refused(request, "waiting", outcome, at=_waiting_path(_id(request)))
    if isinstance(waiting, Confirmed):
        raise see(_waiting_path(waiting.contact_id))
    return turned_away(request, told(request, outcome), status=404, back=_LIST)


async def _logged_in(request: Request) -> Current:
    session = await session_of(request)
    if session is None:
        answer = see("/?next=/settings/contacts")
        if request.method == "POST":
            note(request, answer.response, outcome_text.SESSION_OVER)
        raise answer
    return session


def _id(request: Request) -> int:
    return int(request.match_info["id"])


def _waiting_path(contact_id: int) -> str:
    return f"/settings/email/{contact_id}/waiting"
