from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0013_due_deliveries')]

    initial = False

    operations = [
        ops.AddIndex(
            model_name='Event',
            index=Index(fields=['kind', 'id']),
        ),
        ops.AddField(
            model_name='MatrixCard',
            name='is_weak',
            field=fields.BooleanField(default=False, db_default=False),
        ),
    ]
