"""The audit's rows: events, and the segments that seal them."""

from datetime import datetime

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.fields import InstantField
from models.kinds import EventKind


class Segment(Model):
    """A run of events under one seal, which covers the seal before it too.

    `total` counts all events up to its end, dropped ones too; 0 in rows of before events were numbered in their MACs.
    """

    id = fields.BigIntField(primary_key=True)
    sealed_at: datetime = InstantField()
    events = fields.IntField()
    total = fields.BigIntField(default=0, db_default=0)
    key = fields.CharField(max_length=16)
    previous = fields.CharField(max_length=64)
    seal = fields.CharField(max_length=64, unique=True)

    class Meta:
        table = "segment"


class Event(Model):
    """Something that happened, written together with what it tells."""

    id = fields.BigIntField(primary_key=True)
    at: datetime = InstantField(db_index=True)
    kind = fields.CharEnumField(EventKind, max_length=24, description="one of EventKind")
    account_id: int | None = fields.BigIntField(null=True, db_index=True)
    address = fields.CharField(max_length=45, default="")
    detail = fields.TextField(default="{}")
    key = fields.CharField(max_length=16)
    mac = fields.CharField(max_length=32)
    segment_id: int | None = fields.BigIntField(null=True, db_index=True)

    class Meta:
        table = "event"
        # The newest of a kind are found in it without a look at the others.
        indexes = (Index(fields=("kind", "id")),)
