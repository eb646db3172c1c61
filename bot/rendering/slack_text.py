"""PURE: what people typed, without the escapes that Slack puts in."""

import re
import unicodedata

from hub.inbound.answers.folding import visible_composed

# <mailto:taro@example.org|taro@example.org>, <https://example.org|example.org>, <@U012|taro>, <#C012|general>
_LINK = re.compile(r"<(?P<mail>mailto:)?(?P<target>[^<>|]*)(?:\|(?P<shown>[^<>]*))?>")
# Slack escapes these three and no others; the ampersand comes last, for it is a part of the others.
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_GAP = "[ \\-\u2010\u2212\u30fc]"
_CODE = re.compile(rf"(?<!\d)(?:\d{{6}}|\d{{3}}{_GAP}\d{{3}}|\d{{2}}{_GAP}\d{{2}}{_GAP}\d{{2}})(?!\d)")
_NUMBER = re.compile(r"\d{2}|(?:please )?(?:approve|approved|allow)(?: it| this| please)?|承認(?:する|したい)?")
_PASSWORD = re.compile(
    r"(?:password|passwd|passphrase|\bpw|パスワード|暗証番号|\bpin)\s*(?:は|が|を|:|=|\bis\b)\s*\S", re.IGNORECASE
)
_SIGN = re.compile(r":([a-z0-9_+-]+)(?:::skin-tone-\d)?:")
_SIGNS = {
    **dict.fromkeys(("-1", "thumbsdown"), "👎"),
    **dict.fromkeys(("no_good", "man-gesturing-no", "woman-gesturing-no"), "🙅"),
    **dict.fromkeys(("x", "no_entry_sign", "no_entry", "octagonal_sign", "negative_squared_cross_mark", "ng"), "❌"),
}


# What stands around a word that was copied out of a sentence, or that an input method ends.
_AROUND = "。、.,;:!?「」\"'“”‘’`*_~"


def folded(word: str) -> str:
    """Read a command word as it may be written: full width, large letters, signs around it and invisible ones in it."""
    plain_word = unicodedata.normalize("NFKC", visible_composed(word)).casefold()
    return plain_word.strip(_AROUND) or plain_word


def plain(text: str) -> str:
    """Give a text as it was typed; a mail address is the one that is written to, not the one that is shown."""
    # Links go first: what is a bracket afterwards was typed as one.
    found = _LINK.sub(_typed, text)
    for escape, sign in _ENTITIES:
        found = found.replace(escape, sign)
    return found.strip()


def is_code(text: str) -> bool:
    """Tell whether a text holds something that looks like a code of six digits."""
    # Divided as people read codes out, too: 123 456, 123-456.
    return _CODE.search(unicodedata.normalize("NFKC", text)) is not None


def is_number(text: str) -> bool:
    """Tell whether a text is the two digits that a login page shows, or a word for approving."""
    return _NUMBER.fullmatch(unicodedata.normalize("NFKC", text).casefold().strip(" .。!！")) is not None


def is_password(text: str) -> bool:
    """Tell whether a text may hold a password, by the words around it."""
    return _PASSWORD.search(unicodedata.normalize("NFKC", text)) is not None


def shown(text: str) -> str:
    """Give the signs that Slack's names for them stand for; names of other signs say nothing."""
    return _SIGN.sub(lambda found: _SIGNS.get(found[1], " "), text)


def _typed(found: re.Match[str]) -> str:
    return found["target"] if found["mail"] else found["shown"] or found["target"]
