from tortoise import migrations
from tortoise.migrations import operations as ops
from models.fields import InstantField
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0003_inbound_mail')]

    initial = False

    operations = [
        ops.CreateModel(
            name='SlackHeard',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('digest', fields.CharField(unique=True, max_length=64)),
                ('heard_at', InstantField(generated=False, null=False, unique=False)),
            ],
            options={'table': 'slack_heard', 'app': 'models', 'indexes': [Index(fields=['heard_at'])], 'pk_attr': 'id', 'table_description': 'Something that was heard from Slack and is not acted on again.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SlackLink',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('address', fields.CharField(max_length=80)),
                ('name', fields.CharField(max_length=120)),
                ('workspace', fields.CharField(max_length=80)),
                ('key', fields.CharField(max_length=16)),
                ('nonce', fields.BinaryField()),
                ('asked_at', InstantField(generated=False, null=False, unique=False)),
                ('expires_at', InstantField(generated=False, null=False, unique=False)),
                ('used_at', InstantField(null=True, generated=False, unique=False)),
            ],
            options={'table': 'slack_link', 'app': 'models', 'indexes': [Index(fields=['expires_at']), Index(fields=['address', 'asked_at'])], 'pk_attr': 'id', 'table_description': 'A Slack account that asked to be linked, until somebody logged in says whose it is.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SlackMember',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('address', fields.CharField(unique=True, max_length=80)),
                ('contact', fields.ForeignKeyField('models.Contact', source_field='contact_id', db_constraint=True, to_field='id', related_name='slack_members', on_delete=OnDelete.CASCADE)),
            ],
            options={'table': 'slack_member', 'app': 'models', 'indexes': [Index(fields=['contact_id'])], 'pk_attr': 'id', 'table_description': 'A Slack account that is linked: to one contact, and so to one account.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Contact',
            name='hides_code',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name='Contact',
            name='shown',
            field=fields.CharField(default='', db_default='', max_length=200),
        ),
        ops.AddField(
            model_name='Delivery',
            name='fades_at',
            field=InstantField(null=True, generated=False, unique=False),
        ),
        ops.AddField(
            model_name='Delivery',
            name='remote',
            field=fields.CharField(default='', db_default='', max_length=80),
        ),
        ops.AddIndex(
            model_name='Delivery',
            index=Index(fields=['fades_at']),
        ),
    ]
