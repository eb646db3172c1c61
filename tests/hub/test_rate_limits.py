"""PURE: the soft lock's table, who counts together, and when a count fades."""

from datetime import timedelta

import pytest

from hub.security.rate_limits import (
    ACCOUNTS,
    ADDRESSES,
    ANSWERS,
    BROWSERS,
    CONFIRMATIONS,
    LIVES,
    PASSWORDS,
    Closed,
    Pace,
    Scope,
    Wait,
    bucket,
    budgets,
    delay,
    hindrance,
    pause,
    standing,
)
from models.throttle import Throttle
from tests.support.factory import START


@pytest.mark.parametrize(
    ("pace", "wrong", "seconds"),
    [
        *((ANSWERS, wrong, seconds) for wrong, seconds in ((0, 0), (1, 1), (2, 1), (3, 3), (8, 3), (9, 5))),
        *((ANSWERS, wrong, seconds) for wrong, seconds in ((24, 5), (25, 10), (99, 10), (1000, 10))),
        *((CONFIRMATIONS, wrong, seconds) for wrong, seconds in ((0, 0), (1, 1), (3, 3), (9, 5), (25, 10))),
        *((BROWSERS, wrong, seconds) for wrong, seconds in ((1, 0), (9, 0), (10, 2), (25, 10), (50, 30))),
        *((PASSWORDS, wrong, 0) for wrong in (1, 50, 1000)),
        *((ADDRESSES, wrong, 0) for wrong in (1, 199, 200, 1000)),
        *((ACCOUNTS, wrong, seconds) for wrong, seconds in ((99, 0), (100, 30), (200, 120), (300, 600), (10**6, 600))),
    ],
)
def test_the_waits_are_those_of_the_table(pace: Pace, wrong: int, seconds: float) -> None:
    """After so many wrong ones in a row, so long."""
    assert delay(pace, wrong) == timedelta(seconds=seconds)


def _row(wrong: int, **open_in: float) -> Throttle:
    return Throttle(subject="x", wrong=wrong, open_at=START + timedelta(**open_in))


@pytest.mark.parametrize(
    ("pace", "row", "stop"),
    [
        (ANSWERS, None, None),
        (ANSWERS, _row(1, seconds=1), Wait(timedelta(seconds=1))),
        (ANSWERS, _row(1), None),
        (ANSWERS, _row(99, seconds=-1), None),
        (ANSWERS, _row(100, days=-300), Closed()),
        (PASSWORDS, _row(1000), None),
        (BROWSERS, _row(50, seconds=30), Wait(timedelta(seconds=30))),
        (CONFIRMATIONS, _row(100), Wait(timedelta(days=1))),
        (CONFIRMATIONS, _row(100, days=-1), None),
        (ADDRESSES, _row(10**6), None),
        (PASSWORDS, _row(1, hours=9), None),
        (PASSWORDS, _row(50, hours=9), None),
        (ANSWERS, _row(25, hours=2), None),
    ],
)
def test_what_stands_against_the_next_try(pace: Pace, row: Throttle | None, stop: Wait | Closed | None) -> None:
    """A kind of login stays closed; passwords and confirmations fade; an address alone is never closed."""
    assert hindrance(pace, row, START) == stop


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("203.0.113.255", "203.0.113.0/24"),
        ("203.0.114.7", "203.0.114.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("", ""),
        ("x" * 500, "x" * 45),
    ],
)
def test_addresses_count_with_their_network(address: str, network: str) -> None:
    """A /24, or a /64: what one subscriber has."""
    assert bucket(address) == network


@pytest.mark.parametrize("is_one_address", [True, False])
def test_an_account_bears_about_two_hundred_tries_an_hour(is_one_address: bool) -> None:
    """Not a thousand, from one address or from many: what each wrong one keeps its queue adds up."""
    tries, spent = 0, timedelta()
    while spent < timedelta(hours=1):
        tries += 1
        spent += max(delay(ACCOUNTS, tries), pause(tries) if is_one_address else timedelta())
    assert tries < 210


@pytest.mark.parametrize(("seconds", "left"), [(0, 300), (4, 300), (5, 299), (500, 200), (1500, 0), (10**7, 0)])
def test_a_networks_count_goes_down_by_itself(seconds: int, left: int) -> None:
    """One every five seconds, whoever mistypes there meanwhile."""
    assert standing(ADDRESSES, _row(300), START + timedelta(seconds=seconds)) == left


@pytest.mark.parametrize(("pace", "left"), [(ADDRESSES, 0), (ACCOUNTS, 0), (PASSWORDS, 0), (ANSWERS, 40)])
def test_a_count_of_a_clock_that_ran_ahead_does_not_stand_for_hours(pace: Pace, left: int) -> None:
    """Where it would go down by itself it is over; a kind's count is kept, and hinders no member."""
    ahead = _row(40, hours=9)
    assert standing(pace, ahead, START) == left
    assert hindrance(pace, ahead, START) is None


def test_clocks_that_differ_by_a_minute_lose_no_count() -> None:
    """Two hubs' clocks are never quite the same: what the other wrote counts and holds back here as well."""
    assert standing(ADDRESSES, _row(40, minutes=1), START) == 40
    assert hindrance(ANSWERS, _row(30, seconds=70), START) == Wait(timedelta(seconds=70))


def test_every_scope_has_a_life() -> None:
    """What is counted is forgotten one day."""
    assert set(LIVES) == set(Scope)
    assert all(life > timedelta() for life in LIVES.values())


@pytest.mark.parametrize(
    ("address", "networks"),
    [
        ("203.0.113.7", {"address:203.0.113.0/24": 200}),
        (
            "2001:db8:1:203::7",
            {"address:2001:db8:1:203::/64": 200, "address:2001:db8:1:200::/56": 400, "address:2001:db8:1::/48": 1000},
        ),
        ("nowhere", {"address:nowhere": 200}),
    ],
)
def test_an_address_counts_with_each_of_its_networks(address: str, networks: dict[str, int]) -> None:
    """IPv6 counts wider, too: a subscriber may have a /56, or a /48."""
    assert dict(budgets(address)) == networks
