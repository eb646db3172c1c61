"""What an operator should know of the rows before members do."""

from datetime import datetime, timedelta
from math import log2

from tortoise.expressions import Q

from hub.authenticators import matrix
from hub.domain import clock
from hub.security.keyring import KeyRing
from hub.settings import NUMBERS
from models.account import Account
from models.authenticator import MatrixCard, SoftToken
from models.contact import Contact
from models.delivery import Delivery
from models.event import Event
from models.inbound import InboundMail
from models.kinds import FOR_DESK, Channel
from models.kiosk import Kiosk, KioskLogin
from models.lease import Lease
from models.login import Challenge, Login
from models.session import KnownBrowser, Session
from models.throttle import Throttle

_LONGEST_WAIT = timedelta(minutes=10)
_LONGEST_LEASE = timedelta(hours=1)


async def weak_cards() -> int:
    """Count the matrix cards whose three cells hold fewer bits than advised, by the kinds of signs on them."""
    strong = next(
        signs for signs in range(1, 9) if matrix.ASKED * signs * log2(len(matrix.ALPHABET)) >= NUMBERS.matrix_bits_floor
    )
    # Cards of an older release are known by their number of signs alone.
    return await MatrixCard.filter(Q(is_weak=True) | Q(signs__lt=strong), revoked_at=None).count()


async def missing_keys(keys: KeyRing) -> frozenset[str]:
    """Name the keys that rows were sealed with and the ring lacks, as after restoring a database without its ring.

    The oldest and the newest row of each table are enough: a ring only ever loses keys that nothing needs.
    """
    found: set[str] = set()
    for order in ("id", "-id"):
        card = await MatrixCard.filter(revoked_at=None).order_by(order).first().only("id", "cells")
        token = await SoftToken.all().order_by(order).first().only("id", "secret")
        event = await Event.all().order_by(order).first().only("id", "key")
        found |= {_key_of(card.cells)} if card else set()
        found |= {_key_of(token.secret)} if token else set()
        # Events of keys that were retired stay; the newest must have a key that is there.
        found |= {event.key} if event and order == "-id" else set()
    return frozenset(found - set(keys.ids))


async def desk_failures() -> dict[Channel, str]:
    """Tell where the newest letter to the help desk failed, and the server's own words."""
    failed = {}
    for channel in Channel:
        newest = await Delivery.filter(notice__in=FOR_DESK, channel=channel).order_by("-id").first()
        if newest is not None and newest.failed_at is not None:
            failed[channel] = newest.reply
    return failed


def missing_sentence(missing: frozenset[str]) -> str:
    """Say which keys are missing."""
    names = ", ".join(sorted(missing))
    return f"the key {names} that sealed these rows is missing from the key ring"


def _key_of(sealed: bytes) -> str:
    return bytes(sealed).partition(b":")[0].decode("ascii", "replace")


async def rows_from_the_future(*, now: datetime) -> dict[str, int]:
    """Count rows of a time that has not come yet, by what they are: the clock ran ahead when they were written."""
    late = clock.latest(now)
    found = {
        "event": await Event.filter(at__gt=late).count(),
        "count": await Throttle.filter(open_at__gt=late + _LONGEST_WAIT).count(),
        "session": await Session.filter(Q(opened_at__gt=late) | Q(seen_at__gt=late), ended_at=None).count(),
        "known browser": await KnownBrowser.filter(seen_at__gt=late).count(),
        "login": await Login.filter(begun_at__gt=late, ended_at=None).count(),
        "challenge": await Challenge.filter(issued_at__gt=late).count(),
        "letter": await Delivery.filter(posted_at__gt=late).count(),
        "received message": await InboundMail.filter(received_at__gt=late).count(),
        "paused account": await Account.filter(codes_blocked_until__gt=late + NUMBERS.codes_blocked).count(),
        "soft token": await SoftToken.filter(Q(created_at__gt=late) | Q(used_at__gt=late)).count(),
        "contact": await Contact.filter(added_at__gt=late).count(),
        "kiosk": await Kiosk.filter(
            Q(added_at__gt=late) | Q(binds_until__gt=late + NUMBERS.card_binding_life), revoked_at=None
        ).count(),
        "kiosk login": await KioskLogin.filter(begun_at__gt=late, ended_at=None).count(),
        "lease": await Lease.filter(until__gt=late + _LONGEST_LEASE).count(),
    }
    return {name: number for name, number in found.items() if number}
