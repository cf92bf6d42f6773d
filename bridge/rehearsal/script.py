"""The notation of acts: what a steward writes in a script, a scenario, or at the prompt of a preview.

A script is a list; each entry is one act::

    - ana in the room: "invite @bruno and @chen: Soup"
    - bruno: coming
    - chen to personal: Is there a lift?
    - skip: to reply_by
    - bruno takes it back
    - skip

At the prompt the same stands on one line: ``bruno: coming``, ``skip 3 days``.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from bridge.rehearsal.acts import Act, Come, Leave, Pass, PassOn, PassTo, PassToDay, Say, TakeBack, day_meant
from bridge.rehearsal.cast import NAMES
from engine.core.finding import did_you_mean
from engine.loading.moments import Unreadable, read_duration, read_moment
from engine.loading.problem import Ledger, Place, Problem
from engine.loading.tree import Entry, Items, Map, Node, Text, read_tree

SKIP = "skip"
PEOPLE, PLAY = "people", "play"
MOST_PEOPLE = 30
EXAMPLES = "for example `- bruno: coming`, `- ana in the room: invite`, `- skip: 3 days`"

_NAME = r"[a-z][a-z0-9-]*"
_SPEAKER = re.compile(
    rf"(?:(?P<room>room) +)?(?P<who>@?{_NAME})(?P<where>(?: +in +the +room)?)"
    r"(?: +to +(?P<to>[a-z][a-z0-9_]*))?"
)
_DEEDS: dict[str, type[TakeBack | Leave | Come]] = {
    "takes it back": TakeBack,
    "leaves": Leave,
    "comes": Come,
    "comes back": Come,
}
_DEED = re.compile(rf"(?P<who>@?{_NAME}) +(?P<deed>{'|'.join(_DEEDS)})")
_TO_THE_NEXT = ("", "on", "to the next moment")


class Scripted(msgspec.Struct, frozen=True):
    """One act of a script, and where it stands."""

    act: Act
    place: Place


class Script(msgspec.Struct, frozen=True):
    """A whole script: who is there (none: as many as the workflow needs) and what happens."""

    acts: tuple[Scripted, ...]
    people: tuple[str, ...] = ()


def read_script(text: str, file: str) -> Script | tuple[Problem, ...]:
    """Read the text of a script file; all its problems if it has any."""
    ledger = Ledger(file)
    root = read_keys(text, ledger, "a script", f"`{PLAY}:`")
    script = _script(root, ledger) if root is not None else None
    return ledger.problems() if script is None or ledger.has_errors() else script


def read_keys(text: str, ledger: Ledger, what: str, first: str) -> Map | None:
    """Read a file that is no workflow but written like one; None if it cannot be read, with the reasons in ``ledger``.

    ``what`` it is and the ``first`` key it cannot do without are named where it has no keys at all.
    """
    own = Ledger(ledger.file)
    root = read_tree(text, own)
    for problem in own.problems():
        place, message, hint = Place(problem.line, problem.column), problem.message, problem.hint
        if problem.code == "not-a-map":
            message = message if message == "the file is empty" else f"{what} begins with keys"
            hint = f"start with {first}"
        ledger.note(place, problem.code, message, hint, problem.severity)
    return root


def _script(root: Map, ledger: Ledger) -> Script:
    nodes: dict[str, Entry] = {}
    for entry in root.entries:
        if entry.key.value in (PEOPLE, PLAY):
            nodes[entry.key.value] = entry
        else:
            hint = did_you_mean(entry.key.value, (PEOPLE, PLAY), f"known here: `{PEOPLE}`, `{PLAY}`")
            ledger.note(entry.key.place, "unknown-key", f"unknown key `{entry.key.value}`", hint)
    people = read_people(nodes[PEOPLE].node, ledger) if PEOPLE in nodes else ()
    if PLAY not in nodes:
        ledger.note(
            root.place, "missing", f"`{PLAY}` is missing", f"add `{PLAY}:` with a list below it; {EXAMPLES}"
        )
        return Script((), people)
    return Script(read_acts(nodes[PLAY].node, ledger, people or NAMES), people)


def read_people(node: Node, ledger: Ledger) -> tuple[str, ...]:
    """Read a list of made-up first names."""
    items = node.items if isinstance(node, Items) else (node,)
    names: dict[str, None] = {}
    for item in items:
        name = item.value.strip().lower() if isinstance(item, Text) else ""
        if not re.fullmatch(_NAME, name):
            ledger.note(
                item.place, "name", "this is no first name", "one word in small letters, such as `ana`"
            )
        elif name in names:
            ledger.note(item.place, "twice", f"`{name}` is written twice", "keep one of them")
        names[name] = None
    if len(names) > MOST_PEOPLE:
        ledger.note(node.place, "too-many", f"{len(names)} people", f"at most {MOST_PEOPLE} can be on stage")
    return tuple(names)


def read_acts(node: Node, ledger: Ledger, people: Collection[str]) -> tuple[Scripted, ...]:
    """Read a list of acts; ``people`` are those who may act. What cannot be read goes into the ledger."""
    if not isinstance(node, Items):
        ledger.note(node.place, "not-a-list", "a list of acts should stand here", EXAMPLES)
        return ()
    acts: list[Scripted] = []
    for item in node.items:
        try:
            act = _node_act(item)
            _check_people(act, people)
        except Unreadable as error:
            place = item.place if isinstance(item, Items) else _first(item)
            ledger.note(place, error.code, error.message, error.hint)
        else:
            acts.append(Scripted(act, item.place))
    return tuple(acts)


def _first(node: Text | Map) -> Place:
    return node.place


def _node_act(node: Node) -> Act:
    if isinstance(node, Text):
        return read_line(node.value)
    if not isinstance(node, Map) or len(node.entries) != 1 or not isinstance(node.entries[0].node, Text):
        raise Unreadable("act", "each dash is one act, on one line", EXAMPLES)
    (entry,) = node.entries
    said = entry.node
    assert isinstance(said, Text)
    return read_act(entry.key.value, said.value)


def read_line(line: str) -> Act:
    """Read an act on one line: ``bruno: coming``, ``skip 3 days``, ``bruno takes it back``.

    Raises:
        Unreadable: it is no act.
    """
    line = " ".join(line.split()) if "\n" not in line else line.strip()
    head, _, rest = line.partition(" ")
    if head.lower().rstrip(":") == SKIP:
        return _skip(rest)
    deed = _DEED.fullmatch(line.lower())
    if deed is not None:
        return _DEEDS[deed["deed"]](_bare(deed["who"]))
    key, colon, words = line.partition(":")
    if colon and _SPEAKER.fullmatch(key.strip().lower()):
        return read_act(key, words.strip())
    raise Unreadable("act", f"`{line}` is no act", _said_by_somebody(line))


def _said_by_somebody(line: str) -> str:
    """What helps where only words stand: whoever says them."""
    if not line or ":" in line:
        return EXAMPLES
    who, _, rest = line.partition(" ")
    if who.lower().removeprefix("@") in NAMES:
        said = f"{who}: {rest}" if rest else f"{who}: …"
        return f"if these are words, put a colon behind the name: `{said}`"
    return f"write who says it: `{NAMES[0]}: {line}`"


def read_act(key: str, words: str) -> Act:
    """Read an act as a key and what stands behind its colon.

    Raises:
        Unreadable: it is no act.
    """
    plain = " ".join(key.lower().split())
    if plain == SKIP:
        return _skip(words)
    found = _SPEAKER.fullmatch(plain)
    if found is None:
        raise Unreadable("act", f"`{key}` is nobody who could act", EXAMPLES)
    if not words.strip():
        raise Unreadable("act", f"`{key}` says nothing", "write what they say behind the colon")
    room = bool(found["room"] or found["where"])
    return Say(_bare(found["who"]), words, room=room, to=found["to"])


def _bare(name: str) -> str:
    return name.removeprefix("@")


def _skip(written: str) -> Act:
    plain = " ".join(written.split())
    if plain.lower() in _TO_THE_NEXT:
        return PassOn()
    moment = plain.removeprefix("to ").removeprefix("until ")
    if moment == plain:
        try:
            return Pass(read_duration(plain))
        except Unreadable:
            pass  # "skip Friday 19:00", "skip reply_by"
    try:
        return PassTo(read_moment(moment), moment)
    except Unreadable:
        pass
    if any(letter.isdigit() for letter in moment) or " " in moment or day_meant(moment, 0) is not None:
        return PassToDay(moment)
    raise Unreadable(
        "skip",
        f"`{written}` is no time to skip",
        "for example `3 days`, `to reply_by`, `to 1 day before starts`, `to Friday 19:00`",
    )


def _check_people(act: Act, people: Collection[str]) -> None:
    if isinstance(act, Say | TakeBack | Leave) and act.who not in people:
        hint = did_you_mean(act.who, people, f"name those who take part under `{PEOPLE}:`")
        raise Unreadable("nobody", f"nobody here is called `{act.who}`", hint)
