"""What a member does alone after card and PIN, and nobody else, and not for long."""

from collections.abc import AsyncIterator

import pytest

from hub.domain.outcomes import Begun
from hub.login import password_login
from hub.security import rate_limits
from models.account import Account
from models.authenticator import MatrixCard
from models.event import Event
from models.kinds import AuthenticatorKind, EventKind
from models.session import Session
from tests.support.factory import PASSWORD, Member
from tests.support.journeys import log_in, step_up
from tests.support.kiosk_hub import Counter
from tests.support.running_hub import Person

NEW = "another horse battery"


class Holder:
    """A member with a card at a kiosk."""

    def __init__(self, counter: Counter, member: Member, person: Person) -> None:
        self.counter, self.member, self.person = counter, member, person
        self._read = 0

    async def told(self) -> str:
        """Read the next letter."""
        letter = await self.counter.house.inbox.next_to("taro0@mail.test", after=self._read)
        self._read = letter.number
        return letter.text

    async def can_log_in_with(self, password: str) -> bool:
        """Tell whether this is the password now."""
        house = self.counter.house
        house.sync()
        outcome = await password_login.begin(house.hub, house.people.visit(), name="taro", password=password)
        return isinstance(outcome, Begun)


@pytest.fixture
async def holder(counter: Counter) -> AsyncIterator[Holder]:
    """A member who has just logged in with the card."""
    member = await counter.house.people.member(contacts=("自宅",))
    card = counter.issuer.card()
    await counter.bound(member, card)
    async with counter.house.person() as person:
        await counter.log_in(person, card)
        made = Holder(counter, member, person)
        assert "logged in" in await made.told()
        yield made


async def test_a_card_with_its_pin_needs_no_step_up(holder: Holder) -> None:
    """The settings open at once, from wherever: the guide's "or IC card authentication"."""
    await holder.person.open("/settings")
    assert holder.person.page == "settings"
    await holder.person.open("/settings/email")
    assert holder.person.page == "add-mail"


async def test_after_ten_minutes_the_password_or_the_card_is_asked_for_again(holder: Holder) -> None:
    """The page says both ways; with the password the settings open, what only the card opens stays shut."""
    person = holder.person
    holder.counter.house.clock.later(minutes=10, seconds=1)
    await person.open("/settings/password")
    assert person.page == "step-up"
    assert "put it on the reader again" in person.text
    await person.press("Authenticate", password=PASSWORD)
    assert (person.status, person.page) == (403, "refused")
    assert "IC card" in person.text
    await person.open("/settings")
    assert person.page == "settings"
    assert "Set a new password" not in person.text


async def test_a_new_password_is_set_without_the_old_one(holder: Holder) -> None:
    """It counts from then on, other sessions end, this one goes on, the contacts are told, the audit knows by what."""
    person, house = holder.person, holder.counter.house
    async with house.person() as elsewhere:
        await log_in(elsewhere, holder.member)
        await holder.told()
        await person.open("/settings")
        await person.follow("Set a new password")
        await person.press("OK", password=NEW, again=NEW)
        assert person.page == "password-set"
        await elsewhere.open("/portal")
        assert elsewhere.page == "login"
    await person.open("/portal")
    assert person.page == "portal"
    assert await holder.can_log_in_with(NEW)
    assert not await holder.can_log_in_with(PASSWORD)
    assert "The password was changed" in await holder.told()
    event = await Event.get(kind=EventKind.PASSWORD_SET)
    assert '"by": "card"' in event.detail


@pytest.mark.parametrize(
    ("password", "again", "sentence"),
    [("short", "short", "8 to 256"), (NEW, f"{NEW}x", "not the same"), ("", "", "8 to 256")],
)
async def test_a_password_that_cant_be_one_changes_nothing(
    holder: Holder, password: str, again: str, sentence: str
) -> None:
    """Too short, or not the same twice: said beside the form."""
    await holder.person.open("/settings/password")
    await holder.person.press("OK", password=password, again=again)
    assert (holder.person.status, holder.person.page) == (422, "new-password")
    assert sentence in holder.person.error
    assert await holder.can_log_in_with(PASSWORD)


async def test_a_new_matrix_card_is_shown_and_printed(holder: Holder) -> None:
    """Asked once; the page has its 70 cells, the PDF is one; the contacts are told, and it logs in elsewhere."""
    person = holder.person
    await person.open("/settings")
    await person.follow("Get a new matrix card")
    assert await MatrixCard.filter(revoked_at=None).count() == 1
    await person.press("Issue a new card")
    assert person.page == "matrix-card"
    shown = [cell.get_text() for cell in person.soup.find_all("code")]
    assert len(shown) == 70
    assert shown != list(holder.member.cells.values())
    card = await MatrixCard.get(revoked_at=None)
    assert card.serial in person.text
    async with person.session.get(f"{person.url}/settings/matrix/card.pdf") as answer:
        assert (answer.status, answer.content_type) == (200, "application/pdf")
        assert answer.headers["Cache-Control"] == "no-store"
        assert (await answer.read()).startswith(b"%PDF")
    assert "A new matrix card was issued" in await holder.told()
    row = iter(shown)
    holder.member.cells = {f"{column},{number}": next(row) for number in "1234567" for column in "ABCDEFGHIJ"}
    async with holder.counter.house.person() as elsewhere:
        await log_in(elsewhere, holder.member)


async def test_a_card_issued_before_this_session_is_never_shown(holder: Holder) -> None:
    """Nor the one that the help desk gave out long ago; and after ten minutes not this one either."""
    person = holder.person
    await person.open("/settings/matrix/card")
    assert (person.status, person.page) == (403, "refused")
    await person.open("/settings/matrix/new")
    await person.press("Issue a new card")
    holder.counter.house.clock.later(minutes=10, seconds=1)
    for path in ("/settings/matrix/card", "/settings/matrix/card.pdf"):
        await person.open(path)
        assert person.page == "step-up"


async def test_matrix_is_switched_off_and_on(holder: Holder) -> None:
    """With a contact beside it, and each time the contacts are told."""
    person = holder.person
    await person.open("/settings")
    await person.press("Switch Matrix off")
    assert (await Account.get(name="taro")).matrix_off_at is not None
    assert "switched off" in await holder.told()
    await person.press("Switch Matrix on")
    assert (await Account.get(name="taro")).matrix_off_at is None
    assert "switched on" in await holder.told()


async def test_a_soft_lock_is_lifted(holder: Holder) -> None:
    """A closed kind is open again, codes are sent again, the contacts are told."""
    house = holder.counter.house
    subject = rate_limits.answer_subject(holder.member.account.id, AuthenticatorKind.MATRIX)
    await house.people.wronged(subject, 100)
    await Account.filter(name="taro").update(codes_blocked_until=house.clock())
    async with house.person() as elsewhere:
        await elsewhere.open("/login/account")
        await elsewhere.press("OK", account="taro", password=PASSWORD)
        await elsewhere.press("OK", way="matrix")
        await elsewhere.press("OK", cell1="xx", cell2="xx", cell3="xx")
        assert elsewhere.status == 422
        closed = elsewhere.error
    await holder.person.open("/settings")
    await holder.person.press("Unlock all methods")
    assert holder.person.page == "unlocked"
    assert not await rate_limits.rows_of(subject)
    assert (await Account.get(name="taro")).codes_blocked_until is None
    assert "unlocked" in await holder.told()
    assert closed


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/settings/password", {"password": NEW, "again": NEW}),
        ("/settings/matrix/new", {}),
        ("/settings/unlock", {}),
    ],
)
async def test_without_the_card_none_of_it_is_done(
    counter_on_sqlite: Counter, path: str, fields: dict[str, str]
) -> None:
    """A session of password and matrix card, stepped up on campus, is refused, page and form."""
    house = counter_on_sqlite.house
    member = await house.people.member()
    async with house.person() as person:
        await log_in(person, member)
        await step_up(person)
        assert "Set a new password" not in person.text
        token = person.token()
        await person.send(path, {**fields, "csrf": token})
        assert (person.status, person.page) == (403, "refused")
        assert "IC card" in person.text
    assert await MatrixCard.filter(revoked_at=None).count() == 1
    assert not await Event.filter(kind__in=[EventKind.PASSWORD_SET, EventKind.KIOSK_REVOKED]).exists()


async def test_without_a_session_none_of_it_is_shown(counter_on_sqlite: Counter) -> None:
    """The login page, and back here afterwards."""
    async with counter_on_sqlite.house.person() as person:
        for path in ("/settings/password", "/settings/matrix/new", "/settings/matrix/card"):
            await person.open(path)
            assert person.page == "login"
    assert not await Session.exists()
