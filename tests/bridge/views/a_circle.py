"""A circle to read views in: two workflows on a stage, one of them public in the end, one private throughout."""

from __future__ import annotations

from msgspec.structs import replace

from bridge.rehearsal import Stage
from bridge.wording.render import Document, Hearer
from engine.core.definition import Definition
from engine.core.desk import Desk
from engine.core.message import Message
from engine.core.values import PersonId
from engine.loading.load import load_definition
from engine.runtime.ports import Changes, Want

KEEPING = """\
name: keeping
about: Keep something for the circle, for a while. It ends on its day.
begins with: keeping
listed in: who holds what
called: "*<title>*"
people:
  holder: starter
  named: named in named
  second: those who answered Gladly to learn
details:
  title:
    ask: What is it called?
    type: words
    keep: 30 days
  named:
    ask: Who could learn it?
    type: people
  ends:
    ask: Until when?
    type: date and time
asks:
  learn:
    to: named
    say: <holder> keeps *<title>* until <ends>. Would you learn it beside them?
    answers: [Gladly]
    seen by: holder
    until: 5 days after opening
  notes:
    to: holder
    say: What have you noticed so far?
    answers: in words
    seen by: me
    until: 20 days after opening
    keep: 30 days
carried:
  - by: holder
    as: a role
    say: "*<title>*, until <ends>"
    while: [shared]
    afterwards: "*<title>*"
    after: [resting]
  - by: second
    as: someone to learn from
    say: <holder>, for *<title>*
    while: [shared]
states:
  described:
    gather: [title, named, ends]
    moves:
      - when: everything is gathered
        to: shared
      - when: holder writes cancel
        to: aside
      - at: 14 days after entering
        to: aside
  shared:
    asks: [learn, notes]
    public: "<title>: <holder>, until <ends>"
    moves:
      - when: holder writes over
        to: resting
      - when: holder writes vacant
        to: vacant
      - at: ends
        to: resting
  vacant:
    public: {say: "<title> is open", listed in: what's on}
    moves:
      - at: 14 days after entering
        to: resting
  resting:
    ends with: It rests.
  aside:
    ends with: It was set aside.
"""
MENDING = """\
name: mending
about: Mend something between two people.
begins with: mending
called: something with <other>
needs: safety contacts
people:
  one: starter
  other: named in other
details:
  other:
    ask: Who is it? Nobody hears of it yet.
    type: person
asks:
  reflect:
    to: one
    care: sensitive
    say: What happened? Only you read this.
    answers: in words
    seen by: me
    until: 7 days after opening
    keep: 30 days
  invited:
    to: other
    care: sensitive
    say: <one> would like to mend something between you.
    answers: [I'd try]
    seen by: one
    until: 10 days after opening
states:
  begun:
    gather: other
    moves:
      - when: everything is gathered
        to: alone
      - at: 14 days after entering
        to: let_be
  alone:
    asks: reflect
    moves:
      - when: one writes forward
        to: asking
      - when: one writes let be
        to: let_be
      - at: 8 days after entering
        to: let_be
  asking:
    asks: invited
    moves:
      - when: other writes never
        to: let_be
      - at: 11 days after entering
        to: let_be
  let_be:
    ends with: It was let be.
"""
PICNIC = """\
name: picnic
about: Eat on the grass.
begins with: picnic
listed in: what's on
called: <what>
people:
  host: starter
  eaters: those who answered in to all
details:
  reach:
    type: named or everyone
  guests:
    ask: Who is it for? Name them, or write *everyone*.
    type: people
  what:
    ask: What shall everybody know?
    type: words
asks:
  all:
    to: room
    say: <host> invites everyone. <what>
    answers:
      in: 🙋 I'm in
    seen by: circle
    until: 5 days after opening
states:
  draft:
    gather: [guests, what]
    moves:
      - when: everything is gathered
        to: open
      - at: 14 days after entering
        to: over
  open:
    asks: all
    public: <what> · <host>
    moves:
      - when: host writes cancel
        to: over
      - at: 6 days after entering
        to: over
  over:
    ends with: Crumbs.
"""


def fit(text: str) -> Definition:
    """A file as a definition; it has to be sound."""
    found = load_definition(text, "there.yaml")
    assert isinstance(found, Definition), "\n".join(map(str, found))
    return found


keeping, mending, picnic = fit(KEEPING), fit(MENDING), fit(PICNIC)
OWN_VIEWS = ("my", "my people", "what i carried", "know", "letter", "settings")
PUBLIC_VIEWS = ("who holds what", "what's on", "help", "try")
DOCUMENTS = ("export", "export with reflections")


class Circle:
    """Build with ``await Circle.gather("ana", "bruno")``."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    @classmethod
    async def gather(cls, *names: str, definitions: tuple[Definition, ...] = (keeping, mending)) -> Circle:
        circle = cls(await Stage.set(*names, playbill=definitions))
        await circle.stage.settle()
        return circle

    def id(self, name: str) -> PersonId:
        return self.stage.cast.persons[name]

    async def say(self, name: str, *messages: str) -> None:
        """Write messages that can only mean one thing: that each was understood is looked at."""
        for words in messages:
            await self.stage.say(name, words)
            await self._understood(name, words)

    async def answer(self, name: str, question: str, words: str) -> None:
        """Reply to the message in one's own room that holds these words."""
        await self.stage.say(name, words, reply_to=self.stage.find(name, question).event)
        await self._understood(name, words)

    async def _understood(self, name: str, words: str) -> None:
        brought = len(self.stage.seen(name))
        await self.stage.settle()
        for reply in self.stage.seen(name)[brought:]:
            for unclear in (
                "questions open with you",
                "Nothing is open",
                "I don't know that one",
                "isn't possible",
            ):
                assert unclear not in reply.words, f"{name} wrote {words!r}: {reply.words}"

    async def keeps(self, name: str, title: str, *named: str) -> None:
        """Somebody begins to keep something; the circle sees it, and those named are asked to learn it."""
        await self.say(name, "keeping")
        for question, words in (("called?", title), ("learn it?", ", ".join(named)), ("when?", "in 2 weeks")):
            await self.answer(name, question, words)

    async def mends(self, name: str, other: str, happened: str, *, goes_on: bool = False) -> None:
        """Somebody begins something private about another; only if it ``goes_on`` are they asked about it."""
        await self.say(name, "mending")
        await self.answer(name, "Who is it?", other)
        await self.say(name, "open")
        await self.answer(name, "What happened?", happened)
        if goes_on:
            await self.say(name, "forward")

    def hearer(self, name: str, language: str = "en") -> Hearer:
        return Hearer(self.id(name), f"@{name}:hearth.test", language=language)

    async def reads(self, name: str, view: str) -> str:
        """A view in somebody's own room."""
        rendered = await self.stage.voice.render(Message(view=view), self.hearer(name), self.stage.now_ms)
        return rendered.body

    async def reads_of(self, name: str, other: str) -> str:
        """``what @other carried``, in somebody's own room."""
        return await self.reads(name, f"carried by:{self.id(other)}")

    async def in_room(self, view: str) -> str:
        """A view in the circle's room."""
        hearer = Hearer(circle=self.stage.cast.circle)
        return (await self.stage.voice.render(Message(view=view), hearer, self.stage.now_ms)).body

    async def document(self, name: str, document: str) -> Document:
        return await self.stage.voice.document(document, self.hearer(name), self.stage.now_ms)

    async def everything(self, name: str) -> dict[str, str]:
        """All that somebody could ever read by asking for it."""
        views = {view: await self.reads(name, view) for view in (*OWN_VIEWS, *PUBLIC_VIEWS)}
        views |= {f"carried by {o}": await self.reads_of(name, o) for o in self.stage.cast.persons}
        views |= {f"{view} in the room": await self.in_room(view) for view in PUBLIC_VIEWS}
        return views | {d: (await self.document(name, d)).text for d in DOCUMENTS}

    async def desk(self, name: str) -> Desk:
        person = self.id(name)
        loaded = await self.stage.store.load(Want(desks=frozenset((person,))))
        return loaded.desks.get(person) or Desk(person)

    async def lay(self, name: str, **changes: object) -> None:
        """Change what stands on somebody's desk."""
        desk = await self.desk(name)
        changed = replace(desk, version=desk.version + 1, **changes)
        await self.stage.store.commit(Changes(desks={self.id(name): (changed, desk.version)}))

    async def shows(self, name: str) -> None:
        """Somebody lets the circle see everything that they have carried."""
        ended = [s.id for s in self.stage.snapshots() if s.finished_ms is not None]
        await self.lay(name, shown=tuple(ended))
