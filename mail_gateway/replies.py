"""PURE: what a server means that refuses a recipient: the address, the moment, or us."""

import re
from enum import StrEnum

_PERMANENT = 500
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# RFC 3463 and its registry: no such mailbox, no such domain, bad address, moved, disabled, no answer from its host.
_DEAD = {"1.1", "1.2", "1.3", "1.6", "1.10", "2.1", "4.1"}
# RFC 5321, 4.2.3: mailbox unavailable, not local, name not allowed; for servers that say no more.
_DEAD_CODES = {550, 551, 553}
_POLICY_SUBJECT = "7"


class Meaning(StrEnum):
    """What became of the letter by a refusal."""

    LATER = "later"
    DEAD = "dead"
    POLICY = "policy"
    NEVER = "never"


def meaning_of(code: int, said: str) -> Meaning:
    """Tell what a refusal of a recipient means: 5.1.1 and its like are the address's fault, 5.7.x is ours."""
    if code < _PERMANENT:
        return Meaning.LATER
    enhanced = _ENHANCED.search(said)
    if enhanced is None:
        return Meaning.DEAD if code in _DEAD_CODES else Meaning.NEVER
    _, subject, detail = enhanced.groups()
    if subject == _POLICY_SUBJECT:
        return Meaning.POLICY
    return Meaning.DEAD if f"{subject}.{detail}" in _DEAD else Meaning.NEVER
