"""PURE: what Slack's error answers mean for a message, and for all that wait behind it.

Every error that the reference (docs.slack.dev, at the end of 2025) lists for a method that is called here has a
deliberate meaning. A code that is not listed is UNKNOWN: it is tried again, and readiness and the log name it.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from slack_sdk.errors import SlackApiError

_TOO_MANY = 429
_RATE = {"rate_limited", "ratelimited"}


class Meaning(StrEnum):
    """What an error answer is about."""

    APP = "app"
    CONTACT = "contact"
    CHANNEL = "channel"
    MESSAGE = "message"
    TRIGGER = "trigger"
    PASSING = "passing"
    LATER = "later"
    UNKNOWN = "unknown"


INACTIVE = "account_inactive"
# Slack takes nothing from this app until an operator has looked.
_APP = """
access_denied accesslimited app_access_restricted app_uninstalled cannot_find_service deprecated_endpoint
ekm_access_denied enterprise_is_restricted forbidden_team insecure_request invalid_app invalid_auth is_bot
message_limit_exceeded messages_tab_disabled method_deprecated missing_args missing_scope no_permission
not_allowed_token_type not_authed restricted_action token_expired token_revoked two_factor_setup_required unknown_method
upgrade_required
"""
# This person can't be written to any more, or not by this app.
_CONTACT = f"""
{INACTIVE} cannot_dm_bot invalid_user_combination is_archived team_access_not_granted team_not_found user_disabled
user_not_found user_not_visible users_not_found
"""
# The channel that was opened before is no longer the one: it is opened again, once.
_CHANNEL = "channel_not_found not_in_channel user_not_in_channel"
# This message, rewriting or view is not taken, now or later; others may be.
_MESSAGE = """
as_user_not_supported attachment_payload_limit_exceeded block_mismatch cannot_reply_to_message cant_broadcast_message
cant_update_message channel_is_limited_access duplicate_channel_not_found duplicate_external_id
duplicate_message_not_found edit_window_closed external_channel_migrating hash_conflict invalid_arg_name
invalid_arguments invalid_array_arg invalid_attachments invalid_blocks invalid_blocks_format invalid_charset
invalid_cursor invalid_form_data invalid_json invalid_limit invalid_metadata_filter_keys invalid_metadata_format
invalid_metadata_schema invalid_post_type invalid_ts_latest invalid_ts_oldest is_inactive json_not_object
markdown_text_conflict message_not_found metadata_must_be_sent_from_app metadata_too_large
method_not_supported_for_channel_type missing_file_data missing_post_type msg_blocks_too_long msg_too_long
no_dual_broadcast_content_update no_text not_enabled not_enough_users not_found push_limit_reached
restricted_action_non_threadable_channel restricted_action_read_only_channel restricted_action_thread_locked
restricted_action_thread_only_channel slack_connect_blocked_file_type slack_connect_canvas_sharing_blocked
slack_connect_clip_sharing_blocked slack_connect_file_link_sharing_blocked slack_connect_file_upload_sharing_blocked
slack_connect_lists_sharing_blocked streaming_state_conflict thread_not_found too_many_attachments
too_many_contact_cards too_many_users unfurl_data_id_not_found update_failed users_list_not_supplied view_too_large
"""
# The moment in which a window could be opened is over.
_TRIGGER = """
exchanged_trigger_id expired_trigger_id invalid_trigger invalid_trigger_id missing_trigger trigger_exchanged
trigger_expired
"""
# It passes by itself, but may take hours.
_PASSING = "org_login_required team_added_to_org"
_LATER = "fatal_error internal_error rate_limited ratelimited request_timeout service_unavailable"
_MEANINGS = {
    error: meaning
    for meaning, errors in (
        (Meaning.APP, _APP),
        (Meaning.CONTACT, _CONTACT),
        (Meaning.CHANNEL, _CHANNEL),
        (Meaning.MESSAGE, _MESSAGE),
        (Meaning.TRIGGER, _TRIGGER),
        (Meaning.PASSING, _PASSING),
        (Meaning.LATER, _LATER),
    )
    for error in errors.split()
}


class HeldError(SlackApiError):
    """A call that was not made: Slack asked not to be called by this method for a while."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("Slack asked to wait.", {"ok": False, "error": "ratelimited"})  # type: ignore[no-untyped-call]
        self.wait = wait


def meaning_of(error: str) -> Meaning:
    """Read an error answer; a status that is no answer of Slack's own is a matter of time."""
    if error.startswith("http"):
        return Meaning.LATER
    return _MEANINGS.get(error, Meaning.UNKNOWN)


def error_of(error: SlackApiError) -> str:
    """Give Slack's own word for what went wrong; what is no answer of Slack's is named by its status."""
    told = _data(error)
    if told.get("error"):
        return str(told["error"])
    return f"http {getattr(error.response, 'status_code', '')}".strip()


def needed_by(error: SlackApiError) -> str:
    """Name the scope that Slack misses; empty when it named none."""
    return str(_data(error).get("needed") or "")


def retry_after_of(error: SlackApiError) -> timedelta | None:
    """Tell how long Slack wants to be left alone; None when it said nothing of that kind."""
    if isinstance(error, HeldError):
        return error.wait
    if getattr(error.response, "status_code", 0) != _TOO_MANY and error_of(error) not in _RATE:
        return None
    headers = getattr(error.response, "headers", None) or {}
    named = next((str(value) for name, value in headers.items() if name.lower() == "retry-after"), "")
    return timedelta(seconds=int(named) if named.isdecimal() else 1)


def _data(error: SlackApiError) -> Mapping[str, Any]:
    told = getattr(error.response, "data", error.response)
    return told if isinstance(told, Mapping) else {}
