from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0010_soft_token_session')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Segment',
            name='total',
            field=fields.BigIntField(default=0, db_default=0),
        ),
    ]
