"""The authenticators that rest with the hub as sealed secrets: matrix cards and soft tokens."""

from datetime import datetime

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.account import Account
from models.fields import InstantField


class MatrixCard(Model):
    """A printed look-up secret, its cells sealed under its account and serial number."""

    id = fields.BigIntField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("models.Account", related_name="matrix_cards")
    account_id: int
    serial = fields.CharField(max_length=32, unique=True)
    cells = fields.BinaryField()
    signs = fields.SmallIntField()
    # Whether three cells hold fewer bits than advised. Only the sealed cells show which kinds of signs they have.
    is_weak = fields.BooleanField(default=False, db_default=False)
    drawn = fields.TextField(default="")
    answered = fields.IntField(default=0)
    issued_at: datetime = InstantField()
    revoked_at: datetime | None = InstantField(null=True)

    class Meta:
        table = "matrix_card"
        indexes = (Index(fields=("account_id", "revoked_at")),)


class SoftToken(Model):
    """An RFC 6238 secret on a device of the member, bound once it has proved one code."""

    id = fields.BigIntField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("models.Account", related_name="soft_tokens")
    account_id: int
    handle = fields.CharField(max_length=32, unique=True)
    label = fields.CharField(max_length=32)
    label_folded = fields.CharField(max_length=128)
    secret = fields.BinaryField()
    last_step = fields.BigIntField(default=-1)
    created_at: datetime = InstantField()
    # The session that set it up; plain, for those are pruned sooner.
    bound_in: int | None = fields.BigIntField(null=True)
    bound_at: datetime | None = InstantField(null=True)
    used_at: datetime | None = InstantField(null=True)

    class Meta:
        table = "soft_token"
        unique_together = (("account", "label_folded"),)
