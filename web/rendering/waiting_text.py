"""PURE: what is written where something has to wait: what waits, why, how long, and what is possible meanwhile."""

from dataclasses import dataclass
from datetime import timedelta
from gettext import GNUTranslations
from math import ceil

from hub.domain.outcomes import Hold, Throttled
from hub.domain.sentences import joined


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for words translated elsewhere
    """Mark words for translation."""
    return text


_MINUTE = 60
_HOUR = 3600
_LONG = timedelta(minutes=2)
_A_SECOND = N_("1 second")
_SECONDS = N_("%(number)d seconds")
_MINUTES = N_("%(number)d minutes")
_HOURS = N_("%(number)d hours")
_PLAIN = N_("Please wait %(span)s, then try again.")
_PATIENCE = N_("If that is too long, the help desk can help you.")


@dataclass(frozen=True, slots=True)
class _Wait:
    """Why something waits, and what then: where another method is open, and where none is known to be."""

    why: str
    beside: str
    alone: str


_CODE = (
    N_("The next can be sent in %(span)s; other methods are open."),
    N_("The next can be sent in %(span)s."),
)
_WITH_CARD = N_("Please wait %(span)s, then try again. With an IC card you can log in at a kiosk at any time.")
_OTHER_ADDRESS = N_("The next can be sent in %(span)s. You can add another address at any time.")
_WAITS = {
    Hold.SENT: _Wait(
        N_("A code was sent a moment ago."),
        N_("The next can be sent at %(time)s; other methods are open."),
        N_("The next can be sent at %(time)s."),
    ),
    Hold.SENT_ELSEWHERE: _Wait(N_("Another login to your account requested a code %(ago)s ago."), *_CODE),
    Hold.SENT_AN_HOUR: _Wait(N_("The hourly limit of codes for this contact has been reached."), *_CODE),
    Hold.SENT_A_DAY: _Wait(N_("The daily limit of codes for this contact has been reached."), *_CODE),
    Hold.SENT_TO_ACCOUNT: _Wait(N_("The hourly limit of codes for your account has been reached."), *_CODE),
    Hold.SENT_TO_ACCOUNT_A_DAY: _Wait(N_("The daily limit of codes for your account has been reached."), *_CODE),
    Hold.CODES_LIVE: _Wait(N_("Several logins to your account have codes that are still valid."), *_CODE),
    Hold.APPROVALS: _Wait(
        N_("The limit of approval requests has been reached."),
        N_("The next one can be requested in %(span)s; other methods are available."),
        N_("The next one can be requested in %(span)s."),
    ),
    Hold.ANSWER: _Wait(
        N_("There were wrong answers for this method."),
        N_("The next answer is accepted in %(span)s; other methods are open."),
        N_("The next answer is accepted in %(span)s."),
    ),
    Hold.PASSWORD: _Wait(
        N_("There were many wrong passwords for this account from your address."), _WITH_CARD, _WITH_CARD
    ),
    Hold.ACCOUNT: _Wait(
        N_(
            "There were many wrong passwords for this account. A browser that you have logged in with before is not"
            " affected."
        ),
        _WITH_CARD,
        _WITH_CARD,
    ),
    Hold.NETWORK: _Wait(
        N_(
            "There were many wrong passwords from your network. A browser that you have logged in with before is not"
            " affected."
        ),
        _WITH_CARD,
        _WITH_CARD,
    ),
    Hold.CONFIRMATION: _Wait(N_("A mail was sent to this address a moment ago."), _OTHER_ADDRESS, _OTHER_ADDRESS),
    Hold.CONFIRMATIONS_THERE: _Wait(
        N_("The daily limit of registration mails to this address has been reached."),
        _OTHER_ADDRESS,
        _OTHER_ADDRESS,
    ),
    Hold.CONFIRMATIONS: _Wait(
        N_("Your account has requested many address registrations."),
        N_("The next one can be requested in %(span)s. Confirmed addresses are not affected."),
        N_("The next one can be requested in %(span)s. Confirmed addresses are not affected."),
    ),
}


def sentence(throttled: Throttled, words: GNUTranslations, *, at: str, beside: bool = False) -> str:
    """Write why to wait and how long, `at` being the end of it on the clock; `beside` when another method is open."""
    span_left = span(throttled.retry_after, words)
    wait = _WAITS.get(throttled.why) if throttled.why else None
    if wait is None:
        return words.gettext(_PLAIN) % {"span": span_left}
    ago = span(timedelta(seconds=int(throttled.ago.total_seconds())), words) if throttled.ago is not None else ""
    told = {"span": span_left, "time": at, "ago": ago}
    written = [wait.why, wait.beside if beside else wait.alone]
    if not beside and wait.beside != wait.alone and throttled.retry_after > _LONG:
        written.append(_PATIENCE)
    return joined(*(words.gettext(one) % told for one in written))


def span(long: timedelta, words: GNUTranslations) -> str:
    """Write a span of time in whole words: nothing is cut short, and one second is no "1 seconds"."""
    seconds = seconds_of(long)
    if seconds == 1:
        return words.gettext(_A_SECOND)
    if seconds <= 2 * _MINUTE:
        return words.gettext(_SECONDS) % {"number": seconds}
    if seconds <= 2 * _HOUR:
        return words.gettext(_MINUTES) % {"number": ceil(seconds / _MINUTE)}
    return words.gettext(_HOURS) % {"number": ceil(seconds / _HOUR)}


def seconds_of(long: timedelta) -> int:
    """Give whole seconds to wait, one at least."""
    return max(1, ceil(long.total_seconds()))


def is_of_contact(why: Hold | None) -> bool:
    """Tell whether a limit holds for one contact alone, so that another contact is open."""
    return why in {Hold.SENT, Hold.SENT_ELSEWHERE, Hold.SENT_AN_HOUR, Hold.SENT_A_DAY}
