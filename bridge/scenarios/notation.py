"""The notation of scenario files: given, when, then, in the words of the workflow.

::

    people: [ana, bruno, chen]
    beforehand:
      soup is called for:
        - ana in the room: "invite @bruno and @chen: Soup"
    scenarios:
      Two say yes, and it happens:
        given:
          - soup is called for
          - chen: coming
        when:
          - bruno: coming
          - skip: to reply_by
        then:
          - state: accepted
          - ana sees: "Coming: Bruno"
          - nobody but ana sees: Bruno
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from bridge.rehearsal.acts import Come, Leave, Say, TakeBack
from bridge.rehearsal.casting import people_for
from bridge.rehearsal.script import Scripted, read_acts, read_keys, read_line, read_people
from bridge.scenarios.expectation import (
    Expectation,
    Expected,
    Gets,
    HasEnded,
    IsAsked,
    OnlySees,
    PartIs,
    Sees,
    StandsIn,
)
from engine.core.definition import Definition
from engine.core.finding import did_you_mean
from engine.loading.moments import Unreadable
from engine.loading.problem import Ledger, Place, Problem
from engine.loading.tree import Entry, Items, Map, Node, Text, read_tree

FILE_KEYS = ("workflow", "people", "beforehand", "scenarios")
TURNS = ("given", "when", "then", "and when", "and then")
SCENARIO_KEYS = ("people", *TURNS)
MOST_SCENARIOS = 100
EXAMPLES = "for example `- state: accepted`, `- bruno sees: It's on`, `- nobody but ana sees: Bruno`"

_WHO = r"(?P<who>the room|[a-z][a-z0-9-]*)"
_SEES = re.compile(rf"{_WHO} +(?P<how>sees|does not see|never saw)")
_ONLY = re.compile(r"nobody(?: +but +(?P<but>[a-z][a-z0-9-]*(?: +and +[a-z][a-z0-9-]*)*))? +sees")
_ASKED = re.compile(rf"{_WHO} +is +(?P<not>not +)?asked")
_GETS = re.compile(rf"{_WHO} +gets")
_PART = re.compile(r"[a-z][a-z0-9_ -]*")
_COUNT = re.compile(r"(?P<n>nothing|no messages?|\d{1,3} +messages?)")


class Turn(msgspec.Struct, frozen=True):
    """Something is played (``when``), and then something is expected."""

    acts: tuple[Scripted, ...]
    expected: tuple[Expected, ...]
    fresh: bool = True
    """False for ``given``: what it brings is not what the following ``then`` looks at."""


class Scenario(msgspec.Struct, frozen=True):
    """One way it can go."""

    name: str
    place: Place
    people: tuple[str, ...]
    turns: tuple[Turn, ...]


def holds_scenarios(text: str) -> bool:
    """Whether a file's text is one of scenarios."""
    root = read_tree(text, Ledger(""))
    return root is not None and any(entry.key.value == "scenarios" for entry in root.entries)


def named_workflow(text: str, file: Path) -> Path:
    """Which workflow file a scenario file is about: what it says, or its namesake one folder up."""
    root = read_tree(text, Ledger(str(file)))
    for entry in root.entries if root is not None else ():
        if entry.key.value == "workflow" and isinstance(entry.node, Text) and entry.node.value.strip():
            return Path(os.path.normpath(file.parent / entry.node.value.strip()))
    return file.parent.parent / file.name


def read_scenarios(
    text: str, name: str, definition: Definition
) -> tuple[Scenario, ...] | tuple[Problem, ...]:
    """Read a scenario file's text; all its problems if it has any. ``name`` is how problems call it."""
    ledger = Ledger(name)
    root = read_keys(text, ledger, "a scenario file", "`scenarios:`")
    scenarios = _Reading(ledger, definition).file(root) if root is not None else ()
    return ledger.problems() if ledger.has_errors() else scenarios


class _Reading:
    def __init__(self, ledger: Ledger, definition: Definition) -> None:
        self._ledger = ledger
        self._definition = definition
        self._states = tuple(definition.states)
        self._parts = tuple(part.name for part in definition.parts)
        self._beforehand: dict[str, Items] = {}

    def file(self, root: Map) -> tuple[Scenario, ...]:
        nodes = self._keys(root, FILE_KEYS)
        usual = read_people(nodes["people"].node, self._ledger) if "people" in nodes else ()
        if "beforehand" in nodes:
            self._take_beforehand(nodes["beforehand"].node)
        if "scenarios" not in nodes:
            self._note(
                root.place, "missing", "`scenarios` is missing", "add `scenarios:` and name each below it"
            )
            return ()
        listed = nodes["scenarios"].node
        if not isinstance(listed, Map):
            self._note(listed.place, "not-a-map", "each scenario has a name", "write `What happens:`")
            return ()
        if len(listed.entries) > MOST_SCENARIOS:
            self._note(
                listed.place,
                "too-many",
                f"{len(listed.entries)} scenarios",
                f"keep at most {MOST_SCENARIOS} in a file",
            )
        return tuple(self._scenario(entry, usual) for entry in listed.entries[:MOST_SCENARIOS])

    def _take_beforehand(self, node: Node) -> None:
        """Keep what happens before several scenarios, each under its name."""
        entries = node.entries if isinstance(node, Map) else ()
        if not entries:
            self._note(
                node.place,
                "not-a-map",
                "nothing stands here under a name",
                "write `What happened:` and a list",
            )
        for entry in entries:
            if isinstance(entry.node, Items):
                self._beforehand[_name(entry.key.value)] = entry.node
            else:
                self._note(
                    entry.node.place, "not-a-list", "a list of acts should stand here", "one dash for each"
                )

    def _given(self, node: Node) -> Items:
        """What is given, with the names of what happened beforehand put in their places."""
        items: list[Node] = []
        for item in node.items if isinstance(node, Items) else (node,):
            held = self._beforehand.get(_name(item.value)) if isinstance(item, Text) else None
            if held is not None:
                items.extend(held.items)
            elif not isinstance(item, Text) or self._may_be_an_act(item):
                items.append(item)
        return Items(tuple(items), node.place)

    def _may_be_an_act(self, item: Text) -> bool:
        """False for what is neither an act nor the name of something beforehand, which is noted."""
        try:
            read_line(item.value)
        except Unreadable as error:
            if error.code != "act" or not self._beforehand:
                return True  # it is read once more as an act, which says what is wrong
            known = ", ".join(f"`{name}`" for name in self._beforehand)
            hint = did_you_mean(_name(item.value), self._beforehand, f"known there: {known}")
            found = f"`{item.value}` is no act, and nothing under `beforehand` is called so"
            self._note(item.place, error.code, found, hint)
            return False
        return True

    def _keys(self, node: Map, known: tuple[str, ...]) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for entry in node.entries:
            key = " ".join(entry.key.value.lower().split())
            if key in known:
                found[key] = entry
            else:
                hint = did_you_mean(key, known, f"known here: {', '.join(f'`{k}`' for k in known)}")
                self._note(entry.key.place, "unknown-key", f"unknown key `{entry.key.value}`", hint)
        return found

    def _scenario(self, entry: Entry, usual: tuple[str, ...]) -> Scenario:
        name, node = entry.key.value, entry.node
        if not isinstance(node, Map):
            self._note(
                node.place, "not-a-map", f"`{name}` says nothing", "write `when:` and `then:` below it"
            )
            return Scenario(name, entry.key.place, usual, ())
        nodes = self._keys(node, SCENARIO_KEYS)
        people = read_people(nodes["people"].node, self._ledger) if "people" in nodes else usual
        known = people or tuple(self._everyone(nodes))
        turns = tuple(self._turns(nodes, known))
        if "then" not in nodes:
            self._note(entry.key.place, "missing", f"`{name}` expects nothing", f"add `then:`; {EXAMPLES}")
        return Scenario(name, entry.key.place, known, turns)

    def _everyone(self, nodes: Mapping[str, Entry]) -> Iterator[str]:
        """Those the workflow needs, and whoever else acts in a scenario that does not name its people."""
        silent = Ledger("")
        lists = [self._given(nodes[key].node) for key in ("given", "when", "and when") if key in nodes]
        acts = [scripted.act for each in lists for scripted in read_acts(each, silent, _Anyone())]
        newcomers = {act.who for act in acts if isinstance(act, Come)}
        acting = (act.who for act in acts if isinstance(act, Say | TakeBack | Leave))
        usual = people_for(self._definition)
        yield from dict.fromkeys((*usual, *(name for name in acting if name not in newcomers)))

    def _turns(self, nodes: Mapping[str, Entry], people: tuple[str, ...]) -> Iterator[Turn]:
        if "given" in nodes:
            yield Turn(read_acts(self._given(nodes["given"].node), self._ledger, people), (), fresh=False)
        for when, then in (("when", "then"), ("and when", "and then")):
            acts = read_acts(nodes[when].node, self._ledger, people) if when in nodes else ()
            expected = self._expected(nodes[then].node, people) if then in nodes else ()
            if acts or expected:
                yield Turn(acts, expected)

    def _expected(self, node: Node, people: Collection[str]) -> tuple[Expected, ...]:
        if not isinstance(node, Items):
            self._note(node.place, "not-a-list", "a list should stand here", EXAMPLES)
            return ()
        found: list[Expected] = []
        for item in node.items:
            if (
                not isinstance(item, Map)
                or len(item.entries) != 1
                or not isinstance(item.entries[0].node, Text)
            ):
                self._note(item.place, "expectation", "each dash is one expectation, on one line", EXAMPLES)
                continue
            entry, value = item.entries[0], item.entries[0].node.value.strip()
            try:
                expectation = self._read(" ".join(entry.key.value.lower().split()), value, people)
            except Unreadable as error:
                self._note(item.place, error.code, error.message, error.hint)
            else:
                found.append(Expected(expectation, f"{entry.key.value}: {value}", item.place))
        return tuple(found)

    def _read(self, key: str, value: str, people: Collection[str]) -> Expectation:
        if not value:
            raise Unreadable("expectation", f"`{key}` expects nothing", EXAMPLES)
        if key == "state":
            return StandsIn(_known(value, self._states, "state"))
        if key == "ended":
            return HasEnded(value)
        if found := _ONLY.fullmatch(key):
            but = tuple(
                _known(name, people, "person") for name in re.split(r" +and +", found["but"] or "") if name
            )
            return OnlySees(but, value)
        if found := _SEES.fullmatch(key):
            how = found["how"]
            return Sees(
                _one(found["who"], people), value, how == "sees", "ever" if how == "never saw" else "now"
            )
        if found := _ASKED.fullmatch(key):
            known = (*self._definition.asks, *self._definition.details)
            return IsAsked(
                _known(found["who"], people, "person"), _known(value, known, "ask"), not found["not"]
            )
        if found := _GETS.fullmatch(key):
            return Gets(_one(found["who"], people), _count(value))
        if key in self._parts:
            return PartIs(key, _people(value, people))
        if _PART.fullmatch(key) and all(name in people for name in _names(value)):
            listed = ", ".join(f"`{part}`" for part in self._parts)
            hint = did_you_mean(key, (*self._parts, "state", "ended"), f"known: {listed}")
            raise Unreadable("unknown", f"unknown part `{key}`", hint)
        raise Unreadable("expectation", f"`{key}` is nothing that can be expected", EXAMPLES)

    def _note(self, place: Place, code: str, message: str, hint: str) -> None:
        self._ledger.note(place, code, message, hint)


class _Anyone(frozenset[str]):
    """Everybody one could think of."""

    def __contains__(self, name: object) -> bool:
        return True


def _name(written: str) -> str:
    return " ".join(written.lower().split())


def _known(name: str, known: Collection[str], what: str) -> str:
    if name not in known:
        listed = ", ".join(f"`{each}`" for each in known)
        raise Unreadable("unknown", f"unknown {what} `{name}`", did_you_mean(name, known, f"known: {listed}"))
    return name


def _one(who: str, people: Collection[str]) -> str | None:
    return None if who == "the room" else _known(who, people, "person")


def _count(value: str) -> int:
    found = _COUNT.fullmatch(value.lower())
    if found is None:
        raise Unreadable("count", f"`{value}` is no number of messages", "write `2 messages` or `nothing`")
    digits = found["n"].split()[0]
    return int(digits) if digits.isdigit() else 0


def _people(value: str, people: Collection[str]) -> frozenset[str]:
    return frozenset(_known(name, people, "person") for name in _names(value))


def _names(value: str) -> list[str]:
    """The names in ``bruno and chen``; none in ``nobody``."""
    names = [name for name in re.split(r"(?: +and +|, *)", value.lower()) if name]
    return [] if names == ["nobody"] else names
