"""PURE. What Slack sends an app when somebody does something."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from demo.slack import objects
from demo.slack.views import View
from demo.slack.wire import Payload
from demo.slack.workspace import Channel, Message, User, Workspace, new_id

_MAIL = re.compile(r"(?<![^\s@<>|])[^\s@<>|]+@[^\s@<>|]+\.[^\s@<>|]+")
_LINK = re.compile(r"https?://[^\s<>|]+")


@dataclass(frozen=True, slots=True)
class Leave:
    """What the app may do about it: open a modal, and answer at an address."""

    trigger_id: str
    response_url: str = ""


def typed(text: str) -> str:
    """Write what somebody typed as Slack hands it on: signs escaped, addresses and links marked."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    linked = _LINK.sub(lambda found: f"<{found[0]}>", escaped)
    return _MAIL.sub(lambda found: f"<mailto:{found[0]}|{found[0]}>", linked)


def slash_command(workspace: Workspace, user: User, channel: Channel, command: str, text: str, leave: Leave) -> Payload:
    """Write a slash command."""
    organisation = {"enterprise_id": workspace.organisation, "enterprise_name": "Org"} if workspace.organisation else {}
    return {
        **organisation,
        "token": workspace.app.verification_token,
        "team_id": user.team_id,
        "team_domain": workspace.domain,
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": typed(text) if workspace.app.escapes_commands else text,
        "api_app_id": workspace.app.id,
        "is_enterprise_install": str(bool(workspace.organisation)).lower(),
        "response_url": leave.response_url,
        "trigger_id": leave.trigger_id,
    }


def pressed_in_message(workspace: Workspace, user: User, message: Message, action: Payload, leave: Leave) -> Payload:
    """Write what somebody did in a message."""
    channel = workspace.channels[message.channel]
    return {
        **_interaction(workspace, user, "block_actions", leave),
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": bool(message.only_for),
        },
        "channel": {"id": channel.id, "name": channel.name},
        "message": objects.message(workspace, message),
        "state": {"values": {}},
        "response_url": leave.response_url,
        "actions": [action],
    }


def pressed_in_view(workspace: Workspace, user: User, view: View, action: Payload, leave: Leave) -> Payload:
    """Write what somebody did in a modal or in the App Home."""
    shown = objects.view(workspace, view)
    return {
        **_interaction(workspace, user, "block_actions", leave),
        "container": {"type": "view", "view_id": view.id},
        "view": shown,
        "state": shown["state"],
        "actions": [action],
    }


def view_submission(workspace: Workspace, user: User, view: View, leave: Leave) -> Payload:
    """Write a modal that was sent."""
    return {
        **_interaction(workspace, user, "view_submission", leave),
        "view": objects.view(workspace, view),
        "response_urls": [],
    }


def view_closed(workspace: Workspace, user: User, view: View, *, is_cleared: bool) -> Payload:
    """Write a modal that was closed."""
    written = _interaction(workspace, user, "view_closed", Leave(""))
    del written["trigger_id"]
    return {**written, "view": objects.view(workspace, view), "is_cleared": is_cleared}


def shortcut(workspace: Workspace, user: User, callback_id: str, leave: Leave) -> Payload:
    """Write a global shortcut."""
    return {
        **_interaction(workspace, user, "shortcut", leave),
        "action_ts": leave.trigger_id.partition(".")[0],
        "callback_id": callback_id,
    }


def message_action(workspace: Workspace, user: User, message: Message, callback_id: str, leave: Leave) -> Payload:
    """Write a message's shortcut."""
    channel = workspace.channels[message.channel]
    return {
        **_interaction(workspace, user, "message_action", leave),
        "action_ts": leave.trigger_id.partition(".")[0],
        "callback_id": callback_id,
        "channel": {"id": channel.id, "name": channel.name},
        "message_ts": message.ts,
        "message": objects.message(workspace, message),
        "response_url": leave.response_url,
    }


def acted(element: Payload, block_id: str, value: Payload | None, *, ts: str) -> Payload:
    """Write one action: a button that was pressed, a choice that was made."""
    action: Payload = {"action_id": element["action_id"], "block_id": block_id, "type": element["type"]}
    if element["type"] == "button":
        action["text"] = element["text"]
        action |= {name: element[name] for name in ("value", "style", "url") if element.get(name)}
    return {**action, **(value or {}), "action_ts": ts}


def event(workspace: Workspace, inner: Payload, *, now: datetime) -> Payload:
    """Wrap an event as the Events API does."""
    return {
        "token": workspace.app.verification_token,
        "team_id": workspace.id,
        "api_app_id": workspace.app.id,
        "event": inner,
        "type": "event_callback",
        "event_id": new_id("Ev"),
        "event_time": int(now.timestamp()),
        "authorizations": [
            {
                "enterprise_id": workspace.organisation or None,
                "team_id": None if workspace.organisation else workspace.id,
                "user_id": workspace.app.user_id,
                "is_bot": True,
                "is_enterprise_install": bool(workspace.organisation),
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{secrets.token_hex(16)}",
    }


def _interaction(workspace: Workspace, user: User, kind: str, leave: Leave) -> Payload:
    return {
        "type": kind,
        "team": {"id": user.team_id, "domain": workspace.domain}
        | ({"enterprise_id": workspace.organisation} if workspace.organisation else {}),
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "api_app_id": workspace.app.id,
        "token": workspace.app.verification_token,
        "trigger_id": leave.trigger_id,
        "enterprise": {"id": workspace.organisation, "name": "Org"} if workspace.organisation else None,
        "is_enterprise_install": bool(workspace.organisation),
    }
