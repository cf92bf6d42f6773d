"""`hearth replay`: the story of one instance, step by step, and why something in it did not happen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from bridge.cli.enrol import opened_store
from bridge.cli.graph import PRIVATE
from bridge.cli.migrate import refuse_unless_in_order
from bridge.cli.speech import Halt, Status, say
from bridge.settings import Settings
from bridge.telling.replaying import Heard, Kind
from bridge.views.replayed import Story, Withheld, in_words, story_of
from bridge.wording.keys import TITLE
from bridge.wording.render import Chapter, Hearer, House, Voice
from engine.core.desk import Told
from engine.core.message import Message, Phrase, Said
from engine.core.parcel import Urgency
from engine.core.values import InstanceId, Ms, PersonId
from engine.runtime.ports import Cellar, Changes, ToDesk, Unavailable, Want

LOOKED = "replay.looked"
OTHERWISE = (
    "The Hearth of today would decide some of it otherwise: what really happened may differ from this."
)
NO_TIME = "                    "
TOLD = "The bot tells them that somebody has looked at this."


class Step(msgspec.Struct, frozen=True):
    """A step as ``--json`` prints it."""

    at: str | None
    kind: Kind
    text: str


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints."""

    instance: str
    workflow: str
    reader: str | None = msgspec.field(name="as", default=None)
    is_faithful: bool
    before: str
    steps: tuple[Step, ...]


class _NoViews:
    """Implements `bridge.wording.render.Views` where nothing is looked up: no step of a story is a view."""

    async def paragraphs(self, _view: str, _hearer: Hearer, _now_ms: Ms) -> Sequence[Sequence[Phrase]]:
        return ()

    async def chapters(self, _document: str, _hearer: Hearer, _now_ms: Ms) -> Sequence[Chapter]:
        return ()


class _Names:
    """Implements `bridge.wording.render.NamesOfPeople`: people by their Matrix ids, as no room is asked."""

    def __init__(self, cellar: Cellar) -> None:
        self._cellar = cellar

    async def name_of(self, person: PersonId, _hearer: Hearer) -> str | None:
        return await self._cellar.matrix_id(person)


class _Stored:
    """Implements `bridge.wording.render.Definitions` with what lies in the store."""

    def __init__(self, cellar: Cellar) -> None:
        self.by_digest = cellar.definition


async def replay(settings: Settings, instance: str, reader: str | None, output: str) -> Status:
    """Print a story. Whoever's side of it is shown is told so by the bot."""
    refuse_unless_in_order(settings)
    database = settings.database
    now_ms = time.time_ns() // 1_000_000
    async with opened_store(database.place, database.keys, settings.secrets.master_key) as store:
        try:
            story = await story_of(store, InstanceId(instance), reader)
            if story is None:
                raise Halt(PRIVATE)
            voice = Voice(
                House(settings.house.bot_name, settings.house.operator, ""),
                names=_Names(store),
                texts=Withheld(),
                definitions=_Stored(store),
                views=_NoViews(),
            )
            hearer = Hearer(person=story.person, matrix_id=reader, time_zone=settings.circle.time_zone)
            story = await in_words(story, voice, hearer, now_ms)
            if story.person is not None:
                await _tell(store, story, instance, now_ms)
        except Unavailable as error:
            raise Halt(f"{error}.", "Is the disk full or failing?") from error
    if output == "json":
        say(msgspec.json.format(msgspec.json.encode(_printed(story, instance, reader))).decode())
    else:
        _print(story, instance, reader)
    return Status.OK


async def _tell(cellar: Cellar, story: Story, instance: str, now_ms: Ms) -> None:
    """Let the house tell somebody that their side was looked at: what a tool shows of a person, they know of."""
    assert story.person is not None
    line = Phrase(LOOKED, slots={"title": Said(TITLE, story.digest)})
    desk = (await cellar.load(Want(desks=frozenset({story.person})))).desks.get(story.person)
    # It comes however long the bot is off, and as an answer also to those who asked not to be written to.
    urgency: Urgency = "reply" if desk is not None and desk.consent == "stopped" else "quiet"
    told = Told(InstanceId(""), PersonId(""), Message(lines=(line,)), urgency)
    event = ToDesk(
        id=f"replay:{instance}:{story.person}:{now_ms}", occurred_ms=now_ms, person=story.person, event=told
    )
    await cellar.commit(Changes(inbox=[event]))


def _printed(story: Story, instance: str, reader: str | None) -> Printed:
    return Printed(
        instance=instance,
        workflow=story.workflow,
        reader=reader if story.person is not None else None,
        is_faithful=story.is_faithful,
        before=story.before,
        steps=tuple(Step(_iso(step.at_ms), step.kind, step.text) for step in story.steps),
    )


def _iso(at_ms: Ms | None) -> str | None:
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms // 1000, UTC).isoformat().replace("+00:00", "Z")


def _print(story: Story, instance: str, reader: str | None) -> None:
    say(f"{story.workflow} ({instance}), as it may be told to {_told_to(story, reader)}:")
    if story.before:
        say(f"{NO_TIME}  {story.before}")
    for step in story.steps:
        say(f"{_when(step)}  {step.text}")
    if not story.is_faithful:
        say(OTHERWISE)
    if story.person is not None:
        say(TOLD)


def _told_to(story: Story, reader: str | None) -> str:
    return f"{reader}" if story.person is not None else "anybody in its circle"


def _when(step: Heard) -> str:
    if step.at_ms is None:
        return NO_TIME
    return datetime.fromtimestamp(step.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
