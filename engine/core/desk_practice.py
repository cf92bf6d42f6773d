"""Beginning a workflow, and what circles take up and leave off (right 17): in which circle, and whether it is there."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from engine.core.definition import TITLE_TEXT
from engine.core.desk import Begin, Command, Heard, Prompt, Reading, Release, Source, Store
from engine.core.desk_hide import note_begun
from engine.core.desk_private import note_alone_with
from engine.core.desk_table import TEXT_HELD_MS, Table
from engine.core.desk_where import ask_where, decided, words_for
from engine.core.message import AnySlot, Count, Message, Plain, Said
from engine.core.parcel import Shared
from engine.core.values import AnyValue, CircleId, Picked, TextId

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
    if event.circle is None:
        _do_in_one(table, event, command, workflow)
    elif _is_used_here(table, event.circle, workflow):
        _start(table, event, command, workflow, event.circle, {})


def begin_where(table: Table, prompt: Prompt, source: Source) -> None:
    """Begin what was asked about in the circle that they have named now."""
    undecided = decided(table, prompt)
    if undecided is None:
        table.say("closed")
        return
    command, circle = undecided.command, CircleId(source.choice or "")
    if circle not in _places(table, command):
        workflow = command.workflow or table.facts.begins.get(command.word, command.word)
        table.say("not_in_use", title=title_of(table, workflow))
        return
    event = Heard(undecided.event_id, Reading(), TextId(""))
    command = words_for(table, command, table.facts.fresh_instance)
    _do(table, event, command, circle, kept=True)


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
        _agree(table, event, command)
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
        _agree(table, event, command, workflow)


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


def _agree(table: Table, event: Heard, command: Command, also: str = AGREEING) -> None:
    """``also``: what the circle has in use besides the agreeing itself."""
    command = replace(command, people=(), everyone=False, rest=None)
    is_somewhere = event.circle is not None or bool(table.facts.circles)
    if is_somewhere and AGREEING not in _used(table, event):
        table.say("try.not_here")
    elif event.circle is None:
        _do_in_one(table, event, command, also)
    else:
        _do(table, event, command, event.circle)


def _is_used_here(table: Table, circle: CircleId, workflow: str) -> bool:
    """Whether the circle in whose room it was said uses a workflow; says so if it does not."""
    if _uses(table, circle, (workflow,)):
        return True
    key = "not_in_use" if workflow in table.facts.offers else "not_in_use.here"
    table.say(key, title=title_of(table, workflow))
    return False


def _do_in_one(table: Table, event: Heard, command: Command, workflow: str) -> None:
    """Do it in the only circle of theirs where it can be done; where there are several, ask which one is meant."""
    found = _places(table, command)
    # With whom it is to be may say where.
    found = tuple(circle for circle in found if circle in table.facts.together) or found
    if len(found) == 1:
        _do(table, event, command, found[0])
    elif found:
        begun = () if command.word in (TRY, LEAVE_OFF) else _beginnings(table, command).values()
        ask_where(table, event, command, found, private=not table.facts.discreet.isdisjoint(begun))
    elif not table.facts.circles:
        table.say("begin.no_circle")
    else:
        table.say("not_in_use", title=title_of(table, workflow))


def _do(table: Table, event: Heard, command: Command, circle: CircleId, *, kept: bool = False) -> None:
    """``kept``: its words have been kept already."""
    workflow = command.workflow or ""
    if command.word == TRY:
        details: dict[str, AnyValue] = {WHICH: Picked(table.facts.offers.get(workflow, workflow))}
        _start(table, event, command, AGREEING, circle, details)
    elif command.word == LEAVE_OFF:
        which = Picked(table.facts.titles.get(workflow, workflow))
        _start(table, event, command, AGREEING, circle, {WHICH: which, LEAVING: which})
    else:
        _start(table, event, command, _beginnings(table, command)[circle], circle, {}, kept=kept)


def _places(table: Table, command: Command) -> tuple[CircleId, ...]:
    """The person's circles in which a command can do something."""
    if command.word not in (TRY, LEAVE_OFF):
        return tuple(_beginnings(table, command))
    facts, workflow = table.facts, command.workflow or ""
    agreeing = [circle for circle in facts.circles if _uses(table, circle, (AGREEING,))]
    if command.word == LEAVE_OFF:
        return tuple(circle for circle in agreeing if _uses(table, circle, (workflow,)))
    return tuple(c for c in agreeing if not facts.offers_in or workflow in facts.offers_in.get(c, ()))


def _beginnings(table: Table, command: Command) -> dict[CircleId, str]:
    """Where the command's word begins something in the person's circles, and what."""
    facts = table.facts
    if facts.begins_in:
        return {circle: name for circle, name in facts.begins_in.items() if circle in facts.circles}
    workflow = facts.begins.get(command.word, "")
    return {circle: workflow for circle in facts.circles if _uses(table, circle, (workflow,))}


def _uses(table: Table, circle: CircleId, workflows: Collection[str]) -> bool:
    return set(workflows) <= set(table.facts.uses.get(circle, ()))


def _start(
    table: Table,
    event: Heard,
    command: Command,
    workflow: str,
    circle: CircleId,
    details: dict[str, AnyValue],
    *,
    kept: bool = False,
) -> None:
    most = table.facts.limits.begun_per_person
    if table.facts.begun >= most:
        table.reach("begun_per_person")
        table.say("limit.begun", n=Count(most))
        return
    if table.desk.consent == "unknown":
        # Whoever begins something wishes to hear about it; anything more is theirs to say.
        table.desk = replace(table.desk, consent="when_invited")
        table.emit(Release())  # what others asked before that waited for a word
    table.greet()
    table.say_where_it_goes_on()
    fresh = table.facts.fresh_instance
    if event.circle is None and workflow in table.facts.discreet:
        note_begun(table, fresh, event.event_id)
        note_alone_with(table, fresh)
    if command.rest is not None and not kept:
        table.emit(Store(command.rest, fresh, table.facts.now_ms + TEXT_HELD_MS))
    people = tuple(p for p in command.people if p != table.desk.person)
    table.emit(Begin(fresh, workflow, circle, people, command.everyone, command.rest, details))
