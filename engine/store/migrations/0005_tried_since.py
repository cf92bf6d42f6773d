"""Since when a message that was tried in vain would have left: its next try is later, and its delay is not."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("cellar", "0004_at_any_size")]

    initial = False

    operations = [
        ops.AddField(model_name="OutboxRow", name="tried_since", field=fields.BigIntField(null=True)),
    ]
