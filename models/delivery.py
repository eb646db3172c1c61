"""The outbox's rows: everything waiting to be delivered, for every channel."""

from datetime import datetime

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.account import Account
from models.contact import Contact
from models.fields import InstantField
from models.indexes import PresentIndex
from models.kinds import Channel, Letter
from models.login import Challenge


class Delivery(Model):
    """One letter to one address, due until it is accepted, failed or expired."""

    id = fields.BigIntField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("models.Account", related_name="deliveries")
    account_id: int
    contact: fields.ForeignKeyNullableRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", related_name="deliveries", null=True, on_delete=fields.SET_NULL
    )
    contact_id: int | None
    challenge: fields.ForeignKeyNullableRelation[Challenge] = fields.ForeignKeyField(
        "models.Challenge", related_name="deliveries", null=True, on_delete=fields.SET_NULL
    )
    challenge_id: int | None
    # The login that asked for it, or the session in which its cause was done; plain, for those are pruned sooner.
    login_id: int | None = fields.BigIntField(null=True)
    session_id: int | None = fields.BigIntField(null=True)
    channel = fields.CharEnumField(Channel, max_length=8, description="one of Channel")
    letter = fields.CharEnumField(Letter, max_length=16, description="one of Letter")
    urgency = fields.SmallIntField()
    notice = fields.CharField(max_length=24, default="")
    address = fields.CharField(max_length=320)
    address_folded = fields.CharField(max_length=320)
    label = fields.CharField(max_length=32)
    about = fields.CharField(max_length=32, default="")
    language = fields.CharField(max_length=2)
    message_id = fields.CharField(max_length=120, unique=True)
    asked_from = fields.CharField(max_length=45)
    asked_with = fields.CharField(max_length=80)
    posted_at: datetime = InstantField()
    expires_at: datetime = InstantField()
    due_at: datetime | None = InstantField(null=True)
    lease = fields.CharField(max_length=32, default="")
    attempts = fields.SmallIntField(default=0)
    accepted_at: datetime | None = InstantField(null=True)
    delayed_at: datetime | None = InstantField(null=True)
    failed_at: datetime | None = InstantField(null=True)
    disowned_at: datetime | None = InstantField(null=True)
    replied_at: datetime | None = InstantField(null=True)
    # What came later has a default in the database as well: rows of an older release are there when it comes.
    answers_to = fields.CharField(max_length=255, default="", db_default="")
    # Of an answer: the kind of the letter that was answered, a Letter or a Notice.
    answered = fields.CharField(max_length=24, default="", db_default="")
    # The letter that an answer of ours is about: what is written in reply to the answer is meant for that letter.
    asked_id: int | None = fields.BigIntField(null=True)
    reply = fields.CharField(max_length=200, default="")
    # How many copies went out of which it is not known whether they arrived, and since when that is so.
    copies = fields.SmallIntField(default=0, db_default=0)
    unknown_at: datetime | None = InstantField(null=True)
    # Where a message can be found again, and from when on it is to be rewritten without its code.
    remote = fields.CharField(max_length=80, default="", db_default="")
    fades_at: datetime | None = InstantField(null=True)

    class Meta:
        table = "delivery"
        indexes = (
            Index(fields=("channel", "urgency", "due_at")),
            PresentIndex(fields=("due_at",)),
            Index(fields=("challenge_id",)),
            Index(fields=("contact_id", "posted_at")),
            Index(fields=("account_id", "posted_at")),
            Index(fields=("address_folded", "posted_at")),
            Index(fields=("fades_at",)),
            Index(fields=("asked_id",)),
        )
