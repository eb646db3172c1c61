from tortoise import migrations
from tortoise.migrations import operations as ops
from models.fields import InstantField

class Migration(migrations.Migration):
    dependencies = [('models', '0004_slack')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Challenge',
            name='approved_at',
            field=InstantField(null=True, generated=False, unique=False),
        ),
    ]
