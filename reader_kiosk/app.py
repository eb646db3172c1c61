"""The kiosk as it stands there: cards come and go, one visit at a time, and the idle page in between."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from aiohttp.web import AppRunner, TCPSite

from reader_kiosk import pcsc, policy
from reader_kiosk.browser import Browser, Happening, OwnStarter, SessionStarter
from reader_kiosk.card_session import Parts, Visit
from reader_kiosk.errors import HubUnreachableError, KioskError
from reader_kiosk.hub_client import HubClient, Refused, line
from reader_kiosk.identity import Identity
from reader_kiosk.local_server import Page
from reader_kiosk.logout_queue import Ending
from reader_kiosk.pcsc import CardEvent, CardOff, CardOn, ReadersChanged
from reader_kiosk.screen import CardForgotten, Ended, Idle, NotNow, OutOfOrder, Screen, Trouble, out_of_order
from reader_kiosk.settings import Settings
from reader_kiosk.ui_state import Desk, Touched
from reader_kiosk.window import Window

_LOOK_EVERY, _LOOK_AGAIN = 30.0, 3.0
_log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


async def run(settings: Settings, identity: Identity, *, ready: Callable[[str], None]) -> None:
    """Be a kiosk until cancelled; `ready` is told the page's URL when it can be opened."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(line(settings.hub_ca))
        hub = HubClient(http, identity, utc_now)
        ending = Ending(hub)
        stack.push_async_callback(ending.close)
        desk = Desk(settings.language, remind_after=settings.remind_after, idle_after=settings.idle_after)
        page = Page(desk, origin=settings.origin, hub=identity.hub, framed_by=settings.framed_by)
        await _serve(stack, page, settings)
        browser = _browser(settings, page.url)
        if browser is not None:
            stack.push_async_callback(browser.close)
        window = Window(browser)
        desk.reminds = window.remind
        parts = Parts(desk, hub, ending, pcsc.connect, f"{settings.origin}/", window)
        wanted = policy.Wanted(identity.hub, settings.origin, settings.also_open, settings.hub_ca)
        kiosk = Kiosk(parts, window, wanted, reader=settings.reader)
        await kiosk.begin()
        ready(page.url)
        watch = pcsc.Watch(_poster(asyncio.get_running_loop(), kiosk.events))
        watch.start()
        stack.push_async_callback(asyncio.to_thread, watch.stop)
        stack.push_async_callback(kiosk.close)
        async with asyncio.TaskGroup() as group:
            group.create_task(kiosk.stand())
            group.create_task(kiosk.look_after_the_hub())
            group.create_task(kiosk.look_after_the_browser())


def _browser(settings: Settings, url: str) -> Browser | None:
    if settings.browser is None:
        return Browser(SessionStarter(settings.browser_socket), url)
    return Browser(OwnStarter(settings.browser), url) if settings.browser else None


async def _serve(stack: AsyncExitStack, page: Page, settings: Settings) -> None:
    runner = AppRunner(page.application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        message = f"The kiosk's page can't be served at {settings.origin}: {error.strerror}."
        raise KioskError(message) from error


def _poster(loop: asyncio.AbstractEventLoop, events: asyncio.Queue[CardEvent]) -> pcsc.Post:
    def post(event: CardEvent) -> None:
        # The loop may have ended a moment before the thread.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(events.put_nowait, event)

    return post


@dataclass
class Kiosk:
    """Cards come and go; each visit is a task that ends when its card is gone."""

    parts: Parts
    window: Window
    wanted: policy.Wanted
    reader: str = ""
    events: asyncio.Queue[CardEvent] = field(default_factory=asyncio.Queue)
    _visit: Visit | None = None
    _task: asyncio.Task[None] | None = None
    _on: str = ""
    # The readers on which a card lies, with its ATR, in the order they came.
    _lying: dict[str, bytes] = field(default_factory=dict)
    # Not known before the first look at them: a reader that nobody looked for yet isn't missing.
    _readers: int | None = None
    _trouble: OutOfOrder | None = None
    # What is wrong with the browser: no card is read before that is mended.
    _fault: OutOfOrder | None = None
    _look_now: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self) -> None:
        """Show the idle page, once the browser is known to open what it has to and nothing else."""
        browser = self.window.browser
        if browser is None:
            return
        await browser.renew()
        await self._look_at_the_browser(browser)
        self.parts.desk.clear(self._idle())

    async def stand(self) -> None:
        """Deal with what happens at the readers, for ever."""
        while True:
            match await self.events.get():
                case CardOn(reader, atr) if self.reader in reader:
                    self._lying[reader] = atr
                    self._next()
                case CardOff(reader):
                    self._lying.pop(reader, None)
                    if reader == self._on:
                        await self._go()
                case ReadersChanged(count):
                    self._readers = count
                    self._refresh()

    async def look_after_the_hub(self) -> None:
        """Ask now and then whether this kiosk is in order, and say so before somebody puts a card on."""
        while True:
            if not self._on:
                self._trouble = await self._hub_trouble()
                if self._fault is not None and self.window.browser is not None and self._trouble is None:
                    await self._look_at_the_browser(self.window.browser)
                self._refresh()
                self._next()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN if self._trouble else _LOOK_EVERY):
                    await self._look_now.wait()
            self._look_now.clear()

    async def look_after_the_browser(self) -> None:
        """Hear what happens in the window; a person who was logged in and lost it has to put the card on again."""
        while self.window.browser is not None:
            told = await self.window.browser.happened.get()
            match told.what:
                case Happening.TOUCHED:
                    self.parts.desk.hear(Touched())
                case Happening.RETURNED:
                    await self._leave(CardForgotten(Ended.FINISHED), told.window)
                case Happening.FAILED:
                    _log.warning("kiosk.page-failed")
                    await self._leave(NotNow(Trouble.HUB_UNREACHABLE), told.window)
                case Happening.NOT_ALLOWED:
                    _log.warning("kiosk.page-not-allowed")
                    await self._leave(NotNow(Trouble.PAGE_NOT_ALLOWED), told.window)
                case Happening.ENDED:
                    _log.error("kiosk.browser-ended")
                    await self._leave(CardForgotten(Ended.BROWSER_ENDED), told.window)

    async def close(self) -> None:
        """End the visit that is going on."""
        if self._task is not None:
            await self._end_task()

    def _next(self) -> None:
        """Deal with the card that lay there first; one person at a time."""
        if self._on or not self._lying or self._fault is not None:
            return
        reader, atr = next(iter(self._lying.items()))
        self._on = reader
        self._visit = Visit(self.parts, reader, atr)
        self._task = asyncio.create_task(self._visit.run())

    async def _leave(self, screen: Screen, window: str) -> None:
        """End the visit though its card still lies there, and throw this window away."""
        if self._task is not None:
            await self._end_task()
            if self._on:
                self.parts.desk.leave(screen)
        await self.window.renew(window)

    async def _look_at_the_browser(self, browser: Browser) -> None:
        """See that the policy is in force and that the browser opens the hub, as this program does."""
        fault = self._fault
        try:
            await asyncio.to_thread(policy.check, self.wanted)
        except KioskError as error:
            _log.error("kiosk.not-locked-down", error=str(error))
            self._fault = OutOfOrder(Trouble.NOT_LOCKED_DOWN)
            return
        if fault == OutOfOrder(Trouble.NOT_LOCKED_DOWN):
            # It read the policy when it started.
            await self.window.restart()
        trouble = await browser.trouble_at(f"{self.wanted.hub}/")
        self._fault = None
        if trouble:
            _log.error("kiosk.browser-cannot-open-the-hub", error=trouble)
            self._fault = OutOfOrder(Trouble.BROWSER_CANNOT_OPEN)
        await self.window.renew()

    async def _go(self) -> None:
        did_leave_page = self._visit is not None and self._visit.did_leave_page
        self._on = ""
        await self._end_task()
        if not did_leave_page:
            # Whatever was refused may be this kiosk's own trouble.
            self._look_now.set()
        self.parts.desk.clear(self._idle())
        if did_leave_page:
            await self.window.renew()
        await self.window.ready()
        # A card that came to another reader meanwhile lies there already.
        self._next()

    async def _end_task(self) -> None:
        task, self._task, self._visit = self._task, None, None
        if task is None:
            return
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        except Exception:
            # A visit that fails in a way nobody thought of must not take the kiosk with it.
            _log.exception("kiosk.visit-failed")

    def _idle(self) -> Screen:
        if self._readers == 0:
            return OutOfOrder(Trouble.NO_READER)
        return self._trouble or self._fault or Idle()

    def _refresh(self) -> None:
        if not self._on and self.parts.desk.screen != self._idle():
            self.parts.desk.clear(self._idle())

    async def _hub_trouble(self) -> OutOfOrder | None:
        try:
            told = await self.parts.hub.hello()
        except HubUnreachableError as error:
            _log.warning("kiosk.hub-unreachable", error=str(error))
            return OutOfOrder(Trouble.HUB_UNREACHABLE)
        if not isinstance(told, Refused):
            return None
        _log.warning("kiosk.refused", reason=told.reason)
        return out_of_order(told, utc_now())
