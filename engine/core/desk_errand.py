"""An errand: what a tool does in the name of a person who agreed to it; nothing that they could not write themselves.

They have not spoken: it answers none of their questions, ends none of their silences and is no sign of life.
"""

from __future__ import annotations

from engine.core.desk import Errand, Heard, Pass, Reading
from engine.core.desk_practice import begin
from engine.core.desk_table import Table
from engine.core.event import Commanded
from engine.core.values import Ref, TextId

NOTHING = "nothing that can be done as things stand"


def run_errand(table: Table, event: Errand) -> None:
    """Pass a word on to what it belongs to, or begin what it begins; whatever else it may mean is not for tools."""
    command, instance, facts = event.command, event.instance, table.facts
    if table.desk.consent == "unknown":
        table.ignore("has not met the bot yet")
    elif instance is not None:
        power = table.desk.powers.get(instance)
        if power is None or command.word not in power.words:
            table.ignore(NOTHING)
            return
        table.emit(Pass(instance, Commanded(command.word, Ref(table.desk.person))))
    elif command.word in facts.begins and facts.begins[command.word] not in facts.discreet:
        begin(table, Heard("", Reading(command=command), command.rest or TextId("")), command)
    else:
        table.ignore(NOTHING)
