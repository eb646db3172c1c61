"""The kiosk's window as the visit sees it: kept ready, renewed until there is one, or opened by hand."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from reader_kiosk import messages
from reader_kiosk.browser import Browser
from reader_kiosk.errors import KioskError

_START_AGAIN = 2.0
_log = structlog.get_logger(__name__)


class Window:
    """A browser's window; without a browser there is nothing to do, because a person opens the page by hand."""

    def __init__(self, browser: Browser | None) -> None:
        self.browser = browser
        self._reminding: set[asyncio.Task[None]] = set()

    @property
    def is_watched(self) -> bool:
        """Whether touches on the hub's pages are heard."""
        return self.browser is not None

    async def ready(self) -> None:
        """See that nothing but the kiosk's page is open."""
        if self.browser is not None:
            await _until_done(self.browser.ready)

    async def renew(self, window: str = "") -> None:
        """Throw the window away with all it knows, and open another; with `window`, only if that one is shown."""
        if self.browser is not None:
            await _until_done(partial(self.browser.renew, window))

    async def restart(self) -> None:
        """End the browser and start it again."""
        if self.browser is not None:
            await _until_done(self.browser.restart)

    def remind(self, seconds: float | None) -> None:
        """Put the reminder over the page that is shown; None takes it away."""
        if self.browser is None:
            return
        texts = None if seconds is None else {"ja": messages.STILL_THERE.ja, "en": messages.STILL_THERE.en}
        task = asyncio.create_task(self.browser.remind(texts, seconds or 0))
        self._reminding.add(task)
        task.add_done_callback(self._reminding.discard)


async def _until_done(step: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await step()
        except KioskError as error:
            # A kiosk without a window is no kiosk, and one that ended would be none either.
            _log.error("kiosk.no-browser", error=str(error))
            await asyncio.sleep(_START_AGAIN)
        else:
            return
