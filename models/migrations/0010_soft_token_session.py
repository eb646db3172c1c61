from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0009_answers'), ('models', '0009_organisations')]

    initial = False

    operations = [
        ops.AddField(
            model_name='SoftToken',
            name='bound_in',
            field=fields.BigIntField(null=True),
        ),
    ]
