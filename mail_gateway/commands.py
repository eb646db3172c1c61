"""PURE: what a person's answer asks for; a denial anywhere wins, and what is not clear is no command."""

import re

from hub.replies import Command, Confirm, Help, ListContacts, Refuse, Remove
from mail_gateway.answers import english, japanese
from mail_gateway.answers.folding import Folded, fold, words_of

# What people put around a word without meaning more by it.
_AROUND = " \t.。!．、,\"'“”「」*_【】()（）！"
# Below an answer: a name in kanji or katakana, or numbers and symbols alone.
_NAME = re.compile(r"[一-龠々㐀-䶿豈-﫿𠮟髙﨑ァ-ヶー・ 　\d]{1,14}")
# A consent is short; what is longer says something else, too.
_LONGEST_YES = 300
_LONGEST_LABEL = 80
_LIST_MARK = re.compile(r"^\s*(?:[-*・•●○◎■□◆◇▪‣⁃◦✓✔☑]|[①-⑳]|[(（]?[0-9a-c０-９]{1,2}[.)）．、:：])\s*(?=\S)")
# "はい？" asks; "登録していただけますか？" asks for it.
_QUESTION = re.compile(r"(?<!か)[?？]")


def command_of(text: str) -> Command | None:
    """Read a person's own words; None when they are no command."""
    lines = [_LIST_MARK.sub("", line) for line in text.split("\n")]
    own = "\n".join(lines)
    asked = _asked(lines)
    if asked is not None:
        return asked
    if is_denial(own):
        return Refuse()
    if is_absence(own) or len(own) > _LONGEST_YES * 3:
        return None
    return Confirm() if _is_consent(_without_name(_without_greeting(lines))) else None


def is_denial(text: str) -> bool:
    """Tell whether a text denies, anywhere in it."""
    folded = fold(text)
    return _is_denied_in_japanese(folded) or _is_denied_in_english(folded)


def is_absence(text: str) -> bool:
    """Tell whether a text has the shape of an out-of-office answer."""
    folded = fold(text)
    return bool(japanese.AWAY.search(folded.japanese) or english.AWAY.search(folded.english))


def _is_denied_in_japanese(folded: Folded) -> bool:
    text = japanese.HARMLESS.sub("。", folded.japanese)
    if japanese.DENIALS.search(text):
        return True
    squeezed = [piece.replace(" ", "") for piece in folded.pieces]
    return any(japanese.DENYING_STARTS.match(one) or japanese.DENYING_WHOLES.fullmatch(one) for one in squeezed)


def _is_denied_in_english(folded: Folded) -> bool:
    text = english.HARMLESS.sub(" ", folded.english)
    if english.DENIALS.search(" ".join(text.split())):
        return True
    pieces = [" ".join(english.HARMLESS.sub(" ", piece).split()) for piece in folded.pieces]
    return any(english.DENYING_STARTS.match(one) or english.DENYING_WHOLES.fullmatch(one) for one in pieces)


def _asked(lines: list[str]) -> Command | None:
    """Read the commands that manage contacts: one line, with nothing but politeness around it."""
    said = [line for line in lines if line.strip() and not _is_greeting(line)]
    if not said or any(_told(line) is None for line in said[1:]):
        return None
    line = words_of(said[0]).strip(_AROUND)
    removal = _removal(line)
    if removal is not None:
        return removal
    folded = fold(line)
    if japanese.LISTING.fullmatch(folded.japanese) or english.LISTING.fullmatch(folded.english):
        return ListContacts()
    if japanese.HELPING.fullmatch(folded.japanese) or english.HELPING.fullmatch(folded.english):
        return Help()
    return None


def _removal(line: str) -> Remove | None:
    for pattern, other in ((japanese.REMOVING, japanese.NO_LABEL), (english.REMOVING, english.NO_LABEL)):
        found = pattern.fullmatch(line)
        if found is not None and len(line) <= _LONGEST_LABEL and not other.match(found["label"]):
            label = found["label"].strip(_AROUND)
            return Remove(label) if label else None
    return None


def _without_name(text: str) -> str:
    """Leave out the writer's name in the lines below the first."""
    first, *more = text.split("\n")
    return "\n".join([first, *(line for line in more if not _is_name(line))])


def _is_name(line: str) -> bool:
    words = words_of(line)
    return bool(_NAME.fullmatch(words)) and not japanese.NOT_A_NAME.search(fold(words).japanese)


def _without_greeting(lines: list[str]) -> str:
    """Leave out the lines of greeting that stand before the answer."""
    said = [line for line in lines if line.strip()]
    while said and _is_greeting(said[0]):
        said = said[1:]
    return "\n".join(said)


def _is_greeting(line: str) -> bool:
    folded = fold(line)
    if not folded.pieces:
        return True
    one = folded.japanese.replace("。", "")
    if japanese.GREETING.fullmatch(one):
        return not japanese.NOT_A_NAME.match(_name_in(one)) and not _is_consent(line)
    words = folded.english.replace(" | ", " ")
    return bool(english.GREETING.fullmatch(words)) and not english.NOT_A_NAME.search(words)


def _name_in(line: str) -> str:
    return line.rpartition("の")[2]


def _is_consent(text: str) -> bool:
    """Tell whether a text consents and says nothing else."""
    if not text or len(text) > _LONGEST_YES or _QUESTION.search(text):
        return False
    told = _told(text)
    if not told or told[0][0].startswith("no "):
        return False
    return any(affirms and said not in english.WEAK for said, affirms in told)


def _told(text: str) -> list[tuple[str, bool]] | None:
    """Cut a text into phrases of consent and of politeness, and say which is which; None when it says more."""
    told: list[tuple[str, bool]] = []
    for piece in fold(text).pieces:
        found = _phrases(piece, english.AFFIRMATIONS, english.POLITENESS) if piece.isascii() else None
        found = found or _phrases(
            piece.replace(" ", ""),
            (*japanese.AFFIRMATIONS, *english.AFFIRMATIONS),
            (*japanese.POLITENESS, *english.POLITENESS),
        )
        if found is None:
            return None
        told += found
    return told


def _phrases(
    text: str, affirming: tuple[re.Pattern[str], ...], polite: tuple[re.Pattern[str], ...]
) -> list[tuple[str, bool]] | None:
    """Take the longest phrase that fits, again and again; None where none fits."""
    found: list[tuple[str, bool]] = []
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        affirmed, civil = _end(affirming, text, at), _end(polite, text, at)
        if max(affirmed, civil) <= at:
            return None
        found.append((text[at : max(affirmed, civil)], affirmed >= civil))
        at = max(affirmed, civil)
    return found


def _end(patterns: tuple[re.Pattern[str], ...], text: str, at: int) -> int:
    return max((found.end() for one in patterns if (found := one.match(text, at))), default=at)
