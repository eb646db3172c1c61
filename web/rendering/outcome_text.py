"""PURE: the sentence for every reason, state and way; one sentence for each, in the reader's language."""

from collections.abc import Callable
from datetime import datetime
from gettext import GNUTranslations

from hub.contacts.last_answers import CameIn
from hub.contacts.suspension import Suspended
from hub.domain.outcomes import Asked, DeliveryLine, DeliveryState, Reason, Refused
from hub.domain.sentences import joined
from models.kinds import AuthenticatorKind, Channel, Verdict


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for words translated elsewhere
    """Mark words for translation."""
    return text


_REASONS = {
    Reason.PASSWORD_WRONG: N_("Account or password is not right."),
    Reason.PASSWORD_MISSING: N_("Please enter your account and password."),
    Reason.NOTHING_BOUND: N_(
        "No verification method is registered for this account yet. Please get a matrix card from the help desk."
    ),
    Reason.CARD_NEEDED: N_(
        "For this you must have logged in with your IC card and its PIN within the last ten minutes. Please take"
        " the card away and put it on the kiosk's reader again."
    ),
    Reason.KIOSK_TAKEN: N_(
        "A card of another member is being registered at this kiosk. Please try again in three minutes."
    ),
    Reason.PASSWORD_BAD: N_("A password has 8 to 256 characters."),
    Reason.PASSWORDS_DIFFER: N_("The two passwords are not the same."),
    Reason.LOGIN_OVER: N_("This login has ended. Please start again."),
    Reason.NOT_OFFERED: N_("This method is not available. Please choose another one."),
    Reason.ANSWER_WRONG: N_("That code is not correct."),
    Reason.CODE_USED: N_("This code was already used. Wait for the next one; this did not count as an attempt."),
    Reason.CLOCK_OFF: N_("Your phone's clock seems to be wrong. Set it to automatic, then enter the code shown next."),
    Reason.ANSWER_STALE: N_("This code is no longer valid."),
    Reason.CODE_MISSHAPEN: N_("The code has six digits. Please check it; this did not count as an attempt."),
    Reason.CELLS_MISSING: N_(
        "Some characters are missing. Please fill in all three cells; this did not count as an attempt."
    ),
    Reason.CELLS_TOO_MANY: N_(
        "There are more characters than the three cells have. Please check them; this did not count as an attempt."
    ),
    Reason.CODES_BLOCKED: N_(
        "Codes are paused until %(time)s because a login was reported as not yours. Choose another method, or ask the"
        " help desk."
    ),
    Reason.CHALLENGE_OVER: N_("This code is no longer valid. Please request a new one."),
    Reason.APPROVAL_OVER: N_("This approval has expired. Please choose a verification method again."),
    Reason.NOT_APPROVED: N_("It is not approved yet. Please press Approve in Slack and type the two digits there."),
    Reason.ALREADY_APPROVED: N_("This is approved already."),
    Reason.DIGITS_WRONG: N_("That is not the number on the page, so the login has ended."),
    Reason.DIGITS_MISSING: N_("Please type the two digits that the page shows."),
    Reason.NO_LOGIN_WAITS: N_("No login is waiting for an approval here."),
    Reason.LOGINS_WAIT: N_(
        "More than one login is waiting for a code. Please press Send again on your own login page."
    ),
    Reason.NOT_LINKED: N_("This Slack account is not linked."),
    Reason.TRIES_SPENT: N_(
        "There were too many wrong answers, so this code is no longer valid. Please request a new one."
    ),
    Reason.KIND_CLOSED: N_(
        "This method is locked after too many wrong answers. Choose another method, or ask the help desk to unlock it."
    ),
    Reason.STEP_UP_NEEDED: N_("Please enter your password again."),
    Reason.MATRIX_OFF_CAMPUS: N_("It is not available to set this up using Matrix authentication from off-campus."),
    Reason.LABEL_BAD: N_("Please use 1 to 32 characters for the label, none of them invisible."),
    Reason.LABEL_TAKEN: N_("This label is already in use. Please choose another label."),
    Reason.ADDRESS_BAD: N_("Please check the email address."),
    Reason.ADDRESS_DOTS: N_(
        "The part before the @ can't begin or end with a dot or have two dots in a row. Please check the email address."
    ),
    Reason.ADDRESS_DOMAIN: N_("The part after the @ is not an internet domain. Please check the email address."),
    Reason.ADDRESS_OURS: N_("Mail to this domain comes back to this service. Please use an address of your own."),
    Reason.ADDRESS_TAKEN: N_("This address is in the list already."),
    Reason.ADDRESS_REFUSED: N_(
        "The owner of this address declined the registration. If that was a mistake, the help desk can allow it again."
    ),
    Reason.ADDRESS_GUARDED: N_("Codes cannot be sent to a mailbox that is opened with this login."),
    Reason.TOO_MANY: N_(
        "You have registered as many as allowed. Please remove one, or confirm those that are waiting."
    ),
    Reason.NOT_FOUND: N_("This link has expired or was already used."),
    Reason.ALREADY_CONFIRMED: N_("This is confirmed already."),
    Reason.LINK_OVER: N_("This page can be used once, within ten minutes. Please type /tegata link in Slack again."),
    Reason.LINKED_ALREADY: N_(
        "This Slack account is linked already, to this account or another. Type /tegata unlink in Slack first."
    ),
    Reason.LOGIN_OLDER: N_(
        "You logged in before that report. To have codes sent again, log out, and log in with a soft token, the"
        " matrix card or an IC card."
    ),
    Reason.LAST_WAY: N_("Matrix is your only method, so it cannot be switched off."),
}
_DELIVERIES = {
    (Channel.MAIL, DeliveryState.WAITING): N_("Code by mail to %(label)s, requested at %(time)s: waiting to be sent"),
    (Channel.MAIL, DeliveryState.RETRYING): N_(
        "Code by mail to %(label)s: the mail server does not take it yet. It is being tried again; you can also"
        " choose another way."
    ),
    (Channel.MAIL, DeliveryState.UNKNOWN): N_(
        "Code by mail to %(label)s: it may have been delivered; the mail server did not confirm it at %(time)s. Please"
        " look in your mailbox; you can also choose another way."
    ),
    (Channel.MAIL, DeliveryState.ACCEPTED): N_("Code by mail to %(label)s, handed to the mail server at %(time)s"),
    (Channel.MAIL, DeliveryState.DELAYED): N_(
        "Code by mail to %(label)s: the receiving mail server has not taken it yet (reported at %(time)s). You can also"
        " choose another way."
    ),
    (Channel.MAIL, DeliveryState.FAILED): N_(
        "Code by mail to %(label)s could not be delivered. Please choose another way."
    ),
    (Channel.MAIL, DeliveryState.EXPIRED): N_("The code by mail to %(label)s has expired."),
    (Channel.SLACK, DeliveryState.WAITING): N_(
        "Code by Slack to %(label)s, requested at %(time)s: waiting to be posted"
    ),
    (Channel.SLACK, DeliveryState.RETRYING): N_(
        "Code by Slack to %(label)s: Slack does not take it yet. It is being tried again; you can also choose another"
        " way."
    ),
    (Channel.SLACK, DeliveryState.ACCEPTED): N_("Code by Slack to %(label)s, posted in Slack at %(time)s"),
    (Channel.SLACK, DeliveryState.DELAYED): N_(
        "Code by Slack to %(label)s: Slack does not let the hub post at present. Please choose another way."
    ),
    (Channel.SLACK, DeliveryState.FAILED): N_(
        "Code by Slack to %(label)s could not be posted. Please choose another way."
    ),
    (Channel.SLACK, DeliveryState.EXPIRED): N_("The code by Slack to %(label)s has expired."),
}
_APPROVALS = {
    DeliveryState.WAITING: N_("Message in Slack to %(label)s, requested at %(time)s: waiting to be sent"),
    DeliveryState.RETRYING: N_(
        "Message in Slack to %(label)s: Slack does not take it yet. It is being tried again; you can also choose"
        " another way."
    ),
    DeliveryState.ACCEPTED: N_("Message in Slack to %(label)s, sent at %(time)s"),
    DeliveryState.DELAYED: N_(
        "Message in Slack to %(label)s: Slack does not let the hub post at present. Please choose another way."
    ),
    DeliveryState.FAILED: N_("The message in Slack to %(label)s could not be delivered. Please choose another way."),
    DeliveryState.EXPIRED: N_("The message in Slack to %(label)s has expired."),
}
_ANSWERS = {
    Verdict.CONFIRMED: N_("A reply arrived by mail at %(time)s, and the address was registered."),
    Verdict.REFUSED: N_(
        'A reply arrived by mail at %(time)s: "this was not me". The login or registration was stopped.'
    ),
    Verdict.HELPED: N_("A reply arrived by mail at %(time)s, and we sent a mail that explains how to reply."),
    Verdict.UNCLEAR: N_(
        "A reply arrived by mail at %(time)s, but we could not understand it. We sent a mail that"
        " explains how to reply."
    ),
    Verdict.SHELVED: N_("A reply arrived by mail at %(time)s, but it could not be read."),
    Verdict.AUTOMATIC: N_(
        "A reply arrived by mail at %(time)s, but it seems to be an automatic one, so it was ignored."
    ),
    Verdict.DOUBTED: N_(
        "A reply arrived by mail at %(time)s, but its sender could not be verified, so it was ignored."
    ),
    Verdict.TOO_LATE: N_("A reply arrived by mail at %(time)s, but it was too late."),
}
_CONFIRMATIONS = {
    DeliveryState.WAITING: N_("Mail to %(label)s, requested at %(time)s: waiting to be sent"),
    DeliveryState.RETRYING: N_("Mail to %(label)s: the mail server does not take it yet. It is being tried again."),
    DeliveryState.UNKNOWN: N_(
        "Mail to %(label)s: it may have been delivered; the mail server did not confirm it at %(time)s. Please look in"
        " your mailbox."
    ),
    DeliveryState.ACCEPTED: N_("Mail to %(label)s, handed to the mail server at %(time)s"),
    DeliveryState.DELAYED: N_(
        "Mail to %(label)s: the receiving mail server has not taken it yet (reported at %(time)s)."
    ),
    DeliveryState.FAILED: N_("Mail to %(label)s could not be delivered. Please use another address."),
    DeliveryState.EXPIRED: N_("The mail to %(label)s has expired. Please send it again."),
}
_SUSPENDED = {
    Suspended.NO_MAILBOX: N_("mail could not be delivered: the address no longer exists"),
    Suspended.SLACK_GONE: N_("this Slack account can't be reached any more; /tegata link in Slack links it again"),
    Suspended.SLACK_LEFT: N_(
        "this Slack account was deactivated or made a guest; /tegata link in Slack links it again"
    ),
    Suspended.SLACK_AWAY: N_(
        "the app was removed from the Slack workspace; when it is back, /tegata link in Slack links it again"
    ),
}
_AMR = {
    "pwd": N_("password"),
    "otp": N_("one-time password"),
    "matrix": N_("matrix card"),
    "sc": N_("IC card"),
    "pin": N_("PIN"),
    "mca": N_("approval in Slack"),
}
_DIRECT = N_("your direct messages")
_ONE_LEFT = N_("1 attempt left.")
_TRIES_LEFT = N_("%(tries)d attempts left.")
# The same reasons where a page asks for something else: a sentence names only what the page has.
_ON_PAGE = {
    ("matrix", Reason.ANSWER_WRONG): N_("Those characters are not correct."),
    ("matrix", Reason.CHALLENGE_OVER): N_(
        "Those cells were answered at another login. Please enter the cells that are shown now."
    ),
    ("step-up", Reason.PASSWORD_WRONG): N_("The password is not right."),
    ("named-account", Reason.PASSWORD_WRONG): N_("The password is not right."),
    ("step-up", Reason.PASSWORD_MISSING): N_("Please enter your password."),
    ("named-account", Reason.PASSWORD_MISSING): N_("Please enter your password."),
}
_NEWER = N_("A newer code was sent at %(time)s to %(label)s.")

TOKEN_ADDED = N_("The soft token was registered. At the next login you can choose it.")
TOKEN_REMOVED = N_("The soft token was removed.")
CONTACT_REMOVED = N_("The contact was removed.")
CONTACT_RENAMED = N_("The label was changed.")
NOTIFICATION_CHANGED = N_("The notification setting was changed.")
MATRIX_ON = N_("Matrix was switched on.")
MATRIX_OFF = N_("Matrix was switched off.")
CODES_RESUMED = N_("Codes are sent again.")
LOGGED_OUT = N_("You are logged out.")
SESSION_OVER = N_("Your session has ended, so nothing was changed. Please log in again.")
PASSWORD_FIRST = N_("Nothing was changed yet. Please enter your password, then try again.")
SENT_AGAIN = N_("The mail was sent again.")
SESSION_ENDED = N_("The session was ended.")
SESSIONS_ENDED = N_("All other sessions were ended.")
CARD_BLOCKED = N_("The card was blocked.")

Clock = Callable[[datetime], str]


def refusal(refused: Refused, words: GNUTranslations, clock: Clock, *, page: str = "") -> str:
    """Write why something was refused on a page."""
    is_wrong = refused.reason is Reason.ANSWER_WRONG
    sentence = words.gettext(_ON_PAGE.get((page, refused.reason), _REASONS[refused.reason]))
    if refused.until is not None:
        return sentence % {"time": clock(refused.until)}
    if refused.newer_at is not None:
        newer = {"time": clock(refused.newer_at), "label": refused.label}
        return joined(sentence, words.gettext(_NEWER) % newer)
    if is_wrong and refused.tries_left:
        left = words.gettext(_ONE_LEFT if refused.tries_left == 1 else _TRIES_LEFT) % {"tries": refused.tries_left}
        return joined(sentence, left)
    return sentence


def reason(why: Reason, words: GNUTranslations) -> str:
    """Write one reason."""
    return words.gettext(_REASONS[why])


def code_line(asked: Asked, words: GNUTranslations, clock: Clock) -> str:
    """Write how the delivery of a code or an approval stands."""
    if asked.delivery is None or asked.channel is None:
        return ""
    line = asked.delivery
    values = {"label": place(asked.label, words), "time": clock(_told_at(line))}
    if asked.kind is AuthenticatorKind.APPROVAL:
        return words.gettext(_APPROVALS[line.state]) % values
    told = _DELIVERIES.get((asked.channel, line.state), _DELIVERIES[Channel.MAIL, line.state])
    return words.gettext(told) % values


def place(label: str, words: GNUTranslations) -> str:
    """Name where a message goes: by its label, or by what it is where the label is only "Slack"."""
    return words.gettext(_DIRECT) if label.casefold() == "slack" else label


def mail_line(label: str, line: DeliveryLine, words: GNUTranslations, clock: Clock) -> str:
    """Write how the delivery of a confirmation stands."""
    return words.gettext(_CONFIRMATIONS[line.state]) % {"label": label, "time": clock(_told_at(line))}


def answer_line(came: CameIn, words: GNUTranslations, clock: Clock) -> str:
    """Write what became of an answer by mail; empty where there is nothing to say."""
    said = _ANSWERS.get(came.verdict)
    return words.gettext(said) % {"time": clock(came.at)} if said else ""


def suspended(why: str, words: GNUTranslations) -> str:
    """Write why a contact is suspended; what an operator wrote stays as it is."""
    return words.gettext(_SUSPENDED[Suspended(why)]) if why in set(Suspended) else why


def strength(amr: str, words: GNUTranslations) -> str:
    """Write what a session was opened with."""
    return " + ".join(words.gettext(_AMR[value]) for value in amr.split() if value in _AMR)


def _told_at(line: DeliveryLine) -> datetime:
    return line.posted_at if line.state is DeliveryState.WAITING else line.at
