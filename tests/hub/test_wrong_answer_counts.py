"""The counts of wrong answers as an operator sees and clears them."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from hub.accounts import accounts, wrong_answer_counts
from hub.domain.errors import RefusedError
from hub.domain.outcomes import Reason, Refused
from hub.login import password_login
from hub.maintenance import gauges
from models.event import Event
from models.kinds import EventKind
from models.session import KnownBrowser
from models.throttle import Throttle
from tests.support.cli import Shell
from tests.support.factory import Member, People


async def _counted(people: People) -> Member:
    """Make counts of every scope that concerns taro, and others that do not."""
    member = await people.member()
    await people.member("hanako")
    number = member.account.id
    await KnownBrowser.create(account_id=number, digest="d" * 64, seen_at=people.now)
    for subject, wrong in (
        ("password:198.51.100.66:taro", 30),
        ("password:2001:db8:1:2::/64:taro", 3),
        ("account:taro", 150),
        (f"browser:{'d' * 64}", 4),
        (f"answer:{number}:matrix", 100),
        (f"known:{number}:soft_token:{'d' * 32}", 5),
        (f"confirm:{number}:one_time_password", 6),
        ("password:198.51.100.66:hanako", 7),
        ("account:hanako", 8),
        ("address:198.51.100.0/24", 300),
        ("address:2001:db8:1::/48", 9),
        ("kiosk:1", 10),
        ("enrol:192.0.2.0/24", 2),
        ("welcome:198.51.100.0/24:1", 0),
    ):
        await people.wronged(subject, wrong)
    return member


@pytest.mark.parametrize(
    ("about", "wrong"),
    [
        ("taro", [150, 100, 30, 6, 5, 4, 3]),
        ("ＴＡＲＯ", [150, 100, 30, 6, 5, 4, 3]),
        ("hanako", [8, 7]),
        ("198.51.100.66", [300, 30, 7]),
        ("198.51.100.7", [300]),
        ("198.51.100.0/24", [300, 30, 7]),
        ("2001:db8:1:2::7", [9, 3]),
        ("2001:db8:1::/48", [9, 3]),
        ("203.0.113.0/24", []),
        ("", [300, 150, 100, 30, 10, 9, 8, 7, 6, 5, 4, 3, 2]),
    ],
)
async def test_counts_are_shown_and_cleared_by_account_and_network(
    people: People, about: str, wrong: list[int]
) -> None:
    """The highest first; cleared are those that were shown and no others, and the audit tells of it."""
    await _counted(people)
    lines = await wrong_answer_counts.shown(about, now=people.now, limit=100)
    assert [line.wrong for line in lines] == wrong
    if not about:
        return
    before = await Throttle.all().count()
    assert await wrong_answer_counts.clear(people.hub, people.visit(), about) == len(wrong)
    assert await Throttle.all().count() == before - len(wrong)
    assert await wrong_answer_counts.shown(about, now=people.now, limit=100) == []
    assert await Event.filter(kind=EventKind.COUNTS_CLEARED).count() == 1


async def test_what_counts_do_is_said(people: People) -> None:
    """Closed, a pause, a budget: in words."""
    await _counted(people)
    lines = await wrong_answer_counts.shown("", now=people.now, limit=100)
    # Of each kind the highest.
    effects = {line.what: line.effect for line in reversed(lines)}
    assert effects["wrong answers with matrix"] == "closed"
    assert effects["wrong passwords from all networks"] == "new browsers take turns, 30 s after each wrong one"
    assert effects["wrong passwords from 198.51.100.66"] == "new browsers take turns, 10 s after each wrong one"
    assert effects["wrong answers from this network"].startswith("over its budget")


async def test_a_name_without_account_and_count_is_refused(people: People) -> None:
    """A typing error is no account without counts."""
    with pytest.raises(RefusedError):
        await wrong_answer_counts.shown("nobody", now=people.now, limit=1)
    await people.wronged("account:nobody", 3)
    assert [line.wrong for line in await wrong_answer_counts.shown("nobody", now=people.now, limit=1)] == [3]


async def test_unlocking_an_account_clears_its_wrong_passwords(people: People) -> None:
    """Of all addresses and over all networks; those of its networks and of others stay."""
    member = await _counted(people)
    await accounts.unlock(people.hub, people.visit(), member.name)
    left = {row.subject for row in await Throttle.all()}
    assert not [one for one in left if one.endswith(":taro")]
    assert {"account:hanako", "password:198.51.100.66:hanako", "address:198.51.100.0/24"} <= left


def test_an_operator_sees_and_clears_counts_by_commands(desk_on_sqlite: Shell) -> None:
    """`account show` and `throttle show` name them, `throttle clear` drops them."""
    desk = desk_on_sqlite
    desk.member("taro")
    at = int((datetime.now(UTC) - timedelta(seconds=1) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
    with sqlite3.connect(desk.folder / "tegata.db") as rows:
        rows.execute("INSERT INTO throttle (subject, wrong, open_at) VALUES ('account:taro', 120, ?)", (at,))
    assert (
        "wrong passwords from all networks: 120; new browsers take turns, 30 s"
        in desk.run("account", "show", "taro").out
    )
    assert "taro  wrong passwords from all networks: 120" in desk.run("throttle", "show", "taro").out
    assert desk.run("throttle", "show", "--json").json[0]["wrong"] == 120
    assert desk.run("throttle", "clear", "taro").out == "taro: 1 count of wrong answers cleared.\n"
    assert desk.run("throttle", "show").out == "There is no count of wrong answers.\n"
    told = desk.run("throttle", "clear", "nobody")
    assert (told.code, told.out) == (1, "")


async def test_wrong_passwords_a_minute_are_measured(people: People) -> None:
    """Of how many names, too; what is older, or of a clock that ran ahead, is left out."""
    now = people.now
    people.hub.tries.note("later", now=now + timedelta(hours=9))
    for name in ("taro", "taro", "nobody"):
        assert await password_login.begin(people.hub, people.visit(), name=name, password="wrong password") == Refused(
            Reason.PASSWORD_WRONG
        )

    async def measured() -> list[float | None]:
        await gauges.look(people.hub, now=people.now)
        names = ("tegata_wrong_passwords_a_minute", "tegata_wrong_password_names_a_minute")
        return [REGISTRY.get_sample_value(name) for name in names]

    assert await measured() == [3, 2]
    people.later(minutes=2)
    assert await measured() == [0, 0]
