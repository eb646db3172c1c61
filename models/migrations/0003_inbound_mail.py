from tortoise import migrations
from tortoise.migrations import operations as ops
from models.fields import InstantField
from models.kinds import MailUse, Verdict
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0002_logins_known_by')]

    initial = False

    operations = [
        ops.CreateModel(
            name='InboundMail',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('handle', fields.CharField(unique=True, max_length=32)),
                ('delivery', fields.ForeignKeyField('models.Delivery', source_field='delivery_id', null=True, db_constraint=True, to_field='id', related_name='inbound', on_delete=OnDelete.SET_NULL)),
                ('use', fields.CharEnumField(description='one of MailUse', enum_type=MailUse, max_length=8)),
                ('sender', fields.CharField(max_length=320)),
                ('peer', fields.CharField(max_length=45)),
                ('helo', fields.CharField(max_length=255)),
                ('content', fields.BinaryField(null=True)),
                ('size', fields.IntField()),
                ('received_at', InstantField(generated=False, null=False, unique=False)),
                ('due_at', InstantField(null=True, generated=False, unique=False)),
                ('lease', fields.CharField(default='', max_length=32)),
                ('attempts', fields.SmallIntField(default=0)),
                ('read_at', InstantField(null=True, generated=False, unique=False)),
                ('shelved_at', InstantField(null=True, generated=False, unique=False)),
                ('verdict', fields.CharEnumField(null=True, description='one of Verdict', enum_type=Verdict, max_length=24)),
                ('reason', fields.CharField(default='', max_length=200)),
                ('authentication', fields.CharField(default='', max_length=200)),
            ],
            options={'table': 'inbound_mail', 'app': 'models', 'indexes': [Index(fields=['due_at']), Index(fields=['shelved_at']), Index(fields=['delivery_id']), Index(fields=['received_at'])], 'pk_attr': 'id', 'table_description': 'One message to one address of ours, its content sealed and kept until it was understood.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Delivery',
            name='answers_to',
            field=fields.CharField(default='', db_default='', max_length=255),
        ),
        ops.AddField(
            model_name='Delivery',
            name='replied_at',
            field=InstantField(null=True, generated=False, unique=False),
        ),
    ]
