"""The key ring: values that open only in their own row, rotation that loses nothing, and a file that is whole."""

import json
from pathlib import Path

import pytest

from hub.contacts import confirmation
from hub.context import Hub
from hub.domain.errors import KeyRingError, TamperedError
from hub.domain.outcomes import Admitted, Asked, BySoftToken, Confirmed
from hub.login import password_login
from hub.maintenance import jobs
from hub.security import keyring
from hub.security.keyring import KeyRing
from hub.sessions import sessions
from hub.verification import matrix_cards, soft_tokens
from models.authenticator import MatrixCard, SoftToken
from tests.support.factory import START, People
from tests.support.second_hub import other_hub


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return keyring.create(tmp_path / "ring.json", now=START)


def test_a_sealed_value_opens_under_its_own_identity_only(ring: KeyRing) -> None:
    """AES-GCM with the row's identity as associated data: another row, or one bit changed, is refused."""
    sealed = ring.seal(b"secret", identity="soft-token/1/a")
    assert ring.unseal(sealed, identity="soft-token/1/a") == b"secret"
    assert b"secret" not in sealed
    for identity in ("soft-token/2/a", "soft-token/1/b", ""):
        with pytest.raises(TamperedError):
            ring.unseal(sealed, identity=identity)
    for place in range(sealed.index(b":") + 1, len(sealed)):
        spoilt = bytearray(sealed)
        spoilt[place] ^= 1
        with pytest.raises(TamperedError):
            ring.unseal(bytes(spoilt), identity="soft-token/1/a")


@pytest.mark.parametrize("sealed", [b"", b":", b"nokey:" + bytes(40), bytes(40)])
def test_what_no_key_of_the_ring_sealed_is_refused(ring: KeyRing, sealed: bytes) -> None:
    """The error names the ring and the key, and no secret."""
    with pytest.raises(KeyRingError, match="lacks the key"):
        ring.unseal(sealed, identity="x")


def test_two_seals_of_one_value_differ(ring: KeyRing) -> None:
    """A fresh nonce each time."""
    assert ring.seal(b"x", identity="a") != ring.seal(b"x", identity="a")


def test_purposes_are_apart_and_parts_are_framed(ring: KeyRing) -> None:
    """One key serves many purposes and none can stand in for another; "ab" + "c" is not "a" + "bc"."""
    assert ring.mac("a", b"x", key_id=ring.current) != ring.mac("b", b"x", key_id=ring.current)
    assert ring.mac("a", b"ab", b"c", key_id=ring.current) != ring.mac("a", b"a", b"bc", key_id=ring.current)
    assert ring.digest("login", "x") != ring.digest("session", "x")


def test_the_file_is_readable_by_its_owner_only_and_never_made_twice(tmp_path: Path) -> None:
    """A second ring would make the first one's rows unreadable."""
    path = tmp_path / "ring.json"
    made = keyring.create(path, now=START)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyRingError, match="there is a key ring already"):
        keyring.create(path, now=START)
    assert keyring.load(path).current == made.current
    made.rotated(now=START)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["ring.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"keys": []}', '{"keys": [{"id": "a"}]}'])
def test_a_file_that_is_no_key_ring_says_so(tmp_path: Path, content: str) -> None:
    """Named by its path."""
    path = tmp_path / "ring.json"
    path.write_text(content)
    with pytest.raises(KeyRingError, match=r"ring\.json: this is no key ring"):
        keyring.load(path)


def test_a_key_of_the_wrong_length_is_no_key(tmp_path: Path) -> None:
    """Sixteen bytes are not thirty-two."""
    path = tmp_path / "ring.json"
    path.write_text(json.dumps({"keys": [{"id": "a", "made_at": "", "secret": "AAAAAAAAAAAAAAAAAAAAAA=="}]}))
    with pytest.raises(KeyRingError, match="no key ring"):
        keyring.load(path)


def test_no_key_shows_itself(ring: KeyRing) -> None:
    """Neither in a representation nor in an error."""
    secret = json.loads(ring._path.read_text())["keys"][0]["secret"]
    assert secret not in repr(ring._keys)
    assert "secret" not in repr(ring._keys)


async def test_a_sealed_secret_moved_to_another_row_is_refused(people: People) -> None:
    """A thief's own card or token, written over a member's, opens nothing."""
    taro, thief = await people.member(), await people.member("thief")
    await people.soft_token(taro)
    device = await people.soft_token(thief)
    mine, other = await MatrixCard.get(account_id=taro.account.id), await MatrixCard.get(account_id=thief.account.id)
    await MatrixCard.filter(id=mine.id).update(cells=other.cells)
    pending = await people.asked_for_cells(taro)
    guess = "".join(thief.cells[cell] for cell in pending.asked.cells)
    with pytest.raises(TamperedError):
        await password_login.answer(people.hub, people.visit(), pending.token, guess)
    token = await SoftToken.get(account_id=thief.account.id)
    await SoftToken.filter(account_id=taro.account.id).update(secret=token.secret)
    people.later(minutes=1)
    begun = await people.begun(taro)
    await password_login.choose(people.hub, people.visit(), begun.token, BySoftToken())
    with pytest.raises(TamperedError):
        await password_login.answer(people.hub, people.visit(), begun.token, device.code(people.now))


async def _rotated(people: People) -> KeyRing:
    """Add a key as `tegata keys rotate` does, in a process of its own."""
    return keyring.load(people.hub.settings.keys_file).rotated(now=people.now)


async def test_rotation_seals_every_secret_anew_and_nothing_is_lost(people: People) -> None:
    """Cells and soft tokens move to the new key; codes, sessions, logins and mailed URLs of before go on."""
    member = await people.member(contacts=("自宅",))
    device = await people.soft_token(member)
    registration = await people.adding(await people.stepped_up(member), label="携帯", address="k@mail.test")
    pending = await people.asked_for_code(member, "自宅")
    cells = await people.asked_for_cells(member)
    old = people.hub.keys.current
    ring = await _rotated(people)
    people.hub.keys.reload()
    assert people.hub.keys.ids == (old, ring.current)
    assert await jobs.to_reseal(people.hub) == 2
    assert await jobs.reseal(people.hub, people.now) == 2
    assert await jobs.to_reseal(people.hub) == await jobs.reseal(people.hub, people.now) == 0
    assert bytes((await MatrixCard.get()).cells).startswith(ring.current.encode())
    assert await sessions.current(people.hub, registration.session.token, now=people.now) is not None
    confirmed = await confirmation.confirm_with_link(
        people.hub, people.visit(), registration.session, registration.token
    )
    assert isinstance(confirmed, Confirmed)
    for waiting in (pending, cells):
        outcome = await password_login.answer(people.hub, people.visit(), waiting.token, waiting.right)
        assert isinstance(outcome, Admitted)
    people.later(minutes=1)
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, BySoftToken())
    outcome = await password_login.answer(people.hub, people.visit(), begun.token, device.code(people.now))
    assert isinstance(outcome, Admitted)


async def test_a_running_hub_takes_a_rotated_key_up_by_itself(people: People) -> None:
    """What another process sealed or opened with the new key is read here, though nobody told this hub."""
    member = await people.member()
    await _rotated(people)
    async with other_hub(people.hub.settings) as other:
        there = await other.does(lambda hub: _there(hub, people).session(member))
        waiting = await other.does(lambda hub: _there(hub, people).asked_for_cells(member))
        await other.does(lambda hub: jobs.reseal(hub, people.now))
    assert await sessions.current(people.hub, there.token, now=people.now) is not None
    asked = await password_login.asked(people.hub, waiting.token, now=people.now)
    assert isinstance(asked, Asked)
    assert isinstance(await password_login.answer(people.hub, people.visit(), waiting.token, waiting.right), Admitted)
    assert people.hub.keys.ids == keyring.load(people.hub.settings.keys_file).ids


async def test_a_row_is_named_by_what_never_changes(people: People) -> None:
    """The identity that a secret is bound to holds its account and a number of its own."""
    member = await people.member()
    await people.soft_token(member)
    card, token = await MatrixCard.get(), await SoftToken.get()
    assert matrix_cards.identity_of(card) == f"matrix-card/{member.account.id}/{card.serial}"
    assert soft_tokens.identity_of(token) == f"soft-token/{member.account.id}/{token.handle}"


def _there(hub: Hub, people: People) -> People:
    there = People(hub)
    there.now = people.now
    return there


async def test_a_ring_that_cant_be_read_any_more_stops_no_session(people: People) -> None:
    """A file that is gone or spoilt under a running hub costs the next key, not those it has."""
    session = await people.session(await people.member())
    path = people.hub.settings.keys_file
    kept = path.read_bytes()
    path.write_text("spoilt")
    assert await sessions.current(people.hub, session.token, now=people.now) is not None
    path.unlink()
    assert await sessions.current(people.hub, session.token, now=people.now) is not None
    path.write_bytes(kept)
