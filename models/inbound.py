"""The mail that came in: kept before it is read, then what it was taken for."""

from datetime import datetime

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.delivery import Delivery
from models.fields import InstantField
from models.kinds import MailUse, Verdict


class InboundMail(Model):
    """One message to one address of ours, its content sealed and kept until it was understood."""

    id = fields.BigIntField(primary_key=True)
    handle = fields.CharField(max_length=32, unique=True)
    delivery: fields.ForeignKeyNullableRelation[Delivery] = fields.ForeignKeyField(
        "models.Delivery", related_name="inbound", null=True, on_delete=fields.SET_NULL
    )
    delivery_id: int | None
    use = fields.CharEnumField(MailUse, max_length=8, description="one of MailUse")
    sender = fields.CharField(max_length=320)
    peer = fields.CharField(max_length=45)
    helo = fields.CharField(max_length=255)
    content = fields.BinaryField(null=True)
    size = fields.IntField()
    received_at: datetime = InstantField()
    due_at: datetime | None = InstantField(null=True)
    lease = fields.CharField(max_length=32, default="")
    attempts = fields.SmallIntField(default=0)
    read_at: datetime | None = InstantField(null=True)
    shelved_at: datetime | None = InstantField(null=True)
    verdict = fields.CharEnumField(Verdict, max_length=24, null=True, description="one of Verdict")
    reason = fields.CharField(max_length=200, default="")
    # The same for each copy of a message to one address; a digest.
    identity = fields.CharField(max_length=64, default="", db_default="")
    authentication = fields.CharField(max_length=200, default="")

    class Meta:
        table = "inbound_mail"
        indexes = (
            Index(fields=("due_at",)),
            Index(fields=("shelved_at",)),
            Index(fields=("delivery_id",)),
            Index(fields=("received_at",)),
        )
