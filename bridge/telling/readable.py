"""What states are called where people read of them; the file and its tests go on using their ids."""

from __future__ import annotations

import re

from bridge.telling.lexis import spoken
from engine.core.definition import Definition

STEPS_OWN = "steps."
"""How the keys of the bot's own sentences for steps begin."""
_NUMBERED = re.compile(r"(?P<name>.+)_(?P<number>[2-9]|\d\d+)")
_ONLY_SOMETIMES = ("too_few", "new_date", "cancelled", "not_this_time")
"""States of steps that a play may pass by: the second of them need not come after a first."""


def is_made_of_steps(definition: Definition) -> bool:
    """Whether the file was written as steps: it then says things in the bot's own sentences for steps."""
    return any(own.key.startswith(STEPS_OWN) for own in definition.own.values())


def readable(definition: Definition, state: str) -> str:
    """The name of a state in words: ``few_so_far`` as ``few so far``.

    Of steps the states have names that the author never wrote: ``ask_readers_2`` is ``ask readers again``.
    """
    found = _NUMBERED.fullmatch(state)
    if found is None or not is_made_of_steps(definition) or found["name"] not in definition.states:
        return spoken(state)
    name, number = spoken(found["name"]), int(found["number"])
    if found["name"] in _ONLY_SOMETIMES:
        return f"{name} later on" if number == 2 else f"{name} later on ({number})"
    return f"{name} again" if number == 2 else f"{name} again, {number} in all"
