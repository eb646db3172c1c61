"""What Slack hands out for a while: triggers for modals, response URLs and tickets for sockets."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from demo.slack.wire import SlackError

TRIGGER_LIFE = timedelta(seconds=3)
RESPONSE_LIFE = timedelta(minutes=30)
RESPONSE_USES = 5
TICKET_LIFE = timedelta(seconds=30)


@dataclass(slots=True)
class Trigger:
    """Leave to open one modal; `view_id` is the view that it was got in, if it was in one."""

    user: str
    issued_at: datetime
    view_id: str = ""
    is_used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """Leave to answer where somebody acted; `ts` is the message acted on, if it was one."""

    user: str
    channel: str
    issued_at: datetime
    ts: str = ""
    uses: int = 0


class Passes:
    """All of them."""

    def __init__(self) -> None:
        self._triggers: dict[str, Trigger] = {}
        self._responses: dict[str, ResponseUrl] = {}
        self._tickets: dict[str, datetime] = {}

    def trigger(self, user: str, *, now: datetime, view_id: str = "") -> str:
        """Issue leave to open a modal."""
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = Trigger(user, now, view_id)
        return trigger_id

    def spend_trigger(self, trigger_id: str, *, now: datetime) -> Trigger:
        """Use leave to open a modal, once and in time."""
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_arguments", more={"response_metadata": {"messages": ["invalid `trigger_id`"]}})
        if trigger.is_used:
            raise SlackError("exchanged_trigger_id")
        if now - trigger.issued_at > TRIGGER_LIFE:
            raise SlackError("expired_trigger_id")
        trigger.is_used = True
        return trigger

    def response(self, user: str, channel: str, *, now: datetime, ts: str = "") -> str:
        """Issue the last part of a response URL."""
        key = secrets.token_urlsafe(18)
        self._responses[key] = ResponseUrl(user, channel, now, ts)
        return key

    def spend_response(self, key: str, *, now: datetime) -> ResponseUrl:
        """Use a response URL, five times in half an hour at most."""
        response = self._responses.get(key)
        if response is None or now - response.issued_at > RESPONSE_LIFE:
            raise SlackError("expired_url")
        if response.uses >= RESPONSE_USES:
            raise SlackError("used_url")
        response.uses += 1
        return response

    def ticket(self, *, now: datetime) -> str:
        """Issue a ticket for one socket."""
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = now
        return ticket

    def spend_ticket(self, ticket: str, *, now: datetime) -> bool:
        """Use a ticket; says whether it was good."""
        issued_at = self._tickets.pop(ticket, None)
        return issued_at is not None and now - issued_at <= TICKET_LIFE
