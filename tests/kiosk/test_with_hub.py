"""What may go wrong between a kiosk and the real hub: each time the screen says why, and then the next card works."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.card.authority import Issued, KeyKind, authority
from demo.card.piv import PIN, PivCard
from demo.card.slot import Slot
from hub.cards import ic_cards, kiosks
from models.kiosk import KioskLogin
from models.session import Session
from reader_kiosk import hub_client, messages
from reader_kiosk.hub_client import Admission, Reason
from reader_kiosk.identity import Identity
from reader_kiosk.screen import NotNow, OutOfOrder, Trouble
from tests.support.factory import Member
from tests.support.kiosk_hub import Issuer, Proof, enrolled, go_in, issuer_in, sqlite_copy
from tests.support.kiosk_process import Front, settings_of, settled, standing
from tests.support.ports import free_port
from tests.support.running_hub import House, Person, open_house


@dataclass
class RealHub:
    """A hub that can be stopped and started, on one file and at one port."""

    url: str
    folder: Path
    issuer: Issuer
    port: int = field(default_factory=free_port)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _house: House | None = None

    @property
    def house(self) -> House:
        """What runs."""
        assert self._house is not None
        return self._house

    async def start(self) -> None:
        """Start it."""
        where = {"origin": f"http://127.0.0.1:{self.port}", "listen": f"127.0.0.1:{self.port}"}
        more = {**self.issuer.settings, "card_crls": str(self.issuer.crl), **where}
        self._house = await self._stack.enter_async_context(open_house(self.url, self.folder, **more))

    async def stop(self) -> None:
        """Stop it."""
        await self._stack.aclose()


@dataclass
class Post:
    """A kiosk that waits for a card, its hub, and a member with a card."""

    hub: RealHub
    front: Front
    slot: Slot
    identity: Identity
    member: Member
    good: Issued

    async def card(self, kind: KeyKind = KeyKind.P256, **more: Any) -> Issued:
        """Give the member a card more."""
        issued = self.hub.issuer.card("taro", kind, **more)
        house = self.hub.house
        await ic_cards.bind_for(house.hub, house.people.visit(), self.member.name, issued.certificate)
        return issued

    async def told(self, why: Reason | Trouble, *, minutes: int = 0) -> None:
        """Expect that the screen says why it doesn't go on."""
        shown = await self.front.screen("not-now", "out-of-order", "admitting")
        if shown["screen"] == "not-now":
            assert shown["error"] == messages.shown(NotNow(why), shown["language"]).error
        else:
            assert shown["screen"] == "out-of-order"
            assert shown["text"] == messages.shown(OutOfOrder(why, minutes), shown["language"]).text

    async def away(self) -> None:
        """Take the card, and see the idle screen and nobody in."""
        await settled(lambda: not self.slot.is_powered)
        await self.slot.take_away()
        await self.front.screen("idle")
        await nobody_is_in()

    async def typed(self) -> Person:
        """Type the PIN and go in as the page does."""
        proof = Proof()
        await self.front.act("proof", browser=proof.digest)
        await self.front.act("pin", pin=PIN)
        admission = (await self.front.screen("admitting", "not-now", "out-of-order"))["admission"]
        async with self.hub.house.person() as person:
            admitted = Admission(admission["url"], admission["admission_code"])
            await go_in(person, admitted, proof, origin=self.front.origin)
            assert person.page == "portal", person.text
        return person

    async def works(self) -> None:
        """See that the member's good card still leads to the portal and out again."""
        await self.slot.put_on(PivCard(self.good))
        await self.front.screen("pin")
        await self.typed()
        assert await Session.filter(ended_at=None).count() == 1
        await self.away()


async def nobody_is_in() -> None:
    """Wait until the hub has ended every session and every login at a kiosk."""
    async with asyncio.timeout(8):
        while await Session.filter(ended_at=None).exists() or await KioskLogin.filter(ended_at=None).exists():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def post_at(hub: RealHub, slot: Slot, folder: Path) -> AsyncIterator[Post]:
    """Enrol a kiosk at a hub that runs."""
    async with hub_client.line(None) as http:
        identity = await enrolled(hub.house, http, "Library")
    member = await hub.house.people.member()
    async with standing(settings_of(folder), identity) as front:
        await front.screen("idle")
        made = Post(hub, front, slot, identity, member, hub.issuer.card())
        made.good = await made.card()
        yield made
        await slot.take_away()


Posted = Callable[[], AbstractAsyncContextManager[Post]]


@pytest.fixture
def posted(sqlite_template: Path, tmp_path: Path, slot: Slot) -> Posted:
    """A kiosk and its real hub, opened in the test itself: whoever opens a database has to be who closes it."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Post]:
        issuer = issuer_in(tmp_path / "issuer")
        issuer.revoke()
        hub = RealHub(sqlite_copy(sqlite_template, tmp_path), tmp_path, issuer)
        await hub.start()
        try:
            async with post_at(hub, slot, tmp_path) as made:
                yield made
        finally:
            await hub.stop()

    return opened


async def test_cards_that_are_no_good_are_named_before_anybody_types(posted: Posted) -> None:
    """Expired, too new, revoked by the list, of a foreign CA, too weak, nobody's, blocked: and the next card works."""
    async with posted() as post:
        house, issuer, now = post.hub.house, post.hub.issuer, datetime.now(UTC)
        revoked, blocked = await post.card(), await post.card()
        issuer.revoke(revoked)
        await ic_cards.block(house.hub, house.people.visit(), ic_cards.fingerprint_of(blocked.certificate))
        later = issuer.authority.card("taro", KeyKind.P256, now=now + timedelta(days=9))
        cards = {
            Reason.EXPIRED: await post.card(life=timedelta(days=-1)),
            Reason.NOT_YET_VALID: later,
            Reason.REVOKED: revoked,
            Reason.FOREIGN_CA: authority("Elsewhere", now=now).card("taro", KeyKind.P256, now=now),
            Reason.WEAK_KEY: issuer.card("taro", KeyKind.RSA1024),
            Reason.NOT_BOUND: issuer.card("taro"),
            Reason.BLOCKED: blocked,
        }
        for reason, issued in cards.items():
            await post.slot.put_on(PivCard(issued))
            await post.told(reason)
            await post.away()
        assert "pin" not in post.front.seen
        await post.works()


async def test_a_copied_certificate_and_a_spoilt_signature_let_nobody_in(posted: Posted) -> None:
    """The member's own certificate on another card, and a card that signs something else: told after the PIN."""
    async with posted() as post:
        other = post.hub.issuer.card("hanako")
        for card in (PivCard(post.good, key=other.key), PivCard(post.good, spoils_signature=True)):
            await post.slot.put_on(card)
            await post.front.pin()
            await post.told(Reason.WRONG_ANSWER)
            assert not await Session.exists()
            await post.away()
        await post.works()


async def test_a_clock_an_hour_off_is_told_in_minutes(posted: Posted) -> None:
    """The card in vain, the minutes on the screen; the clock set right, the card works."""
    async with posted() as post:
        post.hub.house.clock.later(hours=1)
        await post.slot.put_on(PivCard(post.good))
        await post.told(Reason.CLOCK, minutes=60)
        post.hub.house.clock.later(hours=-1)
        await post.away()
        await post.works()


async def test_a_hub_that_restarts_under_somebody_who_types_lets_them_in(posted: Posted) -> None:
    """What was begun stands in its rows: the PIN that is typed after the restart is as good as before it."""
    async with posted() as post:
        await post.slot.put_on(PivCard(post.good))
        await post.front.screen("pin")
        await post.hub.stop()
        await post.hub.start()
        await post.typed()
        await post.away()
        await post.works()


async def test_a_hub_that_is_down_when_the_pin_is_typed_is_named(posted: Posted) -> None:
    """The PIN meets no hub; back again it hears that the login is over, and the next card works."""
    async with posted() as post:
        await post.slot.put_on(PivCard(post.good))
        await post.front.screen("pin")
        await post.hub.stop()
        await post.front.act("pin", pin=PIN)
        await post.told(Trouble.HUB_UNREACHABLE)
        await post.hub.start()
        await post.away()
        await post.works()


async def test_a_hub_that_is_down_when_the_card_goes_ends_the_session_when_it_is_back(posted: Posted) -> None:
    """Idle at once; the session's end is said until the hub hears it."""
    async with posted() as post:
        await post.slot.put_on(PivCard(post.good))
        await post.front.screen("pin")
        await post.typed()
        await post.hub.stop()
        await post.slot.take_away()
        await post.front.screen("idle", timeout=3)
        await post.hub.start()
        await nobody_is_in()
        await post.works()


async def test_a_kiosk_taken_out_of_service_loses_who_is_in_and_who_types(posted: Posted) -> None:
    """The session ends with the command, not with the card; whoever types hears why, and so does the next."""
    async with posted() as post:
        house = post.hub.house
        await post.slot.put_on(PivCard(post.good))
        await post.front.screen("pin")
        await post.typed()
        assert await kiosks.revoke(house.hub, house.people.visit(), "Library") == 1
        assert not await Session.filter(ended_at=None).exists()
        await post.slot.take_away()
        await post.front.screen("idle")
        await post.slot.put_on(PivCard(post.good))
        await post.told(Reason.KIOSK_REVOKED)


async def test_a_kiosk_taken_out_of_service_while_somebody_types_asks_for_no_more(posted: Posted) -> None:
    """Between the card and the PIN."""
    async with posted() as post:
        house = post.hub.house
        await post.slot.put_on(PivCard(post.good))
        await post.front.screen("pin")
        assert await kiosks.revoke(house.hub, house.people.visit(), "Library") == 0
        await post.front.act("pin", pin=PIN)
        await post.told(Reason.KIOSK_REVOKED)
        assert not await Session.exists()
