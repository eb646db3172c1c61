"""What the log and the delivery list tell an operator: logins and refusals, and the server's last words."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from hub.accounts import accounts
from hub.contacts import confirmation, contacts
from hub.domain.errors import RefusedError
from hub.domain.outcomes import ByContact, Refused
from hub.login import password_login
from hub.outbox.messages import Deferred
from hub.security.challenges import token_of
from models.delivery import Delivery
from models.kinds import Channel, Letter
from models.login import Challenge
from tests.support.factory import Member, People

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@ON_SQLITE
async def test_logins_and_refusals_are_logged_by_account_way_and_address(people: People) -> None:
    """One line each at info; no code, no password, no label, no mail address."""
    member = await people.member(contacts=("Office",))
    session = await people.stepped_up(member)
    registered = await people.adding(session, label="secret label", address="stranger@mail.test")
    with capture_logs() as logged:
        await password_login.begin(people.hub, people.visit(), name=member.name, password="wrong wrong wrong")
        await password_login.begin(people.hub, people.visit(), name="nobody", password="wrong wrong wrong")
        pending = await people.asked_for_code(member, "Office")
        await password_login.answer(people.hub, people.visit(), pending.token, pending.wrong)
        await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
        people.later(seconds=2)
        await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
        challenge = await Challenge.filter(purpose="confirm").first()
        assert challenge is not None
        await confirmation.refuse(people.hub, people.visit(), token_of(people.hub.keys, challenge))
    account_id = member.account.id
    told = [(one["event"], one["account_id"]) for one in logged if "account_id" in one]
    assert told[:4] == [
        ("login.refused", account_id),
        ("login.refused", None),
        ("login.refused", account_id),
        ("login.admitted", account_id),
    ]
    assert told[-1] == ("registration.refused", account_id)
    assert {one["log_level"] for one in logged if one["event"].startswith("login.")} == {"info"}
    (admitted,) = [one for one in logged if one["event"] == "login.admitted"]
    assert (admitted["address"], admitted["amr"]) == ("10.0.0.1", "pwd otp mfa")
    for hidden in (pending.right, pending.wrong, registered.code, "@", "label", "Office", "wrong wrong"):
        assert hidden not in str(logged)


@ON_SQLITE
async def test_the_number_in_the_log_names_the_account(people: People) -> None:
    """`#` and the number stand for the name in every command; what is no number is a name."""
    member = await people.member()
    assert (await accounts.find(f"#{member.account.id}")).name == member.name
    assert (await accounts.show(member.name, now=people.now)).id == member.account.id
    for typed in ("#0", "#", "#x", "#99999999999999999999999"):
        with pytest.raises(RefusedError):
            await accounts.find(typed)


async def _expired(people: People, _member: Member) -> None:
    people.later(minutes=11)
    await people.hub.outbox.expire(now=people.now)


async def _removed(people: People, member: Member) -> None:
    session = await people.stepped_up(member)
    removed = await contacts.remove(people.hub, people.visit(), session, member.contacts["home"])
    assert not isinstance(removed, Refused)


async def _not_needed(people: People, _member: Member) -> None:
    await Challenge.all().update(revoked_at=people.now)
    people.later(minutes=1)
    assert await people.hub.outbox.claim(Channel.MAIL, limit=9, now=people.now) == []


@pytest.mark.parametrize("end", [_expired, _removed, _not_needed])
@ON_SQLITE
@pytest.mark.parametrize("words", ["451 4.7.1 greylisted", ""])
async def test_a_letter_that_is_given_up_keeps_the_servers_last_words(people: People, end, words: str) -> None:
    """Why the server did not take it says more than that the time was over."""
    member = await people.member(contacts=("home",))
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["home"]))
    if words:
        (one,) = await people.hub.outbox.claim(Channel.MAIL, limit=9, now=people.now)
        await people.hub.outbox.report(one, Deferred(words, timedelta(seconds=5)), now=people.now)
    await end(people, member)
    letter = await Delivery.get(letter=Letter.CODE)
    assert letter.failed_at is not None
    assert (letter.reply == words) if words else letter.reply
