"""The help desk is told when a member's contact turns out not to be reached."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from demo.slack.faults import Refuse
from hub.contacts import suspension
from hub.contacts.suspension import Bounce, BounceKind
from hub.context import opened
from hub.domain.outcomes import ByContact
from hub.login import password_login
from hub.outbox.notice_text import CHANNELS
from hub.recovery import disavow
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Channel, Letter, Notice
from tests.support.factory import Member, People, settings_for
from tests.support.slack_hub import copy_of, open_chat, shown_in

DESK, CHANNEL = "desk@campus.test", "CDESK01"
DEAD = Bounce(BounceKind.HARD, "5.1.1", "550 5.1.1 <taro0@mail.test>: user unknown")


@pytest.fixture
async def people_with_desk(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[People]:
    """Members of a hub that knows the help desk's address."""
    async with opened(settings_for(copy_of(sqlite_template, tmp_path), tmp_path, desk_mail=DESK)) as hub:
        yield People(hub)


async def _letter_to(people: People, member: Member, label: str) -> Delivery:
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts[label]))
    return await Delivery.get(contact_id=member.contacts[label], letter=Letter.CODE)


async def test_the_help_desk_is_told_once_of_a_dead_address(people_with_desk: People) -> None:
    """By label, never by address; the letter has no link and can't be disowned; a delay and a policy tell nothing."""
    people = people_with_desk
    member = await people.member(contacts=("home", "phone"))
    letter = await _letter_to(people, member, "home")
    for kind in (BounceKind.DELAYED, BounceKind.SOFT, BounceKind.POLICY):
        await suspension.bounced(people.hub, people.visit(), letter.id, Bounce(kind, "4.2.0"))
    assert not await Delivery.exists(notice=Notice.CONTACT_UNREACHABLE)
    with capture_logs() as logged:
        for _ in range(2):
            await suspension.bounced(people.hub, people.visit(), letter.id, DEAD)
    assert [one["log_level"] for one in logged if one["event"] == "contact.unreachable"] == ["warning"]
    row = await Delivery.get(notice=Notice.CONTACT_UNREACHABLE)
    assert (row.address, row.about, row.contact_id) == (DESK, "home", None)
    claimed = next(one for one in await people.delivered() if one.notice == Notice.CONTACT_UNREACHABLE)
    assert (claimed.not_me, claimed.reply_to, claimed.code, claimed.envelope_sender) == ("", "", "", "")
    assert "mail.test" not in str(claimed)
    assert not isinstance(await disavow.disown(people.hub, people.visit(), row.id), disavow.Disowned)


async def test_a_mail_server_that_refuses_everybody_does_not_bury_the_help_desk(people_with_desk: People) -> None:
    """Twenty letters an hour; the log names every contact."""
    people = people_with_desk
    member = await people.member(contacts=("home",))
    letter = await _letter_to(people, member, "home")
    first = await people.hub.outbox.post_unreachable(
        Channel.MAIL, DESK, await Contact.get(id=member.contacts["home"]), people.visit()
    )
    for number in range(19):
        await Delivery.create(**_copied(first, number))
    await suspension.bounced(people.hub, people.visit(), letter.id, DEAD)
    assert await Delivery.filter(notice=Notice.CONTACT_UNREACHABLE).count() == 20
    await Contact.filter(id=member.contacts["home"]).update(suspended_at=None)
    people.later(hours=1, seconds=1)
    await suspension.bounced(people.hub, people.visit(), letter.id, DEAD)
    assert await Delivery.filter(notice=Notice.CONTACT_UNREACHABLE).count() == 21


def _copied(row: Delivery, number: int) -> dict[str, object]:
    values = {name: getattr(row, name) for name in Delivery._meta.db_fields if name != "id"}
    return {**values, "message_id": f"<{number}@x.test>"}


async def test_a_slack_account_that_is_gone_is_told_by_mail_and_in_the_channel(
    sqlite_template: Path, tmp_path: Path
) -> None:
    """Both places, in both languages, at once."""
    url = copy_of(sqlite_template, tmp_path)
    async with open_chat(url, tmp_path, desk_slack=CHANNEL, desk_mail=DESK) as chat:
        workspace = chat.slack.workspace
        channel = workspace.add_channel(CHANNEL, "desk", members={workspace.app.user_id})
        member = await chat.linked()
        chat.slack.faults.next_calls("chat.postMessage", Refuse("user_disabled"))
        await chat.asked_for_code(member)
        told = await chat.slack.until(lambda: next(iter(channel.messages.values()), None))
        mail = await chat.house.inbox.next_to(DESK)
        for text in (shown_in(told), mail.text, mail.page):
            for part in ("tegata account show taro", "can’t be reached", "届かなくなった", "(Slack)"):
                assert part in text
            assert "UTARO" not in text
        assert (await Contact.get(id=member.contacts["Slack"])).suspended_at is not None


@pytest.mark.parametrize("channel", list(Channel))
def test_every_channel_has_words_for_the_help_desk(channel: Channel) -> None:
    """In the letter and in the message."""
    assert CHANNELS[channel]
