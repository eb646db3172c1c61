"""PURE. Slack's way to mark text, as HTML: everything is escaped, and links lead to the web or to mail only."""

import re
from datetime import UTC, datetime

from markupsafe import Markup, escape

from demo.slack.workspace import User

_CONTROL = re.compile(r"<([^<>\n]+)>")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_LINK = re.compile(r"(?:https?://|mailto:)", re.ASCII)
# Signs that stand for what was taken out before the rest is escaped; nothing else may hold them.
_MARK = re.compile("\x00(\\d+)\x00")
_CODE = ((re.compile(r"```\n?(.+?)```", re.DOTALL), "pre"), (re.compile(r"`([^`\n]+)`"), "code"))
_STYLES = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), "strong"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), "em"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])"), "s"),
)


def plain(text: str) -> Markup:
    """Show text as it is, its line ends kept."""
    return _broken(escape(_unescaped(text)))


def marked(text: str, users: dict[str, User]) -> Markup:
    """Show marked text: bold, italic, struck, code, links, people."""
    kept: list[str] = []

    def keep(html: str) -> str:
        kept.append(html)
        return f"\x00{len(kept) - 1}\x00"

    linked = _CONTROL.sub(lambda found: keep(_control(found[1], users)), text.replace("\x00", ""))
    styled = str(escape(_unescaped(linked)))
    for pattern, tag in _CODE:
        styled = pattern.sub(lambda found, tag=tag: keep(f"<{tag}>{found[1]}</{tag}>"), styled)  # type: ignore[misc]
    for pattern, tag in _STYLES:
        styled = pattern.sub(rf"<{tag}>\1</{tag}>", styled)
    # Twice: a link may stand inside of code.
    for _ in range(2):
        styled = _MARK.sub(lambda found: kept[int(found[1])], styled)
    return _broken(Markup(styled))  # noqa: S704 - escaped above


def shown(block: dict[str, str], users: dict[str, User]) -> Markup:
    """Show a text object."""
    return plain(block["text"]) if block["type"] == "plain_text" else marked(block["text"], users)


def clock(ts: str) -> str:
    """Show when a message came."""
    return datetime.fromtimestamp(float(ts), UTC).strftime("%H:%M:%S")


def _control(inside: str, users: dict[str, User]) -> Markup:
    target, _, label = inside.partition("|")
    if target.startswith("@"):
        user = users.get(target[1:])
        return escape(f"@{user.name if user else label or target[1:]}")
    if target.startswith(("#", "!")):
        return escape(f"{target[0].replace('!', '@')}{label or target[1:]}")
    if not _LINK.match(target):
        return escape(f"<{inside}>")
    link = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>')
    return link.format(_unescaped(target), _unescaped(label or target.removeprefix("mailto:")))


def _unescaped(text: str) -> str:
    for entity, sign in _ENTITIES:
        text = text.replace(entity, sign)
    return text


def _broken(text: Markup) -> Markup:
    return text.replace("\n", Markup("<br>"))
