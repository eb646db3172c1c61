"""What strangers type is measured before anything whose work grows faster than its input looks at it."""

import unicodedata
from collections.abc import Callable
from contextlib import suppress

import pytest

from hub.authenticators import matrix, password
from hub.domain.identifiers import (
    UnacceptableError,
    account_of,
    address_of,
    fold_account,
    fold_label,
    label_of,
    typed_code,
)
from tests.support.running_hub import House

MARKS = "a" + "\N{COMBINING ACUTE ACCENT}" * 15_900 + "\N{COMBINING GRAVE ACCENT BELOW}" * 15_900
LARGEST = 1024
READERS: list[Callable[[str], object]] = [
    fold_account,
    account_of,
    label_of,
    fold_label,
    address_of,
    lambda typed: address_of(f"{typed}@example.org"),
    typed_code,
    matrix.read,
    password.normal,
    password.is_acceptable,
]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("typed", [MARKS, "1" + " " * 60_000, "ｱﾞ" * 30_000, "각" * 20_000])
def test_nothing_long_is_normalised(
    monkeypatch: pytest.MonkeyPatch, reader: Callable[[str], object], typed: str
) -> None:
    """A text of 60,000 characters is refused, or cut, before it is normalised."""
    sizes = [0]
    normalize = unicodedata.normalize

    def measured(form: str, text: str) -> str:
        sizes.append(len(text))
        return normalize(form, text)  # type: ignore[arg-type]

    monkeypatch.setattr(unicodedata, "normalize", measured)
    with suppress(UnacceptableError):
        reader(typed)
    assert max(sizes) <= LARGEST


def test_what_is_too_long_is_neither_a_code_nor_cells() -> None:
    """Six digits behind a thousand spaces are no code; a password of 256 signs in parts is one still."""
    assert typed_code("123456" + " " * 1000) == ""
    assert matrix.read("ABCDEF" + " " * 1000) == ""
    assert password.is_acceptable(unicodedata.normalize("NFD", "각" * 256))
    assert not password.is_acceptable("a" * 257)
    assert not password.is_acceptable(MARKS)


@pytest.mark.parametrize("field", ["account", "password"])
async def test_a_long_field_gets_the_usual_sentence(house_on_sqlite: House, field: str) -> None:
    """A name or a password of 60,000 characters is refused as any wrong one is."""
    async with house_on_sqlite.person() as person:
        await person.open("/login/account")
        filled = {"account": "taro", "password": "x", field: "x" * 60_000}
        await person.send("/login/account", {**filled, "csrf": person.token()})
        assert (person.status, person.page) == (422, "account")
        assert person.error == "Account or password is not right."
