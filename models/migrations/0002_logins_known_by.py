from tortoise import migrations
from tortoise.migrations import operations as ops
from models.fields import InstantField
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='KnownBrowser',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('account', fields.ForeignKeyField('models.Account', source_field='account_id', db_constraint=True, to_field='id', related_name='known_browsers', on_delete=OnDelete.CASCADE)),
                ('digest', fields.CharField(unique=True, max_length=64)),
                ('seen_at', InstantField(db_index=True, generated=False, null=False, unique=False)),
            ],
            options={'table': 'known_browser', 'app': 'models', 'indexes': [Index(fields=['account_id'])], 'pk_attr': 'id', 'table_description': 'A browser that an account logged in with before, by the keyed digest of what it holds for that account alone.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Account',
            name='codes_blocked_until',
            field=InstantField(null=True, generated=False, unique=False),
        ),
        ops.RemoveIndex(
            model_name='Delivery',
            name=None,
            fields=['channel', 'due_at'],
        ),
        ops.AddField(
            model_name='Delivery',
            name='delayed_at',
            field=InstantField(null=True, generated=False, unique=False),
        ),
        ops.AddField(
            model_name='Delivery',
            name='disowned_at',
            field=InstantField(null=True, generated=False, unique=False),
        ),
        ops.AddField(
            model_name='Delivery',
            name='login_id',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='Delivery',
            name='session_id',
            field=fields.BigIntField(null=True),
        ),
        ops.AddIndex(
            model_name='Delivery',
            index=Index(fields=['channel', 'urgency', 'due_at']),
        ),
        ops.AddField(
            model_name='Session',
            name='challenge_id',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='Session',
            name='login_id',
            field=fields.BigIntField(null=True),
        ),
    ]
