"""The password: what may be one, that one spelling of it is hashed, and that its cost is renewed."""

import unicodedata

import pytest

from hub.accounts import accounts
from hub.authenticators.password import Cost, Passwords, is_acceptable
from hub.domain.errors import RefusedError
from hub.domain.outcomes import Begun
from hub.login import password_login
from models.account import Account
from tests.support.factory import PASSWORD, People

CHEAP = Passwords(Cost(memory=8, passes=1, lanes=1))


@pytest.mark.parametrize(
    ("password", "may_be"),
    [
        ("", False),
        ("1234567", False),
        ("12345678", True),
        ("暗証番号は長いほど良い", True),
        ("🔑" * 8, True),
        ("🔑" * 7, False),
        ("x" * 256, True),
        ("x" * 257, False),
        (" " * 8, True),
        # Eight signs to the eye, sixteen as typed with combining marks: NFC counts eight.
        ("e\u0301" * 8, True),
        ("e\u0301" * 4, False),
    ],
)
def test_a_password_has_8_to_256_characters(password: str, may_be: bool) -> None:
    """Any characters, counted as they are hashed; nothing is cut off."""
    assert is_acceptable(password) is may_be


def test_one_spelling_of_a_password_is_hashed() -> None:
    """What a Mac types in parts and Windows whole is the same password; capitals and width are not."""
    hashed = CHEAP.hash(unicodedata.normalize("NFD", "パスワードがぎぐ"))
    assert hashed.startswith("$argon2id$")
    assert CHEAP.is_right(hashed, unicodedata.normalize("NFC", "パスワードがぎぐ"))
    assert CHEAP.is_right(hashed, unicodedata.normalize("NFD", "パスワードがぎぐ"))
    assert not CHEAP.is_right(hashed, "ﾊﾟｽﾜｰﾄﾞがぎぐ")
    assert not CHEAP.is_right(CHEAP.hash("password"), "Password")
    assert not CHEAP.is_right(CHEAP.hash("x" * 256), "x" * 255)


def test_a_hash_is_salted() -> None:
    """The same password twice is two hashes."""
    assert CHEAP.hash(PASSWORD) != CHEAP.hash(PASSWORD)


@pytest.mark.parametrize(
    "hashed", ["", "plain", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=8,t=1,p=1$x$y"]
)
def test_what_is_no_hash_matches_nothing(hashed: str) -> None:
    """A row that was spoilt refuses, and stops nobody else."""
    assert not CHEAP.is_right(hashed, PASSWORD)
    assert not CHEAP.is_right(hashed, hashed)


def test_nobodys_password_costs_what_a_members_does() -> None:
    """The hash that is verified for nobody has today's parameters, and no password."""
    assert not CHEAP.needs_rehash(CHEAP.nobody)
    assert not CHEAP.is_right(CHEAP.nobody, PASSWORD)
    assert CHEAP.nobody != Passwords(Cost(8, 1, 1)).nobody


async def test_a_password_hashed_at_another_cost_is_hashed_anew_at_login(people: People) -> None:
    """The first login after the parameters changed renews the hash; a wrong password and the next login don't."""
    member = await people.member()
    old = Passwords(Cost(memory=16, passes=2, lanes=1)).hash(PASSWORD)
    await Account.filter(id=member.account.id).update(password_hash=old)
    await password_login.begin(people.hub, people.visit(), name="taro", password="wrong password")
    assert (await Account.get(id=member.account.id)).password_hash == old
    assert isinstance(await password_login.begin(people.hub, people.visit(), name="taro", password=PASSWORD), Begun)
    renewed = (await Account.get(id=member.account.id)).password_hash
    assert renewed != old
    assert not people.hub.passwords.hashing.needs_rehash(renewed)
    assert isinstance(await password_login.begin(people.hub, people.visit(), name="taro", password=PASSWORD), Begun)
    assert (await Account.get(id=member.account.id)).password_hash == renewed


async def test_an_operator_cant_give_a_short_password(people: People) -> None:
    """Neither to a new account nor to one that is there; the sentence says how long one is."""
    with pytest.raises(RefusedError, match="8 to 256"):
        await accounts.add(people.hub, people.visit(), name="jiro", password="short")
    await people.member()
    with pytest.raises(RefusedError, match="8 to 256"):
        await accounts.set_password(people.hub, people.visit(), "taro", "x" * 257)
    assert not await Account.exists(folded="jiro")
