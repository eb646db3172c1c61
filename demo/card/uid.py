"""A card without a key, which has nothing but its number."""

from dataclasses import dataclass

_GET_UID = bytes.fromhex("FFCA0000")
_NO_SUCH_COMMAND = bytes.fromhex("6D00")


@dataclass
class UidCard:
    """A transit or entry card; the number is 4, 7 or 10 bytes, a FeliCa's IDm 8.

    A contactless reader answers `FFCA000000` itself, in the card's stead. The virtual reader has no such
    command and hands everything on, so this card plays that part of the reader as well.
    """

    number: bytes
    # What PC/SC, part 3, gives a contactless memory card.
    atr: bytes = bytes.fromhex("3B8F8001804F0CA0000003060300030000000068")

    def reset(self) -> None:
        """Have nothing to forget."""

    def answer(self, sent: bytes) -> bytes:
        """Answer one command."""
        return self.number + bytes.fromhex("9000") if sent.startswith(_GET_UID) else _NO_SUCH_COMMAND
