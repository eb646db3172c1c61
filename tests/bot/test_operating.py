"""What operators see and mend of the Slack door; and what a phone or an input method makes of the right answer."""

import asyncio
from datetime import timedelta

import pytest

from bot.rendering.outcome_text import refusal
from cli.doctor import slack as doctor_slack
from cli.doctor.finding import Grade
from demo.slack.faults import Limit, Refuse
from demo.slack.stand_in import StandIn, standing_in
from hub.domain.identifiers import typed_code
from hub.domain.outcomes import Hold, Throttled
from hub.settings import load
from tests.support.factory import START
from tests.support.slack_hub import Chat, slack_settings


async def _found(slack: StandIn) -> list[tuple[Grade, str]]:
    settings = load({}, **slack_settings(slack, "socket"))
    return [(one.grade, one.what) async for one in doctor_slack.examine(settings)]


async def test_the_doctor_asks_slack_who_the_app_is_and_what_it_may() -> None:
    """Well, without a scope, refused, and without a socket: each has its line; without a bot there is none."""
    async with standing_in() as slack:
        assert {grade for grade, _ in await _found(slack)} == {Grade.OK}
        slack.app.scopes.discard("im:history")
        assert (Grade.WRONG, "the scope im:history is missing") in await _found(slack)
        slack.faults.all_calls("auth.test", Refuse("invalid_auth"))
        assert (Grade.WRONG, "Slack refuses the app: invalid_auth") in await _found(slack)
        slack.faults.all_calls("apps.connections.open", Refuse("missing_scope"))
        assert (Grade.WRONG, "Slack refuses a socket: missing_scope") in await _found(slack)
    assert [one async for one in doctor_slack.examine(load({}))] == []


async def test_a_socket_is_asked_for_again_when_slack_says(chat_on_socket: Chat) -> None:
    """A 429 with `Retry-After: 30` is one question, and readiness names it."""
    chat = chat_on_socket
    before = sum(one.method == "apps.connections.open" for one in chat.slack.calls)
    chat.slack.faults.all_calls("apps.connections.open", Limit(30))
    await chat.slack.sockets.drop()
    await chat.called("apps.connections.open", times=before + 1)
    await asyncio.sleep(1.5)
    assert sum(one.method == "apps.connections.open" for one in chat.slack.calls) == before + 1


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("101797 is your one-time password for Tegata.", "101797"),
        ("Tegata のワンタイムパスワードは 101797 です。", "101797"),
        ("１０１７９７ is your one-time password", "101797"),
        ("101 797", "101797"),
        (" 101797\n", "101797"),
        ("1017 97", "101797"),
    ],
)
def test_a_code_is_read_out_of_the_message_that_a_phone_copies(typed: str, code: str) -> None:
    """Where a text holds one number of six digits, that is the code."""
    assert typed_code(typed) == code


@pytest.mark.parametrize("typed", ["101797 and 101798", "12345 is short", "1234567 is long"])
def test_a_text_with_none_or_several_numbers_is_no_code(typed: str) -> None:
    """Nothing is guessed."""
    assert not typed_code(typed).isdecimal()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second, until 03:00:01"), (2, "2 seconds, until 03:00:02"), (300, "5 minutes, until 03:05:00")],
)
def test_how_long_to_wait_is_written_with_the_time_of_its_end(seconds: int, words: str) -> None:
    """One second is written as one, and more with their number."""
    from datetime import UTC

    assert words in refusal(Throttled(timedelta(seconds=seconds)), "en", UTC, now=START)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("why", [hold for hold in Hold if hold not in {Hold.PASSWORD, Hold.ACCOUNT, Hold.NETWORK}])
def test_each_wait_in_slack_says_why(why: Hold, language: str) -> None:
    """No password is typed in Slack; everything else that waits there has its reason."""
    from datetime import UTC

    plain = refusal(Throttled(timedelta(seconds=9)), language, UTC, now=START)
    assert len(refusal(Throttled(timedelta(seconds=9), why), language, UTC, now=START)) > len(plain)


async def test_a_login_that_ends_another_way_takes_its_code_along(chat_on_socket: Chat) -> None:
    """A code asked for, then the matrix: the message in Slack shows the code no more."""
    from tests.support.journeys import answer_matrix, enter_password

    chat = chat_on_socket
    member = await chat.linked()
    async with chat.house.person() as person:
        await enter_password(person, member)
        await person.press("OK", way=f"contact:{member.contacts['Slack']}")
        message = await chat.next_code()
        await person.follow("Choose another way")
        await person.press("OK", way="matrix")
        await answer_matrix(person, member)
    await chat.slack.next_update(message)
    assert not chat.codes()


async def test_what_was_typed_stands_in_the_window(chat_on_socket: Chat) -> None:
    """An address without a label opens the form with the address in it; a wrong label lists the labels."""
    chat = chat_on_socket
    await chat.linked()
    await chat.slack.slash("UTARO", "/tegata", "ＡＤＤ taro@example.test")
    assert "taro@example.test" in str((await chat.slack.next_view("UTARO")).content)
    await chat.slack.slash("UTARO", "/tegata", "remove nothing")
    assert "one of these labels" in (await chat.slack.next_ephemeral("UTARO")).text


async def test_the_home_of_a_member_who_is_not_linked_has_the_button(chat_on_socket: Chat) -> None:
    """The home has no line to type in, so the page's address comes by a button."""
    chat = chat_on_socket
    await chat.slack.open_home("UTARO")
    home = await chat.slack.next_home("UTARO")
    await chat.slack.press("UTARO", home.id, "link")
    assert "/slack/link/" in str((await chat.slack.next_view("UTARO")).content)
