"""The pages under "One-Time Password & Soft Token Settings", behind the password asked again."""

from urllib.parse import urlencode

from aiohttp.web import Request, Response

from hub.accounts import overview as enrolment
from hub.domain.outcomes import Busy, Reason, Refused, SteppedUp, Throttled
from hub.recovery import card_recovery
from hub.sessions import sessions
from hub.sessions.sessions import Current
from hub.verification import code_block
from web.rendering import outcome_text
from web.rendering.pages import See, note, noted, page, refused, see, told
from web.request.context import ONWARD, SESSION, forget, hub_of, keep, now_of, read, session_of, visit_of
from web.request.forms import fields
from web.request.redirects import own_path

HOME = "/settings"
_AUTHENTICATE = "/settings/authenticate"


async def permitted(request: Request) -> Current | Response:
    """Give the session if it may change authenticators; else the page that says what stands against it."""
    session = await session_of(request)
    if session is None:
        way = "/" if _may_be_named(request) else "/login/account"
        raise _after(request, way, HOME, outcome_text.SESSION_OVER)
    match sessions.hindrance(session, visit_of(request)):
        case None:
            return session
        case Reason.STEP_UP_NEEDED:
            onward = request.path if request.method == "GET" else HOME
            raise _after(request, _AUTHENTICATE, onward, outcome_text.PASSWORD_FIRST)
        case _:
            refusal = await sessions.refuse_off_campus(hub_of(request), visit_of(request), session)
            return _off_campus(request, refusal)


async def show_authenticate(request: Request) -> Response:
    """Ask for the password again."""
    session = await session_of(request)
    if session is None:
        raise see(f"/?next={HOME}")
    if sessions.hindrance(session, visit_of(request)) is Reason.MATRIX_OFF_CAMPUS:
        refusal = await sessions.refuse_off_campus(hub_of(request), visit_of(request), session)
        return _off_campus(request, refusal)
    return page(request, "step-up", account=session.account, has_card=session.has_card_proved, next=_onward(request))


async def post_authenticate(request: Request) -> Response:
    """Step the session up with the password."""
    password, onward = await fields(request, "password", "next")
    session = await session_of(request)
    outcome: SteppedUp | Refused | Throttled | Busy
    if session is not None and not password:
        outcome = Refused(Reason.PASSWORD_MISSING)
    elif session is None:
        again = await sessions.step_up_again(hub_of(request), visit_of(request), read(request, SESSION), password)
        if again is None:
            return noted(request, "/", outcome_text.SESSION_OVER)
        outcome = again
    else:
        outcome = await sessions.step_up(hub_of(request), visit_of(request), session, password)
    match outcome:
        case SteppedUp(token):
            answer = see(own_path(onward, HOME))
            keep(request, answer.response, SESSION, token)
            forget(request, answer.response, ONWARD)
            raise answer
        case Refused(Reason.MATRIX_OFF_CAMPUS):
            return _off_campus(request, outcome)
        case Refused() | Throttled() | Busy():
            at = f"{_AUTHENTICATE}?{urlencode({'next': own_path(onward, HOME)})}"
            return refused(request, "step-up", outcome, at=at)


async def show_settings(request: Request) -> Response:
    """Show what is registered and what can be."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    return await _settings(request, session)


async def post_matrix(request: Request) -> Response:
    """Switch Matrix on or off."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    (wanted,) = await fields(request, "matrix")
    outcome = await enrolment.switch_matrix(hub_of(request), visit_of(request), session, on=wanted == "on")
    if isinstance(outcome, Refused):
        return refused(request, "settings", outcome, at=HOME)
    return noted(request, HOME, outcome_text.MATRIX_ON if wanted == "on" else outcome_text.MATRIX_OFF)


async def post_codes(request: Request) -> Response:
    """Have codes sent again that "this was not me" keeps away."""
    session = await permitted(request)
    if isinstance(session, Response):
        return session
    outcome = await code_block.allow(hub_of(request), visit_of(request), session)
    if isinstance(outcome, Refused):
        return refused(request, "settings", outcome, at=HOME)
    return noted(request, HOME, outcome_text.CODES_RESUMED)


async def _settings(request: Request, session: Current) -> Response:
    overview = await enrolment.overview(hub_of(request), session, now=now_of(request))
    by_card = card_recovery.hindrance(session, visit_of(request)) is None
    return page(request, "settings", overview=overview, by_card=by_card)


def _off_campus(request: Request, refusal: Refused) -> Response:
    """Say that this can't be changed from here; a form is answered with the way to the page that says so."""
    if request.method == "POST":
        return see(HOME).response
    return page(request, "refused-here", status=403, sentence=told(request, refusal))


def _may_be_named(request: Request) -> bool:
    """Tell whether a page's path may stand in a query string: never one that carries a token."""
    return "token" not in request.match_info


def _after(request: Request, way: str, onward: str, sentence: str) -> See:
    """Send the browser on, to come back here or go `onward` afterwards; of a form, say that it did nothing."""
    answer = see(f"{way}?next={onward}" if _may_be_named(request) else way)
    if not _may_be_named(request):
        keep(request, answer.response, ONWARD, own_path(request.path, HOME))
    if request.method == "POST":
        note(request, answer.response, sentence)
    return answer


def _onward(request: Request) -> str:
    return own_path(request.query.get("next", "") or read(request, ONWARD), HOME)
