"""What the bot keeps: who is linked, who asked for it, and what was heard before."""

from datetime import datetime

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.contact import Contact
from models.fields import InstantField


class SlackLink(Model):
    """A Slack account that asked to be linked, until somebody logged in says whose it is.

    The URL's token is derived from the key ring, `id` and `nonce`; it rests nowhere.
    """

    id = fields.BigIntField(primary_key=True)
    address = fields.CharField(max_length=80)
    name = fields.CharField(max_length=120)
    workspace = fields.CharField(max_length=80)
    key = fields.CharField(max_length=16)
    nonce = fields.BinaryField()
    asked_at: datetime = InstantField()
    expires_at: datetime = InstantField()
    used_at: datetime | None = InstantField(null=True)
    # What the linking hands on to the member's row.
    teams = fields.CharField(max_length=255, default="", db_default="")
    language = fields.CharField(max_length=2, default="", db_default="")

    class Meta:
        table = "slack_link"
        indexes = (Index(fields=("expires_at",)), Index(fields=("address", "asked_at")))


class SlackMember(Model):
    """A Slack account that is linked: to one contact, and so to one account."""

    id = fields.BigIntField(primary_key=True)
    address = fields.CharField(max_length=80, unique=True)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", related_name="slack_members", on_delete=fields.CASCADE
    )
    contact_id: int
    # The admitted workspaces that the person was seen in, divided by spaces; empty outside an organisation.
    teams = fields.CharField(max_length=255, default="", db_default="")
    # The language of the person's Slack; empty while it is not known.
    language = fields.CharField(max_length=2, default="", db_default="")

    class Meta:
        table = "slack_member"
        indexes = (Index(fields=("contact_id",)),)


class SlackHeard(Model):
    """Something that was heard from Slack and is not acted on again."""

    id = fields.BigIntField(primary_key=True)
    digest = fields.CharField(max_length=64, unique=True)
    heard_at: datetime = InstantField()

    class Meta:
        table = "slack_heard"
        indexes = (Index(fields=("heard_at",)),)
