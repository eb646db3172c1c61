"""PURE: what a server's status and words say of a mailbox, in a reply and in a delivery report alike.

The code alone does not decide: 5.0.0 says nothing, 5.2.1 says two things, and what follows it is written for people.
"""

import re
from enum import StrEnum

STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# RFC 3463 and its registry: no such mailbox, no such domain, bad address, moved, disabled, no answer from its host.
_DEAD = {"1.1", "1.2", "1.3", "1.6", "1.10", "2.1", "4.1"}
# Full or too big: the mailbox is there, also if the text says more.
_LIVING = {"2.2", "2.3", "3.4"}
_POLICY_SUBJECT = "7"
_SOMEBODY = r"(user|mailbox|mail box|account|recipient|address|addressee|alias|customer|subscriber|person|destination)"
_NO_MAILBOX = rf"""
    {_SOMEBODY}\W+unknown | unknown\W+(\w+\W+)?{_SOMEBODY} | no\W+such\W+(\w+\W+)?{_SOMEBODY} |
    {_SOMEBODY}\b[^.;]{{0,60}}\b(does\ not|doesn'?t|do\ not|don't)\W+exist |
    \b(does\ not|doesn'?t)\W+have\W+an?\ \S{{1,60}}\ account
"""
_NO_MAILBOX_WORDS = re.compile(_NO_MAILBOX, re.IGNORECASE | re.VERBOSE)
_DEAD_WORDS = re.compile(
    rf"""{_NO_MAILBOX} |
    does\ not\ exist | doesn'?t\ exist | {_SOMEBODY}\W+rejected | no\ mailbox |
    couldn't\ be\ found | could\ not\ be\ found |
    {_SOMEBODY}\b[^.;]{{0,60}}\b(not\ found | unavailable) |
    {_SOMEBODY}\b[^.;]{{0,60}}\b(is|are|has\ been|have\ been|was)\W+(\w+\W+)?
        (disabled|deactivated|inactive|closed|deleted|terminated|discontinued|removed|cancelled) |
    {_SOMEBODY}\W+(disabled|deactivated|inactive|closed|deleted|terminated) |
    \b(disabled|deactivated|inactive|deleted|terminated|invalid)\W+(\w+\W+)?{_SOMEBODY} |
    {_SOMEBODY}\b[^.;]{{0,60}}\b(is|has\ been|was)?\W*suspended | {_SOMEBODY}\b[^.;]{{0,60}}\bnot\ known\b |
    no\ longer\ (valid|exists|available|on\ (this\ )?server) | no\ mx\ record | unbekannt | inconnu | desconocid |
    {_SOMEBODY}\b[^.;]{{0,60}}\b(no\ longer\b | not\ (a\ )?valid\b | is\ invalid\b) |
    not\ a\ valid\ (\w+\ )?{_SOMEBODY} | no\ longer\ (with\ us|works\ here|active|in\ use) |
    unrout(e)?able | unable\ to\ look\ ?up\ host | no\ such\ (host|domain) | nxdomain | null\ mx |
    (host|domain)(\ or\ domain)?(\ name)?\ (was\ )?not\ found | (domain|host)\b[^.;]{{0,60}}\bdoes\ not\ exist |
    存在しません | 存在しない | 見つかりません | 宛先不明 |
    該当する?(ユーザー?|メールボックス|アカウント|アドレス)\S{{0,6}}(ありません|ございません) |
    (無効な|使われていない|使用されていない)(メール)?(アドレス|アカウント)
    """,
    re.IGNORECASE | re.VERBOSE,
)
FULL_WORDS = re.compile(
    r"mailbox\b.{0,20}\bfull|over[ -]?quota|quota exceeded|exceeded\b.{0,40}\bquota|out of storage"
    r"|insufficient storage|容量",
    re.IGNORECASE,
)
_ONE_MAILBOX = rf"{FULL_WORDS.pattern}|(mailbox|inbox)( \w+)? is full|満杯|gr[ea]ylist"
_ONE_MAILBOX_WORDS = re.compile(_ONE_MAILBOX, re.IGNORECASE)
_LIVING_WORDS = re.compile(
    rf"{_ONE_MAILBOX}|at a rate\b|rate.?limit|too (many|much) (messages|mails?|connections|recipients)|temporar"
    r"|too (quickly|fast|often)|at a later time"
    r"|user( \w+)? is full|throttl|try again (later|in)|一時的|しばらく",
    re.IGNORECASE,
)
POLICY_WORDS = re.compile(r"spam|blocked|blacklist|policy|dmarc|spf|not authenticated", re.IGNORECASE)
_OUR_FAULT = re.compile(
    r"spamhaus|blacklist|blocklist|\bdnsbl|\brbl\b|reputation|dmarc|\bspf\b|\bdkim\b|unauthenticated|not authenticated"
    r"|(considered|classified|identified|detected) as spam|looks like spam|unsolicited"
    # Our own address, name or server: whatever does not exist there is no mailbox of a member.
    r"|\bsender('s)?\W+(address|domain|verif\w*|callout|rejected|unknown|denied|invalid)\b"
    r"|\b(reverse|r)[ -]?dns\b|\bptr\b|\b(helo|ehlo)\b|\brelay(ing)?\b.{0,20}\b(denied|permitted|allowed)|\bvirus\b"
    r"|\b(spam|content)\b.{0,20}\b(content|filter\w*|reject\w*|detected)"
    r"|\bip( address)?\b.{0,20}\b(blocked|listed|denied|rejected)",
    re.IGNORECASE,
)


class Told(StrEnum):
    """What a refusal says about a mailbox."""

    DEAD = "dead"
    LIVING = "living"
    POLICY = "policy"
    NOTHING = "nothing"


def speaks_of_one_mailbox(reply: str) -> bool:
    """Tell whether a temporary refusal is about the one mailbox and not about its domain."""
    found = STATUS.search(reply)
    return bool((found and f"{found[2]}.{found[3]}" in _LIVING) or _ONE_MAILBOX_WORDS.search(reply))


def told_by(status: str, words: str) -> Told:
    """Tell what a permanent status (RFC 3463, or an empty text) and its words say."""
    found = STATUS.search(status)
    subject, detail = (found[2], found[3]) if found else ("", "")
    if subject == _POLICY_SUBJECT:
        # Some servers give this to everything; only words that name the mailbox itself are believed against it.
        is_dead = _NO_MAILBOX_WORDS.search(words) and not _OUR_FAULT.search(words)
        return Told.DEAD if is_dead else Told.POLICY
    if f"{subject}.{detail}" in _LIVING or _LIVING_WORDS.search(words):
        return Told.LIVING
    if _OUR_FAULT.search(words):
        return Told.POLICY
    if f"{subject}.{detail}" in _DEAD or _DEAD_WORDS.search(words):
        return Told.DEAD
    return Told.NOTHING
