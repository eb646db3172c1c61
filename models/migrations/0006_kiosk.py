from tortoise import migrations
from tortoise.migrations import operations as ops
from models.fields import InstantField
from models.kinds import Zone
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0005_approvals')]

    initial = False

    operations = [
        ops.CreateModel(
            name='IcCard',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('account', fields.ForeignKeyField('models.Account', source_field='account_id', db_constraint=True, to_field='id', related_name='ic_cards', on_delete=OnDelete.CASCADE)),
                ('fingerprint', fields.CharField(unique=True, max_length=64)),
                ('certificate', fields.BinaryField()),
                ('subject', fields.CharField(max_length=200)),
                ('expires_at', InstantField(generated=False, null=False, unique=False)),
                ('bound_by', fields.CharField(max_length=12)),
                ('bound_at', InstantField(generated=False, null=False, unique=False)),
                ('bound_in', fields.BigIntField(null=True)),
                ('used_at', InstantField(null=True, generated=False, unique=False)),
                ('blocked_at', InstantField(null=True, generated=False, unique=False)),
            ],
            options={'table': 'ic_card', 'app': 'models', 'indexes': [Index(fields=['account_id'])], 'pk_attr': 'id', 'table_description': 'A card with a key, bound to an account by the SHA-256 of its certificate.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Kiosk',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('handle', fields.CharField(unique=True, max_length=32)),
                ('name', fields.CharField(max_length=64)),
                ('slot', fields.CharField(null=True, unique=True, max_length=128)),
                ('zone', fields.CharEnumField(description='one of Zone', enum_type=Zone, max_length=12)),
                ('code_digest', fields.CharField(null=True, unique=True, max_length=64)),
                ('code_expires_at', InstantField(null=True, generated=False, unique=False)),
                ('public_key', fields.BinaryField(null=True)),
                ('added_at', InstantField(generated=False, null=False, unique=False)),
                ('enrolled_at', InstantField(null=True, generated=False, unique=False)),
                ('seen_at', InstantField(null=True, generated=False, unique=False)),
                ('binds_for_id', fields.BigIntField(null=True)),
                ('binds_session_id', fields.BigIntField(null=True)),
                ('binds_until', InstantField(null=True, generated=False, unique=False)),
                ('revoked_at', InstantField(null=True, generated=False, unique=False)),
            ],
            options={'table': 'kiosk', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A machine with a card reader, known by its key once it was enrolled.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='KioskNonce',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('kiosk', fields.ForeignKeyField('models.Kiosk', source_field='kiosk_id', db_constraint=True, to_field='id', related_name='nonces', on_delete=OnDelete.CASCADE)),
                ('nonce', fields.CharField(max_length=32)),
                ('expires_at', InstantField(db_index=True, generated=False, null=False, unique=False)),
            ],
            options={'table': 'kiosk_nonce', 'app': 'models', 'unique_together': (('kiosk', 'nonce'),), 'pk_attr': 'id', 'table_description': "A nonce that a kiosk's request came with, kept for as long as the request would be taken again."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='UidCard',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('account', fields.ForeignKeyField('models.Account', source_field='account_id', db_constraint=True, to_field='id', related_name='uid_cards', on_delete=OnDelete.CASCADE)),
                ('digest', fields.CharField(unique=True, max_length=64)),
                ('key', fields.CharField(max_length=16)),
                ('bound_at', InstantField(generated=False, null=False, unique=False)),
                ('used_at', InstantField(null=True, generated=False, unique=False)),
            ],
            options={'table': 'uid_card', 'app': 'models', 'indexes': [Index(fields=['account_id'])], 'pk_attr': 'id', 'table_description': 'A card that has nothing but its number, which names an account and proves nothing.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='KioskLogin',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('handle', fields.CharField(unique=True, max_length=32)),
                ('kiosk', fields.ForeignKeyField('models.Kiosk', source_field='kiosk_id', db_constraint=True, to_field='id', related_name='logins', on_delete=OnDelete.CASCADE)),
                ('account', fields.ForeignKeyField('models.Account', source_field='account_id', db_constraint=True, to_field='id', related_name='kiosk_logins', on_delete=OnDelete.CASCADE)),
                ('ic_card', fields.ForeignKeyField('models.IcCard', source_field='ic_card_id', null=True, db_constraint=True, to_field='id', related_name='logins', on_delete=OnDelete.CASCADE)),
                ('uid_card', fields.ForeignKeyField('models.UidCard', source_field='uid_card_id', null=True, db_constraint=True, to_field='id', related_name='logins', on_delete=OnDelete.CASCADE)),
                ('certificate', fields.BinaryField(null=True)),
                ('nonce', fields.BinaryField()),
                ('begun_at', InstantField(generated=False, null=False, unique=False)),
                ('expires_at', InstantField(generated=False, null=False, unique=False)),
                ('answered_at', InstantField(null=True, generated=False, unique=False)),
                ('admission_digest', fields.CharField(null=True, unique=True, max_length=64)),
                ('admission_expires_at', InstantField(null=True, generated=False, unique=False)),
                ('browser', fields.CharField(default='', max_length=43)),
                ('return_url', fields.CharField(default='', max_length=80)),
                ('admitted_at', InstantField(null=True, generated=False, unique=False)),
                ('named_digest', fields.CharField(null=True, unique=True, max_length=64)),
                ('ended_at', InstantField(null=True, generated=False, unique=False)),
            ],
            options={'table': 'kiosk_login', 'app': 'models', 'indexes': [Index(fields=['expires_at']), Index(fields=['kiosk_id', 'ended_at'])], 'pk_attr': 'id', 'table_description': "One login at a kiosk: from the card's certificate, or its number, to the browser that goes in."},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Login',
            name='kiosk_login_id',
            field=fields.BigIntField(null=True),
        ),
        ops.AddIndex(
            model_name='Login',
            index=Index(fields=['kiosk_login_id']),
        ),
        ops.AddField(
            model_name='Session',
            name='kiosk_id',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='Session',
            name='kiosk_login_id',
            field=fields.BigIntField(null=True),
        ),
        ops.AddIndex(
            model_name='Session',
            index=Index(fields=['kiosk_login_id']),
        ),
    ]
