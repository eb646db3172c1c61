"""A kiosk's key: made on it, registered with a code, readable by nobody else, and what is signed with it."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageVerifier, InvalidSignature, MappingKeyResolver
from http_message_signatures.algorithms import ED25519

from reader_kiosk import identity, settings
from reader_kiosk.errors import HubUnreachableError, KioskError
from reader_kiosk.hub_client import HubClient, Reason, Refused, hub_origin, line
from reader_kiosk.signing import Request, card_message, sign
from tests.support.fake_hub import CODE, COVERED, played_hub
from tests.support.kiosk_process import enrolled
from tests.support.paths import ROOT


async def typed(folder: Path, *words: str, given: str = "", **variables: str) -> tuple[int, str]:
    """Type a command of the kiosk's; gives how it ended and all it wrote."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KIOSK_")}
    environment = {**kept, "KIOSK_FOLDER": str(folder), **variables}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "reader_kiosk", *words), stdin=-1, stdout=-1, stderr=-2, env=environment, cwd=ROOT
    )
    told, _ = await asyncio.wait_for(process.communicate(given.encode()), 20)
    assert b"Traceback" not in told, told.decode()
    assert process.returncode is not None
    return process.returncode, told.decode()


async def test_a_kiosk_is_enrolled_with_a_code_over_https(tmp_path):
    """The key is made here, nobody else can read it, the hub gets its public half and takes what is signed."""
    folder, certificate = tmp_path / "kiosk", tmp_path / "hub.security.pem"
    async with played_hub(certificate=certificate) as house:
        code, told = await typed(folder, "enrol", house.hub.url, CODE, KIOSK_HUB_CA=str(certificate))
        assert (code, told) == (0, f"Enrolled at {house.hub.url} as 図書館1階 (on-campus).\n")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {one.stat().st_mode & 0o777 for one in folder.iterdir()} == {0o600}
        kept = identity.load(folder)
        assert kept.key.public_key() == house.hub.kiosks[kept.kiosk_id]
        assert kept.key.private_bytes_raw().hex() not in repr(kept)
        assert set(house.hub.said[0]) == {"code", "public_key"}
        async with line(certificate) as http:
            told = await HubClient(http, kept, lambda: datetime.now(UTC)).hello()
        assert not isinstance(told, Refused)


async def test_the_code_can_come_from_the_input(tmp_path):
    """So that it stands in no list of processes."""
    async with played_hub() as house:
        code, _ = await typed(tmp_path / "kiosk", "enrol", house.hub.url, "-", given=f"{CODE}\n")
    assert code == 0


@pytest.mark.parametrize(
    ("code", "later", "said"),
    [("ZZZZ-0000", 0, "wrong, used or too old"), (CODE, 2, "clock is off"), (CODE, -2, "clock is off")],
)
async def test_an_enrolment_that_fails_says_why_and_keeps_nothing(tmp_path, code, later, said):
    """A wrong code, a clock that is off either way."""
    async with played_hub() as house:
        house.hub.later = timedelta(hours=later)
        ended, told = await typed(tmp_path / "kiosk", "enrol", house.hub.url, code)
    assert ended == 1
    assert said in told
    assert not list((tmp_path / "kiosk").iterdir())


async def test_no_code_is_spent_where_no_key_can_be_kept(tmp_path):
    """A folder that only root may write to is found out before the hub is asked."""
    (tmp_path / "file").touch()
    async with played_hub() as house:
        ended, told = await typed(tmp_path / "file" / "kiosk", "enrol", house.hub.url, CODE)
        assert (ended, house.hub.asked) == (1, [])
    assert "can't be kept there (Not a directory)" in told


@pytest.mark.parametrize("url", ["http://portal.example", "ftp://portal.example", "https://a@b", "https://a/path", ""])
async def test_a_hub_is_reached_over_https_only(tmp_path, url):
    """Plain HTTP is for a hub on this very machine."""
    ended, told = await typed(tmp_path, "enrol", url, CODE)
    assert ended == 1
    assert "https://" in told


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("portal.example", "https://portal.example"),
        ("https://Portal.example:8443/", "https://portal.example:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://portal.example:443", "https://portal.example"),
        ("ポータル.example", "https://xn--5ckzcybvd.example"),
        ("https://Bücher.example/", "https://xn--bcher-kva.example"),
    ],
)
def test_a_hub_is_named_by_its_origin(url, origin):
    """However it was typed."""
    assert hub_origin(url) == origin


async def test_a_hub_that_is_not_there_is_named(tmp_path):
    """And so is one whose certificate nobody vouches for."""
    ended, told = await typed(tmp_path, "enrol", "http://127.0.0.1:9", CODE)
    assert (ended, "can't be reached" in told) == (1, True)
    async with played_hub(certificate=tmp_path / "hub.security.pem") as house:
        ended, told = await typed(tmp_path, "enrol", house.hub.url, CODE)
        assert (ended, "can't be reached" in told) == (1, True)
        assert not house.hub.asked


@pytest.mark.parametrize("name", ["smartcard", "http_message_signatures"])
async def test_a_machine_without_what_reads_cards_says_what_to_install(tmp_path, name):
    """The rest of the program is installed without it."""
    code = f"import sys; sys.modules['{name}'] = None; from reader_kiosk.commands import main; main([])"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=-1, stderr=-2, cwd=ROOT)
    told, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert b"pip install '.[kiosk]'" in told
    assert b"Traceback" not in told


async def test_a_kiosk_that_is_not_enrolled_says_what_to_type(tmp_path):
    """Not a traceback."""
    ended, told = await typed(tmp_path)
    assert ended == 1
    assert "python -m reader_kiosk enrol HUB_URL CODE" in told


def test_a_key_that_others_can_read_is_not_used(tmp_path):
    """It may have been copied."""
    made = identity.Identity("https://hub", "k", "n", "on-campus", Ed25519PrivateKey.generate())
    identity.save(tmp_path, made)
    (tmp_path / "key.pem").chmod(0o640)
    with pytest.raises(KioskError, match="chmod 600"):
        identity.load(tmp_path)


@pytest.mark.parametrize(("file", "content"), [("kiosk.json", "{}"), ("kiosk.json", "["), ("key.pem", "no key")])
def test_an_identity_that_is_broken_says_so(tmp_path, file, content):
    """Half a file is no identity."""
    made = identity.Identity("https://hub", "k", "n", "on-campus", Ed25519PrivateKey.generate())
    identity.save(tmp_path, made)
    (tmp_path / file).write_text(content)
    with pytest.raises(KioskError, match="enrol it again"):
        identity.load(tmp_path)


def signed(body: bytes = b"{}") -> tuple[Request, Ed25519PrivateKey]:
    """Sign a request."""
    key = Ed25519PrivateKey.generate()
    request = Request("POST", "https://portal.example/kiosk/begin", {"Content-Type": "application/json"})
    sign(request, body, "kiosk-1", key, now=datetime.now(UTC), nonce="n")
    return request, key


def verified(request: Request, key: Ed25519PrivateKey, body: bytes = b"{}") -> str | None:
    """Verify a request as the protocol says."""
    resolver = MappingKeyResolver(public_keys={"kiosk-1": key.public_key()}, private_keys={})
    verifier = HTTPMessageVerifier(signature_algorithm=ED25519, key_resolver=resolver)
    (found,) = verifier.verify(request, expect_tag="tegata-kiosk-1", require_components=COVERED, body=body)
    return found.nonce


def test_a_signed_request_is_verified_whole():
    """Method, place, body, time and nonce are covered, and all of it is right."""
    request, key = signed()
    assert verified(request, key) == "n"
    assert request.headers["Signature-Input"].startswith("kiosk=(")


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "GET"},
        {"url": "https://portal.example/kiosk/end"},
        {"url": "https://elsewhere.example/kiosk/begin"},
        {"body": b'{"a": 1}'},
    ],
)
def test_nothing_of_a_signed_request_can_be_changed(changed):
    """Another method, place, hub or body: the signature is none."""
    request, key = signed()
    other = Request(changed.get("method", "POST"), changed.get("url", request.url), dict(request.headers))
    with pytest.raises(InvalidSignature):
        verified(other, key, changed.get("body", b"{}"))


@pytest.mark.parametrize(("old", "new"), [('nonce="n"', 'nonce="m"'), ("created=1", "created=2")])
def test_neither_nonce_nor_time_can_be_changed(old, new):
    """A request can't be made fresh again."""
    request, key = signed()
    request.headers["Signature-Input"] = request.headers["Signature-Input"].replace(old, new)
    assert new in request.headers["Signature-Input"]
    with pytest.raises(InvalidSignature):
        verified(request, key)


def test_what_a_card_signs_is_bound_to_purpose_kiosk_and_login():
    """As the protocol writes it."""
    assert card_message("k1", "l1", bytes(2)) == b"tegata card login 1\x00k1\x00l1\x00\x00\x00"


async def test_a_request_is_not_taken_twice(tmp_path):
    """Two requests in the same second differ by their nonce, so both are taken."""
    async with played_hub() as house, line(None) as http:
        client = HubClient(http, enrolled(house.hub), lambda: datetime(2026, 11, 25, tzinfo=UTC))
        house.hub.later = datetime(2026, 11, 25, tzinfo=UTC) - datetime.now(UTC)
        for _ in range(3):
            assert not isinstance(await client.hello(), Refused)


async def test_a_kiosk_that_the_hub_does_not_know_is_told(tmp_path):
    """Its key opens nothing."""
    async with played_hub() as house, line(None) as http:
        made = enrolled(house.hub)
        house.hub.kiosks.clear()
        told = await HubClient(http, made, lambda: datetime.now(UTC)).hello()
        assert told == Refused(Reason.SIGNATURE)


async def test_a_redirect_is_not_followed(tmp_path):
    """What is signed for one place goes to no other."""
    async with played_hub() as house, line(None) as http:
        house.hub.garbage["hello"] = (307, "/kiosk/end")
        with pytest.raises(HubUnreachableError):
            await HubClient(http, enrolled(house.hub), lambda: datetime.now(UTC)).hello()
        assert house.hub.asked == ["hello"]


def test_what_is_set_is_read():
    """All of it."""
    made = settings.read(
        {
            "KIOSK_LISTEN": "127.0.0.2:9000",
            "KIOSK_LANGUAGE": "en",
            "KIOSK_BROWSER": "firefox '--a b'",
            "KIOSK_IDLE_AFTER": "30",
            "KIOSK_FRAMED_BY": "http://127.0.0.1:8080 http://127.0.0.1:8085",
            "HOME": "/root",
        }
    )
    assert made.origin == "http://127.0.0.2:9000"
    assert made.browser == ("firefox", "--a b")
    assert made.idle_after == timedelta(seconds=30)
    assert made.framed_by == ("http://127.0.0.1:8080", "http://127.0.0.1:8085")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN", "0.0.0.0:8655"),
        ("LISTEN", "192.168.1.2:8655"),
        ("LISTEN", "127.0.0.1"),
        ("LISTEN", "127.0.0.1:99999"),
        ("LISTEN", "localhost:8655"),
        ("FRAMED_BY", "https://elsewhere.example"),
        ("FRAMED_BY", "http://192.168.1.2:8080"),
        ("LANGUAGE", "fr"),
        ("BROWSER", "'"),
        ("IDLE_AFTER", "0"),
        ("IDLE_AFTER", "soon"),
        ("REMIND_AFTER", "nan"),
        ("IDEL_AFTER", "60"),
    ],
)
def test_what_can_not_be_set_is_named(name, value):
    """A page that other machines reach, a language nobody wrote, a number that is none, a name that is misspelt."""
    with pytest.raises(KioskError, match=f"KIOSK_{name}"):
        settings.read({f"KIOSK_{name}": value})


def test_the_identity_is_written_whole(tmp_path):
    """Enrolled again: the new one is there, nothing of the old, no half file."""
    for name in ("one", "two"):
        identity.save(tmp_path, identity.Identity("https://hub", name, "n", "on-campus", Ed25519PrivateKey.generate()))
    assert json.loads((tmp_path / "kiosk.json").read_text())["kiosk_id"] == "two"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["key.pem", "kiosk.json"]
