"""Details: what somebody is asked to fill in, in their long and their short form."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from engine.core.definition import Choice, DetailDef, Kind
from engine.core.finding import nearest
from engine.loading.draft import Draft
from engine.loading.grammar import KINDS as WRITTEN_KINDS
from engine.loading.moments import Unreadable
from engine.loading.people import Chosen
from engine.loading.problem import Place
from engine.loading.reader import NUMBERS, Fields
from engine.loading.tree import Entry, Items, Text

KINDS: dict[str, Kind] = {
    "text": "words",
    "words": "words",
    "date and time": "moment",
    "moment": "moment",
    "person": "person",
    "people": "people",
    "number": "number",
    "choice": "choice",
    "workflow": "workflow",
}
REACH = "named or everyone"
_MODIFIERS = ("optional", "may be past")
_BETWEEN = re.compile(r"(\d{1,6}) +(?:to|and|or) +(\d{1,6})")
_BUT = re.compile(r"(?:and +)?(?:but +)?not +(?P<parts>\S.*)")
_AND_NOT = re.compile(r" +(?:and +not|and|or|nor) +(?:not +)?")
_SIDE = re.compile(r"(at least|at most|exactly) +(\d{1,6})")


class _Type(msgspec.Struct, frozen=True):
    kind: Kind
    modifiers: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    but: tuple[str, ...] = ()


def read_detail(draft: Draft, entry: Entry) -> DetailDef | None:
    """Read one detail, in whichever form it is written."""
    name, node = entry.key.value, entry.node
    if isinstance(node, Items):
        choices = draft.read.choices(name, node, "choice")
        return _asked(draft, DetailDef(name, "choice", choices=choices), has_question=False)
    if isinstance(node, Text):
        return _of_type(draft, name, node, Fields({}, node.place), entry.key.place)
    fields = draft.fields("detail", node, entry.key.place)
    return _of_type(draft, name, draft.read.word(fields.node("type")), fields, entry.key.place)


def _of_type(draft: Draft, name: str, written: Text | None, fields: Fields, place: Place) -> DetailDef | None:
    read = draft.read
    question = read.sentence(name, fields.node("ask"))
    if written is not None and written.value.strip() == REACH:
        draft.reach = name
        named, everyone = Choice("named", NUMBERS[0]), Choice("everyone", NUMBERS[1])
        read.texts |= {f"{name}.named": "named", f"{name}.everyone": "everyone"}
        return DetailDef(name, "choice", choices=(named, everyone), default_choice="named")
    if written is None and fields.node("choices") is None:
        known = ", ".join(kind for kind, _ in WRITTEN_KINDS)
        read.note(place, "missing", "`type` is missing here", f"add `type:` with one of {known}")
    kind = read_type(draft, written) if written is not None else _Type("choice")
    is_words = kind.kind == "words"
    detail = DetailDef(
        name,
        kind.kind,
        choices=read.choices(name, fields.node("choices"), "choice"),
        optional="optional" in kind.modifiers,
        not_past="may be past" not in kind.modifiers,
        keep_days=draft.days(fields) or (draft.keep_days if is_words else None),
        asked=draft.name(fields, "asked of"),
        becomes=draft.name(fields, "becomes"),
        least=kind.least,
        most=kind.most,
        given=kind.kind == "workflow",
        but=kind.but,
    )
    return _asked(draft, _with_default(draft, detail, fields), has_question=question is not None)


def _asked(draft: Draft, detail: DetailDef, *, has_question: bool) -> DetailDef:
    """A detail without a question of its file's own is asked for in the bot's own words, if it is asked for."""
    if not has_question and detail.kind != "workflow":
        own_question(draft, detail)
    return detail


def own_question(draft: Draft, detail: DetailDef) -> None:
    """Have the bot ask for a detail in its own words."""
    draft.speak(detail.name, f"detail.{detail.kind}", words=(("what", detail.name.replace("_", " ")),))


def read_type(draft: Draft, written: Text) -> _Type:
    """Read ``people, 3 to 5``: a type, and what follows it."""
    kind, *rest = [piece.strip() for piece in written.value.split(",")]
    meant = kind if kind in KINDS else _meant(kind)
    if kind not in KINDS:
        known = ", ".join(f"`{each}`" for each, _ in WRITTEN_KINDS)
        hint = f"did you mean `{meant}`?" if meant else f"known: {known}"
        draft.read.note(written.place, "type", f"unknown type `{kind}`", hint)
    modifiers, least, most = [], None, None
    but: list[str] = []
    for piece in rest:
        if piece in _MODIFIERS:
            modifiers.append(piece)
        elif (excepted := _BUT.fullmatch(piece)) is not None:
            but += _AND_NOT.split(excepted["parts"].strip())
            if meant not in ("person", "people"):
                hint = "write for example `person, not host`"
                draft.read.note(written.place, "type", f"`{piece}` says nothing about `{kind}`", hint)
        elif (bounds := _bounds(piece)) is not None:
            least, most = bounds
            if kind not in ("people", "number") or (least or 0) > (most if most is not None else least or 0):
                hint = "write for example `people, 3 to 5` or `number, 1 to 20`"
                draft.read.note(written.place, "type", f"`{piece}` says nothing about `{kind}`", hint)
        else:
            hint = (
                "`optional`, `may be past`, `not host` and bounds such as `3 to 5` or `at least 2` are known"
            )
            draft.read.note(written.place, "type", f"unknown `{piece}`", hint)
    return _Type(KINDS.get(meant or "", "words"), tuple(modifiers), least, most, tuple(but))


def _meant(written: str) -> str | None:
    """The type that somebody most likely meant; reading on with it keeps other lines from being blamed."""
    begun = (kind for kind, _ in WRITTEN_KINDS if len(written) > 2 and kind.startswith(written.lower()))
    return nearest(written.lower(), (kind for kind, _ in WRITTEN_KINDS)) or next(begun, None)


def _bounds(piece: str) -> tuple[int | None, int | None] | None:
    if found := _BETWEEN.fullmatch(piece):
        return int(found[1]), int(found[2])
    if found := _SIDE.fullmatch(piece):
        number = int(found[2])
        return {"at least": (number, None), "at most": (None, number), "exactly": (number, number)}[found[1]]
    return None


def _with_default(draft: Draft, detail: DetailDef, fields: Fields) -> DetailDef:
    node = fields.node("default")
    match detail.kind:
        case "moment":
            moment = draft.read.parse(node, draft.read_moment)
            return msgspec.structs.replace(detail, default_moment=moment)
        case "number":
            return msgspec.structs.replace(detail, default_number=draft.read.parse(node, read_number))
        case "choice":
            text = draft.read.text(node)
            chosen = text.value.strip() if text else None
            labels = {
                draft.read.texts.get(f"{detail.name}.{c.id}", "").casefold(): c.id for c in detail.choices
            }
            found = labels.get(chosen.casefold(), chosen) if chosen else None
            return msgspec.structs.replace(detail, default_choice=found)
        case _:
            if node is not None:
                draft.read.note(
                    node.place, "default", f"{detail.kind} have no default", "leave `default` out"
                )
            return detail


def implied_detail(draft: Draft, name: str, sources: Sequence[Chosen]) -> DetailDef:
    """The detail that a part brings with it: whom somebody is asked for, or who was mentioned.

    Where both are said, those who were mentioned are taken, and without any somebody is asked.
    """
    by = next((source.by for source in sources if source.by is not None), None)
    asked = by if by != draft.starter else None
    written = draft.details.get(name)
    if written is not None:
        return msgspec.structs.replace(written, asked=written.asked or asked, given=by is None)
    detail = DetailDef(name, sources[0].kind, asked=asked, given=by is None)
    if not detail.given:
        own_question(draft, detail)
    return detail


def read_number(text: str) -> int:
    """Read digits.

    Raises:
        Unreadable: it is something else.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise Unreadable("number", f"`{text}` is no number", "write digits, for example `2`")
    return int(text)
