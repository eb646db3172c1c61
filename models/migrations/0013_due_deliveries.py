from tortoise import migrations
from tortoise.migrations import operations as ops
from models.indexes import PresentIndex

class Migration(migrations.Migration):
    dependencies = [('models', '0012_codes_of_logins')]

    initial = False

    operations = [
        ops.AddIndex(
            model_name='Delivery',
            index=PresentIndex(fields=['due_at']),
        ),
    ]
