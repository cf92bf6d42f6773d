"""Beginning a workflow, and what circles take up and leave off (right 17): in which circle, and whether it is there."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from engine.core.definition import TITLE_TEXT
from engine.core.desk import Begin, Command, Heard, Store
from engine.core.desk_hide import note_begun
from engine.core.desk_private import note_alone_with
from engine.core.desk_table import TEXT_HELD_MS, Table
from engine.core.message import AnySlot, Message, Plain, Said
from engine.core.parcel import Shared
from engine.core.values import AnyValue, CircleId, Picked

TRY, LEAVE_OFF = "try", "leave off"
AGREEING = "practice"
"""The workflow by which a circle agrees on what it takes up and leaves off."""
WHICH, LEAVING = "which", "leaving"
"""Its details: the workflow that is spoken of; and the same once more where it is to be left off."""


def title_of(table: Table, workflow: str) -> AnySlot:
    """What a workflow is called, in the reader's language where its file is at hand."""
    digest = table.facts.titles.get(workflow) or table.facts.offers.get(workflow)
    return Plain(workflow.replace("_", " ")) if digest is None else Said(TITLE_TEXT, digest)


def begin(table: Table, event: Heard, command: Command) -> None:
    """Begin the workflow that a command word stands for."""
    workflow = table.facts.begins[command.word]
    circle = _circle(table, event, workflow)
    if circle is not None:
        _start(table, event, command, workflow, circle, {})


def say_not_in_use(table: Table, command: Command) -> None:
    """What the word would begin is there, but the circle has not taken it up."""
    table.say("not_in_use", title=title_of(table, table.facts.could_begin[command.word]))


def say_it_rests(table: Table, event: Heard, command: Command) -> None:
    """What the word would begin is there, but not what it needs."""
    if event.circle is None and not table.facts.circles:
        table.say("begin.no_circle")
        return
    table.say("try.waits", title=title_of(table, table.facts.resting[command.word]))


def try_out(table: Table, event: Heard, command: Command) -> None:
    """Ask everyone in a circle whether to take a workflow up; without a name, show which ones there are."""
    workflow = command.workflow
    if workflow is None:
        _show_offers(table, event)
    elif workflow in table.facts.offers:
        _agree(table, event, command, {WHICH: Picked(table.facts.offers[workflow])})
    else:
        used = workflow in _used(table, event)
        table.say("try.in_use" if used else "try.waits", title=title_of(table, workflow))


def leave_off(table: Table, event: Heard, command: Command) -> None:
    """Ask everyone in a circle whether to leave a workflow off."""
    workflow = command.workflow
    if workflow is None:
        table.say("leave_off.which")
    elif workflow == AGREEING:
        table.say("leave_off.agreeing")
    elif workflow not in _used(table, event):
        table.say("leave_off.not_in_use", title=title_of(table, workflow))
    else:
        which = Picked(table.facts.titles.get(workflow, workflow))
        _agree(table, event, command, {WHICH: which, LEAVING: which}, workflow)


def _show_offers(table: Table, event: Heard) -> None:
    message = Message(view=TRY)
    if event.circle is not None:
        table.put(message, "post", to=Shared(event.circle))
        return
    table.greet()
    table.put(message, "reply")


def _used(table: Table, event: Heard) -> set[str]:
    circles = table.facts.circles if event.circle is None else (event.circle,)
    return {name for circle in circles for name in table.facts.uses.get(circle, ())}


def _agree(
    table: Table, event: Heard, command: Command, details: dict[str, AnyValue], also: str = AGREEING
) -> None:
    """``also``: what the circle has in use besides the agreeing itself."""
    is_somewhere = event.circle is not None or bool(table.facts.circles)
    if is_somewhere and AGREEING not in _used(table, event):
        table.say("try.not_here")
        return
    circle = _circle(table, event, AGREEING, also)
    if circle is not None:
        _start(
            table, event, replace(command, people=(), everyone=False, rest=None), AGREEING, circle, details
        )


def _circle(table: Table, event: Heard, *workflows: str) -> CircleId | None:
    """The circle that is meant: the one it was said in, or the only one of the person's that uses these workflows."""
    facts = table.facts
    if event.circle is not None:
        if _uses(table, event.circle, workflows):
            return event.circle
        key = "not_in_use" if workflows[-1] in facts.offers else "not_in_use.here"
        table.say(key, title=title_of(table, workflows[-1]))
        return None
    found = [circle for circle in facts.circles if _uses(table, circle, workflows)]
    if len(found) == 1:
        return found[0]
    if not facts.circles:
        table.say("begin.no_circle")
    elif found:
        # In a shared room others might read along before it is taken back there.
        private = workflows[0] in facts.discreet
        table.say("which_circle.private" if private else "which_circle")
    else:
        table.say("not_in_use", title=title_of(table, workflows[-1]))
    return None


def _uses(table: Table, circle: CircleId, workflows: Collection[str]) -> bool:
    return set(workflows) <= set(table.facts.uses.get(circle, ()))


def _start(
    table: Table,
    event: Heard,
    command: Command,
    workflow: str,
    circle: CircleId,
    details: dict[str, AnyValue],
) -> None:
    if table.desk.consent == "unknown":
        # Whoever begins something wishes to hear about it; anything more is theirs to say.
        table.desk = replace(table.desk, consent="when_invited")
    table.greet()
    table.say_where_it_goes_on()
    fresh = table.facts.fresh_instance
    if event.circle is None and workflow in table.facts.discreet:
        note_begun(table, fresh, event.event_id)
        note_alone_with(table, fresh)
    if command.rest is not None:
        table.emit(Store(command.rest, fresh, table.facts.now_ms + TEXT_HELD_MS))
    people = tuple(p for p in command.people if p != table.desk.person)
    table.emit(Begin(fresh, workflow, circle, people, command.everyone, command.rest, details))
