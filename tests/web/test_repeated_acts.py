"""A form that is pressed twice is done once: one notice or one mail, and the same answer to both."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.accounts import accounts, overview
from hub.contacts import contacts, registration
from hub.domain.outcomes import Refused, Throttled
from hub.login import password_login
from hub.recovery import card_recovery
from hub.sessions.sessions import Current
from hub.settings import NUMBERS
from hub.verification import code_block
from models.account import Account
from models.delivery import Delivery
from models.kinds import Letter, Notice
from models.session import Session
from tests.support.factory import Member, People
from tests.support.running_hub import House

Act = Callable[[People, Member, Current], Awaitable[object]]
NEW = "another horse battery"


async def _password(people: People, _member: Member, session: Current) -> object:
    return await card_recovery.set_password(people.hub, people.visit(), session, password=NEW, again=NEW)


async def _matrix_card(people: People, _member: Member, session: Current) -> object:
    return await card_recovery.issue_matrix_card(people.hub, people.visit(), session)


async def _unlock(people: People, _member: Member, session: Current) -> object:
    return await card_recovery.unlock(people.hub, people.visit(), session)


async def _matrix_off(people: People, _member: Member, session: Current) -> object:
    return await overview.switch_matrix(people.hub, people.visit(), session, on=False)


async def _rename(people: People, member: Member, session: Current) -> object:
    return await contacts.rename(people.hub, people.visit(), session, member.contacts["home"], "flat")


async def _codes(people: People, _member: Member, session: Current) -> object:
    return await code_block.allow(people.hub, people.visit(), session)


async def _desk_unlocks(people: People, member: Member, _session: Current) -> object:
    return await accounts.unlock(people.hub, people.visit(), member.name)


ACTS = {
    Notice.PASSWORD_SET: _password,
    Notice.MATRIX_ISSUED: _matrix_card,
    Notice.UNLOCKED: _unlock,
    Notice.MATRIX_OFF: _matrix_off,
    Notice.CONTACT_RENAMED: _rename,
    Notice.CODES_ALLOWED: _codes,
    Notice.UNLOCKED_BY_DESK: _desk_unlocks,
}


async def _session(people: People, member: Member) -> Current:
    """Be logged in as with an IC card, while codes are kept from the account."""
    people.later(minutes=1)
    session = await people.stepped_up(member)
    await Session.filter(id=session.id).update(amr="sc pin")
    until = people.now + NUMBERS.codes_blocked - timedelta(seconds=1)
    await Account.filter(id=member.account.id).update(codes_blocked_until=until)
    return replace(session, amr="sc pin")


@pytest.mark.parametrize("notice", ACTS)
async def test_what_is_pressed_twice_is_notified_once(house_on_sqlite: House, notice: Notice) -> None:
    """Both presses get the same answer, at the same moment or one after the other."""
    people = house_on_sqlite.people
    for name, at_once in (("taro", True), ("hanako", False)):
        member = await people.member(name, contacts=("home",))
        session = await _session(people, member)

        async def press(member: Member = member, session: Current = session) -> object:
            return await ACTS[notice](people, member, session)

        answers = await people.at_once(2, press) if at_once else [await press(), await press()]
        assert not any(isinstance(one, Refused | Throttled) for one in answers), answers
        assert await Delivery.filter(notice=notice, account_id=member.account.id).count() == 1


async def test_a_second_password_within_seconds_is_set(house_on_sqlite: House) -> None:
    """Another password is another form: the last one counts, and both changes are notified."""
    people = house_on_sqlite.people
    member = await people.member(contacts=("home",))
    session = await _session(people, member)
    for password in (NEW, "yet another horse"):
        await card_recovery.set_password(people.hub, people.visit(), session, password=password, again=password)
    assert await Delivery.filter(notice=Notice.PASSWORD_SET).count() == 2
    account = await Account.get(id=member.account.id)
    assert await people.hub.passwords.is_right(account.password_hash, "yet another horse")


async def test_send_again_pressed_twice_sends_one_mail_and_complains_of_nothing(house_on_sqlite: House) -> None:
    """A code of a login and the mail of a registration; the press after the double one has to wait."""
    people = house_on_sqlite.people
    member = await people.member(contacts=("home",))
    session = await people.stepped_up(member)
    added = await people.adding(session, label="new", address="taro@new.test")
    pending = await people.asked_for_code(member, "home")
    people.later(minutes=2)

    async def code() -> object:
        return await password_login.send_again(people.hub, people.visit(), pending.token)

    async def mail() -> object:
        return await registration.send_again(people.hub, people.visit(), session, added.contact_id)

    for letter, press in ((Letter.CODE, code), (Letter.CONFIRMATION, mail)):
        first = await press()
        # The first one left at once: there is nothing to hurry up.
        await people.delivered()
        assert not isinstance(first, Refused | Throttled), first
        assert not isinstance(await press(), Refused | Throttled)
        assert await Delivery.filter(letter=letter).count() == 2
    people.later(seconds=11)
    assert isinstance(await code(), Throttled)
    assert isinstance(await mail(), Throttled)
