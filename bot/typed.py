"""PURE: what people typed, without the escapes that Slack puts in."""

import re
import unicodedata

# <mailto:taro@example.org|taro@example.org>, <https://example.org|example.org>, <@U012|taro>, <#C012|general>
_LINK = re.compile(r"<(?P<mail>mailto:)?(?P<target>[^<>|]*)(?:\|(?P<shown>[^<>]*))?>")
# Slack escapes these three and no others; the ampersand comes last, for it is a part of the others.
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_GAP = "[ \\-\u2010\u2212\u30fc]"
_CODE = re.compile(rf"(?<!\d)(?:\d{{6}}|\d{{3}}{_GAP}\d{{3}}|\d{{2}}{_GAP}\d{{2}}{_GAP}\d{{2}})(?!\d)")


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


def _typed(found: re.Match[str]) -> str:
    return found["target"] if found["mail"] else found["shown"] or found["target"]
