"""PURE: matrix cards on paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfgen.canvas import Canvas

from hub.authenticators.matrix import COLUMNS, ROWS
from hub.verification.matrix_cards import Printed

# ISO/IEC 7810 ID-1, the size of every card in a wallet.
_WIDTH, _HEIGHT = 85.6 * mm, 53.98 * mm
_ACROSS, _DOWN = 2, 5
_MARGIN = 4 * mm
_CUT = 3 * mm
_JAPANESE = "HeiseiKakuGo-W5"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line of text begins, and how wide it may grow."""

    left: float
    bottom: float
    room: float


def pdf(cards: Sequence[Printed], service: str) -> bytes:
    """Draw cards in the size of a wallet's, ten to an A4 page, with marks to cut along."""
    buffer = BytesIO()
    # Every PDF reader brings this font along, so that none needs to be shipped; the standard ones have no Japanese.
    registerFont(UnicodeCIDFont(_JAPANESE))
    canvas = Canvas(buffer, pagesize=A4, pageCompression=1)
    canvas.setTitle(f"{service}: matrix cards")
    for place, card in enumerate(cards):
        on_page = place % (_ACROSS * _DOWN)
        if place and not on_page:
            canvas.showPage()
        _draw(canvas, card, service, on_page)
    canvas.save()
    return buffer.getvalue()


def _draw(canvas: Canvas, card: Printed, service: str, place: int) -> None:
    left = (A4[0] - _ACROSS * _WIDTH) / 2 + place % _ACROSS * _WIDTH
    bottom = (A4[1] + _DOWN * _HEIGHT) / 2 - (place // _ACROSS + 1) * _HEIGHT
    _mark_corners(canvas, left, bottom)
    head = bottom + _HEIGHT - _MARGIN - 6
    inside = _WIDTH - 2 * _MARGIN
    _write(canvas, service, Place(left + _MARGIN, head, inside), "Helvetica-Bold", 8)
    foot = bottom + _MARGIN - 3
    canvas.setFont("Helvetica", 7)
    canvas.drawRightString(left + _WIDTH - _MARGIN, foot, card.serial)
    room = inside - stringWidth(card.serial, "Helvetica", 7) - _MARGIN
    _write(canvas, card.account, Place(left + _MARGIN, foot, room), "Helvetica-Bold", 7)
    across = (_WIDTH - 2 * _MARGIN - 5 * mm) / len(COLUMNS)
    down = (_HEIGHT - 2 * _MARGIN - 10 * mm) / len(ROWS)
    top = bottom + _HEIGHT - _MARGIN - 6 * mm
    for number, column in enumerate(COLUMNS):
        x = left + _MARGIN + 5 * mm + (number + 0.5) * across
        canvas.setFont("Helvetica-Bold", 7)
        canvas.drawCentredString(x, top, column)
        canvas.setFont("Courier-Bold", 9)
        for depth, row in enumerate(ROWS, 1):
            canvas.drawCentredString(x, top - depth * down, card.cells[f"{column},{row}"])
    canvas.setFont("Helvetica-Bold", 7)
    for depth, row in enumerate(ROWS, 1):
        canvas.drawString(left + _MARGIN, top - depth * down, row)
    canvas.setLineWidth(0.25)
    canvas.setStrokeGray(0.7)
    for depth in range(len(ROWS)):
        y = top - depth * down - 1.6 * mm + 0.4 * mm
        canvas.line(left + _MARGIN, y, left + _WIDTH - _MARGIN, y)


def _write(canvas: Canvas, text: str, place: Place, latin: str, size: float) -> None:
    """Write a line that keeps to its room, smaller if it must, in a font that has its letters."""
    font = latin if text.isascii() else _JAPANESE
    width = stringWidth(text, font, size)
    canvas.setFont(font, min(size, size * place.room / width) if width else size)
    canvas.drawString(place.left, place.bottom, text)


def _mark_corners(canvas: Canvas, left: float, bottom: float) -> None:
    canvas.setLineWidth(0.3)
    canvas.setStrokeGray(0.5)
    for x in (left, left + _WIDTH):
        for y in (bottom, bottom + _HEIGHT):
            canvas.line(x - _CUT / 2, y, x + _CUT / 2, y)
            canvas.line(x, y - _CUT / 2, x, y + _CUT / 2)
