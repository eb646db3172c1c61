from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0009_organisations')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Delivery',
            name='asked_id',
            field=fields.BigIntField(null=True),
        ),
        ops.AddIndex(
            model_name='Delivery',
            index=Index(fields=['asked_id']),
        ),
        ops.AddField(
            model_name='InboundMail',
            name='identity',
            field=fields.CharField(default='', db_default='', max_length=64),
        ),
    ]
