from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0008_answered_letter')]

    initial = False

    operations = [
        ops.AddField(
            model_name='SlackLink',
            name='language',
            field=fields.CharField(default='', db_default='', max_length=2),
        ),
        ops.AddField(
            model_name='SlackLink',
            name='teams',
            field=fields.CharField(default='', db_default='', max_length=255),
        ),
        ops.AddField(
            model_name='SlackMember',
            name='language',
            field=fields.CharField(default='', db_default='', max_length=2),
        ),
        ops.AddField(
            model_name='SlackMember',
            name='teams',
            field=fields.CharField(default='', db_default='', max_length=255),
        ),
    ]
