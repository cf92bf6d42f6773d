"""Compiling: from a tree to a definition. Whatever cannot be read is noted, and the rest is read on."""

from __future__ import annotations

import hashlib
import re
from functools import partial
from typing import Literal

import msgspec

from engine.core.definition import (
    ABOUT_TEXT,
    KEEP_DAYS,
    LANGUAGE_VERSION,
    TITLE_TEXT,
    AskDef,
    Definition,
    NamedIn,
    PartDef,
    Source,
    Starter,
    StateDef,
)
from engine.core.finding import Path, did_you_mean
from engine.loading.asks import read_ask
from engine.loading.carried import read_carried
from engine.loading.details import implied_detail, read_detail
from engine.loading.draft import Draft, Listing
from engine.loading.grammar import SECTIONS
from engine.loading.labels import Labels, plain
from engine.loading.people import NAME, Chosen, read_sources
from engine.loading.problem import Ledger, Place
from engine.loading.reader import Fields, choice_id, slug, split_emoji, split_labels, under
from engine.loading.rests import asks_in_steps
from engine.loading.states import read_state
from engine.loading.steps import read_steps
from engine.loading.tree import Entry, Items, Map, Node, Text
from engine.loading.twice import Twice

RESERVED = ("me", "circle", "room", "everyone", "entering", "opening", "called", "state", "given", "not")
ARRIVES, IS_HERE = "someone arrives", "someone is here"
ARRIVALS: dict[str, Literal["arriving", "present"]] = {
    ARRIVES: "arriving",
    "somebody arrives": "arriving",
    IS_HERE: "present",
    "somebody is here": "present",
}
CONTACTS = "safety contacts"
"""What a workflow may need before it can be taken up."""
_LEAVES = re.compile(r"if (?:the )?([a-z][a-z0-9_]*) leaves")


class Compiled(msgspec.Struct, frozen=True):
    """A definition, and where in its file stands what has another place in the definition."""

    definition: Definition
    stands: dict[Path, Path] = {}
    steps: dict[str, int] = {}
    """A state that was made of a step → the step's number, from 1."""
    said_at: dict[str, Place] = {}
    """Text key → where its sentence stands in the file."""
    lists: dict[str, Listing] = {}
    """Text key of a list that was made → what stands in it."""
    meant: dict[str, str] = {}
    """What was made, a question or a part filled by answers → what the file calls it."""
    respoken: dict[str, tuple[str, dict[str, str]]] = {}
    """Text key → the text key whose sentence stands there, and which of its placeholders are others there."""
    written: dict[str, tuple[str, ...]] = {}
    """Text key → the placeholders its author wrote, where they have been changed."""
    labels: Labels = Labels()


def compile_tree(root: Map, ledger: Ledger) -> Compiled:
    """Compile a whole file. The definition is complete only if the ledger holds no error."""
    return _Compiler(root, ledger).compile()


def with_digest(definition: Definition) -> Definition:
    """Give a definition its digest: sha256 over everything but texts, about and title."""
    bare = msgspec.structs.replace(definition, digest="", texts={}, translations={}, about="", title="")
    digest = hashlib.sha256(msgspec.json.encode(bare)).hexdigest()
    return msgspec.structs.replace(definition, digest=digest)


def labels_in(root: Map) -> Labels:
    """The answers that the asks of a file offer, before anything else of it is read."""
    found: dict[str, dict[str, str]] = {}
    steps = under(root, "steps", SECTIONS["head"].known)
    if isinstance(steps, Items):
        for name, step in asks_in_steps(steps):
            found[name] = _labels(under(step, "answers", SECTIONS["step: ask"].known))
    asks = under(root, "asks", SECTIONS["head"].known)
    if isinstance(asks, Map):
        for entry in asks.entries:
            found.setdefault(entry.key.value, _labels(under(entry.node, "answers", SECTIONS["ask"].known)))
    choices: dict[str, dict[str, str]] = {}
    details = under(root, "details", SECTIONS["head"].known)
    for entry in details.entries if isinstance(details, Map) else ():
        written = (
            entry.node
            if isinstance(entry.node, Items)
            else under(entry.node, "choices", SECTIONS["detail"].known)
        )
        choices[entry.key.value] = _labels(written)
    return Labels(found, choices, latest=isinstance(steps, Items))


def _labels(answers: Node | None) -> dict[str, str]:
    found: dict[str, str] = {}
    pairs: list[tuple[str, Node]] = []
    match answers:
        case Map(entries=entries):
            pairs = [(entry.key.value, entry.node) for entry in entries]
        case Items(items=items):
            pairs = [("", item) for item in items]
        case Text() if answers.plain and "," in answers.value:
            pairs = [("", label) for label in split_labels(answers)]
        case Text():
            pairs = [("", answers)] if answers.value.strip() else []
        case None:
            pass
    for index, (name, label) in enumerate(pairs):
        said = split_emoji(label.value)[1] if isinstance(label, Text) else ""
        choice = name or choice_id(said, index)
        found.setdefault(choice, choice)
        found.setdefault(plain(said), choice)
    found.pop("", None)
    return found


def _spaced(key: str) -> str:
    return " ".join(key.replace("_", " ").split())


class _Compiler:
    def __init__(self, root: Map, ledger: Ledger) -> None:
        self._root = root
        self._draft = Draft(ledger, labels_in(root))
        self._read = self._draft.read
        self._chosen: dict[str, list[Chosen]] = {}

    def compile(self) -> Compiled:
        draft = self._draft
        leaves, rest = self._leaves()
        fields = draft.fields("head", rest, self._root.place)
        name, title = self._names(fields)
        draft.title = title
        about = self._read.text(fields.node("about"))
        if self._read.sentence("called", fields.node("called")) is None:
            self._read.texts["called"] = title
        draft.keep_days = draft.days(fields) or KEEP_DAYS
        parts = self._parts(fields)
        self._details(fields)
        begins_with = self._begins_with(fields, name, title)
        asks, states = self._happenings(fields)
        carried = read_carried(draft, fields.node("carried"), states)
        twice = Twice(draft)
        asks, states = twice.asks(asks), twice.states(states)
        twice.sentences()
        parts = twice.parts(parts)
        definition = Definition(
            name=name,
            title=title,
            about=about.value.strip() if about else "",
            digest="",
            begins_with=begins_with,
            parts=parts,
            details=draft.details,
            asks=asks,
            states=states,
            start=next(iter(states), ""),
            texts=self._read.texts,
            gaps=self._read.gaps,
            language_version=LANGUAGE_VERSION,
            shelf=draft.shelf(fields.node("listed in")),
            reach=draft.reach,
            if_starter_leaves=leaves.pop("starter", None),
            if_leaves=leaves,
            begins_for=self._begins_for(fields),
            needs_contacts=draft.flag(fields, "needs", CONTACTS),
            carried=twice.carried(carried),
            own=draft.own,
        )
        return Compiled(
            with_digest(definition),
            draft.stands,
            draft.steps,
            self._said_at(fields),
            draft.lists,
            draft.meant,
            draft.respoken,
            draft.written,
            draft.labels,
        )

    def _said_at(self, fields: Fields) -> dict[str, Place]:
        found = dict(self._read.said_at)
        for key, written in (
            (TITLE_TEXT, "title" if fields.node("title") else "name"),
            (ABOUT_TEXT, "about"),
        ):
            node = fields.node(written)
            if node is not None:
                found[key] = node.place
        return found

    # ── the head of the file ─────────────────────────────────────────────────

    def _leaves(self) -> tuple[dict[str, str], Map]:
        leaves: dict[str, str] = {}
        rest: list[Entry] = []
        for entry in self._root.entries:
            found = _LEAVES.fullmatch(_spaced(entry.key.value))
            text = self._read.text(entry.node) if found else None
            if found is None:
                rest.append(entry)
            elif text is not None:
                leaves[found[1]] = text.value.strip()
        return leaves, Map(tuple(rest), self._root.place)

    def _names(self, fields: Fields) -> tuple[str, str]:
        """The name by which a workflow is known, and its title."""
        text = self._read.text(fields.node("name"))
        written = " ".join(text.value.split()) if text else ""
        name = written if NAME.fullmatch(written) else slug(written)
        if text is not None and not name:
            hint = "begin with a letter from a to z; `title:` may say anything"
            self._read.note(text.place, "name", f"`{written}` cannot be a name", hint)
        titled = self._read.text(fields.node("title"))
        if titled is not None:
            return name, titled.value.strip()
        return name, written.replace("_", " ").capitalize() if written == name else written

    def _begins_with(self, fields: Fields, name: str, title: str) -> str:
        text = self._read.text(fields.node("begins with"))
        if text is None:
            self._draft.stands["begins with",] = ("name",)
        named = self._read.text(fields.node("name")) if text is None else None
        if named is not None:
            written = named.value if not NAME.fullmatch(named.value.strip()) else name.replace("_", " ")
            return " ".join(written.lower().split())
        return " ".join((text.value if text else title).lower().split())

    def _begins_for(self, fields: Fields) -> Literal["arriving", "present"] | None:
        text = self._read.word(fields.node("begins when"))
        if text is None:
            return None
        written = text.value.strip()
        if written not in ARRIVALS:
            message = f"nothing begins by itself when `{written}`"
            known = f"write `begins when: {ARRIVES}`, or `begins when: {IS_HERE}`"
            self._read.note(text.place, "arrival", message, did_you_mean(written, ARRIVALS, known))
        return ARRIVALS.get(written, "arriving")

    # ── people and details ───────────────────────────────────────────────────

    def _parts(self, fields: Fields) -> tuple[PartDef, ...]:
        parts: list[PartDef] = []
        for entry in self._read.named(fields.node("people"), "part", RESERVED):
            sources: list[Source] = []
            for item in self._read.items(entry.node):
                found = self._read.parse(item, partial(read_sources, labels=self._draft.labels)) or ()
                for source in found:
                    if isinstance(source, Chosen):
                        self._chosen.setdefault(entry.key.value, []).append(source)
                        sources.append(NamedIn(entry.key.value))
                    else:
                        sources.append(source)
            part = PartDef(entry.key.value, tuple(dict.fromkeys(sources)))
            parts.append(part)
            if part.answered:
                self._draft.counted[part.name] = part.answered
                if len(part.answered) == len(part.sources):
                    self._draft.only_answers[part.name] = part.answered
        starter = next((part.name for part in parts if Starter() in part.sources), None)
        if starter is None:
            parts.append(PartDef("starter", (Starter(),)))
        self._draft.starter = starter or "starter"
        self._draft.parts = tuple(part.name for part in parts)
        return tuple(parts)

    def _details(self, fields: Fields) -> None:
        """Those that are written, then those that parts bring with them."""
        draft = self._draft
        for entry in self._read.named(fields.node("details"), "detail", RESERVED):
            detail = read_detail(draft, entry)
            if detail is not None:
                draft.details[detail.name] = detail
        for name, chosen in self._chosen.items():
            if name not in draft.details:
                draft.stands["details", name] = ("people", name)
            draft.details[name] = implied_detail(draft, name, chosen)

    # ── what happens ─────────────────────────────────────────────────────────

    def _happenings(self, fields: Fields) -> tuple[dict[str, AskDef], dict[str, StateDef]]:
        steps, states = fields.node("steps"), fields.node("states")
        if steps is not None:
            for key in ("states", "asks"):
                node = fields.node(key)
                if node is not None:
                    hint = f"leave `{key}` out, or write states instead of steps"
                    entry = fields.by_key[key]
                    self._read.note(entry.key.place, "both", f"a file with `steps` has no `{key}`", hint)
                    if isinstance(node, Map):
                        self._read.misname(*(each.key.value for each in node.entries))
            for entry in self._root.entries:
                if _LEAVES.fullmatch(_spaced(entry.key.value)):
                    hint = "leave it out: steps close kindly by themselves; write states if it is to go on"
                    message = f"a file with `steps` has no `{_spaced(entry.key.value)}`"
                    self._read.note(entry.key.place, "both", message, hint)
            public = self._read.sentence("public", fields.node("public"))
            return read_steps(self._draft, steps, public)
        if states is None:
            message, hint = (
                "neither `steps` nor `states` are here",
                "add `steps:`, or `states:` if it branches",
            )
            self._read.note(self._root.place, "missing", message, hint)
        asks = {e.key.value: read_ask(self._draft, e) for e in self._entries(fields, "asks")}
        return asks, {e.key.value: read_state(self._draft, e) for e in self._entries(fields, "states")}

    def _entries(self, fields: Fields, key: str) -> list[Entry]:
        return self._read.named(fields.node(key), key.removesuffix("s"), RESERVED)
