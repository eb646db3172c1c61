"""The account: the record a claimant wants to prove."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from models.fields import InstantField


class Account(Model):
    """A member on record, whose names are compared in their folded form."""

    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=64)
    folded = fields.CharField(max_length=64, unique=True)
    password_hash = fields.CharField(max_length=255)
    language = fields.CharField(max_length=2, default="")
    matrix_off_at: datetime | None = InstantField(null=True)
    disabled_at: datetime | None = InstantField(null=True)
    codes_blocked_until: datetime | None = InstantField(null=True)
    created_at: datetime = InstantField()

    class Meta:
        table = "account"
