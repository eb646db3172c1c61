"""The counts of wrong answers that slow the next try down."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from models.fields import InstantField


class Throttle(Model):
    """How often a subject was wrong in a row, and when its next try is heard."""

    id = fields.BigIntField(primary_key=True)
    subject = fields.CharField(max_length=160, unique=True)
    wrong = fields.IntField(default=0)
    open_at: datetime = InstantField()

    class Meta:
        table = "throttle"
