"""RFC 6238 as the soft token keeps it: its own vectors, a window of one step, each step once."""

from base64 import b32decode
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from hub.authenticators import soft_token

SECRET = b"12345678901234567890"
# RFC 6238, appendix B, the rows for SHA-1; our codes are their last six digits (RFC 4226, 5.3).
VECTORS = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]


def _step(typed: str, seconds: int, *, last_step: int = -1) -> int | None:
    now = datetime.fromtimestamp(seconds, UTC)
    return soft_token.matching_step(SECRET, typed, now=now, last_step=last_step)


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_the_vectors_of_rfc_6238_match(seconds: int, code: str) -> None:
    """Each code of the appendix is right in its own time step."""
    assert _step(code[2:], seconds) == seconds // 30


@pytest.mark.parametrize(("apart", "heard"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_the_window_is_one_step_to_either_side(apart: int, heard: bool) -> None:
    """A clock half a minute fast or slow is heard, one a minute off is not."""
    found = _step("081804", 1111111109 + apart)
    assert found == (1111111109 // 30 if heard else None)


def test_a_step_is_accepted_once() -> None:
    """RFC 6238, 5.2: the code of the last step, or of one before it, is no answer any more."""
    assert _step("287082", 59, last_step=0) == 1
    assert _step("287082", 59, last_step=1) is None
    assert _step("287082", 59, last_step=2) is None


@pytest.mark.parametrize("typed", ["", "28708", "2870822", "２８７０８２", "287083", "94287082", " 287082", "x" * 4000])
def test_what_is_not_the_code_is_no_answer(typed: str) -> None:
    """Only the six digits are; how they may be typed is read before."""
    assert _step(typed, 59) is None


def test_a_secret_has_twenty_bytes_and_is_spelled_as_apps_read_it() -> None:
    """RFC 4226, 4 R6; the groups of four give the same secret back, and so does the URI."""
    secret = soft_token.mint()
    assert len(secret) == 20
    assert soft_token.mint() != secret
    assert b32decode("".join(soft_token.spelled(secret))) == secret
    uri = urlsplit(soft_token.uri(secret, account="tarō@x", issuer="Tegata"))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    asked = parse_qs(uri.query)
    assert b32decode(asked["secret"][0]) == secret
    assert asked["issuer"] == ["Tegata"]
    assert set(asked) == {"secret", "issuer"}, "SHA-1, 6 digits and 30 s are what apps take for granted"


@pytest.mark.parametrize(
    ("apart", "last_step", "miss"),
    [
        (90, -1, soft_token.NearMiss.CLOCK_OFF),
        (-120, -1, soft_token.NearMiss.CLOCK_OFF),
        (600, -1, soft_token.NearMiss.CLOCK_OFF),
        (-600, -1, soft_token.NearMiss.CLOCK_OFF),
        (660, -1, None),
        (-660, -1, None),
        (0, 1111111109 // 30, soft_token.NearMiss.USED),
        (30, 1111111109 // 30 + 1, soft_token.NearMiss.USED),
        (120, 1111111109 // 30, soft_token.NearMiss.USED),
    ],
)
def test_a_near_miss_is_recognised_within_ten_minutes(
    apart: int, last_step: int, miss: soft_token.NearMiss | None
) -> None:
    """A code of this token: used before, or of a clock that is off; further off it is like any other."""
    now = datetime.fromtimestamp(1111111109 + apart, UTC)
    assert soft_token.near_miss(SECRET, "081804", now=now, last_step=last_step) is miss


@pytest.mark.parametrize("typed", ["000000", "081805", "", "０８１８０４"])
def test_a_code_of_no_token_is_no_near_miss(typed: str) -> None:
    """A guess is told nothing of clocks."""
    now = datetime.fromtimestamp(1111111109, UTC)
    assert soft_token.near_miss(SECRET, typed, now=now, last_step=-1) is None
