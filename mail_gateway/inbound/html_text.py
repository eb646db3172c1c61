"""PURE: the text of an HTML mail as its writer sees it, without what it quotes or hides."""

import re
from html.parser import HTMLParser

_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?:px|pt|em)?\s*(?:;|$)|"
    r"(?<![\w-])opacity\s*:\s*0(?:\.0+)?\s*(?:;|$)|max-height\s*:\s*0(?:px)?\s*(?:;|$)",
    re.IGNORECASE,
)
# Blocks in which mail programs put the mail that is answered.
_QUOTES = re.compile(
    r"quote|divRplyFwdMsg|appendonsend|mail-editor-reference-message-container|ms-outlook-mobile-reference|"
    r"moz-cite-prefix|reply-?(?:header|intro)|originalMessage|OLK_SRC_BODY_SECTION",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"signature|ms-outlook-mobile-signature|moz-signature", re.IGNORECASE)
# From here to the end of the mail all is the mail that is answered.
_REST = re.compile(r"divRplyFwdMsg|appendonsend|ms-outlook-mobile-reference|OLK_SRC_BODY_SECTION", re.IGNORECASE)
_SILENT = {"blockquote", "style", "script", "title", "head", "template", "noscript"}
_VOID = {"br", "hr", "img", "input", "meta", "link", "area", "base", "col", "embed", "source", "track", "wbr"}
_LINES = {"br", "p", "div", "tr", "li", "hr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "pre"}


def text_of_html(page: str) -> str:
    """Give a page's own words, a line each block."""
    reader = _Words()
    reader.feed(page)
    reader.close()
    return "".join(reader.words)


class _Words(HTMLParser):
    """Collects the words outside of quotes, signatures and hidden blocks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent: list[str] = []
        self._is_over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a line where the mail does; be silent inside what is quoted or hidden."""
        given = {name: value or "" for name, value in attrs}
        names = f"{given.get('class', '')} {given.get('id', '')} {given.get('name', '')}"
        # An answer may stand below the marker of an original that a mail program put on top.
        if _REST.search(names) and "".join(self.words).strip():
            self._is_over = True
        if tag not in _VOID and (
            (self._silent and tag == self._silent[-1]) or (not self._silent and _is_silent(tag, names, given))
        ):
            self._silent.append(tag)
        if tag in _LINES:
            self.words.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag that closes itself, which XHTML has and HTML ignores."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Speak again where the quote ends."""
        if self._silent and tag == self._silent[-1]:
            self._silent.pop()
        elif tag in _LINES:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        """Take words that are the sender's own; a line's end in the source is a space on the screen."""
        if not self._silent and not self._is_over:
            self.words.append(" ".join(data.split("\n")))


def _is_silent(tag: str, names: str, given: dict[str, str]) -> bool:
    if tag in _SILENT or "hidden" in given or _HIDDEN.search(given.get("style", "")):
        return True
    return bool(_QUOTES.search(names) or _SIGNATURE.search(names))
