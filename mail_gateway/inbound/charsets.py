"""PURE: the text of a mail part, whatever its sender says of its charset."""

import re
from email.message import Message
from itertools import pairwise

# Mail in Japan goes out under these names with signs that the names don't cover; each is tried with its larger kin.
_KIN = {
    "shift_jis": ("cp932",),
    "shift-jis": ("cp932",),
    "sjis": ("cp932",),
    "x-sjis": ("cp932",),
    "windows-31j": ("cp932",),
    "euc-jp": ("euc_jp", "euc_jis_2004"),
    "iso-2022-jp": ("iso2022_jp", "iso2022_jp_2", "iso2022_jp_ext", "iso2022_jp_3"),
    "gb2312": ("gb18030",),
    "ks_c_5601-1987": ("cp949",),
}
_GUESSES = ("utf-8", "cp932", "euc_jp", "cp1252")
# Names that a mail program gives, or leaves out, when it says nothing of the charset.
_UNTOLD = {"", "utf-8", "us-ascii", "ascii", "unknown-8bit"}
_HIRAGANA = re.compile("[ぁ-ん]")
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")
_ESCAPE = re.compile(rb"\x1b(?:\$\([@BD]|\$[@BA]|\([BJIH])")
_DOUBLE = {b"\x1b$@", b"\x1b$B", b"\x1b$(@", b"\x1b$(B"}
_KANA = b"\x1b(I"


def text_of(content: bytes, charset: str) -> str:
    """Decode a part for reading; signs that nobody can tell become U+FFFD, which no command and no label has."""
    named = charset.strip().strip('"').lower()
    if b"\x1b$" in content or b"\x1b(" in content:
        named = "iso-2022-jp"
    if named in _UNTOLD and _looks_like_euc(content):
        named = "euc-jp"
    for codec in (*_KIN.get(named, (named,)), *_GUESSES):
        decoded = _decoded(content, codec)
        if decoded is not None:
            return decoded if "\x1b" not in decoded else _shifted(content)
    return content.decode("ascii", "replace")


def _looks_like_euc(content: bytes) -> bool:
    """Tell EUC-JP from Shift_JIS, of which half-width kana have the same bytes: a text of those alone is rare."""
    if _decoded(content, "utf-8") is not None:
        return False
    as_euc, as_shifted = _decoded(content, "euc_jp"), _decoded(content, "cp932")
    if as_euc is None or _HIRAGANA.search(as_euc) is None:
        return False
    return as_shifted is None or _HALF_WIDTH.search(as_shifted) is not None


def _decoded(content: bytes, codec: str) -> str | None:
    try:
        return content.decode(codec or "ascii")
    except (UnicodeError, LookupError, ValueError):
        return None


def _shifted(content: bytes) -> str:
    """Read ISO-2022-JP with the signs that its standard lacks (NEC row 13, half-width kana), escape by escape."""
    marks = [(0, 0, b"")] + [(one.start(), one.end(), one[0]) for one in _ESCAPE.finditer(content)]
    ends = [*[start for start, _, _ in marks], len(content)]
    pieces = []
    for (_, begin, escape), (_, end) in zip(marks, pairwise(ends), strict=True):
        piece = content[begin:end]
        if escape in _DOUBLE:
            pieces.append(bytes(sign | 0x80 for sign in piece).decode("euc_jis_2004", "replace"))
        elif escape == _KANA:
            pieces.append(bytes(sign | 0x80 for sign in piece).decode("cp932", "replace"))
        else:
            pieces.append(piece.decode("ascii", "replace"))
    return "".join(pieces)


def header_of(message: Message, name: str) -> str:
    """Give a header's value as it came; bytes that no encoded word announces are read as text (RFC 6532)."""
    for found, value in message.raw_items():
        if found.lower() == name.lower():
            raw = str(value)
            return raw if raw.isascii() else text_of(raw.encode("utf-8", "surrogateescape"), "utf-8")
    return ""
