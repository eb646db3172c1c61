"""PURE: the text of a mail part, whatever its sender says of its charset."""

import re
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
_ESCAPE = re.compile(rb"\x1b(?:\$\([@BD]|\$[@BA]|\([BJIH])")
_DOUBLE = {b"\x1b$@", b"\x1b$B", b"\x1b$(@", b"\x1b$(B"}
_KANA = b"\x1b(I"


def text_of(content: bytes, charset: str) -> str:
    """Decode a part for reading; signs that nobody can tell become U+FFFD, which no command and no label has."""
    named = charset.strip().strip('"').lower()
    if b"\x1b$" in content or b"\x1b(" in content:
        named = "iso-2022-jp"
    for codec in (*_KIN.get(named, (named,)), *_GUESSES):
        decoded = _decoded(content, codec)
        if decoded is not None:
            return decoded if "\x1b" not in decoded else _shifted(content)
    return content.decode("ascii", "replace")


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
