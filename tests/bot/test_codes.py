"""Codes by direct message: what they say, that they come once, and that none stays in the history."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.rendering.messages import Head, message_of
from demo.slack.faults import Break
from hub.contacts import contacts
from hub.contacts.slack_linking import linked_to, unlink
from hub.domain.outcomes import Admitted, Asked, Done, Refused
from hub.login import password_login
from hub.outbox.messages import Claimed
from hub.recovery import disavow
from models.account import Account
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import FOR_DESK, Channel, Letter, Notice
from models.session import Session
from tests.support.factory import wrong_for
from tests.support.journeys import settled
from tests.support.slack_hub import Chat, code_in, shown_in

NOW = datetime(2026, 4, 13, 3, 0, tzinfo=UTC)
HEAD = Head(lambda _: "Portal", UTC)
CODE = Claimed(
    id=7,
    lease="x",
    channel=Channel.SLACK,
    letter=Letter.CODE,
    address="TPORTAL/UTARO",
    message_id="<feed@portal.test>",
    language="en",
    account="taro",
    label="自宅",
    code="123456",
    url="",
    not_me="https://portal.test/not-me/7-abc",
    asked_at=NOW,
    asked_from="10.0.0.1",
    asked_with="Firefox on Linux",
    expires_at=NOW + timedelta(minutes=10),
    attempt=1,
    notice="",
    subject_label="",
)


async def test_a_code_comes_as_a_direct_message(chat: Chat) -> None:
    """It says in large what to type, who logs in from where and with what, and until when; it admits once."""
    member = await chat.linked()
    token = await chat.asked_for_code(member)
    message = await chat.next_code()
    for told in ("10.0.0.1 (Firefox on Linux)", "taro", "Valid until", "This was not me"):
        assert told in shown_in(message)
    assert code_in(message) in message.text
    people = chat.house.people
    assert isinstance(await password_login.answer(people.hub, people.visit(), token, code_in(message)), Admitted)


@pytest.mark.parametrize(("language", "words"), [("en", "This was not me"), ("ja", "心当たりがない")])
def test_a_message_is_in_the_members_language(language: str, words: str) -> None:
    """Each letter that goes by Slack has its words in both languages, and its text for notifications."""
    for letter in (
        CODE,
        *(
            replace(CODE, letter=Letter.NOTICE, notice=one, subject_label="携帯")
            for one in Notice
            if one not in FOR_DESK
        ),
    ):
        message = message_of(replace(letter, language=language), HEAD)
        assert message is not None
        assert message.text
        assert words in str(message.blocks)
        assert (
            ("ワンタイム" in str(message.blocks) or "Slack" in message.text) or language == "en" or letter is not CODE
        )


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_slack_account_is_told_of_another_that_was_linked_as_of_another(language: str) -> None:
    """Whoever reads it must not take it for a welcome to the account in which it is read."""
    linked = replace(CODE, letter=Letter.NOTICE, notice=Notice.SLACK_LINKED, language=language, label="仕事")
    own = message_of(replace(linked, subject_label="仕事"), HEAD)
    other = message_of(replace(linked, subject_label="攻撃"), HEAD)
    assert own is not None
    assert other is not None
    assert own.text.replace("仕事", "") != other.text.replace("攻撃", "")
    command = "/tegata unlink" if language == "en" else "/tegata 連携解除"
    assert command in str(own.blocks)
    assert command not in str(other.blocks)


def test_a_notification_keeps_the_code_to_itself_if_told_so() -> None:
    """With the setting the text has no code, while the message has; without it, both have."""
    for hides, shown in ((True, False), (False, True)):
        message = message_of(replace(CODE, hides_code=hides), HEAD)
        assert message is not None
        assert ("123456" in message.text) is shown
        assert code_block(message.blocks) == "123456"


def test_what_people_typed_mentions_nobody() -> None:
    """A label of `<!channel>` is plain text in the blocks, and escaped in the text."""
    evil = "<!channel> & <@U1>"
    letter = replace(CODE, letter=Letter.NOTICE, notice=Notice.CONTACT_ADDED, subject_label=evil, label=evil)
    message = message_of(letter, HEAD)
    assert message is not None
    assert "<" not in message.text
    assert "&lt;!channel&gt; &amp; &lt;@U1&gt;" in message.text
    assert "mrkdwn" not in str(message.blocks)


def code_block(blocks: list[dict[str, object]]) -> str:
    """Read the text of the header."""
    return next(str(one["text"]["text"]) for one in blocks if one["type"] == "header")  # type: ignore[index]


async def test_a_used_code_leaves_the_history(chat: Chat) -> None:
    """Once it is used the message has neither the code nor a button that asks for it, in blocks and in text."""
    member = await chat.linked()
    token = await chat.asked_for_code(member)
    message = await chat.next_code()
    code = code_in(message)
    people = chat.house.people
    assert isinstance(await password_login.answer(people.hub, people.visit(), token, code), Admitted)
    await chat.slack.next_update(message)
    assert code not in shown_in(message)
    assert "was used at" in message.text
    assert chat.codes() == []


async def test_a_code_that_is_over_leaves_the_history(chat_on_socket: Chat) -> None:
    """By the clock, by three wrong answers and by the contact's removal: each time the message loses the code."""
    chat = chat_on_socket
    member = await chat.linked()
    people = chat.house.people

    await chat.asked_for_code(member)
    first = await chat.next_code()
    chat.house.clock.later(minutes=11)
    await chat.slack.next_update(first)
    assert (code_in(first), "no longer valid" in first.text, "not-me" in str(first.blocks)) == ("", True, False)

    token = await chat.asked_for_code(member)
    second = await chat.next_code(after=first.ts)
    for _ in range(3):
        await password_login.answer(people.hub, people.visit(), token, wrong_for(code_in(second)))
        chat.house.clock.later(seconds=3)
        chat.house.sync()
    await chat.slack.next_update(second)
    assert code_in(second) == ""

    chat.house.clock.later(minutes=20)
    await chat.asked_for_code(member)
    third = await chat.next_code(after=second.ts)
    await unlink(people.hub, people.visit(), "TPORTAL/UTARO")
    await chat.slack.next_update(third)
    assert chat.codes() == []


async def test_a_code_is_rewritten_after_slack_was_down(chat_on_socket: Chat) -> None:
    """What could not be rewritten is tried until it is."""
    chat = chat_on_socket
    member = await chat.linked()
    token = await chat.asked_for_code(member)
    message = await chat.next_code()
    chat.slack.faults.all_calls("chat.update", Break())
    people = chat.house.people
    await password_login.answer(people.hub, people.visit(), token, code_in(message))
    await chat.called("chat.update")
    assert code_in(message)
    chat.slack.faults.mend()
    chat.house.clock.later(seconds=30)
    await chat.slack.next_update(message)
    assert code_in(message) == ""


async def test_not_me_ends_the_login_and_says_so(chat: Chat) -> None:
    """The button ends the attempt, keeps codes from the account, and the message says what was done; it has no code."""
    member = await chat.linked()
    token = await chat.asked_for_code(member)
    message = await chat.next_code()
    code = code_in(message)
    assert (await chat.slack.press("UTARO", message.ts, "not-me")).is_acknowledged
    await chat.slack.next_update(message)
    assert "this was not you" in message.text
    assert code not in shown_in(message)
    people = chat.house.people
    assert isinstance(await password_login.answer(people.hub, people.visit(), token, code), Refused)
    assert (await Account.get(id=member.account.id)).codes_blocked_until is not None


async def test_a_code_that_somebody_else_used_can_be_disowned_still(chat_on_socket: Chat) -> None:
    """The rewritten message of a used code keeps the button, which ends the session that the code opened."""
    chat = chat_on_socket
    member = await chat.linked()
    token = await chat.asked_for_code(member)
    message = await chat.next_code()
    people = chat.house.people
    await password_login.answer(people.hub, people.visit(), token, code_in(message))
    await chat.slack.next_update(message)
    await chat.slack.press("UTARO", message.ts, "not-me")
    await chat.slack.until(lambda: message if "this was not you" in message.text else None)
    last = await Session.filter(account_id=member.account.id).order_by("-id").first()
    assert last is not None
    assert last.ended_at is not None


async def test_a_button_pressed_twice_does_it_once(chat_on_socket: Chat) -> None:
    """The second press, of the same message as it was, says what happened and changes nothing."""
    chat = chat_on_socket
    member = await chat.linked()
    await chat.asked_for_code(member)
    message = await chat.next_code()
    before = list(message.blocks)
    await chat.slack.press("UTARO", message.ts, "not-me")
    await chat.slack.next_update(message)
    until = (await Account.get(id=member.account.id)).codes_blocked_until
    said, edited = message.text, message.edited_ts
    # A second window that did not see the change yet.
    message.blocks = before
    chat.house.clock.later(minutes=1)
    await chat.slack.press("UTARO", message.ts, "not-me")
    await chat.slack.next_update(message, after=edited)
    assert message.text == said
    assert (await Account.get(id=member.account.id)).codes_blocked_until == until


async def test_a_button_pressed_by_another_person_does_nothing(chat_on_socket: Chat) -> None:
    """Whoever gets hold of a message's id can't disown it: only the Slack account it was written to can."""
    chat = chat_on_socket
    member = await chat.linked()
    await chat.linked("hanako", "UHANAKO")
    await chat.asked_for_code(member)
    message = await chat.next_code()
    foreign = next(one for one in chat.slack.messages("UHANAKO") if "not-me" in str(one.blocks))
    stolen = next(one for block in message.blocks for one in block.get("elements", ()) if one["action_id"] == "not-me")
    for block in foreign.blocks:
        for element in block.get("elements", ()):
            if element.get("action_id") == "not-me":
                element["value"] = stolen["value"]
    await chat.slack.press("UHANAKO", foreign.ts, "not-me")
    told = await chat.slack.next_ephemeral("UHANAKO")
    assert "期限切れか、すでに削除されています" in told.text
    assert (await Account.get(id=member.account.id)).codes_blocked_until is None
    assert await disavow.received(
        stolen["value"], channel=Channel.SLACK, address="TPORTAL/UTARO", now=chat.house.clock()
    )


async def test_the_setting_of_a_contact_is_kept_in_its_row(chat_on_socket: Chat) -> None:
    """After the switch on the list, the notification of the next message has no code."""
    chat = chat_on_socket
    member = await chat.linked()
    session = await chat.house.people.stepped_up(member)
    people = chat.house.people
    number = member.contacts["Slack"]
    assert isinstance(await contacts.hide_code(people.hub, people.visit(), session, number, hidden=True), Done)
    await chat.asked_for_code(member)
    message = await chat.next_code()
    assert code_in(message) not in message.text
    other = await people.member("hanako", contacts=("home",))
    theirs = await people.stepped_up(other)
    refused = await contacts.hide_code(people.hub, people.visit(), theirs, number, hidden=False)
    assert isinstance(refused, Refused)
    assert (await Contact.get(id=number)).hides_code


async def test_a_code_sent_again_is_the_same_and_both_lose_it(chat_on_socket: Chat) -> None:
    """Sending again repeats the code in a second message; when it is used, neither shows it."""
    chat = chat_on_socket
    member = await chat.linked()
    token = await chat.asked_for_code(member)
    first = await chat.next_code()
    await settled()
    chat.house.clock.later(seconds=31)
    chat.house.sync()
    people = chat.house.people
    assert isinstance(await password_login.send_again(people.hub, people.visit(), token), Asked)
    second = await chat.next_code(after=first.ts)
    assert code_in(second) == code_in(first)
    await password_login.answer(people.hub, people.visit(), token, code_in(second))
    await asyncio.gather(chat.slack.next_update(first), chat.slack.next_update(second))
    assert chat.codes() == []


async def test_a_login_with_a_slack_code_is_told_apart_in_the_rows(chat_on_socket: Chat) -> None:
    """The delivery's row says where the message is, and the contact's when it was used; no code stands in either."""
    chat = chat_on_socket
    member = await chat.linked()
    token = await chat.asked_for_code(member)
    message = await chat.next_code()
    people = chat.house.people
    code = code_in(message)
    await password_login.answer(people.hub, people.visit(), token, code)
    row = await Delivery.filter(letter=Letter.CODE).order_by("-id").first()
    assert row is not None
    assert row.remote == f"{message.channel}/{message.ts}"
    assert code not in str(dict(row))
    assert (await Contact.get(id=member.contacts["Slack"])).used_at is not None
    assert await linked_to("TPORTAL/UTARO") is not None
