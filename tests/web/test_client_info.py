"""Whose address a request has: what a stranger writes into a header is not believed."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from hub.domain import policy
from models.kinds import Zone
from models.throttle import Throttle
from tests.support.journeys import house_with, log_in
from tests.support.running_hub import House
from web.request.client_info import browser_of, client_address, speaks_for_itself

PROXIES = tuple(ip_network(one) for one in ("127.0.0.1/32", "10.9.0.0/16", "2001:db8:9::/48"))
CAMPUS = tuple(ip_network(one) for one in ("192.0.2.0/24", "2001:db8:1::/48"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # A stranger's word about itself counts for nothing.
        ("203.0.113.7", ["192.0.2.1"], "203.0.113.7"),
        ("203.0.113.7", ["127.0.0.1, 192.0.2.1"], "203.0.113.7"),
        # A trusted proxy's does: the last entry, which it wrote itself.
        ("127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["192.0.2.1, 203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["192.0.2.1", "203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["192.0.2.1,, ,203.0.113.7"], "203.0.113.7"),
        # Chains of trusted proxies are walked back, and no further.
        ("127.0.0.1", ["203.0.113.7, 10.9.0.1"], "203.0.113.7"),
        ("127.0.0.1", ["192.0.2.1, 203.0.113.7, 10.9.0.2, 10.9.0.1"], "203.0.113.7"),
        ("10.9.0.1", ["203.0.113.7, 2001:db8:9::1"], "203.0.113.7"),
        # All trusted: the farthest of them asked itself.
        ("127.0.0.1", ["10.9.0.2, 10.9.0.1"], "10.9.0.2"),
        ("127.0.0.1", [], "127.0.0.1"),
        # Ports, brackets, quotes, zones, and IPv4 in IPv6's clothes.
        ("127.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("127.0.0.1", ["[2001:db8:1::7]:4711"], "2001:db8:1::7"),
        ("127.0.0.1", ["2001:DB8:1:0::7"], "2001:db8:1::7"),
        ("127.0.0.1", ['"[2001:db8:1::7]"'], "2001:db8:1::7"),
        ("127.0.0.1", ["fe80::1%eth0"], "fe80::1"),
        ("127.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("::ffff:127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("::ffff:203.0.113.7", ["192.0.2.1"], "203.0.113.7"),
        # What is no address ends the walk at the hop that was last known.
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7, _hidden, 10.9.0.1"], "10.9.0.1"),
        ("127.0.0.1", ["\udcff\x00"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1" * 1000], "127.0.0.1"),
        (None, ["192.0.2.1"], "0.0.0.0"),
        ("@unix", ["192.0.2.1"], "0.0.0.0"),
    ],
)
def test_the_clients_address(peer: str | None, forwarded: list[str], client: str) -> None:
    """X-Forwarded-For is read from the right, as far as trusted proxies wrote it."""
    assert client_address(peer, forwarded, PROXIES) == client


@pytest.mark.parametrize(
    ("address", "zone"),
    [
        ("192.0.2.255", Zone.ON_CAMPUS),
        ("192.0.3.0", Zone.OFF_CAMPUS),
        ("2001:db8:1:ffff::1", Zone.ON_CAMPUS),
        ("2001:db8:2::1", Zone.OFF_CAMPUS),
        ("0.0.0.0", Zone.OFF_CAMPUS),
    ],
)
def test_the_zone_comes_from_the_address(address: str, zone: Zone) -> None:
    """Networks named as the campus are on campus; everything else, and what is not known, is off."""
    assert policy.zone_of(address, CAMPUS) is zone


@pytest.mark.parametrize(
    ("proxies", "sent", "shown"),
    [
        ("", "10.0.0.1", "127.0.0.1 (off campus)"),
        ("198.51.100.0/24", "10.0.0.1", "127.0.0.1 (off campus)"),
        ("127.0.0.1", "10.0.0.1", "10.0.0.1 (on campus)"),
        ("127.0.0.1", "10.0.0.1, 203.0.113.7", "203.0.113.7 (off campus)"),
        ("127.0.0.1, 198.51.100.0/24", "203.0.113.7, 198.51.100.4", "203.0.113.7 (off campus)"),
        ("127.0.0.1", "[2001:db8:1::7]:4711", "2001:db8:1::7 (on campus)"),
    ],
)
async def test_a_session_has_the_zone_of_its_true_address(
    sqlite_template: Path, tmp_path: Path, proxies: str, sent: str, shown: str
) -> None:
    """A forged header from a peer that is no trusted proxy puts nobody on campus."""
    settings = {"trusted_proxies": proxies, "campus_networks": "10.0.0.0/8, 2001:db8:1::/48"}
    async with house_with(sqlite_template, tmp_path, **settings) as house:
        member = await house.people.member()
        async with house.person(address=sent) as person:
            await log_in(person, member)
            assert shown in person.text


@pytest.mark.parametrize(
    ("proxies", "header", "sent"),
    [
        ("", "X-Forwarded-For", "203.0.113.7"),
        ("", "X-Forwarded-For", "10.0.0.1"),
        ("", "X-Forwarded-For", ""),
        ("", "X-Real-IP", "203.0.113.7"),
        ("", "Forwarded", "for=203.0.113.7"),
        ("127.0.0.1", "X-Real-IP", "203.0.113.7"),
        ("127.0.0.1", "Forwarded", "for=203.0.113.7"),
        ("127.0.0.1", "X-Forwarded-For", "unknown"),
        ("127.0.0.1", "X-Forwarded-For", "203.0.113.7, 10.0.0.9"),
    ],
)
def test_a_proxys_own_address_does_not_count_as_the_clients(proxies: str, header: str, sent: str) -> None:
    """A request that is forwarded for somebody unknown may come from anywhere."""
    trusted = tuple(ip_network(one) for one in proxies.split())
    assert not speaks_for_itself("127.0.0.1", {header: (sent,)}, trusted)
    assert speaks_for_itself("127.0.0.1", {}, trusted)


async def test_a_request_that_an_undeclared_proxy_forwards_is_off_campus(sqlite_template: Path, tmp_path: Path) -> None:
    """Though the proxy's network is the campus; the same peer that asks for itself is on campus."""
    async with house_with(sqlite_template, tmp_path, trusted_proxies="", campus_networks="127.0.0.0/8") as house:
        member = await house.people.member()
        async with house.person(address="203.0.113.7") as person:
            await log_in(person, member)
            assert "127.0.0.1 (off campus)" in person.text
            await person.open("/settings")
            assert (person.status, person.page) == (403, "refused-here")


async def test_enrolment_off_campus_is_not_opened_by_a_header(sqlite_template: Path, tmp_path: Path) -> None:
    """The guide's rule stands: with the matrix card, from off campus, and a header that claims the campus."""
    async with house_with(sqlite_template, tmp_path, trusted_proxies="", campus_networks="10.0.0.0/8") as house:
        member = await house.people.member()
        async with house.person(address="10.0.0.1") as person:
            await log_in(person, member)
            await person.open("/settings")
            assert (person.status, person.page) == (403, "refused-here")


async def test_wrong_passwords_count_by_the_true_address(house_on_sqlite: House) -> None:
    """A stranger's tries slow nobody down who asks from elsewhere, and changing the header's left end helps nobody."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        for number in range(2):
            await person.open("/login/account")
            token = person.token()
            headers = {"X_Forwarded_For": f"198.51.100.{number}, 203.0.113.7"}
            await person.send("/login/account", {"csrf": token, "account": member.name, "password": "wrong"}, **headers)
    counts = await Throttle.filter(subject__startswith="password:").values_list("subject", "wrong")
    assert counts == [(f"password:203.0.113.7:{member.name}", 2)]
    async with house.person(address="10.0.0.1") as person:
        await log_in(person, member)


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("curl/8.0", "curl"),
        ("", ""),
        ("<script>alert(1)</script>", ""),
        ("\udcff\udcfe", ""),
        ("x" * 100_000, "x" * 31),
    ],
)
def test_a_browser_is_named_in_a_few_words(sent: str, named: str) -> None:
    """What goes into rows, pages and mail is one of our own words, or a short plain name."""
    assert browser_of(sent) == named
