"""The counts of wrong answers that slow the next try down."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from models.fields import InstantField
from models.indexes import BeginningIndex


class Throttle(Model):
    """How often a subject was wrong in a row, and when its next try is heard."""

    id = fields.BigIntField(primary_key=True)
    subject = fields.CharField(max_length=160, unique=True)
    wrong = fields.IntField(default=0)
    open_at: datetime = InstantField()

    class Meta:
        table = "throttle"
        # A subject begins with its scope, which says how long the count is kept.
        indexes = (BeginningIndex(fields=("subject", "open_at"), name="idx_throttle_scope_open_at"),)
