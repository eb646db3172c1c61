"""How a card writes its objects: BER-TLV with definite lengths (ISO 7816-4, 5.2)."""

_SHORT = 0x80


def tlv(tag: int, value: bytes) -> bytes:
    """Write one object."""
    width = max(1, (tag.bit_length() + 7) // 8)
    return tag.to_bytes(width, "big") + _length(len(value)) + value


def children(value: bytes) -> dict[int, bytes]:
    """Read the objects in a template of one-byte tags; ValueError when it isn't one."""
    found: dict[int, bytes] = {}
    while value:
        tag, size, start = value[0], value[1] if len(value) > 1 else 0, 2
        if size > _SHORT:
            start += size & 0x7F
            size = int.from_bytes(value[2:start], "big")
        if len(value) < start + size:
            message = "the object ends too early"
            raise ValueError(message)
        found[tag], value = value[start : start + size], value[start + size :]
    return found


def _length(size: int) -> bytes:
    if size < _SHORT:
        return bytes([size])
    width = (size.bit_length() + 7) // 8
    return bytes([_SHORT | width]) + size.to_bytes(width, "big")
