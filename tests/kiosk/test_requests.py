"""What a kiosk's requests are heard for: the key, the whole of the request, the time, and once."""

import asyncio
import json
import secrets
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import ED25519
from yarl import URL

from hub.cards import kiosks
from hub.maintenance import jobs
from models.kinds import Zone
from models.kiosk import Kiosk, KioskNonce
from models.session import Session
from reader_kiosk import hub_client
from reader_kiosk.hub_client import Admission, Hello, HubClient, Reason, Refused
from reader_kiosk.identity import Identity
from reader_kiosk.signing import Request
from tests.support.kiosk_hub import Counter, Proof, go_in
from tests.support.kiosk_hub import enrolled as enrolled_at
from tests.support.running_hub import House


@dataclass
class Forged:
    """A request to /kiosk/hello, to be spoilt before or after it is signed."""

    counter: Counter
    body: bytes = b"{}"
    path: str = "/kiosk/hello"
    origin: str = ""
    tag: str = "tegata-kiosk-1"
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    key_id: str = ""
    key: Ed25519PrivateKey | None = None
    covered: tuple[str, ...] = ("@method", "@authority", "@path")
    signs_body: bool = True
    ahead: timedelta = timedelta()
    expires: timedelta | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def sign(self) -> "Forged":
        """Sign it."""
        identity = self.counter.identity
        key_id, key = self.key_id or identity.kiosk_id, self.key or identity.key
        request = Request("POST", f"{self.origin or self.counter.house.url}{self.path}", dict(self.headers))
        HTTPMessageSigner(
            signature_algorithm=ED25519, key_resolver=MappingKeyResolver(public_keys={}, private_keys={key_id: key})
        ).sign(
            request,
            key_id=key_id,
            created=self.counter.house.clock() + self.ahead,
            expires=self.counter.house.clock() + self.expires if self.expires else None,
            nonce=self.nonce,
            label="kiosk",
            tag=self.tag,
            covered_component_ids=self.covered,
            body=self.body if self.signs_body else None,
        )
        self.headers = request.headers
        return self

    async def send(self, path: str = "/kiosk/hello", body: bytes | None = None) -> tuple[int, dict[str, Any]]:
        """Send it, somewhere else or with another body if asked to."""
        headers = {"Content-Type": "application/json", **self.headers}
        url = self.counter.house.url + path
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, data=self.body if body is None else body, headers=headers) as answer,
        ):
            return answer.status, json.loads(await answer.text())


async def test_a_rightly_signed_request_is_heard(counter_on_sqlite: Counter) -> None:
    """What the tests below spoil is heard as it is."""
    status, told = await Forged(counter_on_sqlite).sign().send()
    assert (status, told["name"], told["zone"]) == (200, "Library", "on-campus")


SPOILT: dict[str, Callable[[Forged], object]] = {
    "another key": lambda one: setattr(one, "key", Ed25519PrivateKey.generate()),
    "another hub": lambda one: setattr(one, "origin", "https://elsewhere.test"),
    "another path": lambda one: setattr(one, "path", "/kiosk/end"),
    "another purpose": lambda one: setattr(one, "tag", "tegata-kiosk-2"),
    "the method not covered": lambda one: setattr(one, "covered", ("@authority", "@path")),
    "the authority not covered": lambda one: setattr(one, "covered", ("@method", "@path")),
    "the path not covered": lambda one: setattr(one, "covered", ("@method", "@authority")),
    "the body not covered": lambda one: setattr(one, "signs_body", False),
}


@pytest.mark.parametrize("spoilt", SPOILT)
async def test_what_the_key_has_not_signed_whole_is_refused(counter_on_sqlite: Counter, spoilt: str) -> None:
    """Another key, hub, path or purpose, or a signature that leaves a part out."""
    request = Forged(counter_on_sqlite)
    SPOILT[spoilt](request)
    assert await request.sign().send() == (401, {"refused": "signature"})
    assert not await KioskNonce.exists()


async def test_which_hub_was_meant_is_not_read_from_the_request(
    counter_on_sqlite: Counter,
) -> None:
    """A proxy may change `Host`; and a request to another hub is none to us, whatever `Host` it comes with."""
    ours, theirs = Forged(counter_on_sqlite).sign(), Forged(counter_on_sqlite, origin="http://elsewhere.test").sign()
    for request in (ours, theirs):
        request.headers["Host"] = "elsewhere.test"
    assert (await ours.send())[0] == 200
    assert await theirs.send() == (401, {"refused": "signature"})


async def test_a_body_changed_on_the_way_is_refused(counter_on_sqlite: Counter) -> None:
    """The digest is signed, so another body is none of the kiosk's; nor is one whose digest was changed with it."""
    assert await Forged(counter_on_sqlite).sign().send(body=b'{"a":1}') == (401, {"refused": "signature"})
    swapped = Forged(counter_on_sqlite).sign()
    other = Forged(counter_on_sqlite, body=b'{"a":1}').sign()
    swapped.headers["Content-Digest"] = other.headers["Content-Digest"]
    assert await swapped.send(body=b'{"a":1}') == (401, {"refused": "signature"})


@pytest.mark.parametrize(
    "headers", [{}, {"Signature-Input": "x", "Signature": "y"}, {"Signature-Input": 'a=();keyid="b"'}]
)
async def test_a_request_without_a_signature_is_nobodys(counter_on_sqlite: Counter, headers: dict[str, str]) -> None:
    """No signature, or garbage in its place: no kiosk is known by it, and nothing breaks."""
    assert await Forged(counter_on_sqlite, headers=headers).send() == (401, {"refused": "kiosk-unknown"})


async def test_garbage_beside_a_known_kiosks_name_is_no_signature(counter_on_sqlite: Counter) -> None:
    """The name alone opens nothing."""
    named = {"Signature-Input": f'kiosk=();keyid="{counter_on_sqlite.identity.kiosk_id}"', "Signature": "kiosk=:AA==:"}
    assert await Forged(counter_on_sqlite, headers=named).send() == (401, {"refused": "signature"})


async def test_a_kiosk_that_was_only_added_is_unknown(counter_on_sqlite: Counter) -> None:
    """Before its enrolment there is no key that could sign for it."""
    counter = counter_on_sqlite
    await kiosks.add(counter.house.hub, counter.house.people.visit(), name="Gym", zone=Zone.ON_CAMPUS)
    handle = (await Kiosk.get(name="Gym")).handle
    assert await Forged(counter, key_id=handle).sign().send() == (401, {"refused": "kiosk-unknown"})


async def test_a_request_is_heard_once(counter: Counter) -> None:
    """The same request again is refused as replayed, at once and for as long as its time would do."""
    request = Forged(counter).sign()
    assert (await request.send())[0] == 200
    assert await request.send() == (401, {"refused": "replayed"})
    counter.house.clock.later(seconds=55)
    assert await request.send() == (401, {"refused": "replayed"})


async def test_a_nonce_is_remembered_for_as_long_as_its_request_would_be_taken(counter: Counter) -> None:
    """One from a clock that is ahead is taken for nearly two minutes; the upkeep drops its nonce only after that."""
    request = Forged(counter, ahead=timedelta(seconds=55)).sign()
    assert (await request.send())[0] == 200
    for _ in range(2):
        counter.house.clock.later(seconds=55)
        await jobs.prune(counter.house.hub, counter.house.clock())
        assert await request.send() == (401, {"refused": "replayed"})
    counter.house.clock.later(seconds=8)
    await jobs.prune(counter.house.hub, counter.house.clock())
    assert (await request.send())[1]["refused"] == "clock"
    assert not await KioskNonce.exists()


async def test_a_nonce_is_only_its_kiosks_own(counter_on_sqlite: Counter) -> None:
    """Two kiosks may draw the same nonce; neither keeps the other from being heard."""
    other = await counter_on_sqlite.another()
    nonce = secrets.token_urlsafe(16)
    assert (await Forged(counter_on_sqlite, nonce=nonce).sign().send())[0] == 200
    theirs = Forged(counter_on_sqlite, nonce=nonce, key_id=other.kiosk_id, key=other._identity.key)
    assert (await theirs.sign().send())[0] == 200


@pytest.mark.parametrize(("ahead", "status"), [(-61, 401), (-58, 200), (58, 200), (61, 401)])
async def test_the_kiosks_clock_may_be_off_by_a_minute(counter_on_sqlite: Counter, ahead: int, status: int) -> None:
    """Sixty seconds either way are borne."""
    assert (await Forged(counter_on_sqlite, ahead=timedelta(seconds=ahead)).sign().send())[0] == status


@pytest.mark.parametrize("path", ["/kiosk/hello?x=1", "/kiosk//hello", "/kiosk/%68ello", "/kiosk/./hello"])
async def test_a_path_that_is_not_the_canonical_one_is_refused(counter_on_sqlite: Counter, path: str) -> None:
    """A query stands under no signature, and another spelling of a path is another path."""
    counter = counter_on_sqlite
    request = Forged(counter, path=path).sign()
    url = URL(f"{counter.house.url}{path}", encoded=True)
    headers = {**request.headers, "Content-Type": "application/json"}
    async with counter.client._http.post(url, data=request.body, headers=headers) as answer:
        assert answer.status in {401, 403, 404}
    assert not await KioskNonce.exists()


@pytest.mark.parametrize(("ahead", "status"), [(-100, 401), (-1, 401), (30, 200)])
async def test_an_expired_signature_is_refused(counter_on_sqlite: Counter, ahead: int, status: int) -> None:
    """A kiosk may say until when its signature is good."""
    request = Forged(counter_on_sqlite, expires=timedelta(seconds=ahead))
    assert (await request.sign().send())[0] == status


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_off_by_an_hour_is_told_the_time(counter_on_sqlite: Counter, hours: int) -> None:
    """The refusal says `clock` and what time it is here, so that the kiosk's screen can say by how much."""
    counter = counter_on_sqlite
    wrong = HubClient(counter.client._http, counter.identity, lambda: counter.house.clock() + timedelta(hours=hours))
    told = await wrong.hello()
    assert isinstance(told, Refused)
    assert told.reason is Reason.CLOCK
    assert abs(told.hub_time - counter.house.clock().timestamp()) < 5


async def test_only_the_keys_holder_learns_the_time(counter_on_sqlite: Counter) -> None:
    """A stranger with a wrong clock is told that the signature is wrong, and no more."""
    stranger = Forged(counter_on_sqlite, key=Ed25519PrivateKey.generate(), ahead=timedelta(hours=1))
    assert await stranger.sign().send() == (401, {"refused": "signature"})


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/kiosk/begin", b"{}", "certificate"),
        ("/kiosk/begin", b'{"certificate": "***"}', "certificate"),
        ("/kiosk/begin", b"[]", "body"),
        ("/kiosk/begin", b"{", "body"),
        ("/kiosk/begin", b'{"certificate": 1}', "certificate"),
        ("/kiosk/end", b'{"login_id": "a b"}', "login_id"),
        ("/kiosk/end", b'{"login_id": ""}', "login_id"),
        ("/kiosk/name", b'{"uid": "xyz", "browser": "' + b"A" * 43 + b'", "return_url": "http://127.0.0.1/"}', "uid"),
        ("/kiosk/hello", b'{"a": "' + b"a" * 17_000 + b'"}', "body"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_its_field(
    counter_on_sqlite: Counter, path: str, body: bytes, field: str
) -> None:
    """A body that is not what the protocol says: 422, and which part of it."""
    request = Forged(counter_on_sqlite, path=path, body=body).sign()
    assert await request.send(path, body) == (422, {"refused": "malformed", "field": field})


@pytest.mark.parametrize(
    "return_url",
    [
        "https://evil.test/",
        "http://evil.test/",
        "http://127.0.0.1@evil.test/",
        "http://127.0.0.1\\@evil.test/",
        "//x",
        "",
    ],
)
async def test_the_way_back_leads_to_this_machine_alone(counter_on_sqlite: Counter, return_url: str) -> None:
    """`return_url` becomes a link on our pages, so it is a loopback address or refused, before the try is spent."""
    counter = counter_on_sqlite
    member = await counter.house.people.member()
    card = counter.issuer.card()
    await counter.bound(member, card)
    begun = await counter.begun(card)
    assert await counter.answered(card, begun, proof=Proof(), return_url=return_url) == Refused(Reason.MALFORMED)
    assert not isinstance(await counter.answered(card, begun, proof=Proof()), Refused)


async def test_a_code_enrols_one_kiosk_once(counter: Counter) -> None:
    """The code works as it is read aloud: no hyphens, small letters; and never again."""
    house, http = counter.house, counter.client._http
    added = await kiosks.add(house.hub, house.people.visit(), name="Gym", zone=Zone.OFF_CAMPUS)
    spoken = added.code.replace("-", " ").lower()
    identity = await hub_client.enrol(http, house.url, spoken, now=house.clock())
    assert isinstance(identity, Identity)
    assert (identity.name, identity.zone) == ("Gym", "off-campus")
    assert isinstance(await HubClient(http, identity, house.clock).hello(), Hello)
    assert await hub_client.enrol(http, house.url, added.code, now=house.clock()) == Refused(Reason.CODE_WRONG)


async def test_a_code_that_is_wrong_or_a_day_old_enrols_nobody(counter_on_sqlite: Counter) -> None:
    """It lives 24 hours; a guess is refused alike."""
    house, http = counter_on_sqlite.house, counter_on_sqlite.client._http
    added = await kiosks.add(house.hub, house.people.visit(), name="Gym", zone=Zone.ON_CAMPUS)
    assert await hub_client.enrol(http, house.url, "ABCD", now=house.clock()) == Refused(Reason.CODE_WRONG)
    house.clock.later(hours=24, seconds=1)
    assert await hub_client.enrol(http, house.url, added.code, now=house.clock()) == Refused(Reason.CODE_WRONG)


async def test_guessing_codes_is_counted_by_address(counter_on_sqlite: Counter) -> None:
    """After ten wrong ones in a row the right one has to wait as well; its wait is told."""
    house, http = counter_on_sqlite.house, counter_on_sqlite.client._http
    added = await kiosks.add(house.hub, house.people.visit(), name="Gym", zone=Zone.ON_CAMPUS)
    for _ in range(10):
        assert await hub_client.enrol(http, house.url, "ABCD", now=house.clock()) == Refused(Reason.CODE_WRONG)
    told = await hub_client.enrol(http, house.url, added.code, now=house.clock())
    assert told == Refused(Reason.THROTTLED, retry_after=2)
    house.clock.later(seconds=3)
    assert isinstance(await hub_client.enrol(http, house.url, added.code, now=house.clock()), Identity)


async def test_a_key_is_registered_only_by_who_holds_it(counter_on_sqlite: Counter) -> None:
    """A code with somebody else's key is refused, and stays good."""
    counter, mine = counter_on_sqlite, Ed25519PrivateKey.generate()
    added = await kiosks.add(counter.house.hub, counter.house.people.visit(), name="Gym", zone=Zone.ON_CAMPUS)
    said = {"code": added.code, "public_key": b64encode(counter.identity.key.public_key().public_bytes_raw()).decode()}
    request = Forged(counter, path="/kiosk/enrol", body=json.dumps(said).encode(), key_id="enrol", key=mine).sign()
    assert await request.send("/kiosk/enrol") == (401, {"refused": "signature"})
    assert (await Kiosk.get(name="Gym")).enrolled_at is None


async def test_a_revoked_kiosk_is_heard_no_more_and_its_sessions_end(counter: Counter) -> None:
    """At once: the member's browser there is out, a code not used yet is dead, and other kiosks go on."""
    house = counter.house
    member, other = await house.people.member(), await counter.another()
    card = counter.issuer.card()
    await counter.bound(member, card)
    proof = Proof()
    async with house.person() as person, house.person() as late:
        await counter.log_in(person, card)
        assert await kiosks.revoke(house.hub, house.people.visit(), "library") == 1
        await person.open("/portal")
        assert person.page == "login"
        assert await counter.client.hello() == Refused(Reason.KIOSK_REVOKED)
        begun = await other.begin(card.der)
        admission = await counter.answered(card, begun, proof=proof, client=other)
        assert await kiosks.revoke(house.hub, house.people.visit(), "Second") == 0
        await go_in(late, admission, proof)
        assert late.page == "kiosk-over"
    assert not await Session.filter(ended_at=None).exists()


async def test_a_name_is_one_kiosks_until_it_is_revoked(counter_on_sqlite: Counter) -> None:
    """A second one of the same name, in whatever spelling, is refused; afterwards the name is free."""
    house = counter_on_sqlite.house
    with pytest.raises(Exception, match="there is a kiosk of this name"):
        await kiosks.add(house.hub, house.people.visit(), name=" LIBRARY ", zone=Zone.ON_CAMPUS)
    await kiosks.revoke(house.hub, house.people.visit(), "Library")
    identity = await enrolled_at(house, counter_on_sqlite.client._http, "Library")
    assert identity.kiosk_id != counter_on_sqlite.identity.kiosk_id


async def test_a_kiosk_that_goes_away_in_mid_request_is_no_trouble_of_the_hub(
    house_on_sqlite: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a body and no more: nothing is logged as if the database were gone, and nobody is told."""
    at = urlsplit(house_on_sqlite.url)
    head = "POST /kiosk/enrol HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    _, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(head.encode())
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.transport.abort()
    await asyncio.sleep(0.2)
    assert "kiosk.unavailable" not in capsys.readouterr().out


async def test_a_kiosk_that_was_killed_ends_its_sessions_with_its_next_hello(counter: Counter) -> None:
    """It greets when nobody is there: what was open at this kiosk is over, and nothing at another one."""
    issued = counter.issuer.card()
    await counter.bound(await counter.house.people.member(), issued)
    proof = Proof()
    admission = await counter.answered(issued, await counter.begun(issued), proof=proof)
    assert isinstance(admission, Admission)
    async with counter.house.person() as person:
        await go_in(person, admission, proof)
        assert person.page == "portal"
        assert not isinstance(await counter.client.hello(), Refused)
        await person.open("/portal")
        assert person.page == "login"
