"""How a listener is called: acknowledged first, once for each thing that was done, and never ended by an error."""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import structlog
from prometheus_client import Counter
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.errors import SlackApiError

from bot.actor import domain_in, home_in, organisation_in, team_in
from bot.context import Desk, Heard, Member, Place, Surface, Work
from bot.rendering import views
from bot.replies import failure_text
from bot.replies.reply_routes import UNREACHED, Answers
from bot.slack_errors import error_of
from bot.task_limiter import Lane
from hub.contacts import slack_linking
from hub.inbound import event_dedup

_log = structlog.get_logger(__name__)
_heard = Counter("tegata_slack_heard_total", "What was heard from Slack, and what came of it.", ["listener", "outcome"])
Body = dict[str, Any]
# Slack waits three seconds for what a window that was sent is to show.
_SHOWN_WITHIN = 2.2
_ANY = re.compile(".*", re.DOTALL)


class Source(StrEnum):
    """What a listener listens to."""

    COMMAND = "command"
    BUTTON = "button"
    MODAL = "modal"
    SHORTCUT = "shortcut"
    EVENT = "event"


def _at_once(_text: str) -> Lane:
    return Lane.NOW


@dataclass(frozen=True, slots=True)
class Listener:
    """What is listened to, the work that it makes, and how long that may wait, by what was typed."""

    source: Source
    name: str
    work: Work
    lane: Callable[[str], Lane] = field(default=_at_once)
    # A member did it and waits for a word.
    is_answered: bool = True
    # Stands for all that no listener before it is named for; `name` is then for the log and the metrics alone.
    is_rest: bool = False


def register(app: AsyncApp, desk: Desk, listener: Listener) -> None:
    """Have Bolt call a listener."""

    async def hear(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
        await ack()
        async with desk.hands.free(listener.lane(str(body.get("text") or ""))):
            await _done(desk, listener, body, *_heard_of(desk, body, context))

    async def hear_modal(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
        """Acknowledge with what the modal is to show: its sentence belongs where the answer was typed."""
        heard, answers = _heard_of(desk, body, context)
        window = _Window(desk, ack, heard, str((body.get("view") or {}).get("id") or ""))
        async with desk.hands.busy():
            work = asyncio.create_task(_done(desk, listener, body, replace(heard, reply=window.reply), answers))
            await asyncio.wait({work}, timeout=_SHOWN_WITHIN)
            if not work.done():
                await window.wait()
            await work
        await window.close()

    match listener.source:
        case Source.COMMAND:
            app.command(listener.name)(hear)
        case Source.BUTTON:
            app.action(_ANY if listener.is_rest else listener.name)(hear)
        case Source.MODAL:
            app.view(_ANY if listener.is_rest else listener.name)(hear_modal)
        case Source.SHORTCUT:
            app.shortcut(listener.name)(hear)
        case Source.EVENT:
            app.event(listener.name)(hear)


class _Window:
    """The window that was sent: answered within Slack's three seconds, with the outcome or with a word to wait."""

    def __init__(self, desk: Desk, ack: AsyncAck, heard: Heard, view_id: str) -> None:
        self._desk = desk
        self._ack = ack
        self._heard = heard
        self._view_id = view_id
        self._language = desk.locales.known(heard.member.user) or "en"
        self._is_shown = False
        self._is_late = False

    async def reply(self, answer: Body) -> None:
        """Show what came of it; also when Slack waits no more."""
        if not self._is_shown:
            self._is_shown = True
            await self._ack(**answer)
            return
        if self._is_late:
            await self._update(answer)

    async def wait(self) -> None:
        """Say that it is still being done, if nothing was shown yet."""
        if not self._is_shown:
            self._is_shown = self._is_late = True
            waiting = failure_text.waiting(self._desk.hub.settings.service_in(self._language), self._language)
            await self._ack(**views.instead(waiting))

    async def close(self) -> None:
        """Acknowledge, if nothing was shown."""
        if not self._is_shown:
            await self._ack()

    async def _update(self, answer: Body) -> None:
        view = answer.get("view")
        if view is None:
            sentence = " ".join(str(one) for one in (answer.get("errors") or {}).values())
            view = views.told(self._desk.hub.settings.service_in(self._language), sentence, self._language)
        try:
            await self._desk.client.views_update(view_id=self._view_id, view=view)
        except (SlackApiError, *UNREACHED):
            await self._heard.respond(views.text_of(view))


async def _done(desk: Desk, listener: Listener, body: Body, heard: Heard, answers: Answers) -> None:
    """Do a listener's work, unless this was heard before, here or by another process."""
    outcome = "failed"
    try:
        if not await event_dedup.once(desk.hub, name_of(body), now=desk.clock()):
            outcome = "again"
            return
        await _noted(desk, listener, heard)
        await listener.work(desk, heard)
        outcome = "refused" if answers.refused else "done"
    except SlackApiError as error:
        # Slack's answer to what we asked of it; its text has no secret, but the request has.
        outcome = "refused"
        _log.warning("bot.slack_refused", listener=listener.name, error=error_of(error))
        await _apologised(desk, listener, heard, error)
    except UNREACHED as error:
        outcome = "refused"
        _log.warning("bot.slack_unreached", listener=listener.name, error=type(error).__name__)
        await _apologised(desk, listener, heard, error)
    except Exception as error:
        # Whatever goes wrong with one must not end the others.
        _log.exception("bot.failed", listener=listener.name)
        await _apologised(desk, listener, heard, error)
    finally:
        _heard.labels(listener.name, outcome).inc()


async def _noted(desk: Desk, listener: Listener, heard: Heard) -> None:
    """Keep from which admitted workspaces an organisation's member acts; so many admit them."""
    if not listener.is_answered or not heard.workspace:
        return
    desk.workspaces.grant([heard.workspace])
    if heard.member.team != heard.workspace and heard.workspace in desk.workspaces.all:
        await slack_linking.remember(heard.member.address, teams=[heard.workspace])


async def _apologised(desk: Desk, listener: Listener, heard: Heard, error: Exception) -> None:
    """Say that it did not work: no act of a member ends in silence."""
    if not listener.is_answered:
        return
    with suppress(Exception):
        # The way that is left may fail as well; its own line is in the log then.
        await failure_text.say_sorry(desk, heard, error, is_window=listener.source is Source.MODAL)


def name_of(body: Mapping[str, Any]) -> str:
    """PURE: name what was done, the same however often Slack brings it."""
    for name in ("event_id", "trigger_id"):
        if body.get(name):
            return f"{name}:{body[name]}"
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()


def _heard_of(desk: Desk, body: Body, context: AsyncBoltContext) -> tuple[Heard, Answers]:
    action: Body = next(iter(body.get("actions") or ()), {})
    view, event = body.get("view") or {}, body.get("event") or {}
    team, place, user = team_in(body), _place(body), context.user_id or ""
    answers = Answers(
        desk.client,
        user,
        url=str(context.response_url or ""),
        channel=place.channel if place else str(body.get("channel_id") or event.get("channel") or ""),
        thread=str(event.get("thread_ts") or ""),
    )
    heard = Heard(
        member=Member(desk.workspaces.identity(home_in(body), organisation_in(body)), user),
        respond=answers,
        text=_text(body.get("text")),
        value=_text(action.get("value")),
        place=place,
        trigger=str(body.get("trigger_id") or ""),
        typed=_typed(view),
        note=_text(view.get("private_metadata")),
        event=event,
        surface=_surface(body),
        view=str(view.get("previous_view_id" if body.get("type") == "view_submission" else "id") or ""),
        workspace=team,
        domain=domain_in(body),
    )
    return heard, answers


def _text(value: object) -> str:
    """Read a text; PostgreSQL has no place for the sign NUL."""
    return str(value or "").replace("\x00", "")


def _surface(body: Body) -> Surface:
    if (body.get("event") or {}).get("type") == "message":
        return Surface.DIRECT
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
    return {action: _text(found.get("value")) for block in blocks.values() for action, found in block.items()}
