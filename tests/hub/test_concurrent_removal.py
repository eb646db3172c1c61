"""What is removed from several sides at once is removed, and told of, once; nobody waits for each other for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context

import pytest
from tortoise.transactions import in_transaction

from hub.accounts import accounts
from hub.contacts import contacts, slack_linking, suspension
from hub.contacts.suspension import Bounce, BounceKind
from hub.domain.outcomes import Done, Reason, Refused
from hub.recovery import disavow
from hub.runtime import locks
from models.contact import Contact
from models.delivery import Delivery
from models.event import Event
from models.kinds import EventKind, Notice
from tests.support.factory import Member, People
from tests.support.slack_members import TARO, in_slack, said

Act = Callable[[People, Member], Awaitable[object]]
_WAIT = 0.15


async def test_a_slack_account_is_unlinked_once_however_often_it_is_asked_for(people: People) -> None:
    """Four bots hear the same at once: one unlinks, the others find nothing; one event, one notice a contact."""
    member = await people.member(contacts=("home",))
    await in_slack(people, member)
    outcomes = await people.at_once(4, lambda: slack_linking.unlink(people.hub, said(people), TARO))
    assert sorted(type(one).__name__ for one in outcomes) == ["Refused"] * 3 + ["Unlinked"]
    assert await Event.filter(kind=EventKind.CONTACT_REMOVED).count() == 1
    assert await Delivery.filter(notice=Notice.CONTACT_REMOVED).count() == 1


async def test_a_contact_is_removed_once_from_two_pages(people: People) -> None:
    """The second page finds nothing, and nobody is told twice."""
    member = await people.member(contacts=("home", "work"))
    session = await people.stepped_up(member)

    async def remove() -> object:
        return await contacts.remove(people.hub, people.visit(), session, member.contacts["home"])

    outcomes = await people.at_once(4, remove)
    assert sorted(outcomes, key=str) == [Done()] + [Refused(Reason.NOT_FOUND)] * 3
    told = await Delivery.filter(notice=Notice.CONTACT_REMOVED).order_by("label").values_list("label", flat=True)
    assert told == ["home", "work"]


async def _unlinked(people: People, _member: Member) -> object:
    return await slack_linking.unlink(people.hub, said(people), TARO)


async def _removed_by_operator(people: People, member: Member) -> object:
    return await accounts.remove_contact(people.hub, people.visit(), member.name, "home")


async def _bounced(people: People, member: Member) -> object:
    sent = await Delivery.filter(contact_id=member.contacts["home"]).first()
    assert sent is not None
    return await suspension.bounced(people.hub, people.visit(), sent.id, Bounce(BounceKind.HARD, said="no mailbox"))


async def _disowned(people: People, member: Member) -> object:
    sent = await Delivery.filter(contact_id=member.contacts["home"]).first()
    assert sent is not None
    return await disavow.disown(people.hub, people.visit(), sent.id)


@pytest.mark.parametrize("act", [_unlinked, _removed_by_operator, _bounced, _disowned])
async def test_whoever_changes_what_a_login_holds_takes_the_accounts_turn_first(people: People, act: Act) -> None:
    """A login holds the account's row, then challenge, delivery and contact: from the other end both would hang."""
    member = await people.member(contacts=("home",))
    await in_slack(people, member)
    await people.asked_for_code(member, "home")
    contact = member.contacts["chat" if act is _unlinked else "home"]
    elsewhere = copy_context()
    async with asyncio.timeout(5):
        async with in_transaction():
            await locks.take(member.account.id)
            acting = asyncio.get_running_loop().create_task(act(people, member), context=elsewhere)
            await asyncio.sleep(_WAIT)
            # What the login goes on to write is free still, on PostgreSQL too.
            await Contact.filter(id=contact).update(used_at=people.now)
            await Delivery.filter(contact_id=contact).update(reply="-")
            assert not acting.done()
        assert not isinstance(await acting, Refused)
