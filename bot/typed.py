"""PURE: what people typed, without the escapes that Slack puts in."""

import html
import re

# <mailto:taro@example.org|taro@example.org>, <https://example.org|example.org>, <@U012|taro>, <#C012|general>
_ESCAPE = re.compile(r"<(?:(?P<scheme>mailto|https?|tel):)?(?P<target>[^<>|]*)(?:\|(?P<shown>[^<>]*))?>")


def plain(text: str) -> str:
    """Give a text as it was typed; a mail address is the one that is written to, not the one that is shown."""
    # Entities come last: what is a bracket by then was typed as one.
    return html.unescape(_ESCAPE.sub(_typed, text)).strip()


def _typed(found: re.Match[str]) -> str:
    if found["scheme"] == "mailto":
        return found["target"]
    return found["shown"] or found["target"]
