"""One card's visit, from the moment it lies there: the only file that knows the order of things."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar, assert_never

from reader_kiosk.desk import Cancelled, Desk, PinTyped
from reader_kiosk.ending import Ending
from reader_kiosk.errors import CardError, HubUnreachableError, NoCardApplicationError, PinError
from reader_kiosk.hub_client import Begun, HubClient, Named, Reason, Refused
from reader_kiosk.piv import Algorithm, PivSession, algorithm_of, is_pin
from reader_kiosk.screen import (
    Admitting,
    CardForgotten,
    Checking,
    NotNow,
    PinAsked,
    Reading,
    Screen,
    Trouble,
    out_of_order,
)
from reader_kiosk.signing import card_message
from reader_kiosk.words import KIOSKS_OWN

_T = TypeVar("_T")
# A card that takes longer than this for one step is broken.
_CARD_PATIENCE = 10.0
# The hub's nonce lives 60 s: one that was drawn long ago is drawn again before the card signs.
_FRESH = timedelta(seconds=40)
_LAST_TRY = 1


class CardLine(Protocol):
    """A card that is ours alone (`pcsc.Connection`)."""

    def transmit(self, sent: bytes) -> bytes:
        """Send one command; CardError when the card is gone."""

    def uid(self) -> bytes:
        """Ask the reader for the card's number."""

    def power_again(self) -> None:
        """Forget what was verified."""

    def close(self) -> None:
        """Let the card go."""


Connect = Callable[[str], CardLine]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a visit works with; `return_url` is the local page without its token."""

    desk: Desk
    hub: HubClient
    ending: Ending
    connect: Connect
    return_url: str


class _GivenUpError(Exception):
    """The person cancelled, or nobody was there any more; `screen` is what comes now."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self.screen = screen


class Visit:
    """A card on a reader; `run` ends when it is cancelled, which happens when the card is taken away."""

    def __init__(self, parts: Parts, reader: str) -> None:
        self._parts, self._reader = parts, reader
        self._login_id = ""
        self._began_at = 0.0
        # One thread for this card: its commands stay in order, and closing waits for the last one.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="card")
        self.did_leave_page = False

    async def run(self) -> None:
        """Take somebody from the card to the portal, and stay until the card is taken."""
        try:
            self._parts.desk.clear(Reading())
            self._parts.desk.show(await self._outcome())
            await self._wait_for_the_card_to_go()
        finally:
            self._end()
            self._thread.shutdown(wait=False)

    async def _outcome(self) -> Screen:
        try:
            line = await self._step(self._parts.connect, self._reader)
            try:
                return await self._with(line)
            finally:
                # Not waited for: a card that hangs must not keep the screen.
                self._thread.submit(line.close)
        except CardError:
            # Whatever a card or reader fails with, and the numbers differ: forget everything.
            self._end()
            return NotNow(Trouble.UNREADABLE)
        except HubUnreachableError:
            self._end()
            return NotNow(Trouble.HUB_UNREACHABLE)
        except _GivenUpError as given_up:
            self._end()
            return given_up.screen

    async def _with(self, line: CardLine) -> Screen:
        session = PivSession(line.transmit)
        try:
            await self._step(session.select)
            certificate = await self._step(session.certificate)
        except NoCardApplicationError:
            return await self._with_uid(await self._step(line.uid))
        algorithm = algorithm_of(certificate)
        begun = await self._begin(certificate)
        if algorithm is None:
            # The hub refuses such keys by name; one that it takes and this kiosk doesn't know is no card's fault.
            raise _GivenUpError(NotNow(Reason.UNSUITABLE))
        self._parts.desk.speak(begun.language)
        await self._verified(line, session, begun)
        if self._age() > _FRESH:
            begun = await self._begin(certificate)
        return await self._signed(session, begun, algorithm)

    async def _begin(self, certificate: bytes) -> Begun:
        begun = await self._parts.hub.begin(certificate)
        if isinstance(begun, Refused):
            raise _GivenUpError(refused(begun))
        self._login_id, self._began_at = begun.login_id, asyncio.get_running_loop().time()
        return begun

    async def _verified(self, line: CardLine, session: PivSession, begun: Begun) -> None:
        left = await self._step(session.attempts_remaining)
        if left is None:
            # Somebody's PIN counts here, and it need not be this person's.
            await self._step(line.power_again)
            await self._step(session.select)
            left = await self._step(session.attempts_remaining)
        is_wrong = False
        while True:
            left = self._worth_a_try(left)
            typed = await self._pin(PinAsked(begun.account_name, left - _LAST_TRY, is_wrong))
            self._parts.desk.show(Checking(begun.account_name))
            try:
                await self._step(session.verify, typed.pin)
            except PinError as error:
                left, is_wrong = error.attempts_remaining, True
                continue
            finally:
                typed.pin[:] = bytes(len(typed.pin))
            return

    def _worth_a_try(self, left: int | None) -> int:
        """Give how many tries are left, when there is one to spare."""
        if left is None:
            message = "a PIN counts as verified without one"
            raise CardError(message)
        if left > _LAST_TRY:
            return left
        raise _GivenUpError(NotNow(Trouble.LAST_TRY if left else Trouble.PIN_BLOCKED))

    async def _pin(self, asked: PinAsked) -> PinTyped:
        self._parts.desk.show(asked)
        while True:
            act = await self._parts.desk.act()
            if act is None or isinstance(act, Cancelled):
                raise _GivenUpError(CardForgotten())
            if is_pin(act.pin):
                return act

    async def _signed(self, session: PivSession, begun: Begun, algorithm: Algorithm) -> Screen:
        hub = self._parts.hub
        message = card_message(hub.kiosk_id, begun.login_id, begun.nonce)
        signature = await self._step(session.sign, message, algorithm)
        admission = await hub.answer(
            begun.login_id,
            algorithm=algorithm.name,
            signature=signature,
            browser=await self._browser(),
            return_url=self._parts.return_url,
        )
        if isinstance(admission, Refused):
            raise _GivenUpError(refused(admission))
        self.did_leave_page = True
        return Admitting(begun.account_name, admission)

    async def _with_uid(self, uid: bytes) -> Screen:
        if not uid:
            message = "neither a key nor a number"
            raise CardError(message)
        browser = await self._browser()
        named = await self._parts.hub.name(uid, browser=browser, return_url=self._parts.return_url)
        match named:
            case Refused():
                raise _GivenUpError(refused(named))
            case Named(login_id, account_name, language, admission):
                self._login_id = login_id
                self._parts.desk.speak(language)
                self.did_leave_page = True
                return Admitting(account_name, admission)
            case _:
                assert_never(named)

    async def _browser(self) -> str:
        try:
            return await self._parts.desk.browser()
        except TimeoutError as error:
            message = "the page is not there"
            raise CardError(message) from error

    async def _wait_for_the_card_to_go(self) -> None:
        while True:
            # The screen reminds by itself; and after a while it says nothing but that.
            if await self._parts.desk.act() is None and not isinstance(self._parts.desk.screen, Admitting):
                self._parts.desk.show(CardForgotten())

    async def _step(self, work: Callable[..., _T], *given: object) -> _T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CARD_PATIENCE):
                return await loop.run_in_executor(self._thread, lambda: work(*given))
        except TimeoutError as error:
            message = "the card takes too long"
            raise CardError(message) from error

    def _age(self) -> timedelta:
        return timedelta(seconds=asyncio.get_running_loop().time() - self._began_at)

    def _end(self) -> None:
        login_id, self._login_id = self._login_id, ""
        if login_id:
            self._parts.ending.end(login_id)


def refused(why: Refused) -> Screen:
    """Choose the screen for a refusal: the card's matter or the kiosk's own."""
    is_own = why.reason in KIOSKS_OWN
    return out_of_order(why, datetime.now(UTC)) if is_own else NotNow(why.reason, why.retry_after)
