"""The session: idle and absolute limits, step-up, ends, and tokens that rest nowhere."""

from datetime import timedelta

import pytest

from hub.accounts import accounts
from hub.domain.outcomes import Admitted, Done, Reason, Refused
from hub.login import password_login
from hub.sessions import ending, sessions
from hub.sessions.sessions import Current, SteppedUp
from hub.settings import NUMBERS
from models.session import Session
from tests.support.factory import PASSWORD, People


async def _current(people: People, token: str) -> Current | None:
    return await sessions.current(people.hub, token, now=people.now)


async def test_a_session_idles_out_after_half_an_hour(people: People) -> None:
    """The last microsecond is alive; the end is not, and stays so."""
    session = await people.session(await people.member())
    people.later(minutes=30, microseconds=-1)
    row = await Session.get(id=session.id)
    assert people.now - row.seen_at < NUMBERS.session_idle
    assert await _current(people, session.token) is not None
    people.later(minutes=30)
    assert await _current(people, session.token) is None
    assert await _current(people, session.token) is None


async def test_a_session_in_use_ends_after_twelve_hours(people: People) -> None:
    """However busy it is."""
    session = await people.session(await people.member())
    for _ in range(12 * 60 // 20 - 1):
        people.later(minutes=20)
        assert await _current(people, session.token) is not None
    people.later(minutes=20, microseconds=-1)
    assert await _current(people, session.token) is not None
    people.later(microseconds=1)
    assert await _current(people, session.token) is None


async def test_use_is_written_at_most_once_a_minute(people: People) -> None:
    """A page is no reason to write, and no session ends a whole minute early by it."""
    session = await people.session(await people.member())
    opened_at = people.now
    people.later(seconds=59)
    await _current(people, session.token)
    assert (await Session.get(id=session.id)).seen_at == opened_at
    people.later(seconds=1)
    await _current(people, session.token)
    assert (await Session.get(id=session.id)).seen_at == people.now


async def test_a_step_up_lives_ten_minutes_and_renews_the_token(people: People) -> None:
    """The old token is void at once; the new one is stepped up until the tenth minute ends."""
    session = await people.session(await people.member())
    outcome = await sessions.step_up(people.hub, people.visit(), session, PASSWORD)
    assert isinstance(outcome, SteppedUp)
    assert outcome.token != session.token
    assert await _current(people, session.token) is None
    people.later(minutes=10, microseconds=-1)
    renewed = await _current(people, outcome.token)
    assert renewed is not None
    assert renewed.is_stepped_up(people.now)
    assert not renewed.is_stepped_up(people.now + timedelta(microseconds=1))
    assert renewed.id == session.id


async def test_a_wrong_password_steps_nothing_up(people: People) -> None:
    """It is paced like the one at login, and the session goes on under its token."""
    session = await people.session(await people.member())
    outcome = await sessions.step_up(people.hub, people.visit(), session, "wrong password")
    assert outcome == Refused(Reason.PASSWORD_WRONG)
    same = await _current(people, session.token)
    assert same is not None
    assert not same.is_stepped_up(people.now)


async def test_of_two_step_ups_at_once_each_leaves_one_token_alive(people: People) -> None:
    """A session has one token, whoever wins."""
    session = await people.session(await people.member())
    outcomes = await people.at_once(4, lambda: sessions.step_up(people.hub, people.visit(), session, PASSWORD))
    tokens = [outcome.token for outcome in outcomes if isinstance(outcome, SteppedUp)]
    alive = [token for token in tokens if await _current(people, token) is not None]
    assert len(set(alive)) == 1


async def test_an_ended_session_is_over(people: People) -> None:
    """Its own member ends it, and a second press changes nothing; another account's member can't."""
    session = await people.session(await people.member())
    stranger = await people.session(await people.member("hanako"))
    assert await sessions.end(people.hub, people.visit(), stranger, session.id) == Refused(Reason.NOT_FOUND)
    assert await _current(people, session.token) is not None
    assert await sessions.end(people.hub, people.visit(), session, session.id) == Done()
    assert await sessions.end(people.hub, people.visit(), session, session.id) == Done()
    assert await _current(people, session.token) is None
    assert await sessions.step_up(people.hub, people.visit(), session, PASSWORD) == Refused(Reason.LOGIN_OVER)


@pytest.mark.parametrize("act", ["disable", "set_password"])
async def test_the_operator_ends_every_session_of_an_account(people: People, act: str) -> None:
    """A disabled account and a new password leave no session open; other accounts keep theirs."""
    member = await people.member()
    mine = [await people.session(member) for _ in range(2)]
    other = await people.session(await people.member("hanako"))
    if act == "disable":
        assert await accounts.disable(people.hub, people.visit(), member.name) == 2
    else:
        assert await accounts.set_password(people.hub, people.visit(), member.name, "another password") == 2
    assert [await _current(people, session.token) for session in mine] == [None, None]
    assert await _current(people, other.token) is not None


async def test_what_is_no_token_of_a_session_is_none(people: People) -> None:
    """Nothing, rubbish, the digest out of the row, or a login's token."""
    member = await people.member()
    session = await people.session(member)
    pending = await people.asked_for_cells(member)
    row = await Session.get(id=session.id)
    for token in ("", "x", row.digest, session.token[:-1], pending.token, "\0", "é"):
        assert await _current(people, token) is None


async def test_each_admission_opens_a_session_of_its_own(people: People) -> None:
    """256 random bits a token, a new one each time, with what was proved and from where."""
    member = await people.member(contacts=("自宅",))
    tokens = set()
    for _ in range(3):
        pending = await people.asked_for_cells(member)
        outcome = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
        assert isinstance(outcome, Admitted)
        tokens.add(outcome.token)
    assert len(tokens) == 3
    assert all(len(token) >= 43 for token in tokens)
    assert {row.amr for row in await Session.all()} == {"pwd matrix mfa"}
    pending = await people.asked_for_code(member, "自宅")
    outcome = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert isinstance(outcome, Admitted)
    session = await _current(people, outcome.token)
    assert session is not None
    assert session.amr == "pwd otp mfa"


async def test_every_open_session_is_listed_and_all_others_end_at_once(people: People) -> None:
    """An open session is shown after twelve newer logins, too; ending all others leaves this one."""
    member = await people.member()
    oldest = await people.session(member)
    for _ in range(12):
        people.later(seconds=20)
        newest = await people.session(member)
    listed = await sessions.listed(newest, now=people.now)
    assert oldest.id in {line.id for line in listed if line.is_open}
    ended = await ending.end_others(people.hub, people.visit(), newest)
    assert ended.sessions == 12
    assert await _current(people, oldest.token) is None
    assert await _current(people, newest.token) is not None
