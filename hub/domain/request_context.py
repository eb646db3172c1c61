"""What the hub is told of a request: when, from where, with what."""

from dataclasses import dataclass, field
from datetime import datetime

from models.kinds import Zone


@dataclass(frozen=True, slots=True)
class Visit:
    """One request as a door saw it.

    `now` is aware and in UTC; `address` is the client's own, after trusted proxies; `browser` is a short text
    such as "Firefox on Linux"; `language` is "ja" or "en";
    `browser_token` is what a browser keeps to be known again, empty where there is no browser; `visit_token` is what
    its first page gave it; `operator` is the Unix user of an operator's command, empty for members.
    """

    now: datetime
    address: str
    zone: Zone
    browser: str = ""
    language: str = "en"
    browser_token: str = field(default="", repr=False)
    visit_token: str = field(default="", repr=False)
    operator: str = ""
