"""Whether an account exists is not told: same outcome, same rows, same statements, same hashing."""

from statistics import median, quantiles
from time import perf_counter

from hub import login
from hub.authenticators.password import Cost, Passwords
from hub.outcome import Reason, Refused
from models.account import Account
from models.event import Event
from models.kinds import EventKind
from models.login import Login
from models.throttle import Throttle
from tests.people import People
from tests.statements import statements


async def test_known_and_unknown_accounts_leave_the_same_rows(people: People) -> None:
    """One event and three counts each, refused with the same words; only the operator's audit knows whose it was."""
    member = await people.member()
    before = await Event.all().count()
    for name in (member.name, "nobody"):
        outcome = await login.begin(people.hub, people.visit(), name=name, password="wrong password")
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
    await login.begin(people.hub, people.visit(), name="first", password="makes the address's row")
    asked = []
    for name in ("taro", "nobody", "jiro"):
        with statements() as seen:
            await login.begin(people.hub, people.visit(), name=name, password="wrong password")
        asked.append(seen)
    assert asked[0] == asked[1] == asked[2]
    assert len(asked[0]) > 5


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
            await login.begin(people.hub, people.visit(), name=name, password="wrong password")
            taken.append(perf_counter() - began)
            await Throttle.all().delete()
    hashing = people.hub.passwords.hashing
    # The quickest of several: on a busy machine one alone may have had to wait.
    hash_time = min(_seconds(hashing) for _ in range(5))
    assert min(times["nobody"]) > hash_time / 3
    spread = max(quantiles(taken, n=20)[-1] - quantiles(taken, n=20)[0] for taken in times.values())
    assert abs(median(times["taro"]) - median(times["nobody"])) <= max(spread, hash_time / 2)
