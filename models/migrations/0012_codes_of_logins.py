from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0011_numbered_audit')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Challenge',
            name='login_id',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='Login',
            name='known_by',
            field=fields.CharField(default='', db_default='', max_length=64),
        ),
        ops.AddIndex(
            model_name='Login',
            index=Index(fields=['account_id', 'expires_at']),
        ),
    ]
