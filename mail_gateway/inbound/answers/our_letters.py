"""PURE: recognises the lines of our own letters where a mail program quotes them without a mark."""

import re
import unicodedata
from functools import lru_cache
from html import unescape
from importlib.resources import files
from typing import Final

from mail_gateway.outbound import messages

_TAG = re.compile(r"<[^>]+>")
_BREAK = re.compile(r"<(?:br|p|div|tr|li|hr|/p|/div|/tr|/li|/td)[^>]*>")
_HEAD = re.compile(r"<head>.*?</head>", re.DOTALL)
# A value, or a condition, about which the template says nothing.
_HOLE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_LABEL = re.compile(r'<a href="\{\{ not_me \}\}">([^<]+)</a>')
_GRAM = 6
# So much of a line must stand in our letters, and so long must it be, before it counts as ours.
_COVERED = 0.85
_SHORTEST = 16
# So many letters of a line with a value in it must be ours.
_LITERAL = 12
_FACT: Final = re.compile(r"^[^:：]{1,20}[:：].*$")
_ADDRESS: Final = re.compile(r"^[<(]?https?://\S+[>)]?$")
_CODE: Final = re.compile(r"^[\d\s]{4,16}$")


def without_ours(lines: list[str]) -> list[str]:
    """Leave out the lines of our own letters, and the values that stand between them."""
    ours = [place for place, line in enumerate(lines) if _is_ours(line)]
    if not ours:
        return lines
    first, last = ours[0], ours[-1]
    return [
        line
        for place, line in enumerate(lines)
        if not (place in ours or _is_label(line) or (_is_value(line) and first - 2 <= place <= last + 2))
    ]


def _is_value(line: str) -> bool:
    text = line.strip()
    return bool(_ADDRESS.match(text) or _CODE.match(text) or _FACT.match(text))


def _is_label(line: str) -> bool:
    return _squeezed(line) in _labels()


def _is_ours(line: str) -> bool:
    text = _squeezed(line)
    if len(text) < _SHORTEST or text in _labels():
        return False
    if any(one.fullmatch(text) for one in _patterns()):
        return True
    known = _grams()
    covered = bytearray(len(text))
    for at in range(len(text) - _GRAM + 1):
        if text[at : at + _GRAM] in known:
            covered[at : at + _GRAM] = b"\x01" * _GRAM
    return sum(covered) >= _COVERED * len(text)


@lru_cache(maxsize=1)
def _grams() -> frozenset[str]:
    """Give each run of letters that our letters have."""
    return frozenset(
        fragment[at : at + _GRAM] for fragment in _fragments() for at in range(max(len(fragment) - _GRAM + 1, 0))
    )


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Give each line of our letters that has a value in it as a pattern, where its own words are enough to know it."""
    found = []
    for line in "\n".join(_written()).split("\n"):
        fragments = [_squeezed(fragment) for fragment in _HOLE.split(line)]
        if len(fragments) > 1 and sum(len(fragment) for fragment in fragments) >= _LITERAL:
            found.append(re.compile(".{0,80}".join(re.escape(fragment) for fragment in fragments)))
    return tuple(found)


@lru_cache(maxsize=1)
def _labels() -> frozenset[str]:
    """Give the words of our links and the lines that say what can be answered: each is an answer, too."""
    labels = [label for text in _templates() for label in _LABEL.findall(text)]
    return frozenset(_squeezed(label) for label in (*labels, *messages.menus()))


def _fragments() -> list[str]:
    return [_squeezed(fragment) for text in _written() for fragment in _HOLE.split(text)]


def _written() -> tuple[str, ...]:
    """Give the texts of our letters, with holes where values stand."""
    pages = [unescape(_TAG.sub("", _BREAK.sub("\n", _HEAD.sub("", text)))) for text in _templates()]
    said = [re.sub(r"\{about\}|\{service\}", "{{ value }}", sentence) for sentence in messages.sentences()]
    return (*pages, *said)


@lru_cache(maxsize=1)
def _templates() -> tuple[str, ...]:
    folder = files("mail_gateway") / "templates"
    return tuple(file.read_text("utf-8") for file in sorted(folder.iterdir(), key=lambda one: one.name))


def _squeezed(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())
