"""How many files and connections a process may hold, and how they are shared out among its doors."""

import resource
from contextlib import suppress
from dataclasses import dataclass

from hub.settings import Settings

# Files of the database and of libraries, connections to the database, to Slack and to name servers.
_OWN = 40
# The health pages and the metrics answer when all others are taken.
WATCHERS = 16
_MAIL, _SLACK = 300, 64
# What a system without a limit is taken to allow.
_ENOUGH = 1_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """The connections that each door may hold at once, and how many of the web door's may be waiting pages."""

    web: int
    slack: int
    streams: int
    mail: int


def raise_limit() -> None:
    """Let this process open as many files as it may: many systems give 1,024 unless they are asked."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def share(settings: Settings) -> Share:
    """Share out what this process may open."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _ENOUGH if most == resource.RLIM_INFINITY else most
    return shared(most, smtp_connections=settings.smtp_connections, takes_mail=bool(settings.mail_domain))


def shared(most: int, *, smtp_connections: int, takes_mail: bool) -> Share:
    """Share `most` descriptors out; no door's share is so large that another one has none."""
    mail = min(_MAIL, most // 4) if takes_mail else 0
    slack = min(_SLACK, most // 8)
    web = max(WATCHERS, most - _OWN - WATCHERS - smtp_connections - mail - slack)
    return Share(web=web, streams=web * 3 // 4, slack=slack, mail=mail)
