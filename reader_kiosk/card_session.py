"""One card's visit, from the moment it lies there: the only file that knows the order of things."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar, assert_never

import structlog

from reader_kiosk.apdu import Trace
from reader_kiosk.errors import (
    CardError,
    CardInUseError,
    DefectiveCardError,
    HubUnreachableError,
    NoCardApplicationError,
    NoCertificateError,
    PinError,
    UnusableCardError,
)
from reader_kiosk.hub_client import Begun, HubClient, Named, Reason, Refused
from reader_kiosk.logout_queue import Ending
from reader_kiosk.messages import KIOSKS_OWN
from reader_kiosk.numbers import is_changing
from reader_kiosk.piv import Algorithm, PinState, PivSession, algorithm_of, is_pin
from reader_kiosk.screen import (
    Admitting,
    CardForgotten,
    Checking,
    Ended,
    NotNow,
    OutOfOrder,
    PinAsked,
    Reading,
    Screen,
    Trouble,
    out_of_order,
)
from reader_kiosk.signing import card_message
from reader_kiosk.ui_state import Cancelled, Desk, PinTyped

_T = TypeVar("_T")
# A card that takes longer than this for one step is broken. Signatures of real cards take up to 18 s.
_CARD_PATIENCE = 30.0
# The hub's nonce lives 60 s: one that was drawn long ago is drawn again before the card signs.
_FRESH = timedelta(seconds=25)
_LAST_TRY = 1
# Another program has the card for a moment: how long the screen does not show it, and how often it is tried again.
_IN_USE_PATIENCE, _IN_USE_PAUSE, _IN_USE_LONG_PAUSE = 3.0, 0.07, 0.5
_log = structlog.get_logger(__name__)


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


class Window(Protocol):
    """The window that the kiosk shows (`window.Window`)."""

    @property
    def is_watched(self) -> bool:
        """Whether touches on the hub's pages are heard."""

    async def ready(self) -> None:
        """See that nothing but the kiosk's page is open."""

    async def renew(self) -> None:
        """Throw the window away with all it knows, and open another."""


Connect = Callable[[str], CardLine]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a visit works with; `return_url` is the local page without its token."""

    desk: Desk
    hub: HubClient
    ending: Ending
    connect: Connect
    return_url: str
    window: Window


class _GivenUpError(Exception):
    """The person cancelled, or nobody was there any more; `screen` is what comes now."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self.screen = screen


class Visit:
    """A card on a reader; `run` ends when it is cancelled, which happens when the card is taken away."""

    def __init__(self, parts: Parts, reader: str, atr: bytes = b"") -> None:
        self._parts, self._reader, self._atr = parts, reader, atr
        self._doing, self._trace, self._certificate_size = "connect", Trace(), 0
        self._login_id = ""
        self._began_at = 0.0
        # One thread for this card: its commands stay in order, and closing waits for the last one.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="card")
        self.did_leave_page = False

    async def run(self) -> None:
        """Take somebody from the card to the portal, and stay until the card is taken."""
        try:
            self._parts.desk.receive(Reading())
            self._parts.desk.show(await self._outcome())
            await self._wait_for_the_card_to_go()
        finally:
            self._end()
            self._thread.shutdown(wait=False)

    async def _outcome(self) -> Screen:
        error: CardError | None = None
        screen: Screen
        try:
            line = await self._connected()
            try:
                return await self._with(line)
            finally:
                # Not waited for: a card that hangs must not keep the screen.
                self._thread.submit(line.close)
        except CardError as failed:
            # Whatever a card or reader fails with, and the numbers differ: forget everything.
            error, screen = failed, NotNow(_trouble_of(failed))
        except HubUnreachableError as unreachable:
            _log.warning("kiosk.hub-unreachable", error=str(unreachable))
            screen = NotNow(Trouble.HUB_UNREACHABLE)
        except _GivenUpError as given_up:
            screen = given_up.screen
        self._end()
        if isinstance(screen, NotNow) and screen.why is not Trouble.HUB_UNREACHABLE:
            self._log_refusal(screen.why, error)
        return screen

    async def _connected(self) -> CardLine:
        """Take the card for ourselves, as soon as no other program has it."""
        since = asyncio.get_running_loop().time()
        while True:
            try:
                return await self._step(self._parts.connect, self._reader)
            except CardInUseError as error:
                is_long = asyncio.get_running_loop().time() - since > _IN_USE_PATIENCE
                if is_long and self._parts.desk.screen != NotNow(Trouble.CARD_IN_USE):
                    self._log_refusal(Trouble.CARD_IN_USE, error)
                    self._parts.desk.show(NotNow(Trouble.CARD_IN_USE))
                await asyncio.sleep(_IN_USE_LONG_PAUSE if is_long else _IN_USE_PAUSE)

    async def _with(self, line: CardLine) -> Screen:
        if self._parts.desk.screen != Reading():
            self._parts.desk.show(Reading())
        session = PivSession(line.transmit)
        self._trace = session.trace
        try:
            await self._do("select", session.select)
            certificate = await self._do("certificate", session.certificate)
        except (NoCardApplicationError, NoCertificateError) as error:
            uid = await self._number(line)
            if not uid:
                raise
            _log.info("kiosk.card-by-number", error=str(error))
            return await self._with_uid(uid)
        self._certificate_size = len(certificate)
        begun = await self._begin(certificate)
        algorithm = algorithm_of(certificate)
        if algorithm is None:
            # The hub refuses such keys by name; one that it takes and this kiosk doesn't know is no card's fault.
            raise _GivenUpError(OutOfOrder(Reason.MALFORMED))
        self._parts.desk.speak(begun.language)
        await self._verified(line, session, begun)
        if self._age() > _FRESH:
            begun = await self._begin(certificate)
        return await self._signed(session, begun, algorithm)

    async def _number(self, line: CardLine) -> bytes:
        """Ask the reader for the card's number; empty when there is none, which a contact reader may say by failing."""
        try:
            return await self._step(line.uid)
        except CardError:
            return b""

    async def _begin(self, certificate: bytes) -> Begun:
        self._doing = "hub"
        begun = await self._parts.hub.begin(certificate)
        if isinstance(begun, Refused):
            raise _GivenUpError(refused(begun))
        self._login_id, self._began_at = begun.login_id, asyncio.get_running_loop().time()
        return begun

    async def _verified(self, line: CardLine, session: PivSession, begun: Begun) -> None:
        await self._do("discovery", session.choose_pin)
        left = await self._do("tries", session.attempts_remaining)
        if left is PinState.VERIFIED:
            # Somebody's PIN counts here, and it need not be this person's.
            await self._do("power", line.power_again)
            await self._do("select", session.select)
            left = await self._do("tries", session.attempts_remaining)
        is_wrong = False
        while True:
            tries = self._worth_a_try(left)
            typed = await self._pin(PinAsked(begun.account_name, tries, is_wrong))
            self._parts.desk.show(Checking(begun.account_name))
            try:
                await self._do("verify", session.verify, typed.pin)
            except PinError as error:
                if error.attempts_remaining is None:
                    # It is unknown whether the next wrong PIN would be the last.
                    raise _GivenUpError(NotNow(Trouble.PIN_WRONG)) from error
                left, is_wrong = error.attempts_remaining, True
                continue
            finally:
                typed.pin[:] = bytes(len(typed.pin))
            return

    def _worth_a_try(self, left: int | PinState) -> int:
        """Give how often the PIN may be tried here: the last try of a card is not, and without a counter once."""
        match left:
            case PinState.VERIFIED:
                message = "a PIN counts as verified without one"
                raise DefectiveCardError(message)
            case PinState.UNCOUNTED:
                return 1
        if left > _LAST_TRY:
            return left - _LAST_TRY
        raise _GivenUpError(NotNow(Trouble.LAST_TRY if left else Trouble.PIN_BLOCKED))

    async def _pin(self, asked: PinAsked) -> PinTyped:
        await self._parts.window.ready()
        self._parts.desk.show(asked)
        while True:
            act = await self._parts.desk.act()
            if act is None:
                raise _GivenUpError(CardForgotten())
            if isinstance(act, Cancelled):
                raise _GivenUpError(CardForgotten(Ended.CANCELLED))
            if is_pin(act.pin):
                return act

    async def _signed(self, session: PivSession, begun: Begun, algorithm: Algorithm) -> Screen:
        hub = self._parts.hub
        message = card_message(hub.kiosk_id, begun.login_id, begun.nonce)
        signature = await self._do("sign", session.sign, message, algorithm)
        self._doing = "hub"
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
        self._doing = "number"
        if is_changing(uid, self._atr):
            raise _GivenUpError(NotNow(Trouble.CHANGING_NUMBER))
        # The hub's page asks for a password next.
        await self._parts.window.ready()
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
            _log.error("kiosk.no-page")
            raise _GivenUpError(OutOfOrder(Trouble.NO_PAGE)) from error

    async def _wait_for_the_card_to_go(self) -> None:
        while True:
            # The screen reminds by itself; and after a while it says nothing but that.
            if await self._parts.desk.act() is not None:
                continue
            if not isinstance(self._parts.desk.screen, Admitting):
                self._parts.desk.show(CardForgotten())
            elif self._parts.window.is_watched:
                self._end()
                self._parts.desk.show(CardForgotten())
                await self._parts.window.renew()
                # The window shows the kiosk's own page again: there is nothing left to throw away.
                self.did_leave_page = False

    async def _do(self, what: str, work: Callable[..., _T], *given: object) -> _T:
        """Do one step with the card, by its name for the log."""
        self._doing = what
        return await self._step(work, *given)

    async def _step(self, work: Callable[..., _T], *given: object) -> _T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CARD_PATIENCE):
                return await loop.run_in_executor(self._thread, lambda: work(*given))
        except TimeoutError as error:
            message = "the card takes too long"
            raise CardError(message) from error

    def _log_refusal(self, why: Reason | Trouble, error: CardError | None) -> None:
        """Log a refused card in numbers: nothing that was said, typed or kept on the card."""
        trace = self._trace
        _log.warning(
            "kiosk.card-refused",
            reason=str(why),
            step=self._doing,
            instruction=None if trace.instruction is None else f"{trace.instruction:02X}",
            status=None if trace.status is None else f"{trace.status:04X}",
            sent=trace.sent,
            received=trace.received,
            certificate=self._certificate_size,
            reader=self._reader,
            atr=self._atr.hex().upper(),
            error=str(error) if error else None,
        )

    def _age(self) -> timedelta:
        return timedelta(seconds=asyncio.get_running_loop().time() - self._began_at)

    def _end(self) -> None:
        login_id, self._login_id = self._login_id, ""
        if login_id:
            self._parts.ending.end(login_id)


def _trouble_of(error: CardError) -> Trouble:
    """Choose what the screen says of a card that failed: only what a further try may mend asks for one."""
    match error:
        case NoCertificateError():
            return Trouble.NO_CERTIFICATE
        case NoCardApplicationError():
            return Trouble.UNKNOWN_CARD
        case UnusableCardError():
            return Trouble.DEFECTIVE
    return Trouble.UNREADABLE


def refused(why: Refused) -> Screen:
    """Choose the screen for a refusal: the card's matter or the kiosk's own."""
    is_own = why.reason in KIOSKS_OWN
    return out_of_order(why, datetime.now(UTC)) if is_own else NotNow(why.reason, why.retry_after)
