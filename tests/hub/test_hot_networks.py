"""Guessing from many sides at once: what it gets, and that right passwords are heard meanwhile; time is moved."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.domain.outcomes import Admitted, Begun, ByMatrix, Hold, Reason, Refused, Throttled
from hub.domain.request_context import Visit
from hub.login import password_login
from hub.maintenance import jobs
from hub.security import rate_limits
from hub.security.attempt_queues import FullError, Queues
from hub.sessions import password_check
from hub.settings import NUMBERS
from models.delivery import Delivery
from models.kinds import AuthenticatorKind, Channel, Notice, Zone
from models.session import KnownBrowser
from models.throttle import Throttle
from tests.support.factory import PASSWORD, Member, People

NETWORK = "address:198.51.100.0/24"
NOISY, QUIET = "198.51.100.66", "198.51.100.7"


class Pauses:
    """How queues pause in tests: not before they are let."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.is_quick = True
        self._gate = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        """Pause."""
        self.asked.append(seconds)
        await (asyncio.sleep(0) if self.is_quick else self._gate.wait())

    def go_on(self) -> None:
        """Let the pause that is on be over."""
        self._gate.set()
        self._gate = asyncio.Event()


@pytest.fixture
def pauses(people: People) -> Pauses:
    """Queues whose time is the test's."""
    made = Pauses()
    people.hub.tries.queues.pause = made
    return made


def _from(people: People, address: str, *, browser: str = "", visit: str = "") -> Visit:
    return Visit(people.now, address, Zone.OFF_CAMPUS, "Firefox", "en", browser, visit)


async def _try(people: People, visit: Visit, name: str = "taro", password: str = "wrong password") -> object:
    outcome = await password_login.begin(people.hub, visit, name=name, password=password)
    # A pause begins in a task of its own.
    await asyncio.sleep(0)
    return outcome


async def _until_waiting(people: People, tries: int) -> None:
    """Wait until so many tries are in line; a database takes its time before they come there."""
    async with asyncio.timeout(10):
        while people.hub.tries.queues.waiting != tries:
            await asyncio.sleep(0.001)


async def _known(people: People, member: Member, token: str = "known") -> None:
    visit = replace(people.visit(), browser_token=token)
    begun = await people.begun(member, visit=visit)
    pending = await people.asked_for_cells(member)
    assert isinstance(await password_login.answer(people.hub, visit, begun.token, pending.right), Admitted)


async def test_a_known_browser_is_heard_whatever_strangers_did(people: People, pauses: Pauses) -> None:
    """The network's, the address's and the account's counts are for strangers: 25 of 25 right passwords are heard."""
    member = await people.member()
    await _known(people, member)
    for subject in (NETWORK, "account:taro"):
        await people.wronged(subject, 100_000)
    await people.wronged(f"password:{QUIET}:taro", 50)
    for _ in range(25):
        outcome = await _try(people, _from(people, QUIET, browser="known"), password=PASSWORD)
        assert isinstance(outcome, Begun)
    assert pauses.asked == []


async def test_a_new_browser_in_a_hot_network_goes_before_the_noisy(people: People, pauses: Pauses) -> None:
    """With a queue full of one client's tries, the member is next: after one pause at most."""
    await people.member()
    await people.wronged(NETWORK, 300)
    pauses.is_quick = False
    noisy = [asyncio.create_task(_try(people, _from(people, NOISY), name=f"nobody{n}")) for n in range(40)]
    while not pauses.asked:
        await asyncio.sleep(0.001)
    await _until_waiting(people, 36)
    right = asyncio.create_task(_try(people, _from(people, QUIET), password=PASSWORD))
    await _until_waiting(people, 37)
    assert not right.done()
    pauses.go_on()
    assert isinstance(await right, Begun)
    assert sum(task.done() for task in noisy) <= NUMBERS.queue_lanes + 1
    assert max(pauses.asked) <= 1
    for task in noisy:
        task.cancel()
    await asyncio.gather(*noisy, return_exceptions=True)


async def test_right_passwords_pause_no_queue(people: People, pauses: Pauses) -> None:
    """A campus behind one address, whose count is high: those who are right are all heard, one behind the other."""
    await people.member()
    await people.wronged(NETWORK, 1000)
    pauses.is_quick = False
    outcomes = await people.at_once(30, lambda: _try(people, _from(people, QUIET), password=PASSWORD))
    assert all(isinstance(outcome, Begun) for outcome in outcomes)
    assert pauses.asked == []


async def test_a_right_password_passes_beside_a_wrong_one_that_still_waits(people: People, pauses: Pauses) -> None:
    """Behind one address whose count is high, three mistyped passwords keep three of the four lanes of its queue."""
    await people.member()
    await people.wronged(NETWORK, 1000)
    pauses.is_quick = False
    for number in range(3):
        assert await _try(people, _from(people, QUIET), name=f"slip{number}") == Refused(Reason.PASSWORD_WRONG)
    assert pauses.asked == [1.0]
    assert isinstance(await _try(people, _from(people, QUIET), password=PASSWORD), Begun)


async def test_a_name_is_never_closed_to_an_address(people: People, pauses: Pauses) -> None:
    """A stranger behind the same address tries without end: the member's new browser waits its turn and is heard."""
    await people.member()
    outcomes = [await _try(people, _from(people, NOISY, visit="stranger")) for _ in range(60)]
    assert outcomes == [Refused(Reason.PASSWORD_WRONG)] * 60
    # The first of them free; then slower and slower.
    assert pauses.asked == [2.0] * 15 + [10.0] * 35
    assert isinstance(await _try(people, _from(people, NOISY, visit="member"), password=PASSWORD), Begun)
    assert not await Throttle.exists(subject=f"password:{NOISY}:taro")


async def test_the_wait_of_a_name_and_an_address_is_for_no_other(people: People, pauses: Pauses) -> None:
    """The same name from the next address, and another name from this one, wait for nothing."""
    await people.member()
    await people.wronged(f"password:{NOISY}:taro", 50)
    assert isinstance(await _try(people, _from(people, QUIET), password=PASSWORD), Begun)
    assert await _try(people, _from(people, NOISY), name="hanako") == Refused(Reason.PASSWORD_WRONG)
    assert pauses.asked == []


async def test_tries_that_wait_for_a_name_count_with_no_account_yet(people: People, pauses: Pauses) -> None:
    """A client that keeps its queue full at one address makes no client wait at the next."""
    await people.member()
    for subject in (f"password:{NOISY}:taro", "account:taro", NETWORK):
        await people.wronged(subject, 50)
    pauses.is_quick = False
    noisy = [asyncio.create_task(_try(people, _from(people, NOISY))) for _ in range(60)]
    await _until_waiting(people, 59)
    assert isinstance(await _try(people, _from(people, QUIET), password=PASSWORD), Begun)
    for task in noisy:
        task.cancel()
    await asyncio.gather(*noisy, return_exceptions=True)


async def test_parallel_wrong_passwords_each_count(people: People, pauses: Pauses) -> None:
    """Of 60 at once no more than ten are verified before the pace slows; none is free."""
    await people.member()
    pauses.is_quick = False
    tries = [asyncio.create_task(_try(people, _from(people, NOISY))) for _ in range(60)]
    async with asyncio.timeout(10):
        while not pauses.asked or sum(task.done() for task in tries) + people.hub.tries.queues.waiting < 60:
            await asyncio.sleep(0.001)
    heard = [task.result() for task in tries if task.done()]
    assert 1 <= len(heard) <= 11
    assert set(heard) == {Refused(Reason.PASSWORD_WRONG)}
    for task in tries:
        task.cancel()
    await asyncio.gather(*tries, return_exceptions=True)


async def test_wrong_passwords_fade_after_a_quarter_of_an_hour(people: People, pauses: Pauses) -> None:
    """Fifty for one name from one address slow the next; fifteen quiet minutes later it is as ever."""
    await people.member()
    await people.wronged(f"password:{NOISY}:taro", 50)
    await _try(people, _from(people, NOISY))
    assert pauses.asked == [10.0]
    people.later(minutes=15)
    await _try(people, _from(people, NOISY))
    assert pauses.asked == [10.0]


async def test_a_networks_budget_grows_with_its_members(people: People, pauses: Pauses) -> None:
    """Two more wrong ones for each account that was lately logged in to from there; the same account counts once."""
    await people.wronged(NETWORK, 200)
    for account in (*range(30), 1, 1, 1):
        await rate_limits.welcome(QUIET, account, now=people.now)
    assert await rate_limits.welcomed(QUIET, now=people.now) == 30
    assert await _try(people, _from(people, NOISY), name="x") == Refused(Reason.PASSWORD_WRONG)
    assert pauses.asked == []
    people.later(minutes=16)
    assert await rate_limits.welcomed(QUIET, now=people.now) == 0


async def test_one_password_sprayed_over_ten_thousand_names_is_slowed(people: People, pauses: Pauses) -> None:
    """Beyond the budget each wrong one costs half a second, and a second when it is far beyond; no new cookie helps."""
    await people.wronged(NETWORK, 199)
    for n in range(5):
        await _try(people, _from(people, NOISY, browser=f"new{n}", visit=f"new{n}"), name=f"member{n}")
    assert pauses.asked == [0.5] * 4
    await Throttle.filter(subject=NETWORK).update(wrong=9_999)
    await _try(people, _from(people, QUIET), name="member")
    assert pauses.asked[4:] == [1.0]


@pytest.mark.parametrize("networks", [1, 400])
async def test_an_account_bears_a_hundred_wrong_passwords_over_all_networks(
    people: People, pauses: Pauses, networks: int
) -> None:
    """Whether from one /48 or from many: beyond 100 each costs half a minute; another name is not slowed by it."""
    await people.member()
    await people.wronged("account:taro", 98)
    for n in range(4):
        where = f"2001:db8:1:{n:x}::7" if networks == 1 else f"2001:db8:{n:x}::7"
        assert await _try(people, _from(people, where)) == Refused(Reason.PASSWORD_WRONG)
    assert pauses.asked == [30.0, 30.0]
    await _try(people, _from(people, "192.0.2.1"), name="hanako")
    assert len(pauses.asked) == 2
    right = await _try(people, _from(people, "192.0.2.2"), password=PASSWORD)
    assert isinstance(right, Begun)
    assert not await Throttle.exists(subject="account:taro")


async def test_three_hundred_tries_at_once_are_a_hundred(people: People, pauses: Pauses) -> None:
    """From 300 networks at the same moment: a hundred are heard, the rest wait for their turn or are refused."""
    await people.member()
    pauses.is_quick = False
    numbers = iter(range(300))
    tries = [
        asyncio.create_task(_try(people, _from(people, f"10.{next(numbers) % 250}.{n % 7}.1"))) for n in range(300)
    ]
    while not pauses.asked:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.2)
    heard = [task.result() for task in tries if task.done()]
    assert heard.count(Refused(Reason.PASSWORD_WRONG)) <= 101
    assert all(one.why is Hold.ACCOUNT for one in heard if isinstance(one, Throttled))
    for task in tries:
        task.cancel()
    await asyncio.gather(*tries, return_exceptions=True)


async def test_a_stolen_known_browser_has_a_hundred_tries(people: People, pauses: Pauses) -> None:
    """Slower and slower, and then it is a stranger's."""
    member = await people.member()
    await _known(people, member)
    digest = (await KnownBrowser.get(account_id=member.account.id)).digest
    await people.wronged(f"browser:{digest}", 98)
    stolen = "203.0.113.5"
    people.later(minutes=1)
    assert await _try(people, _from(people, stolen, browser="known")) == Refused(Reason.PASSWORD_WRONG)
    assert await _try(people, _from(people, stolen, browser="known"), password=PASSWORD) == Throttled(
        timedelta(seconds=30)
    )
    people.later(minutes=1)
    assert await _try(people, _from(people, stolen, browser="known")) == Refused(Reason.PASSWORD_WRONG)
    assert not await KnownBrowser.exists()


async def test_an_own_accounts_logins_clear_no_count_of_others(people: People, pauses: Pauses) -> None:
    """A sprayer with an account of their own logs in between the guesses: both counts stay as they are."""
    mine, _ = await people.member("jiro"), await people.member()
    await people.wronged(NETWORK, 150)
    await people.wronged("account:taro", 90)
    for _ in range(3):
        await people.begun(mine, visit=_from(people, NOISY))
    assert (await Throttle.get(subject=NETWORK)).wrong == 150
    assert (await Throttle.get(subject="account:taro")).wrong == 90


async def test_a_clock_that_was_ahead_hinders_nobody(people: People, pauses: Pauses) -> None:
    """Counts from nine hours later: the right password and the right cells are heard at once."""
    member = await people.member()
    now = people.now
    people.later(hours=9)
    for subject in (NETWORK, f"password:{QUIET}:taro", "account:taro"):
        await people.wronged(subject, 40)
    await people.wronged(f"answer:{member.account.id}:matrix", 40)
    people.now = now
    begun = await people.begun(member, visit=_from(people, QUIET))
    pending = await people.asked_for_cells(member)
    assert isinstance(await password_login.answer(people.hub, people.visit(), begun.token, pending.right), Admitted)


async def test_guessing_raises_an_alarm(people: People, pauses: Pauses) -> None:
    """An operator is told how many passwords were wrong in a minute, of how many names."""
    for n in range(NUMBERS.alarm_wrong):
        people.hub.tries.note(f"name{n}", now=people.now)
    await _try(people, _from(people, NOISY))
    assert "121 names" in people.hub.alarms.standing(password_check.ALARM, now=people.now)


@pytest.mark.parametrize("already", [2, 9])
async def test_wrong_second_steps_are_told_to_the_member(people: People, already: int) -> None:
    """At the third and the tenth behind the right password, on every contact."""
    member = await people.member(contacts=("自宅", "職場"))
    await people.wronged(f"answer:{member.account.id}:matrix", already)
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, ByMatrix())
    assert await password_login.answer(people.hub, people.visit(), begun.token, "000000") == Refused(
        Reason.ANSWER_WRONG
    )
    assert await Delivery.filter(notice=Notice.ANSWERS_WRONG).count() == 2


@pytest.mark.parametrize("wrong", [26, 99, 100])
async def test_a_known_browsers_answers_are_heard_in_spite_of_a_strangers(people: People, wrong: int) -> None:
    """A member with the matrix card alone: a stranger with the password slows the kind down, or closes it.

    The member's own browser goes in with it at once, and opens nothing for the stranger.
    """
    member = await people.member()
    await _known(people, member)
    subject = rate_limits.answer_subject(member.account.id, AuthenticatorKind.MATRIX)
    await people.wronged(subject, wrong)
    pending = await people.asked_for_cells(member)
    if wrong < 100:
        assert await password_login.answer(people.hub, people.visit(), pending.token, "000000") == Refused(
            Reason.ANSWER_WRONG
        )
    strangers = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert strangers == Throttled(timedelta(seconds=10)) if wrong == 26 else Refused(Reason.KIND_CLOSED)
    known = replace(people.visit(), browser_token="known")
    assert isinstance(await password_login.answer(people.hub, known, pending.token, pending.right), Admitted)
    assert await Throttle.exists(subject=subject)


async def test_another_kinds_login_clears_no_count(people: People) -> None:
    """The member logs in with a mailed code after wrong cells of a stranger's: the stranger gets no fresh tries."""
    member = await people.member(contacts=("自宅",))
    subject = rate_limits.answer_subject(member.account.id, AuthenticatorKind.MATRIX)
    await people.wronged(subject, 99)
    pending = await people.asked_for_code(member, "自宅")
    assert isinstance(await password_login.answer(people.hub, people.visit(), pending.token, pending.right), Admitted)
    assert (await Throttle.get(subject=subject)).wrong == 99


async def test_the_letter_of_wrong_second_steps_leaves_at_once(people: People) -> None:
    """The sender is woken when the wrong answer is committed."""
    member = await people.member(contacts=("自宅",))
    await people.wronged(rate_limits.answer_subject(member.account.id, AuthenticatorKind.MATRIX), 2)
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, ByMatrix())
    async with people.hub.outbox.waiting(Channel.MAIL) as bell:
        assert await password_login.answer(people.hub, people.visit(), begun.token, "000000") == Refused(
            Reason.ANSWER_WRONG
        )
        assert await bell.heard(timeout=0)
        assert [one.notice for one in await people.delivered()] == [Notice.ANSWERS_WRONG]


@pytest.mark.parametrize(("wrong", "letters"), [(48, 0), (49, 2), (99, 2)])
async def test_contacts_are_told_once_of_many_wrong_passwords(
    people: People, pauses: Pauses, wrong: int, letters: int
) -> None:
    """From 50 over all networks on, with the last address; unknown names bring no letter and no error."""
    await people.member(contacts=("自宅", "職場"))
    for subject in ("account:taro", "account:nobody"):
        await people.wronged(subject, wrong)
    for address in (NOISY, QUIET):
        await _try(people, _from(people, address), name="nobody")
        await _try(people, _from(people, address))
        await jobs.run(people.hub, "guessed", now=people.now)
        people.later(minutes=1)
        if wrong == 48:
            # The fiftieth tells, the forty-ninth does not.
            break
    told = await Delivery.filter(notice=Notice.PASSWORDS_WRONG)
    assert len(told) == letters
    assert {one.asked_from for one in told} <= {NOISY}


async def test_every_scope_is_pruned(people: People) -> None:
    """A kiosk's unknown card numbers, too."""
    for scope in rate_limits.Scope:
        await people.wronged(f"{scope}:x", 1)
    people.later(days=500)
    await jobs.prune(people.hub, people.now)
    assert not await Throttle.exists()


async def test_a_full_queue_refuses_the_noisiest() -> None:
    """The one who was wrong most often goes, not the one who came last."""
    pauses = Pauses()
    pauses.is_quick = False
    queues = Queues(pauses)

    async def go(address: str) -> str:
        async with queues.turn("x", timedelta(seconds=1), (address, "")):
            return address

    await go("noisy")
    noisy = [asyncio.create_task(go("noisy")) for _ in range(NUMBERS.queue_places)]
    await asyncio.sleep(0)
    quiet = asyncio.create_task(go("quiet"))
    await asyncio.sleep(0.01)
    refused = [task for task in noisy if task.done()]
    assert [type(task.exception()) for task in refused] == [FullError]
    pauses.go_on()
    assert await quiet == "quiet"
    for task in noisy:
        task.cancel()
    await asyncio.gather(*noisy, return_exceptions=True)
