"""Whether an account exists is not told: same outcome, same rows, same statements, same hashing."""

from statistics import median, quantiles
from time import perf_counter

import pytest

from hub.authenticators.password import Cost, Passwords, cost_of
from hub.domain.outcomes import Reason, Refused
from hub.login import password_login
from models.account import Account
from models.event import Event
from models.kinds import EventKind
from models.login import Login
from models.throttle import Throttle
from tests.support.factory import PASSWORD, People
from tests.support.sql_trace import statements


async def test_known_and_unknown_accounts_leave_the_same_rows(people: People) -> None:
    """One event and three counts each, refused with the same words; only the operator's audit knows whose it was."""
    member = await people.member()
    before = await Event.all().count()
    for name in (member.name, "nobody"):
        outcome = await password_login.begin(people.hub, people.visit(), name=name, password="wrong password")
        assert outcome == Refused(Reason.PASSWORD_WRONG)
    events = await Event.filter(kind=EventKind.PASSWORD_WRONG).order_by("id")
    assert [event.account_id for event in events] == [member.account.id, None]
    assert {event.detail for event in events} == {"{}"}
    assert await Event.all().count() == before + 2
    counts = {row.subject: row.wrong for row in await Throttle.all()}
    assert counts == {
        "password:10.0.0.1:taro": 1,
        "password:10.0.0.1:nobody": 1,
        "account:taro": 1,
        "account:nobody": 1,
        "address:10.0.0.0/24": 2,
    }
    assert await Login.all().count() == 0


async def test_known_unknown_and_disabled_accounts_take_the_same_statements(people: People) -> None:
    """The database is asked the same, in the same order; the pace is the same too."""
    await people.member()
    disabled = await people.member("jiro")
    await Account.filter(id=disabled.account.id).update(disabled_at=people.now)
    await password_login.begin(people.hub, people.visit(), name="first", password="makes the address's row")
    asked = []
    for name in ("taro", "nobody", "jiro"):
        with statements() as seen:
            await password_login.begin(people.hub, people.visit(), name=name, password="wrong password")
        asked.append(seen)
    assert asked[0] == asked[1] == asked[2]
    assert len(asked[0]) > 5


class _Working(Passwords):
    """Verifies as ever, and keeps at which cost."""

    def __init__(self, cost: Cost) -> None:
        super().__init__(cost)
        self.worked: list[Cost | None] = []

    def verify(self, hashed: str, typed: str) -> bool:
        """Verify one hash."""
        self.worked.append(cost_of(hashed))
        return super().verify(hashed, typed)


@pytest.mark.parametrize("imported", [[], [Cost(64, 3, 1)], [Cost(64, 3, 1), Cost(32, 1, 2), Cost(8, 2, 1)]])
async def test_a_wrong_password_takes_the_same_work_for_each_name(people: People, imported: list[Cost]) -> None:
    """Whatever hash an account was imported with, the first and the second time, in a process that ran before."""
    hashing = _Working(Cost(16, 1, 1))
    people.hub.passwords.hashing = hashing
    await people.member()
    disabled = await people.member("jiro")
    await Account.filter(id=disabled.account.id).update(disabled_at=people.now)
    await password_login.begin(people.hub, people.visit(), name="before", password="wrong password")
    for number, cost in enumerate(imported):
        made = await people.member(f"imported{number}")
        await Account.filter(id=made.account.id).update(password_hash=Passwords(cost).hash(PASSWORD))
    worked = set()
    names = ["nobody", *(f"imported{number}" for number in range(len(imported))), "taro", "jiro", "nobody"]
    for name in names:
        hashing.worked.clear()
        outcome = await password_login.begin(people.hub, people.visit(), name=name, password="wrong password")
        assert outcome == Refused(Reason.PASSWORD_WRONG)
        worked.add(tuple(sorted(cost for cost in hashing.worked if cost)))
    assert worked == {tuple(sorted([Cost(16, 1, 1), *imported]))}


@pytest.mark.parametrize(
    "spoilt", ["", "$argon2id$v=19$m=16,t=1,p=1$x$y", f"$argon2id$v=19$m=262144,t=32,p=1${'c' * 11}${'t' * 6}"]
)
async def test_a_hash_that_is_never_right_takes_the_same_work(people: People, spoilt: str) -> None:
    """A row that was spoilt, or asks for too much: as for an unknown name."""
    hashing = _Working(Cost(16, 1, 1))
    people.hub.passwords.hashing = hashing
    member = await people.member()
    await Account.filter(id=member.account.id).update(password_hash=spoilt)
    await password_login.begin(people.hub, people.visit(), name="taro", password="wrong password")
    assert hashing.worked == [Cost(16, 1, 1)]


def _seconds(hashing: Passwords) -> float:
    began = perf_counter()
    hashing.is_right(hashing.nobody, "x")
    return perf_counter() - began


async def test_nobodys_password_is_really_verified(people: People) -> None:
    """A real argon2 run for each name, known or not: medians of interleaved times differ by less than their spread."""
    people.hub.passwords.hashing = Passwords(Cost(19456, 2, 1))
    await people.member()
    times: dict[str, list[float]] = {"taro": [], "nobody": []}
    for _ in range(9):
        for name, taken in times.items():
            began = perf_counter()
            await password_login.begin(people.hub, people.visit(), name=name, password="wrong password")
            taken.append(perf_counter() - began)
            await Throttle.all().delete()
    hashing = people.hub.passwords.hashing
    # The quickest of several: on a busy machine one alone may have had to wait.
    hash_time = min(_seconds(hashing) for _ in range(5))
    assert min(times["nobody"]) > hash_time / 3
    spread = max(quantiles(taken, n=20)[-1] - quantiles(taken, n=20)[0] for taken in times.values())
    assert abs(median(times["taro"]) - median(times["nobody"])) <= max(spread, hash_time / 2)
