"""PURE: what a person wrote themselves in an answer: no quote, no attribution, no signature, no footer."""

import re
from typing import Final

from hub.inbound.answers.commands import is_denial
from hub.inbound.answers.folding import visible_composed
from mail_gateway.inbound.answers.our_letters import without_ours

LONGEST: Final = 2_000
_LINES: Final = 2_000
_LINE: Final = 1_000

# A quote mark, or one with the quoted person's name or initials before it: `portal> `.
_QUOTED = re.compile(r"^\s{0,4}(?:[>＞|｜»]|&gt;|[\w.\-]{1,16}>(?=\s|$))")
_DATE = (
    r"(?:\d{4}\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,2}|\d{1,2}[./]\s?\d{1,2}[./]\s?\d{2,4}|\d{1,2}:\d{2}|"
    r"\d{1,2}\.? \w{3,9}\.?,? \d{4}|\w{3,9}\.? \d{1,2},? \d{4})"
)
_WROTE = (
    r"(?:wrote|writes|said|schrieb|a écrit|escribió|ha scritto|schreef|skrev|napsal\(?a?\)?|写道|작성|"
    r"書きました|書かれました|のメール|のメッセージ|からのメール|からのメッセージ|さんは?書.{0,6})"
)
_ATTRIBUTIONS: Final = (
    # On …, x wrote:
    re.compile(rf"^(?:on|am|le|el|il|op|den|em)\b.{{5,300}}{_WROTE}\s*.{{0,4}}[:：]?\s*[>＞]?$", re.IGNORECASE),
    # x wrote:, 山田さんは書きました:
    re.compile(rf"^.{{1,250}}{_WROTE}.{{0,6}}[:：]\s*$", re.IGNORECASE),
    re.compile(r"^.{0,200}(?:書きました|のメール|からのメッセージ)[。.]?[:：]?\s*$"),
    # 2026年11月28日(土) 22:20 Tegata <portal@hub.example>:
    re.compile(rf"^.{{0,60}}{_DATE}.{{0,250}}[:：]\s*$"),
    re.compile(rf"^.{{0,120}}{_DATE}.{{0,60}}<[^<>@\s]+@[^<>\s]+>.{{0,12}}$"),
    re.compile(r"^.{0,200}<[^<>@\s]+@[^<>\s]+>.{0,12}[:：]\s*$"),
    # In message <…> x wrote, Message-ID: …
    re.compile(r"^(?:in (?:message|article)|message-id:|記事).{0,250}$", re.IGNORECASE),
    re.compile(r"^(?:at|on) .{0,40}\d{1,2}:\d{2}.{0,120}[,，、:：]\s*$", re.IGNORECASE),
)
_ATTRIBUTION_BEGINNINGS: Final = (
    _ATTRIBUTIONS[0],
    re.compile(rf"^{_DATE}.{{0,250}}(?:{_WROTE}|<[^<>@]+@[^<>]+>).{{0,12}}[:：]?\s*$", re.IGNORECASE),
    re.compile(rf"^(?:at|in message) .{{5,250}}{_WROTE}\s*[:：]?\s*$", re.IGNORECASE),
)
_COLON_END: Final = re.compile(r"[:：]\s*$")
_ORIGINAL: Final = re.compile(
    r"^\s*[-_=*―─━]{2,}\s*(?:original message|original|forwarded message|reply message|weitergeleitete nachricht|message d'origine|"
    r"元のメッセージ|オリジナル ?メッセージ|元のメール|転送メッセージ|転送されたメッセージ|返信元メッセージ|受信メール|原始邮件)\s*[-_=*―─━]{2,}\s*$"
    r"|^\s*begin forwarded message:?\s*$|^\s*_{20,}\s*$",
    re.IGNORECASE,
)
_HEADER: Final = re.compile(
    r"^[\s*>]*(?:from|sent|to|cc|subject|date|reply-to|importance|差出人|送信者|送信元|送信日時|送信日|日時|日付|宛先|件名|発信者|受信者|von|gesendet|an|betreff|de|envoyé|objet|à)"
    r"\s*[*]*\s*[:：]\s*\S",
    re.IGNORECASE,
)
_SIGNATURE: Final = re.compile(r"^\s*(?:-- ?|—|――|__)\s*$")
_RULE: Final = re.compile(
    r"^\s*(?:([-=_*~#+・◇◆□■☆★○●◎─━―┏┗┌└┿┃∞…〜〓＝－＿＊])\s?(?:\1\s?){4,}|(?:[-=_*~+◇◆□■☆★○●◎─━―┏┗┌└┿∞〓＝－＿＊]\s?){6,}).*$"
)
_CLOSING: Final = re.compile(
    r"^\s*(?:(?:with )?(?:best|kind|warm|kindest|many|my best)?,? ?regards|best wishes|sincerely(?: yours)?|yours (?:sincerely|faithfully|truly)|"
    r"respectfully|cordially|best|cheers|敬具|拝|草々)\s*[,.!、。]?\s*$",
    re.IGNORECASE,
)
_SENT_FROM: Final = re.compile(
    r"^\s*(?:sent (?:from|via|with|using) (?:my |outlook|yahoo|proton|samsung|gmail|mail|the|a |an |iphone|ipad|android|blackberry|spark|thunderbird).{0,60}|get (?:outlook|bluemail) for .{0,60}|"
    r"(?:私の)?(?:iphone|ipad|android|スマートフォン|スマホ|携帯|outlook|gmail|galaxy|xperia|yahoo!?メール).{0,20}(?:から|より)(?:の)?送信.{0,20}|.{0,24}(?:から|より)送信(?:されました|しています|しました)?[。.]?|"
    r"(?:iOS|Android|Mac|Windows)?\s?(?:版|用|の)?\s?outlook\s?(?:for (?:ios|android|mac))?\s?(?:を(?:入手|取得|ダウンロード)|からの送信).{0,30}|outlook (?:for|を).{0,40}|"
    r"yahoo!?メール.{0,30}|このメールは.{0,20}(?:から|で)送信.{0,20}|"
    r"virus-free.{0,60}|.{0,10}(?:avast|avg|eset|norton|mcafee|ウイルス|ウィルス).{0,80})\s*$",
    re.IGNORECASE,
)
_LEGAL: Final = re.compile(
    r"confidential|intended (?:recipient|only|solely)|legally privileged|privileged (?:and|information)|disclaimer|"
    r"(?:this|the) (?:e-?mail|message|communication)(?: message)?(?: and any| \(including| is (?:intended|confidential|meant)| may contain| contains)|"
    r"(?:consider|think (?:of|about)) the environment|please do not print|originated from outside|"
    r"機密情報|秘密情報|機密事項|守秘|誤って(?:受信|送信|お受け取り|配信|届いた場合)|誤送信|意図した受信者|宛先以外の|受信者(?:のみ|以外)|本来の(?:宛先|受信者)|"
    r"(?:無断|許可なく).{0,8}(?:転載|複製|開示|転送|使用)",
    re.IGNORECASE,
)
_FORWARD: Final = re.compile(r"^\s*(?:from|差出人|送信者|送信元)\s*[*]*\s*[:：]", re.IGNORECASE)
_WITHIN: Final = 5
_ARMOUR: Final = "-----BEGIN PGP SIGNED MESSAGE-----"
_ARMOUR_END: Final = "-----BEGIN PGP SIGNATURE-----"


def own_text(text: str) -> str:
    """Leave out of a text all that its writer did not write for this answer."""
    lines = [visible_composed(line)[:_LINE].rstrip() for line in re.split(r"\r\n|\r|\n|\u2028|\u2029|\x0b|\x0c", text)]
    kept = _without_quotes(_without_headers(_without_armour(lines[:_LINES])))
    kept = without_ours(kept)
    kept = _without_footer(_without_signature(kept))
    return "\n".join(kept).strip()[:LONGEST]


def _without_armour(lines: list[str]) -> list[str]:
    """Leave out what OpenPGP puts around a signed text (RFC 9580, 7)."""
    begun = next((place for place, line in enumerate(lines) if line == _ARMOUR), None)
    if begun is None:
        return lines
    blank = next((place for place, line in enumerate(lines[begun:], begun) if not line), begun)
    ended = next((place for place, line in enumerate(lines) if line == _ARMOUR_END), len(lines))
    return [*lines[:begun], *(line.removeprefix("- ") for line in lines[blank:ended])]


def _without_headers(lines: list[str]) -> list[str]:
    """Leave out the header lines that a mail program puts above a quote; cut where the quote has no mark."""
    kept: list[str] = []
    at = 0
    while at < len(lines):
        length = _announcement(lines, at)
        if not length:
            kept.append(lines[at])
            at += 1
            continue
        at += length
        if _has_words(kept) and not _is_marked(lines, at):
            return kept
    return kept


def _announcement(lines: list[str], at: int) -> int:
    """Give the number of lines at a place that announce a quote by a rule or a mail's header; 0 for none."""
    start = at
    is_ruled = bool(_ORIGINAL.match(lines[at]))
    if is_ruled:
        at = _skip_blank(lines, at + 1)
    headers = 0
    while at < len(lines) and (_HEADER.match(lines[at]) or (headers and _is_continued(lines, at))):
        headers += 1
        at += 1
    wanted = 1 if is_ruled else 2
    if headers >= wanted:
        return at - start
    return 1 if is_ruled else 0


def _is_continued(lines: list[str], at: int) -> bool:
    """Tell whether a line continues the header above it: it is indented, or a header comes right after it."""
    return bool(lines[at].strip()) and (
        lines[at][:1] in " \t" or (at + 1 < len(lines) and bool(_HEADER.match(lines[at + 1])))
    )


def _without_quotes(lines: list[str]) -> list[str]:
    """Leave out the marked lines and what announces them; cut behind an announcement of an unmarked quote."""
    kept: list[str] = []
    for place, line in enumerate(lines):
        if _QUOTED.match(line):
            _drop_attribution(kept)
            continue
        kept.append(line)
        length = _attribution(kept)
        if length and _has_words(kept[:-length]) and not _is_marked(lines, place + 1) and _is_strong(kept[-length:]):
            return kept[:-length]
    return [line for line in kept if not _is_attribution_alone(line)]


def _drop_attribution(kept: list[str]) -> None:
    while kept and not kept[-1].strip():
        kept.pop()
    length = _attribution(kept) or _colon_line(kept)
    if length:
        del kept[-length:]


def _colon_line(kept: list[str]) -> int:
    """Give 1 when the last line ends in a colon below other words: it announces the quote that follows, else 0.

    Mail programs announce a quote in many forms, such as the subject; a denial stays a denial.
    """
    if not kept or not _COLON_END.search(kept[-1]) or is_denial(kept[-1]):
        return 0
    return int(_has_words(kept[:-1]))


def _attribution(lines: list[str]) -> int:
    """Give the number of the last lines that say who wrote what follows; 0 for none.

    Several lines count only when the first is the beginning of such a sentence.
    """
    for length in (3, 2, 1):
        if length > len(lines) or not all(one.strip() for one in lines[-length:]):
            continue
        joined = " ".join(one.strip() for one in lines[-length:])
        known = _ATTRIBUTIONS if length == 1 else _ATTRIBUTION_BEGINNINGS
        if len(joined) <= _LINE and any(one.match(joined) for one in known):
            return length
    return 0


def _is_strong(lines: list[str]) -> bool:
    """Tell whether an attribution names a mail address or says "wrote": it is no sentence of an answer."""
    joined = " ".join(lines)
    return "@" in joined or re.search(rf"{_WROTE}.{{0,6}}[:：]?\s*$", joined, re.IGNORECASE) is not None


def _is_attribution_alone(line: str) -> bool:
    return bool(_attribution([line])) and _is_strong([line])


def _without_signature(lines: list[str]) -> list[str]:
    kept: list[str] = []
    for place, line in enumerate(lines):
        if _SIGNATURE.match(line) and _has_words(kept):
            return kept
        if (_RULE.match(line) or _CLOSING.match(line)) and _has_words(kept):
            return kept + _denials(lines[place + 1 :])
        if not (_SENT_FROM.match(line) or _RULE.match(line)):
            kept.append(line)
    return kept


def _denials(lines: list[str]) -> list[str]:
    """Keep, of what looks like a signature, the lines that deny: they may be a second part of the answer."""
    found = [line for line in lines if not _LEGAL.search(line) and "@" not in line and len(line) <= _WITHIN * 12]
    return [line for line in found if is_denial(line)]


def _without_footer(lines: list[str]) -> list[str]:
    """Leave out each paragraph of legal words, below the answer or above it."""
    kept: list[str] = []
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            paragraph.append(line)
            continue
        if not _is_legal(paragraph):
            kept += [*paragraph, ""]
        else:
            kept += _before_legal(paragraph)
        paragraph = []
    return kept


def _is_legal(paragraph: list[str]) -> bool:
    return bool(_LEGAL.search(" ".join(paragraph)))


def _before_legal(paragraph: list[str]) -> list[str]:
    """Keep the short lines that stand right above a footer, without an empty line between."""
    for place, line in enumerate(paragraph):
        if _LEGAL.search(line) or len(line) > _WITHIN * 12:
            return paragraph[:place]
    return []


def _is_marked(lines: list[str], at: int) -> bool:
    """Tell whether the next line with words is marked as a quote."""
    place = _skip_blank(lines, at)
    return place < len(lines) and bool(_QUOTED.match(lines[place]))


def _skip_blank(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _has_words(lines: list[str]) -> bool:
    return any(line.strip() for line in lines)
