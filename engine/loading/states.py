"""States and their moves."""

from __future__ import annotations

import re
from functools import partial
from typing import Literal

from engine.core.definition import (
    AtMoment,
    BoardDef,
    Condition,
    MomentExpr,
    MoveDef,
    OnHolds,
    StartDef,
    StateDef,
    Trigger,
    Who,
)
from engine.loading.draft import Draft
from engine.loading.grammar import SECTIONS
from engine.loading.moments import Unreadable, read_duration
from engine.loading.people import read_trigger, workflow_name
from engine.loading.problem import Place
from engine.loading.reader import Fields, under
from engine.loading.tree import Entry, Map, Node, Text

AS_SOON_AS = "as soon as "
_HAND = re.compile(r"(?P<here>[a-z][a-z0-9_]*)(?: +as +(?P<there>[a-z][a-z0-9_]*))?")


def read_state(draft: Draft, entry: Entry) -> StateDef:
    """Read one state."""
    name, read = entry.key.value, draft.read
    key = f"state.{name}"
    fields = draft.fields("state", entry.node, entry.key.place)
    again = read.names(fields.node("ask again"))
    gather = read.names(fields.node("gather"))
    public, public_when, otherwise = _public(draft, key, fields)
    return StateDef(
        name=name,
        gather=(*gather, *(each for each in again if each not in gather)),
        again=again,
        asks=read.names(fields.node("asks")),
        keeps=read.names(fields.node("keeps")),
        tells=draft.tells(f"{key}.tell", fields.node("tell")),
        board=_boards(draft, f"{key}.board", fields),
        moves=_moves(draft, f"{key}.move", fields),
        public=public,
        public_when=public_when,
        public_otherwise=otherwise,
        public_shelf=_shelf_of_lines(draft, fields),
        if_starter_leaves=draft.name(fields, "if the starter leaves"),
        final=fields.node("ends with") is not None,
        outcome=read.sentence(f"{key}.outcome", fields.node("ends with")),
        starts=_starts(draft, fields.node("starts")),
        shows=read.names(fields.node("shows")),
        help_to=_whos(draft, fields.node("show help to")),
        brings_in=draft.name(fields, "brings in"),
        takes_out=draft.name(fields, "takes out"),
    )


def _whos(draft: Draft, node: Node | None) -> tuple[Who, ...]:
    return tuple(who for item in draft.read.items(node) if (who := draft.who(item)) is not None)


def _boards(draft: Draft, key: str, fields: Fields) -> tuple[BoardDef, ...]:
    found: list[BoardDef] = []
    for index, node in enumerate(draft.read.items(fields.node("board"))):
        board = draft.fields("board", node, node.place)
        to = draft.name(board, "to")
        text = draft.read.sentence(f"{key}.{index + 1}", board.node("say"))
        if to is not None and text is not None:
            found.append(BoardDef(to, text, draft.condition(board.node("if"))))
    return tuple(found)


def _public(draft: Draft, key: str, fields: Fields) -> tuple[str | None, Condition | None, str | None]:
    """One line; or a line with an ``if``; or such a line, and another for when it does not hold."""
    lines: list[tuple[str, Condition | None]] = []
    for index, node in enumerate(draft.read.items(fields.node("public"))):
        where = f"{key}.public.{index + 1}"
        line = draft.fields("public", node, node.place) if isinstance(node, Map) else None
        said = draft.read.sentence(where, line.node("say") if line else node)
        if said is not None:
            lines.append((said, draft.condition(line.node("if")) if line else None))
    match lines:
        case []:
            return None, None, None
        case [(text, when)]:
            return text, when, None
        case [(text, when), (other, None)] if when is not None:
            return text, when, other
        case _:
            place = draft.read.items(fields.node("public"))[1].place
            message = "this line would never be shown as meant"
            draft.read.note(place, "public", message, "give the first line an `if`, the second none")
            return lines[0][0], lines[0][1], None


def _shelf_of_lines(draft: Draft, fields: Fields) -> Literal["holds", "on"] | None:
    """The list that the lines of a state name: one for all of them."""
    found: Literal["holds", "on"] | None = None
    for node in draft.read.items(fields.node("public")):
        written = under(node, "listed in", SECTIONS["public"].known)
        shelf = draft.shelf(written)
        if found is not None and shelf is not None and shelf != found and written is not None:
            message = "the lines of one state stand in one list"
            draft.read.note(written.place, "public", message, "name the same list, or leave one out")
        found = found or shelf
    return found


# ── other workflows ──────────────────────────────────────────────────────────


def _starts(draft: Draft, node: Node | None) -> tuple[StartDef, ...]:
    found: list[StartDef] = []
    for item in draft.read.items(node):
        fields = draft.fields("start", item, item.place)
        found.append(start_of(draft, draft.read.text(fields.node("workflow")), fields))
    return tuple(found)


def start_of(draft: Draft, workflow: Text | None, fields: Fields) -> StartDef:
    """What starts another workflow, from its keys."""
    hands: list[tuple[str, str]] = []
    for item in draft.read.items(fields.node("hand over")):
        hands += draft.read.parse(item, read_hands) or ()
    return StartDef(
        workflow_name(workflow.value) if workflow else "",
        draft.name(fields, "by"),
        tuple(hands),
        draft.condition(fields.node("if")),
    )


def read_hands(text: str) -> tuple[tuple[str, str], ...]:
    """Read ``what, host as proposer``: what it is called here, and there.

    Raises:
        Unreadable: it is not names.
    """
    found: list[tuple[str, str]] = []
    for piece in text.split(","):
        matched = _HAND.fullmatch(piece.strip())
        if matched is None:
            message = f"`{piece.strip()}` cannot be handed over"
            raise Unreadable(
                "hand-over", message, "write the name of a detail or part, or `name as its name there`"
            )
        found.append((matched["here"], matched["there"] or matched["here"]))
    return tuple(found)


# ── moves ────────────────────────────────────────────────────────────────────


def _moves(draft: Draft, key: str, fields: Fields) -> tuple[MoveDef, ...]:
    found: list[MoveDef] = []
    for index, node in enumerate(draft.read.items(fields.node("moves"))):
        move = draft.fields("move", node, node.place)
        on = _trigger(draft, move, node.place)
        to = draft.name(move, "to")
        when = draft.condition(move.node("if"))
        tells = draft.tells(f"{key}.{index + 1}.tell", move.node("tell"))
        found.append(MoveDef(on or AtMoment(MomentExpr("entering")), to or "", when, tells))
    return tuple(found)


def _trigger(draft: Draft, move: Fields, place: Place) -> Trigger | None:
    written = [key for key in ("when", "at", "every") if move.node(key) is not None]
    if len(written) != 1:
        both = f"both `{written[0]}` and `{written[1]}` are written" if written else ""
        message = both or "nothing says when this move is taken"
        draft.read.note(place, "trigger", message, "write either `at: <moment>` or `when: <what happens>`")
    match written:
        case ["at", *_] | ["when", "at", *_]:
            at = draft.moment(move, "at")
            return AtMoment(at) if at else None
        case ["every"]:
            span_ms = draft.read.parse(move.node("every"), read_duration)
            return AtMoment(MomentExpr("entering", span_ms)) if span_ms else None
        case _:
            return _happening(draft, move.node("when"))


def _happening(draft: Draft, node: Node | None) -> Trigger | None:
    if isinstance(node, Text) and node.value.strip().startswith(AS_SOON_AS):
        indent = node.value.index(AS_SOON_AS) + len(AS_SOON_AS)
        rest = Text(node.value[indent:], node.at(indent), node.plain)
        condition = draft.condition(rest)
        return OnHolds(condition) if condition is not None else None
    return draft.read.parse(node, partial(read_trigger, labels=draft.labels))
