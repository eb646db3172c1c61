"""PURE: what a refusal means, by its code and its words, at whichever step it comes."""

from enum import StrEnum

from mail_gateway.mailbox_refusals import STATUS, Told, told_by
from mail_gateway.outbound.step_timeouts import Step

_PERMANENT = 500
# RFC 5321, 4.2.3: mailbox unavailable, not local, name not allowed; for servers that say no more.
_DEAD_CODES = {550, 551, 553}
# RFC 4954, 6: the server wants another login of us; the operator can give it.
_LOGIN_CODES = {530, 534, 535, 538}
_ADDRESS, _MAILBOX, _SYSTEM, _POLICY = "1", "2", "3", "7"


class Meaning(StrEnum):
    """What became of the letter by a refusal."""

    LATER = "later"
    # Not now, and that is the server's own trouble.
    BUSY = "busy"
    DEAD = "dead"
    POLICY = "policy"
    NEVER = "never"


def meaning_of(code: int, said: str, step: Step = Step.RCPT) -> Meaning:
    """Tell what a refusal means: 5.1.1 and its like are the address's fault, 5.7.x is ours.

    The step says only what the code leaves open: before RCPT no recipient was named, so none was refused.
    """
    enhanced = STATUS.search(said)
    subject = enhanced[2] if enhanced else ""
    if code in _LOGIN_CODES:
        return Meaning.BUSY
    if code < _PERMANENT:
        return _for_now(subject, step)
    if step is Step.MAIL:
        return Meaning.POLICY if subject in {"", _ADDRESS, _POLICY} else Meaning.NEVER
    match told_by(enhanced[0] if enhanced else "", said):
        case Told.DEAD:
            return Meaning.DEAD
        case Told.POLICY:
            return Meaning.POLICY
        case Told.LIVING:
            return Meaning.NEVER
        case Told.NOTHING:
            # A bare 550 after the letter is more often about its text than about the mailbox.
            is_bare = enhanced is None and step is Step.RCPT
            return Meaning.DEAD if is_bare and code in _DEAD_CODES else Meaning.NEVER


def _for_now(subject: str, step: Step) -> Meaning:
    if subject == _SYSTEM:
        return Meaning.BUSY
    if subject in {_ADDRESS, _MAILBOX}:
        return Meaning.LATER
    return Meaning.BUSY if step in {Step.MAIL, Step.DATA} else Meaning.LATER
