"""One attempt to log in, with what was asked of it."""

from datetime import datetime

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.account import Account
from models.contact import Contact
from models.fields import InstantField
from models.kinds import AuthenticatorKind, Purpose


class Challenge(Model):
    """What is asked once.

    `slot` is taken while the challenge lives, so that two never live in one place.

    The answer is derived from the key ring, `id`, `purpose`, `nonce` and `login_id`; it rests nowhere.
    """

    id = fields.BigIntField(primary_key=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("models.Account", related_name="challenges")
    account_id: int
    contact: fields.ForeignKeyNullableRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", related_name="challenges", null=True, on_delete=fields.CASCADE
    )
    contact_id: int | None
    kind = fields.CharEnumField(AuthenticatorKind, max_length=20, description="one of AuthenticatorKind")
    purpose = fields.CharEnumField(Purpose, max_length=8, description="one of Purpose")
    slot = fields.CharField(max_length=48, null=True, unique=True)
    # The login that a delivered code or an approval opens, and no other; plain, for logins are pruned sooner.
    login_id: int | None = fields.BigIntField(null=True)
    key = fields.CharField(max_length=16)
    nonce = fields.BinaryField()
    cells = fields.CharField(max_length=32, default="")
    tries_left = fields.SmallIntField()
    issued_at: datetime = InstantField()
    expires_at: datetime | None = InstantField(null=True)
    # Approved where it was delivered; answered when the login that waits goes in with it.
    approved_at: datetime | None = InstantField(null=True)
    answered_at: datetime | None = InstantField(null=True)
    revoked_at: datetime | None = InstantField(null=True)

    class Meta:
        table = "challenge"
        indexes = (Index(fields=("account_id", "purpose", "issued_at")), Index(fields=("contact_id",)))


class Login(Model):
    """An attempt whose password was right, which dies in minutes unless it is admitted."""

    id = fields.BigIntField(primary_key=True)
    digest = fields.CharField(max_length=64, unique=True)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField("models.Account", related_name="logins")
    account_id: int
    challenge: fields.ForeignKeyNullableRelation[Challenge] = fields.ForeignKeyField(
        "models.Challenge", related_name="logins", null=True, on_delete=fields.SET_NULL
    )
    challenge_id: int | None
    chosen = fields.CharField(max_length=20, default="")
    # The login at a kiosk that named the account, whose card has to stay there; plain, for that is pruned sooner.
    kiosk_login_id: int | None = fields.BigIntField(null=True)
    address = fields.CharField(max_length=45)
    browser = fields.CharField(max_length=80)
    # The digest of what its browser is known by: it opens nothing, and tells a letter of one's own from another's.
    known_by = fields.CharField(max_length=64, default="", db_default="")
    begun_at: datetime = InstantField()
    expires_at: datetime = InstantField()
    ended_at: datetime | None = InstantField(null=True)

    class Meta:
        table = "login"
        indexes = (
            Index(fields=("expires_at",)),
            Index(fields=("challenge_id",)),
            Index(fields=("kiosk_login_id",)),
            Index(fields=("account_id", "expires_at")),
        )
