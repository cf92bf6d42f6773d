"""Who goes first when not everything can be sent at once."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

RANKS = """
    UPDATE outbox SET rank = CASE
        WHEN is_reaction THEN 4
        WHEN urgency IN ('reply', 'safety') THEN 0
        WHEN urgency IN ('hello', 'timely', 'change') THEN 2
        ELSE 3 END
    WHERE status = 'waiting'"""
"""What waits as far as it can be told without its key: an acknowledgement counts as a reply."""


class Migration(migrations.Migration):
    dependencies = [("cellar", "0002_forgetting")]

    initial = False

    operations = [
        ops.AddField(model_name="OutboxRow", name="rank", field=fields.IntField(db_default=3)),
        ops.RunSQL(sql=RANKS),
    ]
