"""The sessions: what a claimant holds after admission."""

from datetime import datetime

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.account import Account
from models.contact import Contact
from models.fields import InstantField
from models.kinds import Zone


class KnownBrowser(Model):
    """A browser that an account logged in with before, by the keyed digest of what it holds for that account alone."""

    id = fields.BigIntField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", related_name="known_browsers"
    )
    account_id: int
    digest = fields.CharField(max_length=64, unique=True)
    seen_at: datetime = InstantField(db_index=True)

    class Meta:
        table = "known_browser"
        indexes = (Index(fields=("account_id",)),)


class Session(Model):
    """An admission that lives on, with the RFC 8176 values of what opened it."""

    id = fields.BigIntField(primary_key=True)
    digest = fields.CharField(max_length=64, unique=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("models.Account", related_name="sessions")
    account_id: int
    contact: fields.ForeignKeyNullableRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", related_name="sessions", null=True, on_delete=fields.SET_NULL
    )
    contact_id: int | None
    # The login and the challenge that it came from; plain, for those are pruned sooner.
    login_id: int | None = fields.BigIntField(null=True)
    challenge_id: int | None = fields.BigIntField(null=True)
    # The kiosk at which it was opened and the card's login there: it ends with either.
    kiosk_id: int | None = fields.BigIntField(null=True)
    kiosk_login_id: int | None = fields.BigIntField(null=True)
    amr = fields.CharField(max_length=64)
    zone = fields.CharEnumField(Zone, max_length=12, description="one of Zone")
    address = fields.CharField(max_length=45)
    browser = fields.CharField(max_length=80)
    opened_at: datetime = InstantField()
    seen_at: datetime = InstantField()
    stepped_up_at: datetime | None = InstantField(null=True)
    expires_at: datetime = InstantField()
    ended_at: datetime | None = InstantField(null=True)

    class Meta:
        table = "session"
        indexes = (
            Index(fields=("account_id", "opened_at")),
            Index(fields=("contact_id",)),
            Index(fields=("kiosk_login_id",)),
        )
