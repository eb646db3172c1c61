"""What Slack gives little time for goes first, retries have an end, and no limit of Slack's delays codes."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from demo.slack.faults import Break, Fault, Limit, Refuse, Slow
from demo.slack.workspace import Message, User
from hub.outbox import redaction
from models.delivery import Delivery
from models.login import Challenge
from tests.support.journeys import enter_password, log_in
from tests.support.running_hub import code_in
from tests.support.slack_hub import TEAM, Chat, copy_of, open_chat, shown_in
from tests.support.slack_members import in_slack


async def _end_of(method: str, chat: Chat, *, after: int) -> list[str]:
    """Wait for a method; gives all calls for views from the one with this number on."""

    def called() -> list[str] | None:
        names = [one.method for one in chat.slack.calls[after:]]
        return [one for one in names if one.startswith("views.")] if method in names else None

    return await chat.slack.until(called)


@pytest.mark.parametrize("action", ["end-session", "lock", "language-ja"])
async def test_in_a_window_the_answer_comes_before_other_calls(chat_on_socket: Chat, action: str) -> None:
    """The answer needs the trigger, which lives three seconds; then comes the window beneath, and the Home last."""
    chat = chat_on_socket
    member = await chat.linked()
    async with chat.house.person() as person:
        await log_in(person, member)
    await chat.slack.shortcut("UTARO", "tegata")
    view = await chat.slack.next_view("UTARO")
    before = len(chat.slack.calls)
    await chat.slack.press("UTARO", view.id, action)
    assert await _end_of("views.publish", chat, after=before) == ["views.push", "views.update", "views.publish"]


async def test_a_form_that_was_sent_is_answered_before_the_home_is_shown(chat_on_socket: Chat) -> None:
    """The outcome stands in the window though Slack takes the Home slowly."""
    chat = chat_on_socket
    await chat.linked()
    before = chat.slack.ephemerals("UTARO")
    await chat.slack.slash("UTARO", "/tegata", "add home taro@example.test")
    answer = await chat.slack.next_ephemeral("UTARO", after=before[-1].ts if before else "")
    letter = await chat.house.inbox.next_to("taro@example.test")
    await chat.slack.press("UTARO", answer.ts, "confirm")
    view = await chat.slack.next_view("UTARO")
    chat.slack.faults.all_calls("views.publish", Slow(2.4))
    told = await chat.slack.submit("UTARO", view.id, {"code": code_in(letter)})
    assert "is registered" in str(told.answer)


_GONE_WRONG: list[Fault] = [
    Refuse("is_inactive"),
    Refuse("block_mismatch"),
    Refuse("edit_window_closed"),
    Refuse("user_disabled"),
    Refuse("channel_not_found"),
]
_MAY_PASS: list[Fault] = [Refuse("internal_error"), Refuse("not_in_the_reference"), Break(503), Limit(30)]


async def _rewritings(chat: Chat, row: Delivery, fault: Fault) -> Delivery:
    """Have the message of an ended code rewritten now; gives its row after one try."""
    chat.slack.faults.all_calls("chat.update", fault)
    before = sum(one.method == "chat.update" for one in chat.slack.calls)
    due = chat.house.clock()
    await Delivery.filter(id=row.id).update(fades_at=due, lease="")
    await chat.house.hub.wakeups.tell(redaction.ENDED)
    await chat.called("chat.update", times=before + 1)
    async with asyncio.timeout(5):
        while True:
            now = await Delivery.get(id=row.id)
            # The lease that is held during the try ends after a minute; what is put off comes sooner.
            if now.fades_at is None or (now.fades_at != due and (now.fades_at - due).total_seconds() <= 31):
                return now
            await asyncio.sleep(0.02)


async def test_the_rewriting_of_a_message_has_an_end(chat_on_socket: Chat) -> None:
    """What Slack will never take is tried once; what may pass is tried again until an hour after the code's end."""
    chat = chat_on_socket
    member = await chat.linked()
    await chat.asked_for_code(member)
    await chat.next_code()
    row = await Delivery.get(letter="code")
    await Challenge.filter(id=row.challenge_id).update(revoked_at=chat.house.clock())
    for fault in _GONE_WRONG:
        assert (await _rewritings(chat, row, fault)).fades_at is None, fault
    for fault in _MAY_PASS[:-1]:
        assert (await _rewritings(chat, row, fault)).fades_at is not None, fault
    chat.house.clock.later(minutes=71)
    for fault in _MAY_PASS:
        assert (await _rewritings(chat, row, fault)).fades_at is None, fault


async def test_a_busy_database_delays_the_outcome_and_not_the_acknowledgement(
    sqlite_template: Path, tmp_path: Path
) -> None:
    """Digits and a command while another process writes: Slack hears at once, each outcome is shown after."""
    url = copy_of(sqlite_template, tmp_path)
    async with open_chat(url, tmp_path) as chat, chat.house.person() as person:
        member = await chat.linked()
        await chat.linked("hanako", "UHANAKO")
        after = chat.slack.messages("UTARO")[-1].ts
        await enter_password(person, member)
        await person.press("OK", way=person.option("Approve with two digits"))
        message = await chat.slack.next_message("UTARO", after=after)
        shown = person.soup.select_one(".big-code")
        assert shown is not None
        await chat.slack.press("UTARO", message.ts, "approve")
        view = await chat.slack.next_view("UTARO")
        holder = sqlite3.connect(tmp_path / "tegata.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        typed, command = await asyncio.gather(
            chat.slack.submit("UTARO", view.id, {"digits": shown.get_text()}),
            chat.slack.slash("UHANAKO", "/tegata", "lock"),
        )
        assert typed.is_acknowledged, typed.error
        assert command.is_acknowledged, command.error
        assert "Approved" not in str(typed.answer)
        holder.rollback()
        await chat.slack.until(lambda: "Approved" in str(chat.slack.views("UTARO")[-1].content) or None)
        assert "すべて終了" in (await chat.slack.next_ephemeral("UHANAKO")).text
        holder.close()


async def test_after_a_restart_all_codes_come_at_once(chat_on_socket: Chat) -> None:
    """Members whom this process has never written to wait for no limit on opening conversations."""
    chat = chat_on_socket
    people, members = chat.house.people, []
    chat.slack.faults.limit_calls("conversations.open", 50, burst=3)
    for number in range(8):
        user = f"UMEMBER{number}"
        chat.slack.workspace.add_user(User(user, user.lower(), user.title()))
        members.append(await people.member(f"member{number}"))
        await in_slack(people, members[-1], speaker=f"{TEAM}/{user}")
    for one in members:
        await chat.asked_for_code(one, "chat")

    def codes() -> list[Message] | None:
        found = [chat.codes(f"UMEMBER{number}") for number in range(8)]
        return [one[0] for one in found] if all(found) else None

    assert all("one-time password" in shown_in(one) for one in await chat.slack.until(codes))
    assert not [one for one in chat.slack.calls if one.error == "ratelimited"]
