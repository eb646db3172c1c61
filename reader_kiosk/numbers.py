"""PURE: card numbers that change each time, which only the reader's side can tell for some cards."""

_RANDOM_SIZE, _RANDOM = 4, 0x08
_FELICA_SIZE, _FELICA_RANDOM = 8, bytes.fromhex("01FE")
# PC/SC, part 3, supplement: what readers make up as ATR of a memory card, and its standards of type B.
_MEMORY_CARD = bytes.fromhex("3B8F8001804F0CA000000306")
_TYPE_B = {0x05, 0x06, 0x07}
# The same, part 3, 3.1.3.2.3: a type B card with a processor has 8 historical bytes, of which the last ends in 0.
_PROCESSOR_CARD, _PROCESSOR_SIZE = bytes.fromhex("3B888001"), 13


def is_changing(number: bytes, atr: bytes) -> bool:
    """Tell whether a card changes its number each time, so that it cannot name an account."""
    if len(number) == _RANDOM_SIZE:
        return number[0] == _RANDOM or _is_type_b(atr)
    return len(number) == _FELICA_SIZE and number.startswith(_FELICA_RANDOM)


def _is_type_b(atr: bytes) -> bool:
    """Tell whether a card of 4 bytes has a PUPI: My Number cards, passports and driving licences."""
    if atr.startswith(_MEMORY_CARD):
        return len(atr) > len(_MEMORY_CARD) and atr[len(_MEMORY_CARD)] in _TYPE_B
    return atr.startswith(_PROCESSOR_CARD) and len(atr) == _PROCESSOR_SIZE and not atr[-2] & 0x0F
