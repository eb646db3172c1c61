"""How this process writes its log: one line an event, never a secret."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from hub.settings import Settings

_HIDDEN = {"password", "code", "token", "secret", "pin", "cells", "response", "cookie", "csrf", "url"}
# A mailed token and its kin: long runs of letters and digits after an id. Slack tokens, and what opens its socket.
_TOKEN = re.compile(r"\b\d+[-x][a-z2-7]{26}\b|\bx(?:ox[a-z]|app)-[\w-]+|\bticket=[\w-]+", re.IGNORECASE)


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
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries speak up only when something is wrong, and through the same sieve.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacted("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler])


class _Redacted(logging.Formatter):
    """What a library logs, its traceback included, without a token."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a line of the log."""
        return _TOKEN.sub("(token)", super().format(record))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide what must not be read in a log, whoever put it there."""
    for name, value in event.items():
        if name in _HIDDEN:
            event[name] = "(hidden)"
        elif isinstance(value, str):
            event[name] = _TOKEN.sub("(token)", value)
    return event
