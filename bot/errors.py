"""PURE: what Slack's error answers mean for a message, and for all that wait behind it."""

from datetime import timedelta
from enum import StrEnum

from slack_sdk.errors import SlackApiError

_TOO_MANY = 429
_RATE = {"rate_limited", "ratelimited"}

# Whatever is sent, Slack will not take it from this app before somebody has looked.
_APP = {
    "access_denied",
    "app_uninstalled",
    "ekm_access_denied",
    "invalid_auth",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_authed",
    "org_login_required",
    "team_access_not_granted",
    "token_expired",
    "token_revoked",
}
INACTIVE = "account_inactive"
# This person can't be written to any more.
_CONTACT = {
    INACTIVE,
    "cannot_dm_bot",
    "is_archived",
    "user_disabled",
    "user_not_found",
    "user_not_visible",
    "users_not_found",
}
# The channel that was opened before is no longer the one: it is opened anew, once.
_CHANNEL = {"channel_not_found", "not_in_channel"}
# A message that can't be rewritten any more.
_MESSAGE = {"cant_update_message", "edit_window_closed", "message_not_found"}


class Meaning(StrEnum):
    """What an error answer is about."""

    APP = "app"
    CONTACT = "contact"
    CHANNEL = "channel"
    MESSAGE = "message"
    LATER = "later"


def meaning_of(error: str) -> Meaning:
    """Read an error answer; what is not known is tried again."""
    for meaning, errors in (
        (Meaning.APP, _APP),
        (Meaning.CONTACT, _CONTACT),
        (Meaning.CHANNEL, _CHANNEL),
        (Meaning.MESSAGE, _MESSAGE),
    ):
        if error in errors:
            return meaning
    return Meaning.LATER


def error_of(error: SlackApiError) -> str:
    """Give Slack's own word for what went wrong; what is no answer of Slack's is named by its status."""
    response = error.response
    told = getattr(response, "data", response)
    if isinstance(told, dict) and told.get("error"):
        return str(told["error"])
    return f"http {getattr(response, 'status_code', '')}".strip()


def retry_after_of(error: SlackApiError) -> timedelta | None:
    """Tell how long Slack wants to be left alone; None when it said nothing of that kind."""
    if getattr(error.response, "status_code", 0) != _TOO_MANY and error_of(error) not in _RATE:
        return None
    named = str((getattr(error.response, "headers", None) or {}).get("Retry-After", ""))
    return timedelta(seconds=int(named) if named.isdecimal() else 1)
