"""Which process speaks for a bot account, and until when; and which timers one of several is about to ring."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("cellar", "0005_tried_since")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Speaker",
            fields=[
                ("account", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=255)),
                ("holder", fields.CharField(max_length=255)),
                ("epoch", fields.BigIntField()),
                ("since", fields.BigIntField()),
                ("until", fields.BigIntField()),
                ("moves", fields.BigIntField()),
                ("heard", fields.BooleanField(default=False)),
            ],
            options={
                "table": "speakers",
                "app": "cellar",
                "pk_attr": "account",
                "table_description": "Which process has the lease on a bot account, by the database's own clock.",
            },
            bases=["Model"],
        ),
        ops.AddField(model_name="TimerRow", name="claimed_until", field=fields.BigIntField(null=True)),
    ]
