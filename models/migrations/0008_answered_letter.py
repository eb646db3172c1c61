from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0007_letter_copies')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Delivery',
            name='answered',
            field=fields.CharField(default='', db_default='', max_length=24),
        ),
    ]
