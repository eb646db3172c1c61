"""The Web API's methods: what each answers, and which of Slack's errors it refuses with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from demo.slack import blocks, objects
from demo.slack.passes import Passes
from demo.slack.views import Views
from demo.slack.wire import Payload, SlackError, is_set
from demo.slack.workspace import Channel, Message, Workspace

_LONGEST_TEXT = 40_000
_LARGEST_METADATA = 16_000
_LARGEST_VIEW = 250_000
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Call:
    """One call: what it works on, what was said and when."""

    workspace: Workspace
    views: Views
    passes: Passes
    said: Payload
    now: datetime

    def text(self, name: str) -> str:
        """Read an argument; the empty text for none."""
        value = self.said.get(name)
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Method:
    """A method and what it asks of the caller's token; no `scope` for none."""

    run: Callable[[Call], Payload]
    scope: str = ""
    is_for_app_token: bool = False
    is_open: bool = False


def api_test(call: Call) -> Payload:
    """Answer what was sent."""
    if error := call.text("error"):
        raise SlackError(error)
    return {"args": {name: value for name, value in call.said.items() if name != "token"}}


def auth_test(call: Call) -> Payload:
    """Tell whose token it is."""
    app = call.workspace.app
    return {
        "url": f"https://{call.workspace.domain}.slack.com/",
        "team": call.workspace.name,
        "user": call.workspace.users[app.user_id].name,
        "team_id": call.workspace.organisation or call.workspace.id,
        "user_id": app.user_id,
        "bot_id": app.bot_id,
        "enterprise_id": call.workspace.organisation or None,
        "is_enterprise_install": bool(call.workspace.organisation),
    }


def team_info(call: Call) -> Payload:
    """Tell about the workspace."""
    workspace = call.workspace
    if call.text("team") not in ("", workspace.id):
        raise SlackError("team_not_found")
    return {
        "team": {"id": workspace.id, "name": workspace.name, "domain": workspace.domain, "email_domain": "", "icon": {}}
    }


def users_info(call: Call) -> Payload:
    """Tell about a user."""
    found = call.workspace.user(call.text("user"))
    return {"user": objects.user(found, now=call.now, has_locale=is_set(call.said, "include_locale"))}


def users_list(call: Call) -> Payload:
    """List everybody."""
    has_locale = is_set(call.said, "include_locale")
    members = [objects.user(one, now=call.now, has_locale=has_locale) for one in call.workspace.users.values()]
    return {"members": members, "cache_ts": int(call.now.timestamp()), "response_metadata": {"next_cursor": ""}}


def conversations_open(call: Call) -> Payload:
    """Open the direct messages with one person."""
    workspace = call.workspace
    if call.text("channel"):
        channel = workspace.channel(call.text("channel"))
        return {"no_op": True, "already_open": True, "channel": {"id": channel.id}}
    users = call.said.get("users")
    names = users if isinstance(users, list) else [one for one in str(users or "").split(",") if one]
    if not names:
        raise SlackError("users_list_not_supplied")
    if len(names) > 1:
        raise SlackError("method_not_supported_for_channel_type")
    was_open = workspace.direct_if_open(names[0]) is not None
    channel = workspace.direct(names[0])
    shown = objects.channel(workspace, channel) if is_set(call.said, "return_im") else {"id": channel.id}
    return {"no_op": was_open, "already_open": was_open, "channel": shown}


def conversations_info(call: Call) -> Payload:
    """Tell about a conversation."""
    return {"channel": objects.channel(call.workspace, call.workspace.channel(call.text("channel")))}


def conversations_history(call: Call) -> Payload:
    """List what was said, the newest first; nobody's ephemeral messages."""
    channel = call.workspace.channel(call.text("channel"))
    limit = int(call.text("limit")) if call.text("limit").isdecimal() else _PAGE
    oldest, latest = call.text("oldest") or "0", call.text("latest") or "9"
    is_inclusive = is_set(call.said, "inclusive")
    found = [
        one
        for one in reversed(channel.messages.values())
        if not one.only_for and (oldest < one.ts < latest or (is_inclusive and one.ts in (oldest, latest)))
    ]
    has_metadata = is_set(call.said, "include_all_metadata")
    shown = [objects.message(call.workspace, one, has_metadata=has_metadata) for one in found[:limit]]
    return {"messages": shown, "has_more": len(found) > limit, "pin_count": 0}


def chat_post_message(call: Call) -> Payload:
    """Post a message."""
    channel = call.workspace.channel_to_post(call.text("channel"))
    _member(call, channel)
    message = call.workspace.keep(_message(call, channel))
    return {"channel": channel.id, "ts": message.ts, "message": objects.message(call.workspace, message)}


def chat_post_ephemeral(call: Call) -> Payload:
    """Show a message to one person."""
    channel = call.workspace.channel(call.text("channel"))
    _member(call, channel)
    user = call.workspace.user(call.text("user"))
    if user.id not in channel.members:
        raise SlackError("user_not_in_channel")
    message = _message(call, channel)
    message.only_for = user.id
    call.workspace.keep(message)
    return {"message_ts": message.ts}


def chat_update(call: Call) -> Payload:
    """Rewrite a message; what is not sent stays as it was."""
    message = _own(call, refusal="cant_update_message")
    content, metadata = _content(call), call.said.get("metadata")
    if metadata is not None:
        message.metadata = _metadata(metadata)
    if call.said.get("text") is not None:
        message.text = content.text
    if call.said.get("blocks") is not None:
        message.blocks = content.blocks
    message.edited_ts = call.workspace.next_ts(call.now)
    shown = objects.message(call.workspace, message)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": shown}


def chat_delete(call: Call) -> Payload:
    """Take a message away."""
    message = _own(call, refusal="cant_delete_message")
    call.workspace.drop(message)
    return {"channel": message.channel, "ts": message.ts}


def views_open(call: Call) -> Payload:
    """Open a modal."""
    view = _view(call, "modal")
    trigger = call.passes.spend_trigger(call.text("trigger_id"), now=call.now)
    return {"view": objects.view(call.workspace, call.views.open(trigger.user, view, now=call.now))}


def views_push(call: Call) -> Payload:
    """Put a modal on top of the one that was acted in."""
    view = _view(call, "modal")
    trigger = call.passes.spend_trigger(call.text("trigger_id"), now=call.now)
    pushed = call.views.push(trigger.user, view, on=trigger.view_id, now=call.now)
    return {"view": objects.view(call.workspace, pushed)}


def views_update(call: Call) -> Payload:
    """Replace what a view shows."""
    found = call.views.find(call.text("view_id"), call.text("external_id"))
    view = _view(call, "home" if found.is_home else "modal")
    updated = call.views.update(found, view, seen=call.text("hash"), now=call.now)
    return {"view": objects.view(call.workspace, updated)}


def views_publish(call: Call) -> Payload:
    """Show somebody an App Home."""
    user = call.workspace.users.get(call.text("user_id"))
    if user is None or user.deleted:
        raise _wrong(["invalid `user_id`"])
    view = _view(call, "home")
    published = call.views.publish(user.id, view, seen=call.text("hash"), now=call.now)
    return {"view": objects.view(call.workspace, published)}


def apps_connections_open(call: Call) -> Payload:
    """Give a ticket for a socket; the door makes an address of it."""
    return {"url": call.passes.ticket(now=call.now)}


METHODS = {
    "api.test": Method(api_test, is_open=True),
    "apps.connections.open": Method(apps_connections_open, is_for_app_token=True),
    "auth.test": Method(auth_test),
    "chat.delete": Method(chat_delete, "chat:write"),
    "chat.postEphemeral": Method(chat_post_ephemeral, "chat:write"),
    "chat.postMessage": Method(chat_post_message, "chat:write"),
    "chat.update": Method(chat_update, "chat:write"),
    "conversations.history": Method(conversations_history, "im:history"),
    "conversations.info": Method(conversations_info, "im:read"),
    "conversations.open": Method(conversations_open, "im:write"),
    "team.info": Method(team_info, "team:read"),
    "users.info": Method(users_info, "users:read"),
    "users.list": Method(users_list, "users:read"),
    "views.open": Method(views_open),
    "views.publish": Method(views_publish),
    "views.push": Method(views_push),
    "views.update": Method(views_update),
}


def content_of(said: Payload) -> tuple[str, list[Payload]]:
    """Read a message's text and blocks, within Slack's limits."""
    text, given = str(said.get("text") or ""), said.get("blocks")
    problems = blocks.message_problems(given) if given else []
    if problems:
        raise SlackError("invalid_blocks", more={"errors": problems, "response_metadata": {"messages": problems}})
    if len(text) > _LONGEST_TEXT:
        raise SlackError("msg_too_long")
    if not text and not given and not said.get("attachments"):
        raise SlackError("no_text")
    return text, blocks.named(given or [])


def view_of(view: Any, kind: str) -> Payload:
    """Read a view, within Slack's limits."""
    problems = blocks.view_problems(view)
    if not problems and view["type"] != kind:
        problems = [f"[ERROR] must be a {kind} [json-pointer:/view/type]"]
    if problems:
        raise _wrong(problems)
    if len(str(view)) > _LARGEST_VIEW:
        raise SlackError("view_too_large")
    return {**view, "blocks": blocks.named(view["blocks"])}


@dataclass(frozen=True, slots=True)
class _Content:
    text: str
    blocks: list[Payload]


def _content(call: Call) -> _Content:
    text, given = content_of(call.said)
    return _Content(text, given)


def _message(call: Call, channel: Channel) -> Message:
    content = _content(call)
    metadata = _metadata(call.said.get("metadata"))
    ts, author = call.workspace.next_ts(call.now), call.workspace.app.user_id
    return Message(ts, channel.id, author, content.text, content.blocks, metadata, thread_ts=call.text("thread_ts"))


def _metadata(given: Any) -> Payload | None:
    if not given:
        return None
    is_right = (
        isinstance(given, dict)
        and isinstance(given.get("event_type"), str)
        and isinstance(given.get("event_payload"), dict)
    )
    if not is_right:
        raise SlackError("invalid_metadata_format")
    if len(str(given)) > _LARGEST_METADATA:
        raise SlackError("metadata_too_large")
    return dict(given)


def _own(call: Call, *, refusal: str) -> Message:
    """Find a message that the app may change: its own, and none that only one person sees."""
    message = call.workspace.message(call.text("channel"), call.text("ts"))
    if message.only_for:
        raise SlackError("message_not_found")
    if message.author != call.workspace.app.user_id:
        raise SlackError(refusal)
    return message


def _member(call: Call, channel: Channel) -> None:
    if call.workspace.app.user_id not in channel.members:
        raise SlackError("not_in_channel")


def _view(call: Call, kind: str) -> Payload:
    return view_of(call.said.get("view"), kind)


def _wrong(problems: list[str]) -> SlackError:
    return SlackError("invalid_arguments", more={"response_metadata": {"messages": problems}})
