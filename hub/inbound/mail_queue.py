"""Mail that came in: kept before its bringer is told so, read by one reader at a time, shelved when not understood."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from tortoise.connection import get_connections
from tortoise.transactions import in_transaction

from hub.context import Hub
from hub.domain.errors import RefusedError
from hub.outbox import reply_addresses
from hub.runtime.batching import Gathering
from hub.security.keyring import KeyRing
from hub.settings import NUMBERS
from models.delivery import Delivery
from models.fields import instant
from models.inbound import InboundMail
from models.kinds import MailUse, Verdict
from models.queries import where, write_each

TOPIC = "inbound"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = (
    "handle",
    "delivery_id",
    "use",
    "sender",
    "peer",
    "helo",
    "content",
    "size",
    "received_at",
    "due_at",
)
_A_TURN = 100
_COPIES = timedelta(days=1)
# So many bytes are copied in less time than a thread takes to be woken.
_QUICK = 500_000
_REASON = 200
_NOBODY_COULD = "the reader ended at it again and again"
_CLAIM = """
UPDATE "inbound_mail" SET "lease" = {lease}, "due_at" = {until}, "attempts" = "attempts" + 1 WHERE "id" IN (
 SELECT "id" FROM "inbound_mail" WHERE "due_at" <= {now} ORDER BY "due_at" LIMIT {limit} {skip}) RETURNING "id"
"""


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address of ours that a delivery vouches for; the operator's has none, and its `delivery_id` is 0."""

    use: MailUse
    delivery_id: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came through the door; `peer` and `helo` are who brought it."""

    recipient: Recipient
    sender: str
    peer: str
    helo: str
    content: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class Unread:
    """A message leased to a reader."""

    id: int
    lease: str
    recipient: Recipient
    sender: str
    peer: str
    helo: str
    content: bytes = field(repr=False)
    attempt: int


@dataclass(frozen=True, slots=True)
class ShelfLine:
    """A shelved message as an operator sees it."""

    id: int
    received_at: datetime
    shelved_at: datetime
    use: str
    delivery: int | None
    sender: str
    size: int
    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """How much mail is kept: not read yet, on the shelf, and of that for the operator; `since` the longest waits."""

    unread: int
    shelved: int
    for_operator: int
    since: datetime | None


class Intake:
    """The hub's side of the mail door: who is known here, and the keeping of what comes."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._known: Gathering[str, Recipient | None] = Gathering(self._look_up, most=_A_TURN)
        self._keeping: Gathering[Arrival, None] = Gathering(self._write, most=_A_TURN)

    async def recipient(self, address: str) -> Recipient | None:
        """Find what an address of ours is for; None when this hub never made it."""
        if reply_addresses.is_operators(address, self._hub.settings.mail_domain):
            return Recipient(MailUse.OPERATOR, 0)
        if reply_addresses.delivery_id_in(address) is None:
            return None
        local, _, domain = address.rpartition("@")
        if not local or domain.lower() != self._hub.settings.mail_domain:
            return None
        return await self._known.ask(address)

    async def keep(self, arrival: Arrival) -> None:
        """Keep a message for good; it has been committed when this returns."""
        await self._keeping.ask(arrival)

    async def _look_up(self, addresses: Sequence[str]) -> list[Recipient | None]:
        ids = {address: reply_addresses.delivery_id_in(address) or 0 for address in addresses}
        by_id = {row.id: row for row in await where(Delivery, id__in=sorted(set(ids.values()))).all()}
        known = {address: self._verified(by_id.get(number), address) for address, number in ids.items()}
        return [known[address] for address in addresses]

    def _verified(self, delivery: Delivery | None, address: str) -> Recipient | None:
        if delivery is None or not reply_addresses.is_right(self._hub.keys, delivery, address):
            return None
        return Recipient(MailUse(address.partition("+")[0].lower()), delivery.id)

    async def _write(self, arrivals: Sequence[Arrival]) -> list[None]:
        rows = [_row(self._hub.keys, arrival) for arrival in arrivals]
        async with in_transaction() as connection:
            # The ORM's own insertion of many costs as much again as all the rest of keeping them.
            insertion = _insertion(connection.capabilities.dialect)
            if sum(len(arrival.content) for arrival in arrivals) <= _QUICK:
                await write_each(insertion, rows)
            else:
                await connection.execute_many(insertion, rows)
        await self._hub.wakeups.tell(TOPIC)
        return [None] * len(rows)


async def claim(hub: Hub, *, limit: int, now: datetime) -> list[Unread]:
    """Take up to `limit` messages to read, each for one reader and one lease."""
    lease = hub.wakeups.holder.lease()
    (connection,) = get_connections().all()
    is_postgres = connection.capabilities.dialect == "postgres"
    names = ("lease", "until", "now", "limit")
    values: list[Any] = [lease, instant(now + NUMBERS.mail_lease), instant(now), limit]
    marks = {name: f"${place}" if is_postgres else f"?{place}" for place, name in enumerate(names, 1)}
    skip = "FOR UPDATE SKIP LOCKED" if is_postgres else ""
    claimed = await connection.execute_query_dict(_CLAIM.format(**marks, skip=skip), values)
    if not claimed:
        return []
    unread = []
    for row in await InboundMail.filter(id__in=[int(one["id"]) for one in claimed]).order_by("id"):
        if row.attempts > NUMBERS.mail_attempts:
            await shelve(row.id, lease, _NOBODY_COULD, now=now)
        else:
            unread.append(_opened(hub.keys, row))
    return unread


async def shelve(message_id: int, lease: str, reason: str, *, now: datetime) -> Verdict | None:
    """Put a claimed message aside with the reason why it was not understood; None when another reader has it.

    One letter's address fills no shelf: of what comes to it beyond a few, only the reason is kept.
    """
    mine = InboundMail.filter(id=message_id, lease=lease, read_at=None)
    why = _printable(reason)[:_REASON]
    if await _has_enough(message_id):
        dropped = await mine.update(read_at=now, due_at=None, verdict=Verdict.DROPPED, reason=why, content=None)
        return Verdict.DROPPED if dropped == 1 else None
    shelved = await mine.update(shelved_at=now, due_at=None, lease="", verdict=Verdict.SHELVED, reason=why)
    return Verdict.SHELVED if shelved == 1 else None


async def _has_enough(message_id: int) -> bool:
    """Tell whether as much lies on the shelf as one letter may put there."""
    row = await InboundMail.filter(id=message_id).only("id", "delivery_id").first()
    if row is None or row.delivery_id is None:
        return False
    others = InboundMail.filter(delivery_id=row.delivery_id, shelved_at__isnull=False)
    return await others.count() >= NUMBERS.shelved_a_letter


async def take(unread: Unread, verdict: Verdict, reason: str, *, now: datetime) -> bool:
    """Mark a claimed message as read, in the transaction of what it does; False when it was read already.

    Its content goes: what it was taken for is all that is kept.
    """
    mine = InboundMail.filter(id=unread.id, lease=unread.lease, read_at=None)
    return await mine.update(read_at=now, due_at=None, verdict=verdict, reason=reason[:_REASON], content=None) == 1


async def note(unread: Unread, verdict: Verdict, *, reason: str, authentication: str) -> None:
    """Write what a message turned out to be, in the transaction that took it."""
    await InboundMail.filter(id=unread.id).update(
        verdict=verdict, reason=_printable(reason)[:_REASON], authentication=authentication[:_REASON]
    )


async def is_repeated(unread: Unread, identity: str, *, now: datetime) -> bool:
    """Tell whether a copy of a claimed message was read within a day, and remember this one, in the reader's turn."""
    copies = InboundMail.filter(
        delivery_id=unread.recipient.delivery_id,
        identity=identity,
        read_at__isnull=False,
        received_at__gt=now - _COPIES,
    )
    found = await copies.exclude(id=unread.id).exists()
    await InboundMail.filter(id=unread.id).update(identity=identity)
    return found


async def shelf() -> list[ShelfLine]:
    """List what lies on the shelf, the oldest first."""
    rows = (
        await InboundMail.filter(shelved_at__isnull=False)
        .order_by("id")
        .only("id", "received_at", "shelved_at", "use", "delivery_id", "sender", "size", "reason")
    )
    return [
        ShelfLine(
            row.id, row.received_at, row.shelved_at, str(row.use), row.delivery_id, row.sender, row.size, row.reason
        )
        for row in rows
        if row.shelved_at is not None
    ]


async def shelved_content(hub: Hub, message_id: int) -> bytes:
    """Give a shelved message as it came; RefusedError when there is none of this number."""
    row = await _on_shelf(message_id)
    return _content(hub.keys, row)


async def retry(hub: Hub, message_id: int, *, now: datetime) -> None:
    """Take a message off the shelf, to be read once more."""
    await _on_shelf(message_id)
    await InboundMail.filter(id=message_id, shelved_at__isnull=False).update(
        shelved_at=None, due_at=now, lease="", attempts=0, verdict=None, reason=""
    )
    await hub.wakeups.tell(TOPIC)


async def drop(message_id: int) -> None:
    """Drop a shelved message for good."""
    row = await _on_shelf(message_id)
    await row.delete()


async def reseal(keys: KeyRing, *, limit: int) -> int:
    """Seal kept mail with the current key that an older one sealed; returns how much."""
    resealed = 0
    for row in await InboundMail.filter(content__isnull=False).order_by("id"):
        if resealed >= limit:
            break
        if row.content is None or keys.is_current(row.content):
            continue
        sealed = keys.seal(_content(keys, row), identity=identity_of(row.handle))
        # Whoever reads it meanwhile drops the content: it must not come back.
        resealed += await InboundMail.filter(id=row.id, content__isnull=False).update(content=sealed)
    return resealed


async def to_reseal(keys: KeyRing) -> int:
    """Count the kept mail that an older key sealed."""
    contents = await InboundMail.filter(content__isnull=False).only("id", "content")
    return sum(row.content is not None and not keys.is_current(row.content) for row in contents)


async def kept() -> Kept:
    """Count the mail that is kept, and tell since when the first of the unread has been waiting for its turn."""
    # A range, which the index finds; "is not null" reads every entry of it.
    unread = InboundMail.filter(due_at__gt=_EPOCH)
    first = await unread.order_by("due_at").first().only("id", "received_at")
    shelved = InboundMail.filter(shelved_at__gt=_EPOCH)
    return Kept(
        await unread.count(),
        await shelved.count(),
        await shelved.filter(use=MailUse.OPERATOR).count(),
        first.received_at if first else None,
    )


async def _on_shelf(message_id: int) -> InboundMail:
    row = await InboundMail.get_or_none(id=message_id)
    if row is None or row.shelved_at is None:
        message = f"There is no message {message_id} on the shelf."
        raise RefusedError(message)
    return row


def identity_of(handle: str) -> str:
    """Name the row that a message's content is sealed for."""
    return f"inbound:{handle}"


def _row(keys: KeyRing, arrival: Arrival) -> list[Any]:
    """Give a new row's values in the order of `_COLUMNS`."""
    handle, at = secrets.token_hex(16), instant(arrival.at)
    return [
        handle,
        arrival.recipient.delivery_id or None,
        str(arrival.recipient.use),
        _printable(arrival.sender)[:320],
        arrival.peer[:45],
        _printable(arrival.helo)[:255],
        # The reply address stands in the message's own headers, and it is as good as a token.
        keys.seal(arrival.content, identity=identity_of(handle)),
        len(arrival.content),
        at,
        at,
    ]


@lru_cache(maxsize=2)
def _insertion(dialect: str) -> str:
    names = ", ".join(f'"{name}"' for name in _COLUMNS)
    marks = ", ".join(f"${place}" if dialect == "postgres" else "?" for place in range(1, len(_COLUMNS) + 1))
    return (
        f'INSERT INTO "inbound_mail" ({names}, "lease", "attempts", "reason", "identity", "authentication")'  # noqa: S608
        f" VALUES ({marks}, '', 0, '', '', '')"
    )


def _content(keys: KeyRing, row: InboundMail) -> bytes:
    return keys.unseal(row.content or b"", identity=identity_of(row.handle))


def _opened(keys: KeyRing, row: InboundMail) -> Unread:
    recipient = Recipient(row.use, row.delivery_id or 0)
    return Unread(row.id, row.lease, recipient, row.sender, row.peer, row.helo, _content(keys, row), row.attempts)


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)
