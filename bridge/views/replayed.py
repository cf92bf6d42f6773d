"""The story of one instance out of the store, as one reader may hear it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from bridge.telling.lexis import quoted
from bridge.telling.outside import Public, seen_from_outside
from bridge.telling.replaying import ASKED, Heard, Mail, story_for, story_for_outsiders, title_of
from bridge.views.sight import Matter
from bridge.wording.render import SENTENCE_ENDS, Hearer, Unsayable, Voice, in_brief, in_one_line
from engine.core.carried_order import took_part
from engine.core.decide_desk import decide_desk
from engine.core.definition import Definition
from engine.core.desk import Asked, Boarded, Desk, DeskEvent, DeskFacts, Put, Told
from engine.core.effect import Ask, Show, Tell
from engine.core.event import Event, Facts
from engine.core.message import Message
from engine.core.replay import DECIDED, Entry, Passage, Unreplayable, began_with, replay
from engine.core.values import MINUTE_MS, InstanceId, Ms, PersonId, RowId, TextId
from engine.runtime.batch.for_desk import for_desk
from engine.runtime.localize import Cast, name_message
from engine.runtime.ports import Cellar, Line, Want

WITHHELD = "…"
"""Stands where somebody's own words would."""
LONGEST_SAID = 300
LONGEST_ASKED = 140
WITHDRAWN = "withdrawn"
UNTOLD = (
    "It was moved to another version before Hearth noted which one it began with: its story cannot be told."
)


class Withheld:
    """Implements `bridge.wording.render.TextsKept`, and gives nobody's words away."""

    async def text(self, _text: TextId) -> str | None:
        return WITHHELD


class Story(msgspec.Struct, frozen=True):
    """The story of an instance for one reader."""

    workflow: str
    """What its workflow is called."""
    digest: str
    """The definition it runs on."""
    steps: tuple[Heard, ...]
    person: PersonId | None = None
    """The reader, if they take part."""
    cast: Cast | None = None
    is_faithful: bool = True
    """False: Hearth would decide something in it otherwise today."""
    before: str = ""
    """Why what came first cannot be told."""


async def story_of(cellar: Cellar, instance: InstanceId, reader: str | None) -> Story | None:
    """The story for a reader by their Matrix id, or for whoever takes no part; None where nothing may be told.

    The same is looked up whether or not there is such an instance, and nobody is made known by asking.
    """
    loaded = await cellar.load(Want(instances=frozenset((instance,))))
    snapshot = loaded.snapshots.get(instance)
    lines = await cellar.journal(f"i/{instance}")
    people = await cellar.people_of(instance)
    pinned = await cellar.definition(snapshot.definition if snapshot is not None else "")
    if snapshot is None or pinned is None:
        return None
    entries = _entries(lines)
    cast = Cast(people)
    try:
        passages = await _replayed(cellar, entries, snapshot.definition)
    except Unreplayable as error:
        passages, before = (), f"{error}."
    else:
        before = "" if passages else UNTOLD
    person = await _among(cellar, people, reader)
    who = cast.known(person) if person is not None else None
    faithful = all(p.result == p.entry.result for p in passages) and (
        not passages or passages[-1].after == snapshot
    )
    if person is not None and who is not None:
        matter = Matter(pinned, snapshot, who, cast)
        mail = [] if matter.is_private else await _mail(cellar, passages, matter, person)
        steps = () if matter.is_private else story_for(passages, who, mail)
        if steps or (before and not matter.is_private and took_part(pinned, snapshot, who)):
            return Story(title_of(pinned), pinned.digest, steps, person, cast, faithful, before)
    if not isinstance(seen_from_outside(pinned, snapshot), Public):
        return None
    return Story(title_of(pinned), pinned.digest, story_for_outsiders(passages), cast=cast, before=before)


def _entries(lines: Sequence[Line]) -> list[Entry]:
    return [
        Entry(line.n, line.event, line.facts, line.result)
        for line in lines
        if isinstance(line.event, Event) and isinstance(line.facts, Facts)
    ]


async def _replayed(cellar: Cellar, entries: Sequence[Entry], pinned: str) -> tuple[Passage, ...]:
    """Every line decided once more; none where it is not known what it began with."""
    digest = began_with(entries, pinned)
    first = await cellar.definition(digest) if digest is not None else None
    if first is None:
        return ()
    known: dict[str, Definition] = {}
    for to in {getattr(entry.event, "to", None) for entry in entries}:
        found = await cellar.definition(to) if isinstance(to, str) else None
        if found is not None:
            known[found.digest] = found
    return tuple(replay(entries, first, known.get))


async def _among(cellar: Cellar, people: Sequence[PersonId], reader: str | None) -> PersonId | None:
    """The reader among those who stand in it."""
    for person in people:
        if reader is not None and person and await cellar.matrix_id(person) == reader:
            return person
    return None


# ── what became of what was sent to the reader ───────────────────────────────


class _AtDesk(msgspec.Struct):
    """A line of the reader's own journal, with what it put into their room."""

    line: Line
    after: Desk
    row: RowId | None
    taken: bool = False


async def _mail(cellar: Cellar, passages: Sequence[Passage], matter: Matter, person: PersonId) -> list[Mail]:
    """What of the reader's came later than it was sent, has not come, or was kept from them."""
    desks = _desk_lines(await cellar.journal(f"d/{person}"), person, matter.snapshot.id)
    fates = await cellar.fates([each.row for each in desks if each.row is not None])
    found: list[Mail] = []
    for passage in passages:
        at_ms = passage.entry.facts.now_ms
        for number, effect in enumerate(passage.effects):
            if not isinstance(effect, Ask | Tell | Show) or effect.who != matter.who:
                continue
            event = for_desk(matter.snapshot.id, passage.runs_on, matter.cast, effect, unbidden=False)
            there = _line_of(desks, event, at_ms)
            if there is None or there.line.result != DECIDED:
                why = there.line.result if there is not None else _why_not(desks, event, person, at_ms)
                if why:
                    found.append(Mail(passage.entry.n, number, why=why))
                continue
            fate = fates.get(there.row) if there.row is not None else None
            if fate is None:
                continue
            if fate.status == "waiting":
                found.append(Mail(passage.entry.n, number))
            elif fate.status != "sent":
                found.append(Mail(passage.entry.n, number, why=fate.why or WITHDRAWN))
            elif fate.at_ms is not None and fate.at_ms - at_ms > MINUTE_MS:
                found.append(Mail(passage.entry.n, number, fate.at_ms))
    return found


def _desk_lines(lines: Sequence[Line], person: PersonId, instance: InstanceId) -> list[_AtDesk]:
    desk, found = Desk(person), list[_AtDesk]()
    for line in lines:
        if isinstance(line.event, Event) or not isinstance(line.facts, DeskFacts):
            continue
        decided = decide_desk(desk, line.event, line.facts)
        desk = decided.desk
        put = (e.parcel for e in decided.effects if isinstance(e, Put) and e.parcel.about == instance)
        row = next((parcel.row for parcel in put if parcel.reacts is None and parcel.polls is None), None)
        found.append(_AtDesk(line, desk, row))
    return found


def _line_of(desks: Sequence[_AtDesk], event: DeskEvent, at_ms: Ms) -> _AtDesk | None:
    for each in desks:
        if not each.taken and each.line.at_ms == at_ms and _is_same(each.line.event, event):
            each.taken = True
            return each
    return None


def _is_same(one: object, other: DeskEvent) -> bool:
    """Whether two say the same to a desk, whoever in them has been forgotten since."""
    match one, other:
        case Asked(), Asked():
            return (one.instance, one.ask, one.round) == (other.instance, other.ask, other.round)
        case Boarded(), Boarded():
            return (one.instance, one.board) == (other.instance, other.board)
        case Told(), Told():
            keys = [[line.key for line in each.message.lines] for each in (one, other)]
            return one.instance == other.instance and keys[0] == keys[1]
        case _:
            return False


def _why_not(desks: Sequence[_AtDesk], event: DeskEvent, person: PersonId, at_ms: Ms) -> str:
    """Why something was not even noted at a desk: nothing came of it there."""
    before = [each.after for each in desks if each.line.at_ms <= at_ms]
    desk = before[-1] if before else Desk(person)
    return decide_desk(desk, event, DeskFacts(now_ms=at_ms, occurred_ms=at_ms)).ignored or ""


# ── in words ─────────────────────────────────────────────────────────────────


async def in_words(story: Story, voice: Voice, hearer: Hearer, now_ms: Ms) -> Story:
    """The same story with everything that was said written out behind its step, and every question by its first line.
    ``voice`` speaks `Withheld` texts.
    """

    async def said(message: Message) -> str:
        named = message if story.cast is None else name_message(message, story.cast)
        try:
            return (await voice.render(named, hearer, now_ms)).body
        except Unsayable:
            return WITHHELD  # it was worded otherwise then

    steps: list[Heard] = []
    for step in story.steps:
        text = step.text
        if step.about is not None:
            first = (await said(step.about)).strip().partition("\n")[0]
            text = text.replace(ASKED, quoted(in_brief(first, LONGEST_ASKED)), 1)
        if step.message is not None:
            text = f"{text} {_in_one_line(await said(step.message))}"
        steps.append(replace(step, text=text, message=None, about=None))
    return replace(story, steps=tuple(steps))


def _in_one_line(text: str) -> str:
    """A message in one line, with a dot between lines where no sentence ends."""
    whole = ""
    for line in filter(None, (each.strip().removeprefix("· ") for each in text.splitlines())):
        apart = "" if not whole else " " if whole.endswith(SENTENCE_ENDS) else " · "
        whole += apart + line
    return in_one_line(whole, LONGEST_SAID)
