"""PURE: BER-TLV objects with definite lengths (ISO 7816-4, 5.2), as PIV cards write them."""

_LONG = 0x80
_MORE_TAG = 0x1F
_LENGTH_BYTES = 3


def encode(tag: int, value: bytes) -> bytes:
    """Write one object of a one-byte tag."""
    return bytes([tag]) + _length(len(value)) + value


def decode(value: bytes) -> dict[int, bytes]:
    """Read the objects that stand one after another; ValueError when they don't fill the value exactly."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(value):
        tag, at = _read_tag(value, at)
        size, at = _read_length(value, at)
        if at + size > len(value):
            message = "an object ends too early"
            raise ValueError(message)
        # Of two objects with one tag the first counts: a card doesn't repeat them, somebody in between may.
        found.setdefault(tag, value[at : at + size])
        at += size
    return found


def _length(size: int) -> bytes:
    if size < _LONG:
        return bytes([size])
    width = (size.bit_length() + 7) // 8
    return bytes([_LONG | width]) + size.to_bytes(width, "big")


def _read_tag(value: bytes, at: int) -> tuple[int, int]:
    tag, at = value[at], at + 1
    if tag & _MORE_TAG != _MORE_TAG:
        return tag, at
    if at >= len(value):
        message = "a tag ends too early"
        raise ValueError(message)
    return tag << 8 | value[at], at + 1


def _read_length(value: bytes, at: int) -> tuple[int, int]:
    if at >= len(value):
        message = "a length is missing"
        raise ValueError(message)
    size, at = value[at], at + 1
    if size < _LONG:
        return size, at
    width = size & ~_LONG
    if not 0 < width <= _LENGTH_BYTES or at + width > len(value):
        message = "a length is none"
        raise ValueError(message)
    return int.from_bytes(value[at : at + width], "big"), at + width
