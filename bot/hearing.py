"""How a listener is called: acknowledged first, once for each thing that was done, and never ended by an error."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import structlog
from prometheus_client import Counter
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond
from slack_sdk.errors import SlackApiError

from bot.desk import Block, Desk, Heard, Member, Place, Surface, Work
from bot.errors import error_of
from hub import hearings

_log = structlog.get_logger(__name__)
_heard = Counter("tegata_slack_heard_total", "What was heard from Slack, and what came of it.", ["listener", "outcome"])
Body = dict[str, Any]


class Source(StrEnum):
    """What a listener listens to."""

    COMMAND = "command"
    BUTTON = "button"
    MODAL = "modal"
    SHORTCUT = "shortcut"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Listener:
    """What is listened to, and the work that it makes."""

    source: Source
    name: str
    work: Work


def register(app: AsyncApp, desk: Desk, listener: Listener) -> None:
    """Have Bolt call a listener."""

    async def hear(ack: AsyncAck, body: Body, context: AsyncBoltContext, respond: AsyncRespond) -> None:
        await ack()
        async with desk.hands.free():
            await _done(desk, listener, body, _heard_of(body, context, respond))

    async def hear_modal(ack: AsyncAck, body: Body, context: AsyncBoltContext, respond: AsyncRespond) -> None:
        """Acknowledge with what the modal is to show: its sentence belongs where the answer was typed."""
        shown: list[Body] = []

        async def reply(answer: Body) -> None:
            # At once: what else is to be done may be slow, and Slack waits three seconds.
            shown.append(answer)
            await ack(**answer)

        async with desk.hands.busy():
            await _done(desk, listener, body, replace(_heard_of(body, context, respond), reply=reply))
        if not shown:
            await ack()

    match listener.source:
        case Source.COMMAND:
            app.command(listener.name)(hear)
        case Source.BUTTON:
            app.action(listener.name)(hear)
        case Source.MODAL:
            app.view(listener.name)(hear_modal)
        case Source.SHORTCUT:
            app.shortcut(listener.name)(hear)
        case Source.EVENT:
            app.event(listener.name)(hear)


async def _done(desk: Desk, listener: Listener, body: Body, heard: Heard) -> None:
    """Do a listener's work, unless this was heard before, here or by another process."""
    try:
        if not await hearings.once(desk.hub, name_of(body), now=desk.clock()):
            _heard.labels(listener.name, "again").inc()
            return
        await listener.work(desk, heard)
    except SlackApiError as error:
        # Slack's answer to what we asked of it; its text has no secret, but the request has.
        _heard.labels(listener.name, "refused").inc()
        _log.warning("bot.slack_refused", listener=listener.name, error=error_of(error))
    except Exception:
        # Whatever goes wrong with one must not end the others.
        _heard.labels(listener.name, "failed").inc()
        _log.exception("bot.failed", listener=listener.name)
    else:
        _heard.labels(listener.name, "done").inc()


def name_of(body: Mapping[str, Any]) -> str:
    """PURE: name what was done, the same however often Slack brings it."""
    for name in ("event_id", "trigger_id"):
        if body.get(name):
            return f"{name}:{body[name]}"
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()


def _heard_of(body: Body, context: AsyncBoltContext, respond: AsyncRespond) -> Heard:
    async def told(text: str, blocks: Sequence[Block] = ()) -> None:
        await respond(text=text, blocks=list(blocks) or None, response_type="ephemeral", replace_original=False)

    action: Body = next(iter(body.get("actions") or ()), {})
    view = body.get("view") or {}
    return Heard(
        member=Member(context.team_id or context.enterprise_id or "", context.user_id or ""),
        respond=told,
        text=str(body.get("text") or ""),
        value=str(action.get("value") or ""),
        place=_place(body),
        trigger=str(body.get("trigger_id") or ""),
        typed=_typed(view),
        note=str(view.get("private_metadata") or ""),
        event=body.get("event") or {},
        surface=_surface(body),
        view=str(view.get("previous_view_id" if body.get("type") == "view_submission" else "id") or ""),
    )


def _surface(body: Body) -> Surface:
    if body.get("response_url"):
        return Surface.MESSAGE
    return Surface.HOME if (body.get("view") or {}).get("type") == "home" else Surface.MODAL


def _place(body: Body) -> Place | None:
    container = body.get("container") or {}
    channel = container.get("channel_id") or (body.get("channel") or {}).get("id")
    stamp = container.get("message_ts") or (body.get("message") or {}).get("ts")
    return Place(str(channel), str(stamp)) if channel and stamp else None


def _typed(view: Body) -> dict[str, str]:
    """Read a modal's fields by their action ids."""
    blocks = (view.get("state") or {}).get("values") or {}
    return {action: str(found.get("value") or "") for block in blocks.values() for action, found in block.items()}
