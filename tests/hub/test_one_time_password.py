"""The delivered code: six digits out of a MAC, and what counts as it."""

from collections import Counter
from hashlib import sha256

import pytest

from hub.authenticators import one_time_password
from hub.domain.identifiers import typed_code


@pytest.mark.parametrize(
    ("mac", "code"),
    [
        (b"\0" * 32, "000000"),
        (b"\0" * 7 + b"\x01" + b"\xff" * 24, "000001"),
        ((999_999).to_bytes(8, "big") + b"\xff" * 24, "999999"),
        ((1_000_000).to_bytes(8, "big") + b"\xff" * 24, "000000"),
        (b"\xff" * 32, str((2**64 - 1) % 10**6)),
    ],
)
def test_a_mac_is_reduced_to_six_digits(mac: bytes, code: str) -> None:
    """The first 64 bits modulo a million, zeros in front kept."""
    assert one_time_password.reduce(mac) == code


def test_every_digit_is_as_likely_in_every_place() -> None:
    """Over 20,000 codes no digit of any place is off by more than seven standard deviations."""
    codes = [one_time_password.reduce(sha256(str(number).encode()).digest()) for number in range(20_000)]
    for place in range(6):
        counts = Counter(code[place] for code in codes)
        assert len(counts) == 10
        assert all(abs(count - 2000) < 7 * 42.5 for count in counts.values())


@pytest.mark.parametrize("wrong", ["", "12345", "1234567", "123457", "１２３４５６", "x" * 1000])
def test_only_the_whole_code_is_right(wrong: str) -> None:
    """No part of it and nothing longer."""
    assert one_time_password.is_right("123456", "123456")
    assert not one_time_password.is_right("123456", wrong)


@pytest.mark.parametrize(
    "typed",
    [
        "123456",
        "１２３４５６",
        " 123 456 ",
        "123-456",
        "１２３－４５６",
        "123−456",
        "12ー34ー56",
        "123\u3000456",
        "１２３\u3000４５６\n",
        "123–456",
        "1-2-3-4-5-6",
        "コード：123456",
        "コード:123-456",
        "コード１２３　４５６",
        "code=123456",
        "Code: 123 456",
        "「123456」",
        "ワンタイムパスワード：１２３４５６（10:30まで）",
        "G-123456",
        "١٢٣٤٥٦",
        "१२३४५६",
        "๑๒๓ ๔๕๖",
    ],
)
def test_a_code_may_be_typed_or_copied_in_any_form_that_shows_its_six_digits(typed: str) -> None:
    """As people copy it from a mail on a Japanese keyboard."""
    assert typed_code(typed) == "123456"
