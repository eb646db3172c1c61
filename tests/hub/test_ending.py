"""What ends an account's sessions ends what leads to one as well."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from hub.accounts import accounts
from hub.cards import uid_cards
from hub.contacts import confirmation
from hub.domain import policy
from hub.domain.outcomes import ByContact, Choose, Reason, Refused
from hub.login import password_login
from hub.recovery import account_reset, card_recovery, disavow
from hub.sessions import password_check, sessions
from hub.verification import matrix_cards, soft_tokens
from hub.verification.soft_tokens import Setup
from models.account import Account
from models.authenticator import MatrixCard, SoftToken
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import AuthenticatorKind, Zone
from models.kiosk import Kiosk
from models.session import KnownBrowser, Session
from tests.support.factory import PASSWORD, Member, People

End = Callable[[People, Member], Awaitable[object]]


async def _disable(people: People, member: Member) -> None:
    await accounts.disable(people.hub, people.visit(), member.name)
    await accounts.enable(people.hub, people.visit(), member.name)


async def _password(people: People, member: Member) -> None:
    await accounts.set_password(people.hub, people.visit(), member.name, "another password")


async def _reset(people: People, member: Member) -> None:
    since = people.now - timedelta(days=1)
    await account_reset.reset(people.hub, people.visit(), member.name, password="another password", since=since)


async def _by_card(people: People, member: Member) -> None:
    await Session.create(
        digest=people.hub.keys.digest("session", "card"),
        account_id=member.account.id,
        amr=policy.amr((AuthenticatorKind.IC_CARD,)),
        zone=Zone.ON_CAMPUS,
        address="10.0.0.9",
        browser="Firefox",
        opened_at=people.now,
        seen_at=people.now,
        expires_at=people.now + timedelta(hours=1),
    )
    session = await sessions.current(people.hub, "card", now=people.now)
    assert session is not None
    done = await card_recovery.set_password(
        people.hub, people.visit(), session, password="another password", again="another password"
    )
    assert not isinstance(done, Refused), done
    assert await sessions.current(people.hub, session.token, now=people.now) is not None


async def _lock(people: People, member: Member) -> None:
    await disavow.lock(people.hub, people.visit(), member.account.id)


async def _contact_removed(people: People, member: Member) -> None:
    await accounts.add_contact(people.hub, people.visit(), member.name, label="old", address="old@mail.test")
    await accounts.remove_contact(people.hub, people.visit(), member.name, "old")


async def _soft_token_removed(people: People, member: Member) -> None:
    await SoftToken.create(
        account_id=member.account.id,
        handle="phone",
        label="phone",
        label_folded="phone",
        secret=b"",
        created_at=people.now,
        bound_at=people.now,
    )
    await accounts.remove_soft_token(people.hub, people.visit(), member.name, "phone")


async def _card_replaced(people: People, member: Member) -> None:
    await matrix_cards.issue_to(people.hub, people.visit(), [member.account])


async def _numbers_forgotten(people: People, member: Member) -> None:
    await uid_cards.bind_for(people.hub, people.visit(), member.name, "04A1B2C3D4E5F6")
    await uid_cards.unbind_all(people.hub, people.visit(), member.name)


BY_DESK = (_contact_removed, _soft_token_removed, _card_replaced, _numbers_forgotten)
ENDS = pytest.mark.parametrize("end", [_disable, _password, _reset, _by_card, _lock, _contact_removed])


@ENDS
async def test_a_login_under_way_ends_with_the_sessions(people: People, end: End) -> None:
    """A login that the old password began is not admitted by the right cells afterwards."""
    member = await people.member()
    pending = await people.asked_for_cells(member)
    await end(people, member)
    answered = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert answered == Refused(Reason.LOGIN_OVER)


@ENDS
async def test_what_waits_to_be_proved_ends_with_the_sessions(people: People, end: End) -> None:
    """A waiting soft token, a waiting address, a kiosk that waits for a card and the known browsers are dropped."""
    member = await people.member(contacts=("home",))
    session = await people.stepped_up(member)
    added = await people.adding(session, label="new", address="stranger@mail.test")
    assert isinstance(await soft_tokens.set_up(people.hub, people.visit(), session), Setup)
    kiosk = await Kiosk.create(
        handle="gate", name="gate", zone="on-campus", added_at=people.now, binds_for_id=member.account.id
    )
    await KnownBrowser.create(account_id=member.account.id, digest="a" * 64, seen_at=people.now)
    await end(people, member)
    confirmed = await confirmation.confirm_any(people.hub, people.visit(), member.account.id, added.code)
    assert isinstance(confirmed, Refused), confirmed
    assert not await SoftToken.filter(account_id=member.account.id, bound_at=None).exists()
    assert (await Kiosk.get(id=kiosk.id)).binds_for_id is None
    assert not await KnownBrowser.filter(account_id=member.account.id).exists()


async def test_a_code_sent_before_a_new_password_opens_nothing(people: People) -> None:
    """Neither the old login nor a new one takes the code of before."""
    member = await people.member(contacts=("home",))
    pending = await people.asked_for_code(member, "home")
    await _password(people, member)
    assert isinstance(await password_login.answer(people.hub, people.visit(), pending.token, pending.right), Refused)
    begun = await password_login.begin(people.hub, people.visit(), name=member.name, password="another password")
    assert not isinstance(begun, Refused), begun


async def test_a_password_set_while_the_old_one_is_verified_begins_no_login(people: People) -> None:
    """The password is compared with the account's again in the transaction that begins the login."""
    member = await people.member()
    read = await Account.get(id=member.account.id)
    await _password(people, member)
    assert not await password_check.is_still(read)
    assert await password_check.is_still(await Account.get(id=member.account.id))


async def test_each_session_is_shown_a_soft_token_secret_of_its_own(people: People) -> None:
    """What a stranger's session was shown is not what the member binds; the same session sees the same secret."""
    member = await people.member()
    stranger, own = await people.stepped_up(member), await people.stepped_up(member)
    theirs = await soft_tokens.set_up(people.hub, people.visit(), stranger)
    mine = await soft_tokens.set_up(people.hub, people.visit(), own)
    assert isinstance(theirs, Setup)
    assert isinstance(mine, Setup)
    assert theirs.secret != mine.secret
    again = await soft_tokens.set_up(people.hub, people.visit(), stranger)
    assert isinstance(again, Setup)
    assert again.secret == theirs.secret


async def test_a_logout_drops_the_soft_token_that_waits(people: People) -> None:
    """The secret that the session was shown can't be bound afterwards."""
    session = await people.stepped_up(await people.member())
    await soft_tokens.set_up(people.hub, people.visit(), session)
    await sessions.end(people.hub, people.visit(), session, session.id)
    assert not await SoftToken.filter(account_id=session.account_id).exists()


async def test_a_disowned_browser_is_told_of_again(people: People) -> None:
    """After "this was not me" the browser is no longer known."""
    member = await people.member(contacts=("home",))
    await people.asked_for_code(member, "home")
    await KnownBrowser.create(account_id=member.account.id, digest="b" * 64, seen_at=people.now)
    letter = await Delivery.filter(account_id=member.account.id, letter="code").first()
    assert letter is not None
    await disavow.disown(people.hub, people.visit(), letter.id)
    assert not await KnownBrowser.filter(account_id=member.account.id).exists()


async def test_one_command_mends_an_account_that_a_stranger_was_in(people: People) -> None:
    """Sessions, logins, contacts and soft tokens since the date go; the older contact stays and is told."""
    member = await people.member(contacts=("home",))
    people.later(days=3)
    since = people.now - timedelta(days=1)
    await people.soft_token(member, "strange")
    await accounts.add_contact(people.hub, people.visit(), member.name, label="theirs", address="x@mail.test")
    begun = await people.begun(member)
    assert isinstance(begun.step, Choose)
    done = await account_reset.reset(people.hub, people.visit(), member.name, password="another password", since=since)
    assert (done.contacts, done.soft_tokens) == (("theirs",), ("strange",))
    assert done.matrix_card_revoked
    assert [one.label for one in await Contact.filter(account_id=member.account.id)] == ["home"]
    chosen = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["home"]))
    assert chosen == Refused(Reason.LOGIN_OVER)
    old = await password_login.begin(people.hub, people.visit(), name=member.name, password=PASSWORD)
    assert old == Refused(Reason.PASSWORD_WRONG)
    told = await Delivery.filter(account_id=member.account.id, notice="account-reset")
    assert [one.label for one in told] == ["home"]


@pytest.mark.parametrize("end", BY_DESK)
async def test_what_the_desk_takes_away_or_replaces_ends_the_sessions(people: People, end: End) -> None:
    """A stranger who holds what was removed may be logged in by it, or by what it led to."""
    member = await people.member(contacts=("home",))
    session = await people.session(member)
    await end(people, member)
    assert await sessions.current(people.hub, session.token, now=people.now) is None


async def test_what_the_desk_adds_or_opens_again_ends_nothing(people: People) -> None:
    """A first matrix card, a contact, a card's number, an unlocking: the member goes on."""
    member = await people.member(contacts=("home",))
    session = await people.session(member)
    await MatrixCard.all().delete()
    await matrix_cards.issue_to(people.hub, people.visit(), [member.account])
    await accounts.add_contact(people.hub, people.visit(), member.name, label="new", address="new@mail.test")
    await uid_cards.bind_for(people.hub, people.visit(), member.name, "04A1B2C3D4E5F6")
    await accounts.unlock(people.hub, people.visit(), member.name)
    assert await sessions.current(people.hub, session.token, now=people.now) is not None
