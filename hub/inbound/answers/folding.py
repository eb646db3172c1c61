"""PURE: brings an answer's text into one form, so that case, width, kana, punctuation and emoji do not matter."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_KATAKANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
_SMALL = str.maketrans("ぁぃぅぇぉ", "あいうえお")
_APOSTROPHES = re.compile(r"[’‘ʼ`´′ꞌ＇‛]")
# A lengthened vowel: the mark itself, and the waves that people write in its place.
_LENGTH = re.compile(r"[ー〜~∼〰ｰ]|(?<=[ぁ-ゖァ-ヶ])[-‐‑–—―]")
# Words inside an address are not the writer's.
# It is looked for where a word begins: from each sign of a long word on, the time would grow with the square.
_ADDRESS = re.compile(r"https?://[^\s<>。、「」（）]+|(?<![\w.+-])[\w.+-]+@[\w.-]+")
# A line of this many columns was probably broken by the mail program.
_WRAPPED = 40
# No answer is as long; text beyond this is not read.
_LONGEST = 20_000
_SENTENCE_END = re.compile(r"[.。!?．！？;:…\n]+")
_PIECE_END = re.compile(
    r"[.。!?．！？;:…\n,、，—–()（）「」『』【】\[\]♪/]+|\s-\s|(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])"
)
# "Yes/No" and 「はい」か「いいえ」 name the choice and choose nothing.
_CHOICE = re.compile(
    r"(?<![\w])(?:はい|ok|yes|y)[」』\"']?\s*(?:/|・|か|or|または)\s*[「『\"']?(?:いいえ|ng|not|no|n)(?![\wぁ-ゖ一-龠])[」』\"']?"
)
# Faces made of signs: (^^)/ m(_ _)m ( ´∀｀) ＼(^o^)／
_FACE = re.compile(
    r"(?:(?<![a-zａ-ｚ])[mｍ]|[＼\\٩ヽヾΣ])?[(（](?:[^\w()（）\n]|_|[oOωдДﾟ゚人艸益皿ヮノ∀TwvmᐛﾉДо](?![a-zA-Z])|\s){2,14}[)）](?:[mｍ](?![a-z])|[丿ノﾉゞو✧／/]){0,2}"
)
_NO_WORD = re.compile(r"[^\w]+|_+")
_NEGATED = re.compile(
    r"\b(is|was|are|were|do|does|did|has|have|had|would|should|could|must|need|might)(?:n ?'? ?t| nt|not)\b"
)
_SHORTENED = (
    (re.compile(r"\b(?:can'?t|can t|cannot|cant)\b"), "can not"),
    (re.compile(r"\bwon'?t\b"), "will not"),
    (re.compile(r"\bshan'?t\b"), "shall not"),
    (re.compile(r"\bain'?t\b"), "is not"),
    (re.compile(r"\b(?:i'?m|i m)\b"), "i am"),
    (re.compile(r"\b(that|it|this|there|what|who|he|she|here)'s\b"), r"\1 is"),
    (re.compile(r"\b(thats|its|whats|theres)\b"), lambda found: f"{found[1][:-1]} is"),
    (re.compile(r"\b(i|you|we|they)'?ve\b"), r"\1 have"),
    (re.compile(r"\b(i|you|we|they|he|she)'d\b"), r"\1 would"),
    (re.compile(r"\b(i|you|we|they|he|she|it)'ll\b"), r"\1 will"),
    (re.compile(r"\b(you|we|they)'re\b"), r"\1 are"),
    (re.compile(r"\be[- ]?mail\b"), "mail"),
    (re.compile(r"\bo\.\s?k\b\.?"), "ok"),
)


@dataclass(frozen=True, slots=True)
class Folded:
    """A text in the forms that rules look at.

    `japanese`: no space and no punctuation, but one `。` between sentences. `english`: words with one space between
    them, and ` | ` between sentences. `pieces`: the same words, cut at every comma and bracket, too.
    """

    japanese: str
    english: str
    pieces: tuple[str, ...]


@lru_cache(maxsize=64)
def fold(text: str) -> Folded:
    """Bring a text into its forms."""
    plain = _unwrapped(_plain(text[:_LONGEST]))
    sentences = [_words(one) for one in _SENTENCE_END.split(plain)]
    pieces = [_words(one) for one in _PIECE_END.split(plain)]
    return Folded(
        japanese="。".join(_squeezed(one) for one in sentences if one),
        english=" | ".join(one for one in sentences if one),
        pieces=tuple(one for one in pieces if one),
    )


def folded_pattern(pattern: str) -> str:
    """Bring a pattern's Japanese signs into the form that `Folded.japanese` has."""
    return _LENGTH.sub("", pattern.translate(_KATAKANA).translate(_SMALL))


def visible(text: str) -> str:
    """Drop the signs that have no width and no meaning: byte order marks, joiners, selectors."""
    return "".join(
        sign for sign in text if sign in "\n\t" or unicodedata.category(sign) not in {"Cf", "Cc", "Mn", "Me"}
    )


def words_of(line: str) -> str:
    """Give a line's words without what stands around them; case and kana as they are."""
    return " ".join(unicodedata.normalize("NFKC", visible_composed(line)).split())


def visible_composed(text: str) -> str:
    """Compose first: a Japanese voiced sound may come in two signs, of which the second is no ornament."""
    return visible(unicodedata.normalize("NFC", text))


def _plain(text: str) -> str:
    # Before the normalisation, which makes a space and an accent of some of them.
    straight = _APOSTROPHES.sub("'", _FACE.sub(" ", _ADDRESS.sub(" ", text)))
    plain = unicodedata.normalize("NFKC", visible_composed(straight)).casefold()
    plain = plain.translate(_KATAKANA).translate(_SMALL)
    plain = _LENGTH.sub("", plain).replace("憶え", "覚え")
    plain = _CHOICE.sub(" はいかいいえ ", plain)
    plain = _NEGATED.sub(r"\1 not", plain)
    for shortened, full in _SHORTENED:
        plain = shortened.sub(full, plain)
    return plain


def _unwrapped(text: str) -> str:
    """Join lines that a mail program broke: long, and without an end of a sentence."""
    joined = ""
    for line in text.split("\n"):
        # A long row of spaces is as good as one, and takes some patterns a time that grows with its square.
        stripped = " ".join(line.split())
        joined += stripped
        joined += _joint(stripped)
    return joined


def _joint(line: str) -> str:
    columns = sum(1 if sign.isascii() else 2 for sign in line)
    if columns < _WRAPPED or _SENTENCE_END.search(line[-1:]):
        return "\n"
    return " " if line[-1:].isascii() else ""


def _words(text: str) -> str:
    return _NO_WORD.sub(" ", text.replace("'", "")).strip()


def _squeezed(text: str) -> str:
    return text.replace(" ", "")
