"""The screen and who stands before it: what is shown, what was typed, and how long nobody touched anything."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from reader_kiosk.screen import Idle, OutOfOrder, Screen

Show = Callable[[], None]
Remind = Callable[[float | None], None]


@dataclass(frozen=True, slots=True)
class PinTyped:
    """A PIN was typed."""

    pin: bytearray = field(repr=False)


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody doesn't want to go on."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Somebody is there."""


@dataclass(frozen=True, slots=True)
class LanguageChosen:
    """Somebody reads another language."""

    language: str


@dataclass(frozen=True, slots=True)
class ProofDrawn:
    """The page is there; `digest` is that of the proof that it keeps to itself."""

    digest: str


Act = PinTyped | Cancelled
Said = Act | Touched | LanguageChosen | ProofDrawn
_PAGE_PATIENCE = 5.0


class Desk:
    """What the visit shows and hears; the page's door listens for changes."""

    def __init__(self, language: str, *, remind_after: timedelta, idle_after: timedelta) -> None:
        self._own_language = self.language = language
        self._remind_after, self._idle_after = remind_after.total_seconds(), idle_after.total_seconds()
        self._heard: asyncio.Queue[Said] = asyncio.Queue(maxsize=16)
        self.screen: Screen = Idle()
        self.is_reminding = False
        self.changed: Show = lambda: None
        # Called with the seconds that are left when the reminder comes, with None when it goes.
        self.reminds: Remind = lambda _seconds: None
        self._page: asyncio.Future[str] = asyncio.Future()
        self._is_chosen = False
        self._forgetting: asyncio.TimerHandle | None = None

    @property
    def seconds_left(self) -> float:
        """How long the reminder stands before the login ends."""
        return max(0.0, self._idle_after - self._remind_after)

    def show(self, screen: Screen) -> None:
        """Put something on the screen."""
        self.screen, self.is_reminding = screen, False
        self.changed()

    def speak(self, language: str) -> None:
        """Go on in the account's language, unless another was chosen at the screen."""
        if not self._is_chosen:
            self.language = language
        self.changed()

    def receive(self, screen: Screen) -> None:
        """Begin with a card; the language that was just chosen before it came stays."""
        self._unheard()
        self._keep_language()
        self.show(screen)

    def leave(self, screen: Screen) -> None:
        """Tell the same person that their visit has ended, in the language that they read."""
        self._unheard()
        self.show(screen)

    def clear(self, screen: Screen) -> None:
        """Forget whoever was there."""
        self._unheard()
        self._forget_language()
        self.show(screen)

    def hear(self, said: Said) -> None:
        """Take what was done at the page; more than can be heard is not heard."""
        match said:
            case ProofDrawn(digest):
                self.page_gone()
                self._page.set_result(digest)
                return
            case LanguageChosen(language):
                self._choose(language)
        if not self._heard.full():
            self._heard.put_nowait(said)

    def _choose(self, language: str) -> None:
        self._keep_language()
        self.language, self._is_chosen = language, True
        if isinstance(self.screen, Idle | OutOfOrder):
            # The person who chose it may have left without a card.
            self._forgetting = asyncio.get_running_loop().call_later(self._idle_after, self._forget_choice)
        self.changed()

    def _forget_choice(self) -> None:
        self._forget_language()
        self.changed()

    def _keep_language(self) -> None:
        if self._forgetting is not None:
            self._forgetting.cancel()
        self._forgetting = None

    def _forget_language(self) -> None:
        self._keep_language()
        self.language, self._is_chosen = self._own_language, False

    def _unheard(self) -> None:
        while not self._heard.empty():
            self._heard.get_nowait()

    def page_gone(self) -> None:
        """Wait for a page with a proof of its own."""
        if self._page.done():
            self._page = asyncio.Future()

    async def browser(self) -> str:
        """Give the digest of the page's proof; TimeoutError when no page comes."""
        async with asyncio.timeout(_PAGE_PATIENCE):
            return await asyncio.shield(self._page)

    async def act(self) -> Act | None:
        """Wait for somebody to do something; None when nobody touched anything for a while."""
        touched_at = asyncio.get_running_loop().time()
        while True:
            said = await self._next(touched_at)
            if isinstance(said, Act):
                return said
            if said is None:
                return None
            touched_at = asyncio.get_running_loop().time()
            self._remind(on=False)

    async def _next(self, touched_at: float) -> Said | None:
        try:
            async with asyncio.timeout_at(touched_at + self._remind_after):
                return await self._heard.get()
        except TimeoutError:
            self._remind(on=True)
        try:
            async with asyncio.timeout_at(touched_at + self._idle_after):
                return await self._heard.get()
        except TimeoutError:
            return None

    def _remind(self, *, on: bool) -> None:
        if self.is_reminding != on:
            self.is_reminding = on
            self.changed()
            self.reminds(self.seconds_left if on else None)
