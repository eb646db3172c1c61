"""PURE: what a refusal means, by its code and its words, at whichever step it comes."""

import re
from enum import StrEnum

from mail_gateway.patience import Step

_PERMANENT = 500
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# RFC 3463 and its registry: no such mailbox, no such domain, bad address, moved, disabled, no answer from its host.
_DEAD = {"1.1", "1.2", "1.3", "1.6", "1.10", "2.1", "4.1"}
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
    enhanced = _ENHANCED.search(said)
    subject, detail = (enhanced[2], enhanced[3]) if enhanced else ("", "")
    if code in _LOGIN_CODES:
        return Meaning.BUSY
    if code < _PERMANENT:
        return _for_now(subject, step)
    if step is Step.MAIL:
        return Meaning.POLICY if subject in {"", _ADDRESS, _POLICY} else Meaning.NEVER
    if subject == _POLICY:
        return Meaning.POLICY
    if subject:
        return Meaning.DEAD if f"{subject}.{detail}" in _DEAD else Meaning.NEVER
    # A bare 550 after the letter is more often about its text than about the mailbox.
    return Meaning.DEAD if step is Step.RCPT and code in _DEAD_CODES else Meaning.NEVER


def _for_now(subject: str, step: Step) -> Meaning:
    if subject == _SYSTEM:
        return Meaning.BUSY
    if subject in {_ADDRESS, _MAILBOX}:
        return Meaning.LATER
    return Meaning.BUSY if step in {Step.MAIL, Step.DATA} else Meaning.LATER
