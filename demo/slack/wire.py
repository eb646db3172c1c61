"""What goes over the wire: JSON objects, and Slack's way to say no."""

import json
from typing import Any

Payload = dict[str, Any]
# Slack's methods take these as JSON inside a form, too.
_NESTED = ("attachments", "blocks", "metadata", "view")
_TRUE = ("1", "true", "True")


class SlackError(Exception):
    """A call's refusal, by Slack's own word for it."""

    def __init__(self, error: str, *, more: Payload | None = None, retry_after: int = 0) -> None:
        super().__init__(error)
        self.error = error
        self.more = more or {}
        self.retry_after = retry_after

    @property
    def answer(self) -> Payload:
        """The body that says so."""
        return {"ok": False, "error": self.error, **self.more}


def arguments_of(content_type: str, body: Payload) -> Payload:
    """Read a call's arguments, however they were sent; SlackError for broken JSON within a form."""
    if content_type == "application/json":
        return body
    arguments = dict(body)
    for name in _NESTED:
        if isinstance(arguments.get(name), str) and arguments[name]:
            try:
                arguments[name] = json.loads(arguments[name])
            except ValueError:
                raise SlackError("invalid_blocks_format" if name == "blocks" else "invalid_arguments") from None
    return arguments


def is_set(arguments: Payload, name: str) -> bool:
    """Say whether a flag is on, as JSON or in a form."""
    value = arguments.get(name)
    return value is True or str(value) in _TRUE
