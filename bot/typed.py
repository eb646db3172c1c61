"""PURE: what people typed, without the escapes that Slack puts in."""

import re

# <mailto:taro@example.org|taro@example.org>, <https://example.org|example.org>, <@U012|taro>, <#C012|general>
_LINK = re.compile(r"<(?P<mail>mailto:)?(?P<target>[^<>|]*)(?:\|(?P<shown>[^<>]*))?>")
# Slack escapes these three and no others; the ampersand comes last, for it is a part of the others.
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def plain(text: str) -> str:
    """Give a text as it was typed; a mail address is the one that is written to, not the one that is shown."""
    # Links go first: what is a bracket afterwards was typed as one.
    found = _LINK.sub(_typed, text)
    for escape, sign in _ENTITIES:
        found = found.replace(escape, sign)
    return found.strip()


def _typed(found: re.Match[str]) -> str:
    return found["target"] if found["mail"] else found["shown"] or found["target"]
