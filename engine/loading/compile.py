"""Compiling: from a tree to a definition. Whatever cannot be read is noted, and the rest is read on."""

from __future__ import annotations

import hashlib
import re
from typing import Literal

import msgspec

from engine.core.definition import (
    LANGUAGE_VERSION,
    AnsweredBy,
    AskDef,
    AtMoment,
    BoardDef,
    Choice,
    Condition,
    Definition,
    DetailDef,
    Kind,
    MomentExpr,
    MoveDef,
    Part,
    PartDef,
    StateDef,
    TellDef,
    Trigger,
)
from engine.loading.conditions import read_condition
from engine.loading.moments import Unreadable, read_days, read_duration, read_moment
from engine.loading.people import NAME, read_part, read_trigger, read_who
from engine.loading.problem import Ledger, Place
from engine.loading.reader import NUMBERS, Fields, Reader
from engine.loading.tree import Entry, Map, Text

FILE_KEYS = (
    "name",
    "title",
    "about",
    "called",
    "begins with",
    "listed in",
    "people",
    "details",
    "asks",
    "states",
    "if the starter leaves",
)
DETAIL_KEYS = ("ask", "type", "choices", "default", "keep", "asked of", "becomes")
ASK_KEYS = (
    "to",
    "say",
    "answers",
    "also",
    "seen by",
    "until",
    "changeable until",
    "keep",
    "if",
    "every",
    "question to",
    "takes the place of",
    "care",
)
STATE_KEYS = (
    "tell",
    "gather",
    "ask again",
    "asks",
    "keeps",
    "board",
    "public",
    "moves",
    "if the starter leaves",
    "ends with",
)
MOVE_KEYS = ("when", "at", "if", "tell", "to")
RESERVED = ("me", "circle", "room", "everyone", "entering", "opening", "called", "state", "given", "not")
SHELVES: dict[str, Literal["holds", "on"]] = {"who holds what": "holds", "what's on": "on"}
KINDS: dict[str, Kind] = {
    "words": "words",
    "date and time": "moment",
    "moment": "moment",
    "person": "person",
    "people": "people",
    "number": "number",
    "choice": "choice",
}
REACH = "named or everyone"
IN_WORDS = "in words"
_LEAVES = re.compile(r"if (?:the )?([a-z][a-z0-9_]*) leaves")


def compile_tree(root: Map, ledger: Ledger) -> Definition:
    """Compile a whole file. The definition is complete only if the ledger holds no error."""
    return _Compiler(root, Reader(ledger)).compile()


def with_digest(definition: Definition) -> Definition:
    """Give a definition its digest: sha256 over everything but texts, about and title."""
    bare = msgspec.structs.replace(definition, digest="", texts={}, translations={}, about="", title="")
    digest = hashlib.sha256(msgspec.json.encode(bare)).hexdigest()
    return msgspec.structs.replace(definition, digest=digest)


class _Compiler:
    def __init__(self, root: Map, reader: Reader) -> None:
        self._root = root
        self._reader = reader
        self._counted: dict[str, tuple[AnsweredBy, ...]] = {}
        self._reach: str | None = None

    def compile(self) -> Definition:
        leaves, rest = self._leaves()
        fields = self._reader.fields(
            rest, FILE_KEYS, self._root.place, needed=("name", "about", "begins with", "states")
        )
        name = self._name(fields)
        parts = self._parts(fields)
        details = {d.name: d for e in self._named(fields, "details") if (d := self._detail(e)) is not None}
        asks = {e.key.value: self._ask(e) for e in self._named(fields, "asks")}
        states = {e.key.value: self._state(e) for e in self._named(fields, "states")}
        title = self._reader.text(fields.node("title"))
        about = self._reader.text(fields.node("about"))
        shown = title.value.strip() if title else name.replace("_", " ").capitalize()
        if self._reader.sentence("called", fields.node("called")) is None:
            self._reader.texts["called"] = shown
        return with_digest(
            Definition(
                name=name,
                title=shown,
                about=about.value.strip() if about else "",
                digest="",
                begins_with=self._begins_with(fields),
                parts=parts,
                details=details,
                asks=asks,
                states=states,
                start=next(iter(states), ""),
                texts=self._reader.texts,
                gaps=self._reader.gaps,
                language_version=LANGUAGE_VERSION,
                shelf=self._reader.parse(fields.node("listed in"), _read_shelf),
                reach=self._reach,
                if_starter_leaves=leaves.pop("starter", None),
                if_leaves=leaves,
            )
        )

    # ── the head of the file ─────────────────────────────────────────────────

    def _leaves(self) -> tuple[dict[str, str], Map]:
        leaves: dict[str, str] = {}
        rest: list[Entry] = []
        for entry in self._root.entries:
            found = _LEAVES.fullmatch(" ".join(entry.key.value.split()))
            text = self._reader.text(entry.node) if found else None
            if found is None:
                rest.append(entry)
            elif text is not None:
                leaves[found[1]] = text.value.strip()
        return leaves, Map(tuple(rest), self._root.place)

    def _name(self, fields: Fields) -> str:
        text = self._reader.text(fields.node("name"))
        if text is None:
            return ""
        name = text.value.strip()
        if not NAME.fullmatch(name):
            self._reader.note(
                text.place, "name", f"`{name}` cannot be a name", "use small letters, digits and `_`"
            )
        return name

    def _begins_with(self, fields: Fields) -> str:
        text = self._reader.text(fields.node("begins with"))
        return " ".join(text.value.lower().split()) if text else ""

    def _named(self, fields: Fields, key: str) -> list[Entry]:
        return self._reader.named(fields.node(key), key.removesuffix("s"), RESERVED)

    def _parts(self, fields: Fields) -> tuple[PartDef, ...]:
        parts: list[PartDef] = []
        for entry in self._reader.named(fields.node("people"), "part", RESERVED):
            name = entry.key.value
            part = self._reader.parse(entry.node, lambda text, name=name: read_part(name, text))  # type: ignore[misc]
            parts.append(part or PartDef(name, ()))
            if parts[-1].answered:
                self._counted[name] = parts[-1].answered
        return tuple(parts)

    # ── details ──────────────────────────────────────────────────────────────

    def _detail(self, entry: Entry) -> DetailDef | None:
        name = entry.key.value
        read = self._reader
        fields = read.fields(entry.node, DETAIL_KEYS, entry.key.place)
        read.sentence(name, fields.node("ask"))
        written = read.text(fields.node("type"))
        if written is not None and written.value.strip() == REACH:
            self._reach = name
            named, everyone = Choice("named", NUMBERS[0]), Choice("everyone", NUMBERS[1])
            read.texts |= {f"{name}.named": "named", f"{name}.everyone": "everyone"}
            return DetailDef(name, "choice", choices=(named, everyone), default_choice="named")
        kind, modifiers = self._kind(written, fields, entry.key.place)
        detail = DetailDef(
            name,
            kind,
            choices=read.choices(name, fields.node("choices"), "choice"),
            optional="optional" in modifiers,
            not_past="may be past" not in modifiers,
            keep_days=read.parse(fields.node("keep"), read_days),
            asked=self._one_name(fields, "asked of"),
            becomes=self._one_name(fields, "becomes"),
        )
        return self._with_default(detail, fields)

    def _kind(self, written: Text | None, fields: Fields, place: Place) -> tuple[Kind, list[str]]:
        if written is None:
            if fields.node("choices") is None:
                self._reader.note(
                    place, "missing", "`type` is missing here", f"add `type:` with one of {', '.join(KINDS)}"
                )
            return "choice", []
        kind, *modifiers = [piece.strip() for piece in written.value.split(",")]
        for modifier in modifiers:
            if modifier not in ("optional", "may be past"):
                self._reader.note(
                    written.place, "type", f"unknown `{modifier}`", "`optional` and `may be past` are known"
                )
        if kind not in KINDS:
            known = ", ".join(f"`{k}`" for k in (*KINDS, REACH))
            self._reader.note(written.place, "type", f"unknown type `{kind}`", f"known: {known}")
        return KINDS.get(kind, "words"), modifiers

    def _with_default(self, detail: DetailDef, fields: Fields) -> DetailDef:
        node = fields.node("default")
        match detail.kind:
            case "moment":
                moment = self._reader.parse(node, read_moment)
                return msgspec.structs.replace(detail, default_moment=moment)
            case "number":
                return msgspec.structs.replace(detail, default_number=self._reader.parse(node, _read_number))
            case "choice":
                text = self._reader.text(node)
                return msgspec.structs.replace(detail, default_choice=text.value.strip() if text else None)
            case _:
                if node is not None:
                    self._reader.note(
                        node.place, "default", f"{detail.kind} have no default", "leave `default` out"
                    )
                return detail

    def _one_name(self, fields: Fields, key: str) -> str | None:
        text = self._reader.text(fields.node(key))
        return text.value.strip() if text else None

    # ── asks ─────────────────────────────────────────────────────────────────

    def _ask(self, entry: Entry) -> AskDef:
        name = entry.key.value
        read = self._reader
        fields = read.fields(
            entry.node, ASK_KEYS, entry.key.place, needed=("to", "say", "answers", "seen by")
        )
        read.sentence(f"{name}.say", fields.node("say"))
        answers = fields.node("answers")
        only_words = isinstance(answers, Text) and answers.value.strip() == IN_WORDS
        return AskDef(
            name=name,
            to=read.parse(fields.node("to"), read_who) or Part("starter"),
            choices=() if only_words else read.choices(name, answers, "answer"),
            words=self._flag(fields, "also", IN_WORDS) or only_words,
            seen_by=read.names(fields.node("seen by")) or ("me",),
            until=self._moment(fields, "until"),
            changeable_until=self._moment(fields, "changeable until"),
            keep_days=read.parse(fields.node("keep"), read_days),
            sensitive=self._flag(fields, "care", "sensitive"),
            when=self._condition(fields),
            every_ms=read.parse(fields.node("every"), read_duration),
            question_to=self._one_name(fields, "question to"),
            replaces=read.names(fields.node("takes the place of")),
        )

    def _flag(self, fields: Fields, key: str, word: str) -> bool:
        text = self._reader.text(fields.node(key))
        if text is not None and text.value.strip() != word:
            self._reader.note(
                text.place, "word", f"`{text.value}` is not known here", f"write `{key}: {word}`"
            )
        return text is not None

    def _moment(self, fields: Fields, key: str) -> MomentExpr | None:
        return self._reader.parse(fields.node(key), read_moment)

    def _condition(self, fields: Fields) -> Condition | None:
        return self._reader.parse(fields.node("if"), lambda text: read_condition(text, self._counted))

    # ── states ───────────────────────────────────────────────────────────────

    def _state(self, entry: Entry) -> StateDef:
        name = entry.key.value
        read = self._reader
        key = f"state.{name}"
        fields = read.fields(entry.node, STATE_KEYS, entry.key.place)
        again = read.names(fields.node("ask again"))
        gather = read.names(fields.node("gather"))
        public, public_when, otherwise = self._public(key, fields)
        return StateDef(
            name=name,
            gather=(*gather, *(each for each in again if each not in gather)),
            again=again,
            asks=read.names(fields.node("asks")),
            keeps=read.names(fields.node("keeps")),
            tells=self._tells(f"{key}.tell", fields),
            board=self._boards(f"{key}.board", fields),
            moves=self._moves(f"{key}.move", fields),
            public=public,
            public_when=public_when,
            public_otherwise=otherwise,
            if_starter_leaves=self._one_name(fields, "if the starter leaves"),
            final=fields.node("ends with") is not None,
            outcome=read.sentence(f"{key}.outcome", fields.node("ends with")),
        )

    def _tells(self, key: str, fields: Fields) -> tuple[TellDef, ...]:
        found: list[TellDef] = []
        for index, node in enumerate(self._reader.items(fields.node("tell"))):
            tell = self._reader.fields(node, ("to", "say", "if"), node.place, needed=("to", "say"))
            who = self._reader.parse(tell.node("to"), read_who)
            text = self._reader.sentence(f"{key}.{index + 1}", tell.node("say"))
            if who is not None and text is not None:
                found.append(TellDef(who, text, self._condition(tell)))
        return tuple(found)

    def _boards(self, key: str, fields: Fields) -> tuple[BoardDef, ...]:
        found: list[BoardDef] = []
        for index, node in enumerate(self._reader.items(fields.node("board"))):
            board = self._reader.fields(node, ("to", "say", "if"), node.place, needed=("to", "say"))
            to = self._one_name(board, "to")
            text = self._reader.sentence(f"{key}.{index + 1}", board.node("say"))
            if to is not None and text is not None:
                found.append(BoardDef(to, text, self._condition(board)))
        return tuple(found)

    def _public(self, key: str, fields: Fields) -> tuple[str | None, Condition | None, str | None]:
        """One line; or a line with an ``if``; or such a line, and another for when it does not hold."""
        lines: list[tuple[str, Condition | None]] = []
        for index, node in enumerate(self._reader.items(fields.node("public"))):
            where = f"{key}.public.{index + 1}"
            line = (
                self._reader.fields(node, ("say", "if"), node.place, needed=("say",))
                if isinstance(node, Map)
                else None
            )
            said = self._reader.sentence(where, line.node("say") if line else node)
            if said is not None:
                lines.append((said, self._condition(line) if line else None))
        match lines:
            case []:
                return None, None, None
            case [(text, when)]:
                return text, when, None
            case [(text, when), (other, None)] if when is not None:
                return text, when, other
            case _:
                place = self._reader.items(fields.node("public"))[1].place
                self._reader.note(
                    place,
                    "public",
                    "this line would never be shown as meant",
                    "give the first line an `if`, the second none",
                )
                return lines[0][0], lines[0][1], None

    def _moves(self, key: str, fields: Fields) -> tuple[MoveDef, ...]:
        found: list[MoveDef] = []
        for index, node in enumerate(self._reader.items(fields.node("moves"))):
            move = self._reader.fields(node, MOVE_KEYS, node.place, needed=("to",))
            on = self._trigger(move, node.place)
            to = self._one_name(move, "to")
            when = self._condition(move)
            tells = self._tells(f"{key}.{index + 1}.tell", move)
            found.append(MoveDef(on or AtMoment(MomentExpr("entering")), to or "", when, tells))
        return tuple(found)

    def _trigger(self, move: Fields, place: Place) -> Trigger | None:
        moment, happening = move.node("at"), move.node("when")
        if (moment is None) == (happening is None):
            message = "both `at` and `when` are written" if moment else "nothing says when this move is taken"
            self._reader.note(
                place, "trigger", message, "write either `at: <moment>` or `when: <what happens>`"
            )
        if moment is not None:
            at = self._moment(move, "at")
            return AtMoment(at) if at else None
        return self._reader.parse(happening, read_trigger)


def _read_shelf(text: str) -> Literal["holds", "on"]:
    if text not in SHELVES:
        known = " and ".join(f"`{each}`" for each in SHELVES)
        raise Unreadable("shelf", f"there is no list `{text}`", f"{known} are known")
    return SHELVES[text]


def _read_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise Unreadable("number", f"`{text}` is no number", "write digits, for example `2`")
    return int(text)
