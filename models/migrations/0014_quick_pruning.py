from tortoise import migrations
from tortoise.migrations import operations as ops
from models.indexes import BeginningIndex, PresentIndex

class Migration(migrations.Migration):
    dependencies = [('models', '0013_due_deliveries')]

    initial = False

    operations = [
        ops.AddIndex(
            model_name='KioskLogin',
            index=PresentIndex(fields=['ic_card_id']),
        ),
        ops.AddIndex(
            model_name='KioskLogin',
            index=PresentIndex(fields=['uid_card_id']),
        ),
        ops.AddIndex(
            model_name='Throttle',
            index=BeginningIndex(fields=['subject', 'open_at'], name='idx_throttle_scope_open_at'),
        ),
    ]
