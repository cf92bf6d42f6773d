"""Two indexes that keep what is asked all the time as quick with a million rows as with a thousand."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State


class Unindex(ops.AlterField):
    """Takes away a field's index and nothing else: Tortoise would make SQLite's table anew, and lose its other ones."""

    async def database_forward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        if state_editor is not None:
            model = old_state.apps.get_model(f"{app_label}.{self.model_name}")
            await state_editor.remove_index(model, Index(fields=[self.name]))


class Migration(migrations.Migration):
    dependencies = [("cellar", "0003_ranks")]

    initial = False

    operations = [
        ops.AddIndex(model_name="TimerRow", index=Index(fields=["due_at", "actor", "name"])),
        Unindex(model_name="TimerRow", name="due_at", field=fields.BigIntField()),
        ops.AddIndex(model_name="Instance", index=Index(fields=["circle_id", "open", "definition"])),
        ops.RemoveIndex(model_name="Instance", fields=["circle_id", "open"]),
    ]
