"""What is carried: who holds what while a workflow runs, and the line they may keep of it."""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.definition import Carried, CarriedDef, StateDef
from engine.core.finding import did_you_mean
from engine.loading.draft import Draft
from engine.loading.grammar import CARRIED
from engine.loading.moments import Unreadable
from engine.loading.tree import Node

WAITING = ("gathering", "beginning")
"""What steps begin with: nothing is agreed on there yet."""
WELL = ("done", "enough")
"""The ends that steps come to when nothing was called off on the way."""


def read_carried(draft: Draft, node: Node | None, states: Mapping[str, StateDef]) -> tuple[CarriedDef, ...]:
    """Read what is carried, after all that happens; ``states`` are those of the file, or made of its steps."""
    found: list[CarriedDef] = []
    for index, item in enumerate(draft.read.items(node)):
        fields = draft.fields("carried", item, item.place)
        key = f"carried.{index + 1}"
        for written in ("while", "after") if draft.steps else ():
            if written in fields.by_key:
                message = f"a file with `steps` has no `{written}`"
                hint = "leave it out: it is carried from the beginning on, and stays if all went well"
                draft.read.note(fields.by_key[written].key.place, "both", message, hint)
        part = draft.name(fields, "by")
        kind = draft.read.parse(fields.node("as"), _read_kind)
        said = draft.read.sentence(f"{key}.say", fields.node("say"))
        after = draft.read.sentence(f"{key}.afterwards", fields.node("afterwards"))
        when = draft.condition(fields.node("if"))
        if part is None or kind is None:
            continue
        lasting = draft.read.names(fields.node("while"))
        ends = draft.read.names(fields.node("after"))
        if draft.steps:
            lasting = tuple(s.name for s in states.values() if not s.final and s.name not in WAITING)
            ends = tuple(s.name for s in states.values() if s.name in WELL)
        found.append(CarriedDef(part, kind, said, lasting, when, after, ends))
    return tuple(found)


def _read_kind(text: str) -> Carried:
    """Read as what something is held.

    Raises:
        Unreadable: nothing is held so.
    """
    if text not in CARRIED:
        known = ", ".join(f"`{each}`" for each in CARRIED)
        message = f"nothing is carried as `{text}`"
        raise Unreadable("carried-as", message, did_you_mean(text, CARRIED, f"known: {known}"))
    return CARRIED[text]
