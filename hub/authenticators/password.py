"""PURE: the password: what may be one, how it is hashed, and whether it was typed."""

import base64
import re
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 8
LONGEST = 256
# Measured before it is normalised, which takes the square of what combines; one sign may be spelt with four.
LONGEST_TYPED = 4 * LONGEST
# What a stored hash may ask for: RFC 9106's second choice (64 MiB, 3 passes, 4 lanes) with room above it. Each try
# takes this much work from everybody, so another system's file must not name any amount.
MOST_MEMORY = 262_144
MOST_PASSES = 32
MOST_LANES = 16
MOST_WORK = 1_048_576
_LONGEST_HASH = 255
# argon2 wants a salt of 8 bytes and a tag of 4, each in base64.
_FORM = re.compile(r"\$argon2id\$v=(?:16|19)\$m=\d+,t=\d+,p=\d+\$([A-Za-z0-9+/]{11,})\$([A-Za-z0-9+/]{6,})")
# Each wrong password is verified once at each cost that is stored.
MOST_COSTS = 4


@dataclass(frozen=True, slots=True, order=True)
class Cost:
    """The argon2id parameters (RFC 9106): memory in KiB, passes, lanes."""

    memory: int
    passes: int
    lanes: int


class Passwords:
    """Hash and verify at one cost."""

    def __init__(self, cost: Cost) -> None:
        self._hasher = PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory, parallelism=cost.lanes, type=Type.ID
        )
        self._cost = cost
        # Verified when nobody has the name, so that strangers learn nothing from the time it takes.
        self.nobody = unmatchable(cost)
        self._decoys: dict[Cost, str] = {cost: self.nobody}

    def hash(self, password: str) -> str:
        """Hash a password; blocks for milliseconds, so keep it off the event loop."""
        return self._hasher.hash(normal(password))

    def is_right(self, hashed: str, password: str, *, costs: Iterable[Cost] = ()) -> bool:
        """Tell whether this is the password; blocks for milliseconds, so keep it off the event loop.

        A wrong one is verified once at each of the costs and at ours, so that the work tells nothing of the hash. A
        hash that can't be verified, or asks for more than any may, takes the work of the dummy hash.
        """
        if not is_readable(hashed) or excess(hashed):
            hashed = self.nobody
        typed = normal(password)
        if self.verify(hashed, typed):
            return True
        for cost in sorted({self._cost, *costs} - {cost_of(hashed) or self._cost}):
            self.verify(self._decoys.setdefault(cost, unmatchable(cost)), typed)
        return False

    def verify(self, hashed: str, typed: str) -> bool:
        """Verify one hash; blocks for as long as its cost takes."""
        try:
            return self._hasher.verify(hashed, typed)
        except (VerificationError, InvalidHashError):
            return False

    def needs_rehash(self, hashed: str) -> bool:
        """Tell whether a hash was made at another cost than today's."""
        return self._hasher.check_needs_rehash(hashed)


def unmatchable(cost: Cost) -> str:
    """Make a hash of this cost that no password matches."""
    salt, tag = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={cost.memory},t={cost.passes},p={cost.lanes}${salt}${tag}"


def cost_of(hashed: str) -> Cost | None:
    """Read what verifying a hash costs; None for what is no hash."""
    try:
        found = extract_parameters(hashed)
    except InvalidHashError:
        return None
    return Cost(found.memory_cost, found.time_cost, found.parallelism)


def is_readable(hashed: str) -> bool:
    """Tell whether a hash can be verified: argon2id with its parameters, a salt and a tag."""
    found = _FORM.fullmatch(hashed)
    # Base64 without its padding never has one character left over.
    return found is not None and all(len(part) % 4 != 1 for part in found.groups())


def excess(hashed: str) -> str:
    """Name the bound that a hash's parameters go beyond; empty when they are within all."""
    cost = cost_of(hashed)
    if cost is None or len(hashed) > _LONGEST_HASH:
        return f"a hash has at most {_LONGEST_HASH} characters"
    if cost.memory > MOST_MEMORY:
        return f"m={cost.memory}, at most {MOST_MEMORY} (KiB)"
    if cost.passes > MOST_PASSES:
        return f"t={cost.passes}, at most {MOST_PASSES}"
    if cost.lanes > MOST_LANES:
        return f"p={cost.lanes}, at most {MOST_LANES}"
    if cost.memory * cost.passes > MOST_WORK:
        return f"m times t is {cost.memory * cost.passes}, at most {MOST_WORK}"
    return ""


def normal(password: str) -> str:
    """Give the one spelling of a password that is hashed (NFC, as ASVS 6.2 asks for what was typed whole).

    What is too long to be a password is cut, one character past what could be one, so that it is never right.
    """
    if len(password) > LONGEST_TYPED:
        return password[: LONGEST_TYPED + 1]
    return unicodedata.normalize("NFC", password)


def is_acceptable(password: str) -> bool:
    """Tell whether a new password has 8 to 256 characters, none of them NUL, which no form takes."""
    return len(password) <= LONGEST_TYPED and SHORTEST <= len(normal(password)) <= LONGEST and "\0" not in password
