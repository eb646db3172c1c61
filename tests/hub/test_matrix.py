"""The matrix card's cells: minted, drawn, read as people type them, kept."""

from collections import Counter

import pytest

from hub.authenticators import matrix

CARD = matrix.mint()
ASKED = ("A,1", "E,5", "J,3")


def test_a_card_has_seventy_cells_of_two_signs() -> None:
    """A to J across, 1 to 7 down; signs that no reader takes for one another."""
    assert len(CARD) == 70
    assert list(CARD)[:2] == ["A,1", "A,2"]
    assert list(CARD)[-1] == "J,7"
    assert {len(signs) for signs in CARD.values()} == {2}
    assert len(matrix.ALPHABET) == 32
    assert not set("IO01") & set(matrix.ALPHABET)
    assert set("".join(CARD.values())) <= set(matrix.ALPHABET)
    assert matrix.is_card(CARD)
    assert matrix.is_card(matrix.mint(1))


def test_three_cells_are_drawn_in_column_order_and_each_is_as_likely() -> None:
    """As the guide shows them: [A,1] [E,5] [J,3]; never one twice."""
    drawn = [matrix.draw() for _ in range(7000)]
    for cells in drawn:
        assert len(set(cells)) == 3
        assert list(cells) == sorted(cells)
        assert set(cells) <= set(matrix.CELLS)
    counts = Counter(cell for cells in drawn for cell in cells)
    # 300 expected, standard deviation 17: seven of them are room enough for never.
    assert min(counts.values()) > 180
    assert max(counts.values()) < 420
    assert len(counts) == 70


def test_used_cells_are_not_drawn_again() -> None:
    """The last three are drawn when only they are left; with two left there is no challenge."""
    used = matrix.CELLS[3:]
    assert matrix.draw(used) == matrix.CELLS[:3]
    with pytest.raises(ValueError, match="larger than population"):
        matrix.draw(matrix.CELLS[2:])


@pytest.mark.parametrize(
    ("typed", "signs"),
    [
        ("K7 Q2 MM", "K7Q2MM"),
        ("k7q2mm", "K7Q2MM"),
        ("ｋ７ Ｑ２　ｍｍ", "K7Q2MM"),
        ("[K7]-[Q2]-[MM]", "K7Q2MM"),
        ("K7\tQ2\r\nMM", "K7Q2MM"),
        ("Ｋ７・Ｑ２・ＭＭ", "K7Q2MM"),
        ("", ""),
        ("カタカナ", ""),
        ("é", ""),
    ],
)
def test_signs_are_read_as_people_type_them(typed: str, signs: str) -> None:
    """Full width, any case, with or without separators."""
    assert matrix.read(typed) == signs


def test_only_the_asked_cells_in_their_order_are_right() -> None:
    """Not those of another cell, not in another order, not some of them, not more."""
    card = {cell: f"{number:02d}" for number, cell in enumerate(matrix.CELLS)}
    right = "".join(card[cell] for cell in ASKED)
    assert matrix.is_right(card, ASKED, right)
    assert matrix.is_right(card, ASKED, " ".join(card[cell] for cell in ASKED).lower())
    for wrong in ("", right[:-1], right + right[-1], right[::-1], right[2:] + right[:2], "000000"):
        assert not matrix.is_right(card, ASKED, wrong), wrong


@pytest.mark.parametrize(
    ("change", "is_one"),
    [
        ({}, True),
        ({"A,1": "ABC"}, False),
        ({"A,1": ""}, False),
        ({"A,1": "a1"}, False),
        ({"A,1": "é1"}, False),
        ({"A,1": "１１"}, False),
        ({"A,1": " 1"}, False),
        ({"A,1": "1\n"}, False),
        ({"K,1": "AA"}, False),
        ({"A,8": "AA"}, False),
    ],
)
def test_only_seventy_equally_long_cells_are_a_card(change: dict[str, str], is_one: bool) -> None:
    """A card that was printed elsewhere is taken only whole."""
    assert matrix.is_card({**CARD, **change}) is is_one


def test_a_card_with_a_cell_missing_is_none() -> None:
    """Sixty-nine cells are no card, none at all neither."""
    assert not matrix.is_card({cell: signs for cell, signs in CARD.items() if cell != "J,7"})
    assert not matrix.is_card({})


def test_cells_are_kept_as_they_were() -> None:
    """What is packed is unpacked."""
    assert matrix.unpack(matrix.pack(CARD)) == CARD
