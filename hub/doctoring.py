"""What an operator should know of the rows before members do."""

from math import log2

from hub.authenticators import matrix
from hub.settings import NUMBERS
from models.authenticator import MatrixCard


async def weak_cards() -> int:
    """Count the matrix cards whose three cells hold fewer bits than advised."""
    strong = next(
        signs for signs in range(1, 9) if matrix.ASKED * signs * log2(len(matrix.ALPHABET)) >= NUMBERS.matrix_bits_floor
    )
    return await MatrixCard.filter(revoked_at=None, signs__lt=strong).count()
