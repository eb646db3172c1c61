"""The kiosks, the cards that are read there, and the logins that come of it."""

from datetime import datetime

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.account import Account
from models.fields import InstantField
from models.indexes import PresentIndex
from models.kinds import Zone


class Kiosk(Model):
    """A machine with a card reader, known by its key once it was enrolled.

    `slot` is its name while it may be used, so that two never go by one name.
    """

    id = fields.BigIntField(primary_key=True)
    handle = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=64)
    slot = fields.CharField(max_length=128, null=True, unique=True)
    zone = fields.CharEnumField(Zone, max_length=12, description="one of Zone")
    code_digest = fields.CharField(max_length=64, null=True, unique=True)
    code_expires_at: datetime | None = InstantField(null=True)
    public_key = fields.BinaryField(null=True)
    added_at: datetime = InstantField()
    enrolled_at: datetime | None = InstantField(null=True)
    seen_at: datetime | None = InstantField(null=True)
    # The account that it waits for a card of, and the session that asked; plain, for the asking is over in minutes.
    binds_for_id: int | None = fields.BigIntField(null=True)
    binds_session_id: int | None = fields.BigIntField(null=True)
    binds_until: datetime | None = InstantField(null=True)
    revoked_at: datetime | None = InstantField(null=True)

    class Meta:
        table = "kiosk"


class KioskNonce(Model):
    """A nonce that a kiosk's request came with, kept for as long as the request would be taken again."""

    id = fields.BigIntField(primary_key=True)
    kiosk: fields.ForeignKeyRelation[Kiosk] = fields.ForeignKeyField(
        "models.Kiosk", related_name="nonces", on_delete=fields.CASCADE
    )
    kiosk_id: int
    nonce = fields.CharField(max_length=32)
    expires_at: datetime = InstantField(db_index=True)

    class Meta:
        table = "kiosk_nonce"
        unique_together = (("kiosk", "nonce"),)


class IcCard(Model):
    """A card with a key, bound to an account by the SHA-256 of its certificate."""

    id = fields.BigIntField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("models.Account", related_name="ic_cards")
    account_id: int
    fingerprint = fields.CharField(max_length=64, unique=True)
    certificate = fields.BinaryField()
    subject = fields.CharField(max_length=200)
    expires_at: datetime = InstantField()
    bound_by = fields.CharField(max_length=12)
    bound_at: datetime = InstantField()
    bound_in: int | None = fields.BigIntField(null=True)
    used_at: datetime | None = InstantField(null=True)
    blocked_at: datetime | None = InstantField(null=True)

    class Meta:
        table = "ic_card"
        indexes = (Index(fields=("account_id",)),)


class UidCard(Model):
    """A card that has nothing but its number, which names an account and proves nothing.

    The number rests as a digest under the key ring's key `key`.
    """

    id = fields.BigIntField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("models.Account", related_name="uid_cards")
    account_id: int
    digest = fields.CharField(max_length=64, unique=True)
    key = fields.CharField(max_length=16)
    bound_at: datetime = InstantField()
    used_at: datetime | None = InstantField(null=True)

    class Meta:
        table = "uid_card"
        indexes = (Index(fields=("account_id",)),)


class KioskLogin(Model):
    """One login at a kiosk: from the card's certificate, or its number, to the browser that goes in.

    `nonce` is what the card signs, answered once; of the admission code and of what a named account's browser holds
    only digests rest here.
    """

    id = fields.BigIntField(primary_key=True)
    handle = fields.CharField(max_length=32, unique=True)
    kiosk: fields.ForeignKeyRelation[Kiosk] = fields.ForeignKeyField(
        "models.Kiosk", related_name="logins", on_delete=fields.CASCADE
    )
    kiosk_id: int
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("models.Account", related_name="kiosk_logins")
    account_id: int
    ic_card: fields.ForeignKeyNullableRelation[IcCard] = fields.ForeignKeyField(
        "models.IcCard", related_name="logins", null=True, on_delete=fields.CASCADE
    )
    ic_card_id: int | None
    uid_card: fields.ForeignKeyNullableRelation[UidCard] = fields.ForeignKeyField(
        "models.UidCard", related_name="logins", null=True, on_delete=fields.CASCADE
    )
    uid_card_id: int | None
    # Of a card that is not bound yet, while its member binds it.
    certificate = fields.BinaryField(null=True)
    nonce = fields.BinaryField()
    begun_at: datetime = InstantField()
    expires_at: datetime = InstantField()
    answered_at: datetime | None = InstantField(null=True)
    admission_digest = fields.CharField(max_length=64, null=True, unique=True)
    admission_expires_at: datetime | None = InstantField(null=True)
    browser = fields.CharField(max_length=43, default="")
    return_url = fields.CharField(max_length=80, default="")
    admitted_at: datetime | None = InstantField(null=True)
    named_digest = fields.CharField(max_length=64, null=True, unique=True)
    ended_at: datetime | None = InstantField(null=True)

    class Meta:
        table = "kiosk_login"
        indexes = (
            Index(fields=("expires_at",)),
            Index(fields=("kiosk_id", "ended_at")),
            # A card that is dropped takes its logins along, and finds them by these.
            PresentIndex(fields=("ic_card_id",)),
            PresentIndex(fields=("uid_card_id",)),
        )
