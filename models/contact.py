"""The contacts: labelled places where codes may go."""

from datetime import datetime

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.account import Account
from models.fields import InstantField
from models.kinds import Channel


class Contact(Model):
    """A place the member named, where codes go only while it is confirmed and not suspended."""

    id = fields.BigIntField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("models.Account", related_name="contacts")
    account_id: int
    channel = fields.CharEnumField(Channel, max_length=8, description="one of Channel")
    label = fields.CharField(max_length=32)
    label_folded = fields.CharField(max_length=128)
    address = fields.CharField(max_length=320)
    address_folded = fields.CharField(max_length=320)
    # What stands for an address that says nothing to people, such as a Slack user's id. In the database, too, for the
    # rows of an older release.
    shown = fields.CharField(max_length=200, default="", db_default="")
    hides_code = fields.BooleanField(default=False, db_default=False)
    added_at: datetime = InstantField()
    confirmed_at: datetime | None = InstantField(null=True)
    suspended_at: datetime | None = InstantField(null=True)
    suspended_why = fields.CharField(max_length=200, default="")
    used_at: datetime | None = InstantField(null=True)

    class Meta:
        table = "contact"
        unique_together = (("account", "label_folded"), ("account", "channel", "address_folded"))


class RefusedAddress(Model):
    """An address whose owner disowned the account: closed to it."""

    id = fields.BigIntField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", related_name="refused_addresses"
    )
    account_id: int
    address_folded = fields.CharField(max_length=320)
    refused_at: datetime = InstantField()

    class Meta:
        table = "refused_address"
        indexes = (Index(fields=("account_id", "address_folded")),)
