"""The pages of a login, from account and password to the portal."""

from math import ceil
from typing import Any, assert_never
from urllib.parse import urlencode

from aiohttp.web import Request, Response

from hub.domain.outcomes import (
    Admitted,
    Asked,
    Begun,
    Busy,
    ByApproval,
    ByContact,
    ByMatrix,
    BySoftToken,
    Choose,
    Offer,
    Reason,
    Refused,
    Throttled,
    Way,
)
from hub.login import card_login, password_login
from models.kinds import AuthenticatorKind
from web.rendering import outcome_text, waiting_text
from web.rendering.login_paths import path_of as _path_of
from web.rendering.pages import clock_of, noted, page, refused, see, told, whole
from web.request.context import (
    BROWSER,
    KIOSK,
    LANGUAGE,
    LOGIN,
    ONWARD,
    SESSION,
    START,
    SWITCHED,
    VISIT,
    browser_token_of,
    forget,
    hub_of,
    keep,
    language_of,
    now_of,
    read,
    session_of,
    visit_of,
)
from web.request.flash_messages import Said, say
from web.request.forms import fields
from web.request.language import translations
from web.request.redirects import own_path
from web.submission.stale_forms import IN_LOGIN, to_session

_WAYS = {
    AuthenticatorKind.ONE_TIME_PASSWORD: ByContact,
    AuthenticatorKind.APPROVAL: ByApproval,
    AuthenticatorKind.SOFT_TOKEN: BySoftToken,
    AuthenticatorKind.MATRIX: ByMatrix,
}
_OF_A_CONTACT: dict[str, type[ByContact | ByApproval]] = {"contact": ByContact, "approval": ByApproval}


async def show_start(request: Request) -> Response:
    """Show the two ways to log in."""
    start = read(request, START)
    start = start if card_login.is_local_page(start) else ""
    session = await session_of(request)
    account = session.account if session else ""
    onward = own_path(request.query.get("next", ""), "")
    return page(request, "login", next=onward, start=start, account=account)


async def show_ic_card(request: Request) -> Response:
    """Say where an IC card is read."""
    return page(request, "ic-card")


async def show_none_works(request: Request) -> Response:
    """Say what is left to a member whom no method lets in."""
    settings = hub_of(request).settings
    text = settings.help_text_ja if language_of(request) == "ja" else settings.help_text_en
    session = await session_of(request)
    account = session.account if session else ""
    return page(
        request,
        "none-works",
        account=account,
        has_cards=settings.card_cas is not None,
        help_text=text or settings.help_text_en or settings.help_text_ja,
    )


async def show_account(request: Request) -> Response:
    """Show the form for account and password."""
    named = await _named(request)
    return page(request, "account", account="", named=named, next=own_path(request.query.get("next", ""), ""))


async def post_account(request: Request) -> Response:
    """Begin a login."""
    account, password, onward = await fields(request, "account", "password", "next")
    onward = own_path(onward, "")
    at = f"/login/account?{urlencode({'next': onward})}" if onward else ""
    variant = "named-account" if await _named(request) else ""
    if not password or not (account.strip() or variant):
        # What is missing guesses nothing: it is not counted.
        missing = Refused(Reason.PASSWORD_MISSING)
        return refused(request, "account", missing, at=at, variant=variant, account=account[:64])
    outcome = await password_login.begin(
        hub_of(request),
        visit_of(request),
        name=account,
        password=password,
        named=read(request, KIOSK),
        before=read(request, LOGIN),
    )
    match outcome:
        case Begun(token, step):
            # A new secret at each rise in privilege, so that none planted before is worth anything (ASVS 7.2.4).
            answer = see(_path_of(step))
            keep(request, answer.response, LOGIN, token)
            if onward:
                keep(request, answer.response, ONWARD, onward)
            raise answer
        case Refused(Reason.NOTHING_BOUND):
            return ended(request, outcome)
        case Refused() | Throttled() | Busy():
            return refused(request, "account", outcome, at=at, variant=variant, account=account[:64])
        case _:
            assert_never(outcome)


async def show_choice(request: Request) -> Response:
    """Show the ways to go on."""
    outcome = await password_login.offered(hub_of(request), read(request, LOGIN), now=now_of(request))
    match outcome:
        case Choose():
            return page(request, "choice", **_choice_shown(outcome))
        case Refused():
            return await _over(request, outcome)


async def post_choice(request: Request) -> Response:
    """Go on by the way that was chosen."""
    (way,) = await fields(request, "way")
    chosen = _way(way)
    hub, visit, token = hub_of(request), visit_of(request), read(request, LOGIN)
    outcome: Asked | Refused | Throttled = Refused(Reason.NOT_OFFERED)
    if chosen is not None:
        outcome = await password_login.choose(hub, visit, token, chosen)
    match outcome:
        case Asked():
            raise see(_path_of(outcome))
        case Refused(Reason.LOGIN_OVER):
            return await _over(request, outcome)
        case Refused() | Throttled():
            beside = chosen is not None and await _is_another_open(request, outcome, chosen)
            return refused(request, "choice", outcome, beside=beside)


async def show_code(request: Request) -> Response:
    """Show the form for a delivered code, and how its delivery stands."""
    return await _shown(request, AuthenticatorKind.ONE_TIME_PASSWORD, "code")


async def show_approval(request: Request) -> Response:
    """Show the two digits that are typed in Slack, and how the message there stands."""
    return await _shown(request, AuthenticatorKind.APPROVAL, "approval")


async def show_matrix(request: Request) -> Response:
    """Show the form for three cells of the matrix card."""
    return await _shown(request, AuthenticatorKind.MATRIX, "matrix")


async def show_soft_token(request: Request) -> Response:
    """Show the form for a soft token's code."""
    return await _shown(request, AuthenticatorKind.SOFT_TOKEN, "soft-token")


async def post_code(request: Request) -> Response:
    """Answer with a delivered code."""
    (code,) = await fields(request, "code")
    return await _answered(request, AuthenticatorKind.ONE_TIME_PASSWORD, "code", code)


async def post_approval(request: Request) -> Response:
    """Go in with what was approved in Slack."""
    return await _answered(request, AuthenticatorKind.APPROVAL, "approval", "")


async def post_matrix(request: Request) -> Response:
    """Answer with three cells; typed in one field or in three, it is the same answer."""
    cells = await fields(request, "cell1", "cell2", "cell3")
    return await _answered(request, AuthenticatorKind.MATRIX, "matrix", "".join(cells))


async def post_soft_token(request: Request) -> Response:
    """Answer with a soft token's code."""
    (code,) = await fields(request, "code")
    return await _answered(request, AuthenticatorKind.SOFT_TOKEN, "soft-token", code)


async def post_again(request: Request) -> Response:
    """Send the code again."""
    outcome = await password_login.send_again(hub_of(request), visit_of(request), read(request, LOGIN))
    match outcome:
        case Asked():
            raise see("/login/code")
        case Refused() | Throttled():
            return await _again_refused(request, outcome)
        case _:
            assert_never(outcome)


def code_shown(request: Request, asked: Asked) -> dict[str, Any]:
    """Give what the code page and its stream show of a delivery."""
    words = translations(language_of(request))
    state = asked.delivery.state if asked.delivery else ""
    line = outcome_text.code_line(asked, words, clock_of(request))
    return {"state": str(state), "line": line, "others": asked.others_wait}


async def _named(request: Request) -> str:
    """Name the account that a card has named at a kiosk; empty in every other browser."""
    waiting = await card_login.named(hub_of(request), read(request, KIOSK), now=now_of(request))
    return waiting.account.name if waiting else ""


async def _shown(request: Request, kind: AuthenticatorKind, name: str) -> Response:
    outcome = await password_login.asked(hub_of(request), read(request, LOGIN), now=now_of(request))
    match outcome:
        case Asked() if outcome.kind is kind:
            return page(request, name, asked=outcome, **_context(request, outcome))
        case Asked() | Choose():
            raise see(_path_of(outcome))
        case Refused():
            return await _over(request, outcome)


async def _answered(request: Request, kind: AuthenticatorKind, name: str, response: str) -> Response:
    hub, visit, token = hub_of(request), visit_of(request), read(request, LOGIN)
    outcome = await password_login.answer(hub, visit, token, response)
    if not isinstance(outcome, Admitted):
        outcome = await password_login.admitted_again(hub, visit, token, response) or outcome
    match outcome:
        case Admitted(session, _, language):
            return _admitted(request, session, language)
        case Refused(Reason.LOGIN_OVER):
            return await _over(request, outcome)
        case Refused() | Throttled():
            if kind is AuthenticatorKind.MATRIX and outcome == Refused(Reason.CHALLENGE_OVER, 0):
                await password_login.choose(hub, visit, token, ByMatrix())
            asked = await password_login.asked(hub, token, now=visit.now)
            if isinstance(asked, Refused):
                return await _over(request, asked)
            if isinstance(asked, Choose) or asked.kind is not kind:
                return noted(request, _path_of(asked), IN_LOGIN)
            return refused(request, name, outcome, beside=await _is_another_open(request, outcome, asked))
        case _:
            assert_never(outcome)


async def _is_another_open(request: Request, why: Refused | Throttled, tried: Way | Asked) -> bool:
    """Tell whether a login has another method than the one that has to wait."""
    if isinstance(why, Refused):
        return False
    choose = await password_login.offered(hub_of(request), read(request, LOGIN), now=now_of(request))
    if isinstance(choose, Refused):
        return False
    is_of_contact = waiting_text.is_of_contact(why.why)
    waiting = [offer for offer in choose.offers if _is_tried(offer, tried, is_of_contact=is_of_contact)]
    return any(offer.paused_until is None and offer not in waiting for offer in choose.offers)


def _is_tried(offer: Offer, tried: Way | Asked, *, is_of_contact: bool) -> bool:
    if not isinstance(tried, Asked):
        return offer.way == tried if is_of_contact else type(offer.way) is type(tried)
    is_kind = isinstance(offer.way, _WAYS[tried.kind])
    return is_kind and (offer.label == tried.label or not is_of_contact)


def _admitted(request: Request, session: str, language: str) -> Response:
    answer = see(own_path(read(request, ONWARD)))
    keep(request, answer.response, SESSION, session)
    keep(request, answer.response, BROWSER, browser_token_of(request))
    forget(request, answer.response, LOGIN)
    forget(request, answer.response, VISIT)
    forget(request, answer.response, ONWARD)
    if read(request, KIOSK):
        forget(request, answer.response, KIOSK)
    if read(request, SWITCHED):
        forget(request, answer.response, SWITCHED)
    elif language:
        keep(request, answer.response, LANGUAGE, language)
    raise answer


async def _again_refused(request: Request, outcome: Refused | Throttled) -> Response:
    asked = await password_login.asked(hub_of(request), read(request, LOGIN), now=now_of(request))
    if isinstance(asked, Asked) and asked.kind is AuthenticatorKind.ONE_TIME_PASSWORD:
        beside = await _is_another_open(request, outcome, asked)
        return refused(request, "code", outcome, at="/login/code", beside=beside)
    return await _over(request, outcome if isinstance(outcome, Refused) else Refused(Reason.LOGIN_OVER))


async def _over(request: Request, outcome: Refused) -> Response:
    if outcome.reason is Reason.NOT_OFFERED:
        raise see("/login/choice")
    session = await session_of(request)
    if session is None or outcome.reason is not Reason.LOGIN_OVER:
        return ended(request, outcome)
    return to_session(request) if request.method == "POST" else ended(request, outcome, account=session.account)


def ended(request: Request, outcome: Refused, *, account: str = "") -> Response:
    """Say that a login has ended, and why; a form is answered with the way to the page that says so."""
    if request.method != "POST":
        shown = {"sentence": told(request, outcome), "why": str(outcome.reason), "account": account}
        return page(request, "ended", status=403, **shown)
    response = see("/login/choice").response
    forget(request, response, LOGIN)
    typed = {"sentence": told(request, outcome), "why": str(outcome.reason)}
    say(request, response, Said("ended", status=403, typed=typed))
    return response


def _context(request: Request, asked: Asked) -> dict[str, Any]:
    again_in = ceil((asked.resend_at - now_of(request)).total_seconds()) if asked.resend_at else 0
    again_at = whole(asked.resend_at) if asked.resend_at else now_of(request)
    return {**code_shown(request, asked), "again_at": again_at, "again_in": max(0, again_in)}


def _choice_shown(choose: Choose) -> dict[str, Any]:
    approvals = sum(isinstance(offer.way, ByApproval) for offer in choose.offers)
    open_ones = [offer for offer in choose.offers if offer.paused_until is None]
    return {"choose": choose, "value_of": _value, "approvals": approvals, "is_open": bool(open_ones)}


def _value(offer: Offer) -> str:
    match offer.way:
        case ByContact(contact_id):
            return f"contact:{contact_id}"
        case ByApproval(contact_id):
            return f"approval:{contact_id}"
        case BySoftToken():
            return "soft-token"
        case ByMatrix():
            return "matrix"


def _way(value: str) -> Way | None:
    kind, _, number = value.partition(":")
    if kind in _OF_A_CONTACT and number.isascii() and number.isdecimal() and len(number) < 19:  # noqa: PLR2004
        return _OF_A_CONTACT[kind](int(number))
    if value == "soft-token":
        return BySoftToken()
    return ByMatrix() if value == "matrix" else None
