"""The button Approve under a request, and the modal in which the page's two digits are typed."""

from typing import assert_never

from bot.context import Desk, Heard
from bot.rendering import views
from bot.rendering.outcome_text import refusal
from bot.replies.responses import language_of, refuse, show
from hub.domain.outcomes import Approved, Reason, Refused, Throttled
from hub.login import approvals
from hub.login.approvals import Requested

_WORDS = {
    "en": "Approved. The login page goes on by itself; if it does not, press “I have approved” there.",
    "ja": "承認しました。ログイン画面は自動で進みます。進まない場合は、画面の「承認しました」を押してください。",
}


async def pressed(desk: Desk, heard: Heard) -> None:
    """Ask for the digits, if the request went to whoever pressed and waits still."""
    asked = await approvals.opened(heard.member.address, heard.value, now=desk.clock())
    match asked:
        case Requested():
            await show(desk, heard, views.approve(heard.value, asked))
        case Refused():
            await refuse(desk, heard, asked, language=await language_of(desk, heard))
        case _:
            assert_never(asked)


async def sent(desk: Desk, heard: Heard) -> None:
    """Approve with the digits that were typed; the modal says what came of it."""
    language = await language_of(desk, heard)
    visit = desk.visit(language, by=heard.member)
    outcome = await approvals.approve(desk.hub, visit, heard.member.address, heard.note, heard.typed.get("digits", ""))
    match outcome:
        case Approved():
            await heard.reply(_instead(_WORDS[language], language))
        case Refused(Reason.DIGITS_MISSING) | Throttled():
            await heard.reply(
                views.errors("digits", refusal(outcome, language, desk.hub.settings.zone, now=desk.clock()))
            )
        case Refused():
            await heard.reply(_instead(refusal(outcome, language, desk.hub.settings.zone, now=desk.clock()), language))
        case _:
            assert_never(outcome)


def _instead(sentence: str, language: str) -> views.View:
    return views.instead(views.told(views.approve_title(language), sentence, language))
