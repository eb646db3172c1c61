"""PURE: the password: what may be one, how it is hashed, and whether it was typed."""

import base64
import secrets
import unicodedata
from dataclasses import dataclass

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 8
LONGEST = 256


@dataclass(frozen=True, slots=True)
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
        # Verified when nobody has the name, so that strangers learn nothing from the time it takes.
        self.nobody = self._unmatchable(cost)

    def hash(self, password: str) -> str:
        """Hash a password; blocks for milliseconds, so keep it off the event loop."""
        return self._hasher.hash(normal(password))

    def is_right(self, hashed: str, password: str) -> bool:
        """Tell whether this is the password; blocks for milliseconds, so keep it off the event loop."""
        try:
            return self._hasher.verify(hashed, normal(password))
        except (VerificationError, InvalidHashError):
            return False

    def needs_rehash(self, hashed: str) -> bool:
        """Tell whether a hash was made at another cost than today's."""
        return self._hasher.check_needs_rehash(hashed)

    @staticmethod
    def _unmatchable(cost: Cost) -> str:
        salt, tag = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
        return f"$argon2id$v=19$m={cost.memory},t={cost.passes},p={cost.lanes}${salt}${tag}"


def normal(password: str) -> str:
    """Give the one spelling of a password that is hashed (NFC, as ASVS 6.2 asks for what was typed whole)."""
    return unicodedata.normalize("NFC", password)


def is_acceptable(password: str) -> bool:
    """Tell whether a new password has 8 to 256 characters, none of them NUL, which no form takes."""
    return SHORTEST <= len(normal(password)) <= LONGEST and "\0" not in password
