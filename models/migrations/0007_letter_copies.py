from tortoise import migrations
from tortoise.migrations import operations as ops
from models.fields import InstantField
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0006_kiosk')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Delivery',
            name='copies',
            field=fields.SmallIntField(default=0, db_default=0),
        ),
        ops.AddField(
            model_name='Delivery',
            name='unknown_at',
            field=InstantField(null=True, generated=False, unique=False),
        ),
    ]
