"""PURE: what a person's answer asks for; a denial anywhere wins, and what is not clear is no command."""

import re

from hub.inbound.answers import english, japanese
from hub.inbound.answers.folding import Folded, fold, words_of
from hub.inbound.mail_commands import Command, Confirm, Help, ListContacts, Refuse, Remove

# What people put around a word without meaning more by it.
_AROUND = " \t.。!．、,\"'“”「」*_【】()（）！"
# Below an answer: a name in kanji or katakana, or numbers and symbols alone.
_NAME = re.compile(r"[一-龠々㐀-䶿豈-﫿𠮟髙﨑ァ-ヶー・ 　\d]{1,14}")
# A consent is short; what is longer says something else, too.
_LONGEST_YES = 300
_LONGEST_LABEL = 80
# "Answer: yes" is the answer behind the colon.
_ANSWER_MARK = re.compile(
    r"^\s*(?:(?:my |the )?(?:answer|reply|response|ans)|re|a|(?:ご|お)?(?:回答|返信|答え|返答|返事))"
    r"\s*[:：]\s*(?=\S)",
    re.IGNORECASE,
)
_OPENING = re.compile(r"([^。、,.!！\n]{2,40})[。、,.!！\n]+\s*(?=\S)")
_GESTURE = re.compile("[🙅👎]")
_KIND_SIGN = re.compile("[🙏👍👌🙇😊🙂😀😄😃😁🎉❤💕🌸✨✅🆗]")
_MARK = re.compile("[❌🚫⛔🛑🆖✖✗✘×✕]")
_WORD = re.compile(r"\w")
# Letters that are words.
_ALONE = frozenset("ikny")
# Words that say something, even where an address begins with them.
_NO_NAME = re.compile(
    r"a|an|and|but|if|in|is|it|later|maybe|me|my|never|no|not|of|ok|on|or|so|the|then|this|to|unless|until|was|we|when|yes|your?"
)
_LIST_MARK = re.compile(r"^\s*(?:[-*・•●○◎■□◆◇▪‣⁃◦✓✔☑]|[①-⑳]|[(（]?[0-9a-c０-９]{1,2}[.)）．、:：])\s*(?=\S)")
# "はい？" asks; "登録していただけますか？" asks for it.
_QUESTION = re.compile(r"(?<!か)[?？]")


def command_of(text: str, writer: str = "") -> Command | None:
    """Read a person's own words; None when they are no command. The writer's name says nothing."""
    lines = [_ANSWER_MARK.sub("", _LIST_MARK.sub("", line)) for line in text.split("\n")]
    own = "\n".join(lines)
    asked = _asked(lines)
    if asked is not None:
        return asked
    if is_denial(own):
        return Refuse()
    if is_absence(own) or len(own) > _LONGEST_YES * 3:
        return None
    consent = _without_opening(_without_name(_without_greeting(lines)))
    return Confirm() if _is_consent(consent, _names_in(writer)) else None


def is_courtesy(text: str, writer: str = "") -> bool:
    """Tell whether a person thanks, takes note or says goodbye, and nothing else."""
    if not _WORD.search(text):
        return bool(_KIND_SIGN.search(text))
    if is_denial(text) or is_absence(text) or _QUESTION.search(text) or len(text) > _LONGEST_YES:
        return False
    folded = fold(text)
    if not (japanese.THANKS.search(folded.japanese) or english.THANKS.search(folded.english)):
        return False
    lines = [_LIST_MARK.sub("", line) for line in text.split("\n")]
    said = _without_opening(_without_name(_without_greeting(lines)))
    names = _names_in(writer)
    told = _told(said, names, japanese.COURTESIES, english.COURTESIES) if said else []
    return told is not None and not any(affirms for _, affirms in told)


def is_denial(text: str) -> bool:
    """Tell whether a text denies, anywhere in it."""
    if _is_denied_by_sign(text):
        return True
    folded = fold(text)
    return _is_denied_in_japanese(folded) or _is_denied_in_english(folded)


def is_absence(text: str) -> bool:
    """Tell whether a text has the shape of an out-of-office answer."""
    folded = fold(text)
    return bool(japanese.AWAY.search(folded.japanese) or english.AWAY.search(folded.english))


def _is_denied_by_sign(text: str) -> bool:
    """Tell whether a sign denies: a gesture anywhere, a mark where it stands alone in its line."""
    if _GESTURE.search(text):
        return True
    return any(_MARK.search(line) and not _WORD.search(line) for line in text.split("\n"))


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


def _without_opening(text: str) -> str:
    """Leave out the greetings that stand in one line with the answer, as in お疲れ様です、山田です。はい."""
    while (found := _OPENING.match(text)) and _is_greeting(found[1]):
        text = text[found.end() :]
    return text


def _names_in(writer: str) -> frozenset[str]:
    """Read from a From header's name and address what the writer may be called."""
    name, _, address = writer.rpartition(" ")
    words = re.findall(r"[^\W\d_]+", fold(f"{name} {address.partition('@')[0]}").english)
    return frozenset(word for word in words if not _NO_NAME.fullmatch(word))


def _is_greeting(line: str) -> bool:
    folded = fold(line)
    if not folded.pieces:
        return True
    one = folded.japanese.replace("。", "")
    if japanese.GREETING.fullmatch(one):
        return not japanese.NOT_A_NAME.match(_name_in(one)) and not _is_consent(line)
    if any(_is_consent(piece) for piece in folded.pieces[1:]):
        return False
    words = folded.english.replace(" | ", " ")
    return bool(english.GREETING.fullmatch(words)) and not english.NOT_A_NAME.search(words)


def _name_in(line: str) -> str:
    return line.rpartition("の")[2]


def _is_consent(text: str, names: frozenset[str] = frozenset()) -> bool:
    """Tell whether a text consents and says nothing else."""
    if not text or len(text) > _LONGEST_YES or _QUESTION.search(text):
        return False
    told = _told(text, names)
    if not told:
        return False
    if told[0][0].startswith("no ") and not any(affirms and said.endswith(" me") for said, affirms in told):
        return False
    return any(affirms and said not in english.WEAK for said, affirms in told)


def _told(
    text: str,
    names: frozenset[str] = frozenset(),
    civil_japanese: tuple[re.Pattern[str], ...] = (),
    civil_english: tuple[re.Pattern[str], ...] = (),
) -> list[tuple[str, bool]] | None:
    """Cut a text into phrases of consent and of politeness, and say which is which; None when it says more.

    Beside the usual politeness further phrases may be taken for civil ones.
    """
    told: list[tuple[str, bool]] = []
    for piece in fold(text).pieces:
        known = _without_names(piece, names) if piece.isascii() else piece
        if not known or (len(known) == 1 and known not in _ALONE and any(name.startswith(known) for name in names)):
            continue
        polite = (*english.POLITENESS, *civil_english)
        found = _phrases(known, english.AFFIRMATIONS, polite) if known.isascii() else None
        found = found or _phrases(
            piece.replace(" ", ""),
            (*japanese.AFFIRMATIONS, *english.AFFIRMATIONS),
            (*japanese.POLITENESS, *civil_japanese, *polite),
        )
        if found is None:
            return None
        told += found
    return told


def _without_names(piece: str, names: frozenset[str]) -> str:
    """Leave out the writer's name, the initial before it, and what introduces it: "I am Taro"."""
    kept: list[str] = []
    for word in piece.split():
        if word not in names:
            kept.append(word)
            continue
        if kept and len(kept[-1]) == 1 and kept[-1] not in _ALONE:
            kept.pop()
        if kept[-2:] in (["i", "am"], ["this", "is"], ["name", "is"]):
            kept = kept[:-2]
    return " ".join(kept)


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
