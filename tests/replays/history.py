"""A recorded history: the journals of one play, what came of each line, and the definitions they ran on.

What went in (events and facts) is what a database would hold, and never changes. What came of it stands beside it: how
the snapshot or the desk changed, and in brief what was set off.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from engine.core.decide_desk import decide_desk
from engine.core.definition import Definition
from engine.core.desk import Desk, DeskEvent, DeskFacts
from engine.core.event import Event, Facts
from engine.core.message import Message
from engine.core.replay import Entry, Known, replay
from engine.runtime.ports import Line
from engine.store import codec

FOLDER = Path(__file__).parent
DEFINITIONS = FOLDER / "definitions"
SHORT = 12
MARK_CHARS = 8
LONGEST_CHARS = 240
SHOWN = ("who", "person", "ask", "round", "row", "urgency", "name", "due_ms", "workflow", "state")
"""The fields of an effect that stand in its line, unless they hold what is a default."""

Tree = dict[str, Any]


class Came(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of one line."""

    result: str
    changed: Tree = {}
    """Path → what stands there now; None: it is gone. Defaults are not written."""
    effects: tuple[str, ...] = ()


class Recorded(msgspec.Struct, frozen=True):
    """One line of a journal, as it is stored, and what came of it."""

    n: int
    at_ms: int
    event: Tree
    facts: Tree
    result: str
    came: Came


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """The journal of an instance or a desk."""

    actor: str
    definition: str = ""
    """Of an instance: the digest with which it began."""
    first: Tree = {}
    """Of a desk: how it was before anything happened."""
    lines: tuple[Recorded, ...]


class History(msgspec.Struct, frozen=True):
    """One play."""

    workflow: str
    version: str
    """The digest of the workflow that was played."""
    told: str
    """What happens in it, in the words of its scenario."""
    journals: tuple[Journal, ...]


# ── what came of it ──────────────────────────────────────────────────────────


def instance_came(entries: list[Entry], first: Definition, known: Known) -> list[Came]:
    """What comes of an instance's journal with the code as it is."""
    found: list[Came] = []
    for passage in replay(entries, first, known):
        changed = difference(_tree(passage.before), _tree(passage.after))
        found.append(Came(passage.result, changed, tuple(brief(e) for e in passage.effects)))
    return found


def desk_came(desk: Desk, lines: list[tuple[DeskEvent, DeskFacts]]) -> list[Came]:
    """What comes of a desk's journal with the code as it is."""
    found: list[Came] = []
    for event, facts in lines:
        decision = decide_desk(desk, event, facts)
        changed = difference(_tree(desk), _tree(decision.desk))
        effects = tuple(brief(effect) for effect in decision.effects)
        found.append(Came(decision.ignored or "decided", changed, effects))
        desk = decision.desk
    return found


def brief(effect: msgspec.Struct) -> str:
    """An effect in a line: its kind, what is said by which keys, and a mark that tells two apart in all the rest."""
    shown = getattr(effect, "parcel", effect)
    bare = _bare(shown)
    said = [type(effect).__name__, *(f"{name}={bare[name]}" for name in SHOWN if name in bare)]
    message = getattr(shown, "message", None)
    if isinstance(message, Message) and message.lines:
        said.append("says " + "+".join(line.key for line in message.lines))
    inner = getattr(effect, "event", None)
    if inner is not None:
        said.append(type(inner).__name__)
    whole = msgspec.json.encode(_bare(effect), order="sorted")
    return f"{' '.join(said)} #{hashlib.sha256(whole).hexdigest()[:MARK_CHARS]}"


def difference(before: Any, after: Any) -> Tree:
    """Path → what stands there in ``after``, for all that is not as before; None for what is gone."""
    found: Tree = {}
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            found |= {f"{key}/{rest}": value for rest, value in difference(old, new).items()}
        else:
            found[key] = _mark(new)
    return found


def _mark(value: Any) -> Any:
    """The value itself; of a long one only a mark, by which it is told from another."""
    whole = msgspec.json.encode(value, order="sorted")
    return value if len(whole) <= LONGEST_CHARS else f"#{hashlib.sha256(whole).hexdigest()[:MARK_CHARS]}"


def _tree(value: msgspec.Struct | None) -> Tree:
    bare = _bare(value)
    assert bare is None or isinstance(bare, dict)
    return bare or {}


def _bare(value: Any) -> Any:
    """Plain values without what is a default: a field that is new changes nothing until it is used."""
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        fields = {
            each.name: _bare(getattr(value, each.name))
            for each in msgspec.structs.fields(value)
            if getattr(value, each.name) != _default(each)
        }
        return fields if tag is None else {"is": tag, **fields}
    if isinstance(value, dict):
        return {str(key): _bare(each) for key, each in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(_bare(each) for each in value)
    if isinstance(value, list | tuple):
        return [_bare(each) for each in value]
    return msgspec.to_builtins(value)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


# ── as it is stored ──────────────────────────────────────────────────────────


def recorded(line: Line, came: Came) -> Recorded:
    """A line as it lies in a database, and what came of it."""
    event, facts, result = msgspec.msgpack.decode(codec.encode_line(line))
    return Recorded(line.n, line.at_ms, event, facts, result, came)


def restored(journal: Journal) -> list[Line]:
    """The lines of a journal, read as the store reads them."""
    return [
        codec.decode_line(
            journal.actor, each.n, each.at_ms, codec.encode((each.event, each.facts, each.result))
        )
        for each in journal.lines
    ]


def entries_of(lines: list[Line]) -> list[Entry]:
    """The lines of an instance's journal."""
    found: list[Entry] = []
    for line in lines:
        assert isinstance(line.event, Event)
        assert isinstance(line.facts, Facts)
        found.append(Entry(line.n, line.event, line.facts, line.result))
    return found


def desk_lines(lines: list[Line]) -> list[tuple[DeskEvent, DeskFacts]]:
    """The lines of a desk's journal."""
    found: list[tuple[DeskEvent, DeskFacts]] = []
    for line in lines:
        assert isinstance(line.event, DeskEvent)
        assert isinstance(line.facts, DeskFacts)
        found.append((line.event, line.facts))
    return found


def first_desk(journal: Journal) -> Desk:
    """The desk that a journal begins with, read as the store reads it."""
    return codec.decode_desk(codec.encode(journal.first))


@functools.cache
def stored_definition(digest: str) -> Definition:
    """A definition that was recorded, read as the store reads it.

    Raises:
        LookupError: there is none with this digest.
    """
    for file in DEFINITIONS.glob(f"*-{digest[:SHORT]}.json"):
        return codec.decode_definition(codec.encode(msgspec.json.decode(file.read_bytes())))
    raise LookupError(f"no definition {digest[:SHORT]} lies in {DEFINITIONS.name}/")


# ── files ────────────────────────────────────────────────────────────────────


def histories() -> Iterator[Path]:
    """The files of all histories."""
    yield from sorted(file for file in FOLDER.glob("*/*.json") if file.parent != DEFINITIONS)


def read(file: Path) -> History:
    """A history out of its file."""
    return msgspec.json.decode(file.read_bytes(), type=History)


def written(history: History) -> str:
    """A history as its file holds it: a line of the file for each line of a journal, so that a change can be read."""
    head = {"workflow": history.workflow, "version": history.version, "told": history.told}
    parts = [f"{_json(key)}: {_json(value)}" for key, value in head.items()]
    journals = ",\n".join(_written(journal) for journal in history.journals)
    return "{" + ",\n".join([*parts, f'"journals": [\n{journals}\n]']) + "}\n"


def _written(journal: Journal) -> str:
    head = {"actor": journal.actor, "definition": journal.definition, "first": journal.first}
    parts = [f"{_json(key)}: {_json(value)}" for key, value in head.items() if value]
    lines = ",\n".join(_json(line) for line in journal.lines)
    return "{" + ", ".join([*parts, f'"lines": [\n{lines}\n]']) + "}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
