"""Codes by direct message: what they say, that they come once, and that none stays in the history."""

from hub import login
from hub.outcome import Admitted
from tests.chat import Chat, code_in, shown_in


async def test_a_code_comes_as_a_direct_message(chat: Chat) -> None:
    """It says in large what to type, who logs in from where and with what, and until when; it admits once."""
    member = await chat.linked()
    token = await chat.asked_for_code(member)
    message = await chat.next_code()
    for told in ("10.0.0.1 (Firefox on Linux)", "taro", "Good until", "This was not me"):
        assert told in shown_in(message)
    assert code_in(message) in message.text
    people = chat.house.people
    admitted = await login.answer(people.hub, people.visit(), token, code_in(message))
    assert isinstance(admitted, Admitted)
