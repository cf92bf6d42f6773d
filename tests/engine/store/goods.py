"""Things to put into a cellar."""

from __future__ import annotations

from typing import Any

from engine.core.desk import Desk, DeskFacts, Heard, Prompt, Reading
from engine.core.event import Answered, Facts
from engine.core.instance import Answer, AskState, Snapshot
from engine.core.message import Message, Phrase
from engine.core.parcel import Direct, Parcel, Shared, Target
from engine.core.values import CircleId, InstanceId, PersonId, Ref, RowId, TextId
from engine.runtime.ports import Cellar, Changes, Line, NewParcel, TextRow

I1 = InstanceId("1" * 32)
I2 = InstanceId("2" * 32)


def snapshot(circle: CircleId, instance: InstanceId = I1, version: int = 1, **more: Any) -> Snapshot:
    return Snapshot(instance, circle, "digest", more.pop("state", "open"), version, **more)


def answered_snapshot(circle: CircleId, choice: str, text: TextId) -> Snapshot:
    asks = {"rsvp": AskState(1, 0, 10, 10, (Ref("p1"),), {Ref("p1"): Answer(5, choice, text)})}
    return snapshot(circle, asks=asks)


def prompt(row: str, choices: tuple[tuple[str, str], ...] = (("yes", "👍"),)) -> Prompt:
    message = Message(lines=(Phrase("rsvp.say"),))
    return Prompt(RowId(row), I1, "rsvp", 1, choices, "choice", False, 10, 10, message)


def desk(person: PersonId, version: int = 1, **more: Any) -> Desk:
    return Desk(person, version, **more)


def target(row: str) -> Target:
    return Target(RowId(row), I1, "rsvp", 1, (("yes", "👍"), ("no", "👎")))


def parcel(row: str, to: PersonId, **more: Any) -> Parcel:
    more.setdefault("urgency", "timely")
    more.setdefault("message", Message(lines=(Phrase("rsvp.say"),)))
    return Parcel(RowId(row), Direct(to), **more)


def post(row: str, circle: CircleId, **more: Any) -> Parcel:
    return Parcel(RowId(row), Shared(circle), "post", Message(lines=(Phrase("said"),)), **more)


def new(what: Parcel, due_ms: int = 0) -> NewParcel:
    return NewParcel(what, f"txn-{what.row}", due_ms)


def mail(*parcels: Parcel, due_ms: int = 0) -> Changes:
    return Changes(parcels=[new(each, due_ms) for each in parcels])


def instance_line(n: int, instance: InstanceId = I1, choice: str = "yes", text: str | None = None) -> Line:
    event = Answered("rsvp", 1, Ref("p1"), choice, None if text is None else TextId(text))
    return Line(f"i/{instance}", n, 100 + n, event, Facts(100 + n, 90 + n), "decided")


def desk_line(n: int, person: PersonId, text: str = "t1") -> Line:
    heard = Heard("$said", Reading(picks={RowId("r1"): "yes"}), TextId(text))
    return Line(f"d/{person}", n, 100 + n, heard, DeskFacts(100 + n, 90 + n), "decided")


def text_row(name: str, person: PersonId, body: str, until_ms: int = 1_000) -> TextRow:
    return TextRow(TextId(name), person, I1, body, until_ms)


async def let_end(cellar: Cellar, now_ms: int) -> int:
    """Let the texts go whose end date has passed, as housekeeping does; how many."""
    ended = await cellar.ended_texts(now_ms, 500)
    await cellar.commit(Changes(faded=list(ended)))
    return len(ended)
