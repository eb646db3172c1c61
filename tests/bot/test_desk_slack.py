"""The help desk's Slack channel is told about "this was not me" and refused registrations."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.rendering import messages
from hub.contacts import confirmation
from hub.context import opened
from hub.desk import escalation
from hub.maintenance import checks
from hub.recovery import disavow
from hub.security import challenges
from hub.settings import SettingsError, load
from models.delivery import Delivery
from models.kinds import Channel, Letter, Notice
from models.login import Challenge
from tests.support.factory import People, settings_for
from tests.support.paths import ROOT
from tests.support.slack_hub import code_in, copy_of, open_chat, shown_in

CHANNEL = "CDESK01"


async def test_the_desks_channel_gets_a_message_without_code_or_address(sqlite_template: Path, tmp_path: Path) -> None:
    """Once for an account in ten minutes; an app that is not invited shows in doctor."""
    async with open_chat(copy_of(sqlite_template, tmp_path), tmp_path, desk_slack=CHANNEL) as chat:
        workspace = chat.slack.workspace
        channel = workspace.add_channel(CHANNEL, "desk", members={workspace.app.user_id})
        member = await chat.linked()
        await chat.asked_for_code(member)
        code = await chat.next_code()
        digits = code_in(code)
        await chat.slack.press("UTARO", code.ts, "not-me")
        assert "The help desk was notified" in shown_in(await chat.slack.next_update(code))
        told = await chat.slack.until(lambda: next(iter(channel.messages.values()), None))
        for part in ("tegata account show taro", "one-time password", "ワンタイムパスワード"):
            assert part in shown_in(told)
        for part in (digits, "not-me", "@"):
            assert part not in shown_in(told)
        people = chat.house.people
        await disavow.lock(people.hub, people.visit(), member.account.id)
        assert await Delivery.filter(notice=Notice.DISOWNED).count() == 1
        assert await checks.desk_failures() == {}
        await Delivery.filter(notice=Notice.DISOWNED).update(posted_at=people.now - timedelta(minutes=11))
        chat.house.sync()
        channel.members.clear()
        await disavow.lock(people.hub, people.visit(), member.account.id)
        await escalation.rouse(people.hub, is_told=True)
        async with asyncio.timeout(5):
            while not (failed := await checks.desk_failures()):
                await asyncio.sleep(0.02)
        assert failed == {Channel.SLACK: "not_in_channel"}


@pytest.fixture
async def people_with_desk(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[People]:
    """Members of a hub that knows the help desk's address."""
    settings = settings_for(copy_of(sqlite_template, tmp_path), tmp_path, desk_mail="desk@campus.test")
    async with opened(settings) as hub:
        yield People(hub)


async def _by_link(people: People, letter: Delivery) -> None:
    challenge = await Challenge.get(id=letter.challenge_id)
    await confirmation.refuse(people.hub, people.visit(), challenges.token_of(people.hub.keys, challenge))


async def _by_button_or_mail(people: People, letter: Delivery) -> None:
    await disavow.disown(people.hub, people.visit(), letter.id)


async def _after_a_yes(people: People, letter: Delivery) -> None:
    challenge = await Challenge.get(id=letter.challenge_id)
    confirmed = await confirmation.confirm_by_answer(people.hub, people.visit(), challenge.id)
    assert isinstance(confirmed, tuple)
    await disavow.disown(people.hub, people.visit(), letter.id)


@pytest.mark.parametrize("refuse", [_by_link, _by_button_or_mail, _after_a_yes])
async def test_a_refused_registration_is_told_to_the_help_desk(people_with_desk: People, refuse) -> None:
    """However it is refused; it does not stand for a login that is disowned a minute later."""
    people = people_with_desk
    session = await people.stepped_up(await people.member(contacts=("home",)))
    await people.adding(session, label="new", address="stranger@mail.test")
    letter = await Delivery.get(letter=Letter.CONFIRMATION)
    await refuse(people, letter)
    told = await Delivery.get(notice=Notice.DISOWNED)
    assert (told.address, told.answered, told.channel) == ("desk@campus.test", Letter.CONFIRMATION, Channel.MAIL)
    locked = await disavow.lock(people.hub, people.visit(), session.account_id)
    assert locked.is_desk_told
    assert await Delivery.filter(notice=Notice.DISOWNED).count() == 2


@pytest.mark.parametrize("written", ["help-desk", "#desk", "U0123456", "c0123456", "desk@campus.test"])
def test_a_channel_that_is_no_id_is_refused(written: str) -> None:
    """Names of channels change; ids do not."""
    with pytest.raises(SettingsError, match="TEGATA_DESK_SLACK"):
        load({}, desk_slack=written)


def test_every_kind_of_disowned_letter_has_words_for_the_channel() -> None:
    """A notice in its own words, others in words of the desk's."""
    for about in (*messages._DISOWNED, *(notice for _, notice in messages._NOTICES)):
        assert about in messages._DISOWNED or ("en", about) in messages._NOTICES
    assert {str(Letter.CODE), str(Letter.APPROVAL), str(Letter.CONFIRMATION)} <= set(messages._DISOWNED)


def test_no_page_says_that_a_mail_was_sent_before_it_was() -> None:
    """A mail that waits in the outbox is spoken of by its state."""
    for page in (ROOT / "web" / "templates").glob("*.html"):
        assert "mail was sent" not in page.read_text(encoding="utf-8").lower(), page.name
