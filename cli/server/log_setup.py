"""How this process writes its log: one line an event, never a secret."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from cli.server.bounded_log import Events, Records
from hub.settings import Settings

_HIDDEN = {"password", "code", "token", "secret", "pin", "cells", "response", "cookie", "csrf", "url"}
# A mailed token and its kin: long runs of letters and digits after an id. Slack tokens, and what opens its socket.
_TOKEN = re.compile(r"\b\d+[-x][a-z2-7]{26}\b|\bx(?:ox[a-z]|app)-[\w-]+|\bticket=[\w-]+", re.IGNORECASE)

# A mail server's words often name the recipient; a carrier's address may have its first part in quotes.
_MAIL_ADDRESS = re.compile(
    r"""(?:"[^"\n]{1,128}"|[^\s<>()\[\],;:"']{1,128})@(?:\[[^\s\]]{1,64}\]|[^\s<>()\[\],;:"']+)"""
)


def configure(settings: Settings) -> None:
    """Set the log up for a process, from its settings."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            Events(),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            printable,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries speak up only when something is wrong, and through the same sieve.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacted("%(levelname)s %(name)s %(message)s"))
    handler.addFilter(Records())
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler])


# What a traceback is laid out with.
_LAYOUT = "\n\t"


class _Redacted(logging.Formatter):
    """What a library logs, its traceback included, without a token or a mail address."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a line of the log."""
        return _escaped(_without_secrets(super().format(record)), but=_LAYOUT)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide what must not be read in a log, whoever put it there."""
    for name, value in event.items():
        if name in _HIDDEN:
            event[name] = "(hidden)"
        elif isinstance(value, str):
            event[name] = _without_secrets(value)
    return event


def _without_secrets(text: str) -> str:
    text = _TOKEN.sub("(token)", text)
    return _MAIL_ADDRESS.sub("(address)", text) if "@" in text else text


def printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape what a terminal would obey or hide, in every field: only signs that print are written as they are."""
    for name, value in event.items():
        event[name] = _printable(value, but=_LAYOUT if name == "exception" else "")
    return event


def _printable(value: object, *, but: str) -> object:
    if isinstance(value, str):
        return _escaped(value, but=but)
    if isinstance(value, dict):
        return {_printable(name, but=""): _printable(one, but="") for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(one, but="") for one in value]
    return value


def _escaped(text: str, *, but: str = "") -> str:
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in but else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
