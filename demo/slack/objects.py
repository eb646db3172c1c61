"""PURE. How people, channels and messages look on the wire."""

from datetime import datetime

from demo.slack.views import View
from demo.slack.wire import Payload
from demo.slack.workspace import Channel, Message, User, Workspace

_TOKYO = 9 * 3600


def user(one: User, *, now: datetime, has_locale: bool = False) -> Payload:
    """Write a user as `users.info` does."""
    written: Payload = {
        "id": one.id,
        "team_id": one.team_id,
        "name": one.name,
        "deleted": one.deleted,
        "color": "9f69e7",
        "real_name": one.real_name,
        "tz": "Asia/Tokyo",
        "tz_label": "Japan Standard Time",
        "tz_offset": _TOKYO,
        "profile": {
            "title": "",
            "phone": "",
            "real_name": one.real_name,
            "real_name_normalized": one.real_name,
            "display_name": one.name,
            "display_name_normalized": one.name,
            "status_text": "",
            "status_emoji": "",
            "avatar_hash": "0",
            "image_48": "",
            "team": one.team_id,
        },
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": one.is_restricted,
        "is_ultra_restricted": one.is_ultra_restricted,
        "is_bot": one.is_bot,
        "is_app_user": False,
        "updated": int(now.timestamp()),
        "is_email_confirmed": True,
    }
    if one.is_stranger:
        written["is_stranger"] = True
    if has_locale:
        written["locale"] = one.locale
    return written


def channel(workspace: Workspace, one: Channel) -> Payload:
    """Write a conversation as `conversations.info` does."""
    if one.is_direct:
        who = workspace.users[one.direct_with]
        return {
            "id": one.id,
            "created": 0,
            "is_archived": one.is_archived,
            "is_im": True,
            "is_org_shared": False,
            "context_team_id": workspace.id,
            "user": who.id,
            "is_user_deleted": who.deleted,
            "is_open": True,
        }
    return {
        "id": one.id,
        "name": one.name,
        "name_normalized": one.name,
        "created": 0,
        "is_channel": True,
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": False,
        "is_archived": one.is_archived,
        "is_member": workspace.app.user_id in one.members,
        "context_team_id": workspace.id,
    }


def message(workspace: Workspace, one: Message, *, has_metadata: bool = True) -> Payload:
    """Write a message."""
    app = workspace.app
    written: Payload = {
        "type": "message",
        "user": one.author,
        "text": one.text,
        "ts": one.ts,
        "team": workspace.id,
    }
    if one.author == app.user_id:
        written |= {
            "bot_id": app.bot_id,
            "app_id": app.id,
            "bot_profile": {
                "id": app.bot_id,
                "app_id": app.id,
                "user_id": app.user_id,
                "name": app.name,
                "deleted": False,
                "updated": 0,
                "team_id": workspace.id,
            },
        }
    if one.blocks:
        written["blocks"] = one.blocks
    if one.thread_ts:
        written["thread_ts"] = one.thread_ts
    if one.edited_ts:
        written["edited"] = {"user": one.author, "ts": one.edited_ts}
    if one.metadata and has_metadata:
        written["metadata"] = one.metadata
    if one.only_for:
        written["is_ephemeral"] = True
    return written


def view(workspace: Workspace, one: View) -> Payload:
    """Write a view with what was filled in."""
    app = workspace.app
    written: Payload = {
        "id": one.id,
        "team_id": workspace.id,
        "app_id": app.id,
        "app_installed_team_id": workspace.id,
        "bot_id": app.bot_id,
        "root_view_id": one.root_id,
        "previous_view_id": one.previous_id or None,
        "hash": one.hash,
        "state": {"values": one.values},
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "title": None,
        "submit": None,
        "close": None,
    }
    return written | one.content
