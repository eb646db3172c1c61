"""The page on which somebody acts as a member: the messages, the commands, the modals and the App Home."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.web import HTTPForbidden, HTTPSeeOther, Request, Response, StreamResponse, middleware
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from demo.slack import rendering
from demo.slack.acting import StandIn
from demo.slack.filling import Form, from_form, name_of
from demo.slack.sending import Dispatched
from demo.slack.views import View, element_of, options_of
from demo.slack.wire import Payload, SlackError
from demo.slack.workspace import User

Handler = Callable[[Request], Awaitable[StreamResponse]]

_LOOK_EVERY = 15.0
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src https: http: data:; "
    "frame-ancestors http://127.0.0.1:* http://localhost:*; base-uri 'none'"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the page that is replaced by itself when it changes."""

    name: str
    html: Markup

    @property
    def version(self) -> str:
        """What tells one state of it from another."""
        return hashlib.sha256(self.html.encode()).hexdigest()[:12]


class Page:
    """The handlers, around one stand-in."""

    def __init__(self, slack: StandIn) -> None:
        self._slack = slack
        self._notices: dict[str, str] = {}
        self._sending: set[asyncio.Task[Dispatched | None]] = set()
        environment = Environment(loader=PackageLoader("demo.slack", "templates"), autoescape=True)
        users = slack.workspace.users
        environment.filters |= {
            "clock": rendering.clock,
            "plain": rendering.plain,
            "marked": lambda text: rendering.marked(text, users),
            "shown": lambda text: rendering.shown(text, users),
            "options": options_of,
        }
        environment.globals |= {"name_of": name_of, "app": slack.app, "workspace": slack.workspace}
        self._templates = environment

    def routes(self) -> list[web.AbstractRouteDef]:
        """List the addresses."""
        return [
            web.get("/", self.people),
            web.get("/as/{user}", self.messages),
            web.get("/as/{user}/home", self.home),
            web.get("/as/{user}/changed", self.changed),
            web.post("/as/{user}/say", self.say),
            web.post("/as/{user}/press", self.press),
            web.post("/as/{user}/submit", self.submit),
            web.post("/as/{user}/close", self.close),
            web.post("/as/{user}/home", self.open_home),
            web.post("/as/{user}/membership", self.membership),
            web.static("/static", str(files("demo.slack").joinpath("static"))),
        ]

    async def people(self, _request: Request) -> Response:
        """Show who there is to act as."""
        members = [one for one in self._slack.workspace.users.values() if not one.is_bot]
        return self._shown("people.html", members=members)

    async def messages(self, request: Request) -> Response:
        """Show somebody the direct messages with the app."""
        user = self._user(request)
        return self._member(request, user, "messages", self._list(user))

    async def home(self, request: Request) -> Response:
        """Show somebody the App Home."""
        user = self._user(request)
        home = self._part("home", user, view=self._slack.home(user.id), notice=self._notices.get(user.id, ""))
        return self._member(request, user, "home", home)

    async def changed(self, request: Request) -> Response:
        """Answer when there is something new, after a while in any case."""
        watch, seen = self._slack.core.watch, request.query.get("seen", "")
        with suppress(TimeoutError):
            await watch.until(lambda: True if str(watch.number) != seen else None, timeout=_LOOK_EVERY)
        return web.json_response({"number": watch.number})

    async def say(self, request: Request) -> Response:
        """Type a message, or a command."""
        user, form = self._user(request), await self._form(request)
        text = _said(form, "text").strip()
        if text.startswith("/"):
            command, _, rest = text.partition(" ")
            await self._slack.slash(user.id, command, rest.strip())
        elif text:
            await self._begin(user, self._slack.say(user.id, text))
        raise HTTPSeeOther(f"/as/{user.id}")

    async def press(self, request: Request) -> Response:
        """Press a button, or choose a value; one that asks whether it is meant asks first."""
        user, form = self._user(request), await self._form(request)
        where, action_id, back = _said(form, "where"), _said(form, "action_id"), self._back(user, form)
        block, element = element_of(self._blocks(user, where), action_id)
        view = self._slack.core.screens.by_id.get(where)
        if view is not None and not _said(form, "meant"):
            view.values = from_form(view, form)
        if element.get("confirm") and not _said(form, "meant"):
            raise HTTPSeeOther(f"{back}?{urlencode({'where': where, 'action': action_id})}")
        value = None if element["type"] == "button" else _given(form, name_of(block, element), element)
        self._note(user, await self._slack.press(user.id, where, action_id, value))
        url = str(element.get("url") or "")
        raise HTTPSeeOther(url if url.startswith(("https://", "http://")) else back)

    async def submit(self, request: Request) -> Response:
        """Send a modal."""
        user, form = self._user(request), await self._form(request)
        view = self._view(form)
        view.values = from_form(view, form)
        await self._slack.submit(user.id, view.id)
        raise HTTPSeeOther(self._back(user, form))

    async def close(self, request: Request) -> Response:
        """Close a modal."""
        user, form = self._user(request), await self._form(request)
        self._note(user, await self._slack.close(user.id, self._view(form).id))
        raise HTTPSeeOther(self._back(user, form))

    async def open_home(self, request: Request) -> Response:
        """Look at the App Home; the app hears of it."""
        user, _ = self._user(request), await self._form(request)
        await self._begin(user, self._slack.open_home(user.id))
        raise HTTPSeeOther(f"/as/{user.id}/home")

    async def membership(self, request: Request) -> Response:
        """End somebody's membership, or take it up again."""
        user, _ = self._user(request), await self._form(request)
        await self._begin(user, self._slack.change_user(user.id, deleted=not user.deleted))
        raise HTTPSeeOther("/")

    async def end(self) -> None:
        """Give up what is still being sent."""
        for task in tuple(self._sending):
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    @middleware
    async def refused(self, request: Request, handler: Handler) -> StreamResponse:
        """Say what can't be done any more, instead of a traceback: messages and modals go while they are looked at."""
        try:
            return await handler(request)
        except SlackError as error:
            user = self._slack.workspace.users.get(request.match_info.get("user", ""))
            if user is None or request.method != "POST":
                return Response(status=404, text=error.error)
            self._notices[user.id] = error.error
            raise HTTPSeeOther(f"/as/{user.id}") from error

    def _shown(self, template: str, **values: Any) -> Response:
        text = self._templates.get_template(template).render(number=self._slack.core.watch.number, **values)
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return Response(text=text, content_type="text/html", headers=headers)

    def _member(self, request: Request, user: User, tab: str, part: Part) -> Response:
        asked = self._asked(request, user)
        modal = self._modal(user, asked, tab)
        # Without scripts a page that is being filled in must not load itself again.
        is_busy = asked is not None or bool(self._slack.views(user.id))
        return self._shown("member.html", user=user, tab=tab, parts=[modal, part], is_busy=is_busy)

    def _part(self, name: str, user: User, **values: Any) -> Part:
        html = self._templates.get_template(f"{name}.html").render(user=user, **values)
        return Part(name, Markup(html))  # noqa: S704 - the template escapes

    def _list(self, user: User) -> Part:
        """Show what was said, the newest first, what only this person sees among it."""
        said = [*self._slack.messages(user.id), *self._slack.ephemerals(user.id)]
        said.sort(key=lambda one: one.ts, reverse=True)
        return self._part("messages", user, messages=said, notice=self._notices.get(user.id, ""))

    def _modal(self, user: User, asked: Payload | None, tab: str) -> Part:
        """Show the topmost modal, or the question whether an action is meant."""
        stack = self._slack.views(user.id)
        return self._part("modal", user, view=stack[-1] if stack else None, asked=asked, tab=tab)

    def _asked(self, request: Request, user: User) -> Payload | None:
        """Find the action that a page is to ask about."""
        where, action_id = request.query.get("where", ""), request.query.get("action", "")
        if not where:
            return None
        with suppress(SlackError):
            _, element = element_of(self._blocks(user, where), action_id)
            return {**element["confirm"], "where": where, "action_id": action_id}
        return None

    def _blocks(self, user: User, where: str) -> list[Payload]:
        view = self._slack.core.screens.by_id.get(where)
        return view.blocks if view is not None else self._slack.message(user.id, where).blocks

    def _view(self, form: Form) -> View:
        return self._slack.core.screens.find(_said(form, "where"))

    def _user(self, request: Request) -> User:
        return self._slack.workspace.user(request.match_info["user"])

    def _back(self, user: User, form: Form) -> str:
        return f"/as/{user.id}/home" if _said(form, "tab") == "home" else f"/as/{user.id}"

    def _note(self, user: User, told: Dispatched | None) -> None:
        """Say under the messages when the app did not answer."""
        self._notices[user.id] = f"The app did not answer: {told.error}" if told is not None and told.error else ""

    async def _begin(self, user: User, sending: Coroutine[Any, Any, Dispatched | None]) -> None:
        """Send an event: a page does not wait until Slack has repeated one for minutes."""
        task = asyncio.create_task(sending)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        await asyncio.wait({task}, timeout=self._slack.timing.acknowledged_within)
        self._note(user, task.result() if task.done() else None)

    async def _form(self, request: Request) -> Form:
        # The stand-in listens on this machine only; a page from elsewhere must not act in a member's name.
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise HTTPForbidden
        sent = await request.post()
        return {name: [str(one) for one in sent.getall(name)] for name in sent}


def _said(form: Form, name: str) -> str:
    return form.get(name, [""])[0]


def _given(form: Form, name: str, element: Payload) -> str | list[str]:
    return form.get(name, []) if element["type"] == "checkboxes" else _said(form, name)
