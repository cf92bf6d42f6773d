"""Rests: the steps of a file as they are read, each one that lasts a rest, with what is told on the way to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from engine.core.definition import (
    AllOf,
    AnsweredBy,
    AskDef,
    AtMoment,
    Condition,
    CountOf,
    DetailDef,
    MomentExpr,
    OnEnded,
    OnGathered,
    Part,
    StartDef,
    TellDef,
    Trigger,
    Who,
)
from engine.core.finding import Path, did_you_mean, surely_meant
from engine.core.values import DAY_MS, Ms
from engine.loading.asks import ask_of
from engine.loading.draft import Draft
from engine.loading.grammar import SECTIONS, STEPS
from engine.loading.moments import FOLLOWS, Unreadable, read_duration, read_moment
from engine.loading.people import NAME, workflow_name
from engine.loading.problem import Place
from engine.loading.reader import Fields, spelled, under
from engine.loading.states import start_of
from engine.loading.tree import Items, Map, Node, Text

EXAMPLES_OF_WAITS = ("until 1 day after meeting", "for 2 weeks", "until decision ends")
ENTERING = MomentExpr("entering")
LONG_MS = 365 * DAY_MS
"""Taken for a length that cannot be read, so that nothing is said to last too long for it."""

ALL_KEYS = {key for name, section in SECTIONS.items() if name.startswith("step: ") for key in section.known}
_NEEDS = re.compile(r"(?:at +least +)?(?P<bound>\d{1,4}|[a-z][a-z0-9_]*) +(?P<answers>\S.*)")
_EVERY = re.compile(r"(?:every|after) +(?P<span>\S.*)")
_ENDED = re.compile(
    r"(?:until +)?(?P<workflow>(?!until )[A-Za-z][\w -]*?) +ends(?: +as +(?P<state>[a-z][a-z0-9_]*))?"
)


class Round(msgspec.Struct, frozen=True):
    """How often everything comes round."""

    span_ms: Ms
    place: Place


class Rest(msgspec.Struct, frozen=True):
    """A step that lasts: a state to be. ``tells`` are said on the way to it."""

    state: str
    step: int
    when: Condition | None = None
    ask: AskDef | None = None
    needs: CountOf | None = None
    until: Trigger | None = None
    """What ends a wait."""
    gather: tuple[str, ...] = ()
    """Details that are asked for here, and not in the beginning."""
    tells: tuple[TellDef, ...] = ()
    starts: tuple[StartDef, ...] = ()
    comes_round: bool = False


# ── what the steps are called ────────────────────────────────────────────────


def asks_in_steps(steps: Items) -> list[tuple[str, Map]]:
    """The steps that ask, each with the name of its ask: its own, or ``ask_`` and whom it is for."""
    found: list[tuple[str, Map]] = []
    for step in steps.items:
        if isinstance(step, Map) and _kind(step) == "ask":
            name = _name_of(step)
            taken = [known for known, _ in found]
            found.append((free(name, taken), step))
    return found


def _kind(step: Map) -> str | None:
    keys = [spelled(entry.key.value) for entry in step.entries]
    meant = (surely_meant(key, STEPS) for key in keys if key not in ALL_KEYS)
    return next((key for key in keys if key in STEPS), None) or next(filter(None, meant), None)


def _name_of(step: Map) -> str:
    known = SECTIONS["step: ask"].known
    named, ask = under(step, "named", known), under(step, "ask", known)
    if isinstance(named, Text) and NAME.fullmatch(named.value.strip()):
        return named.value.strip()
    word = NAME.match(ask.value.strip()) if isinstance(ask, Text) else None
    return f"ask_{'answered' if word is None or word[0] == 'those' else word[0]}"


def free(name: str, taken: Iterable[str]) -> str:
    """The name, or the first of ``name_2``, ``name_3`` … that is not taken."""
    held = set(taken)
    return next(
        each for each in (name, *(f"{name}_{n}" for n in range(2, len(held) + 3))) if each not in held
    )


class Reading:
    """Reads the steps into rests, in their order."""

    def __init__(self, draft: Draft, steps: Items) -> None:
        self._draft = draft
        self._steps = steps
        self._labels = draft.labels
        self._asks = [name for name, _ in asks_in_steps(steps)]
        self._asked = 0
        self._tells: list[TellDef] = []
        self._starts: list[tuple[int, StartDef]] = []
        self.rests: list[Rest] = []
        self.round: Round | None = None
        self.ending: str | None = None
        self.told_at: dict[str, int] = {}
        """Text key of a tell → its step."""

    def all(self) -> None:
        """Read them all; what is told after the last rest stays in ``last_tells``."""
        last = len(self._steps.items) - 1
        for index, step in enumerate(self._steps.items):
            self._draft.labels = self._labels.before(self._asked)
            kind = _kind(step) if isinstance(step, Map) else None
            if self.ending is not None or (self.round is not None and kind != "ends with"):
                self._note(step.place, "after-the-end", "nothing comes after this", "put it last")
                break
            match kind:
                case "ask":
                    self._ask(index, step)
                case "wait":
                    self._wait(index, step)
                case "tell":
                    self._tell(index, step)
                case "start":
                    self._start(index, step, self._steps.items[index + 1] if index < last else None)
                case "gather":
                    self._gather(index, step)
                case "again":
                    self._again(index, step)
                case "ends with":
                    fields = self._draft.fields("step: ends with", step, step.place)
                    self.ending = self._draft.read.sentence("state.done.outcome", fields.node("ends with"))
                    self._draft.stands["states", "done"] = ("steps", str(index))
                    self._draft.stands["states", "done", "ends with"] = ("steps", str(index), "ends with")
                case _:
                    hint = f"begin it with one of {', '.join(f'`{key}:`' for key in STEPS)}"
                    self._note(step.place, "step", "this is no step", hint)
        self._draft.labels = self._labels

    @property
    def last_tells(self) -> tuple[TellDef, ...]:
        return tuple(self._tells)

    def _note(self, place: Place, code: str, message: str, hint: str) -> None:
        self._draft.read.note(place, code, message, hint)

    def _rest(self, rest: Rest, starts: tuple[tuple[int, StartDef], ...] = ()) -> None:
        tells, self._tells = tuple(self._tells), []
        begun, self._starts = (*self._starts, *starts), []
        state = free(rest.state, (each.state for each in self.rests))
        self.rests.append(replace(rest, state=state, tells=tells, starts=tuple(start for _, start in begun)))
        for n, (index, _) in enumerate(begun):
            self._draft.stands["states", state, "starts", str(n)] = ("steps", str(index))

    def _ask(self, index: int, node: Node) -> None:
        draft, name = self._draft, self._asks[self._asked]
        path = ("steps", str(index))
        draft.stands["asks", name] = path
        draft.stands["asks", name, "to"] = (*path, "ask")
        fields = draft.fields("step: ask", node, node.place)
        named = draft.read.text(fields.node("named"))
        if named is not None and named.value.strip() != name:
            what = "is taken" if NAME.fullmatch(named.value.strip()) else "cannot be a name"
            self._note(
                named.place, "name", f"`{named.value.strip()}` {what}", "use small letters, digits and `_`"
            )
        to = draft.who(fields.node("ask")) or Part(draft.starter)
        ask = ask_of(draft, name, to, fields)
        if ask.hidden is not None and not ask.hidden.until_closed and ask.hidden.until is None:
            hint = "write `hidden until: closed`, or write states"
            self._note(_place(fields, "hidden until"), "hidden", "no step shows what is hidden", hint)
        self._asked += 1
        draft.labels = self._labels.before(self._asked)
        needs = draft.read.parse(fields.node("needs"), partial(self._needs, ask=name))
        when = both(ask.when, self._somebody(to))
        ask = self._reply_by(ask, path)
        state = name if name.startswith("ask_") else f"ask_{name}"
        self._rest(Rest(state, index, when, replace(ask, when=None), needs))

    def _reply_by(self, ask: AskDef, path: Path) -> AskDef:
        """An ask that closes so long before a date does so by a date of its own, which is never in the past:
        where the date is too near, it is the middle of what is left.
        """
        until, draft = ask.until, self._draft
        if until is None or until.offset_ms >= 0 or until.halfway or until.base in ("opening", "entering"):
            return ask
        name = free("reply_by", (*draft.details, *self._asks, *draft.parts))
        draft.details[name] = DetailDef(name, "moment", default_moment=until)
        draft.stands["details", name] = (*path, "until")
        draft.stands["details", name, "default"] = (*path, "until")
        return replace(ask, until=MomentExpr(name))

    def _needs(self, text: str, ask: str) -> CountOf:
        found = _NEEDS.fullmatch(text)
        if found is None:
            raise Unreadable(
                "needs", f"`{text}` does not say how many of what", "write for example `2 Count me in`"
            )
        bound = int(found["bound"]) if found["bound"].isdigit() else found["bound"]
        labels, at, choices = self._draft.labels, found.start("answers"), []
        while True:
            written = labels.at(text, at, ask)
            if written is None and not labels.asks[ask]:
                raise Unreadable(FOLLOWS, "there are no answers here")
            if written is None:
                offered = [label for label in labels.asks[ask] if "_" not in label]
                hint = did_you_mean(text[at:], offered, f"known here: {', '.join(offered)}")
                raise Unreadable("needs", f"`{text[at:]}` is none of the answers here", hint, at, text[at:])
            choices.append((ask, labels.id_of(ask, written)))
            at += len(written)
            if not text.startswith(" or ", at):
                break
            at += len(" or ")
        if text[at:].strip():
            raise Unreadable(
                "needs", f"`{text[at:].strip()}` is too much here", "write for example `2 Count me in`", at
            )
        return CountOf(tuple(choices), ">=", bound)

    def _somebody(self, to: Who) -> Condition | None:
        """That there is somebody to ask, where only answers tell who."""
        by: tuple[AnsweredBy, ...] = ()
        if isinstance(to, AnsweredBy):
            by = (to,)
        elif isinstance(to, Part):
            by = self._draft.only_answers.get(to.name, ())
        terms = tuple((each.ask, choice) for each in by for choice in each.choices)
        return CountOf(terms, ">=", 1) if terms else None

    def _wait(self, index: int, node: Node) -> None:
        fields = self._draft.fields("step: wait", node, node.place)
        until = self._draft.read.parse(fields.node("wait"), partial(read_wait, dates=self._draft.dates()))
        when = self._draft.condition(fields.node("if"))
        self._rest(Rest("waiting", index, when, until=until or AtMoment(ENTERING)))

    def _tell(self, index: int, node: Node) -> None:
        fields = self._draft.fields("step: tell", node, node.place)
        who = self._draft.who(fields.node("tell"))
        text = self._draft.read.sentence(f"step.{index + 1}.say", fields.node("say"))
        when = self._draft.condition(fields.node("if"))
        if who is not None and text is not None:
            self.told_at[text] = index
            self._tells.append(TellDef(who, text, when, *self._draft.calendar(fields)))

    def _start(self, index: int, node: Node, following: Node | None) -> None:
        """Part of the wait that follows, so that no end can come too early to be heard; or a state of its own."""
        draft = self._draft
        fields = draft.fields("step: start", node, node.place)
        start = start_of(draft, draft.read.text(fields.node("start")), fields)
        waits = isinstance(following, Map) and _kind(following) == "wait" and not _has_if(following)
        if waits and start.when is None:
            self._starts.append((index, start))
            return
        self._rest(
            Rest(f"start_{start.workflow}", index, start.when, until=AtMoment(ENTERING)),
            ((index, replace(start, when=None)),),
        )

    def _gather(self, index: int, node: Node) -> None:
        draft = self._draft
        fields = draft.fields("step: gather", node, node.place)
        names = draft.read.names(fields.node("gather"))
        when = draft.condition(fields.node("if"))
        for name in names:
            if name not in draft.details:
                hint = did_you_mean(name, draft.details, "write it under `details`")
                self._note(_place(fields, "gather"), "unknown-detail", f"unknown detail `{name}`", hint)
        known = tuple(name for name in names if name in draft.details)
        self._rest(Rest("gathering_more", index, when, until=OnGathered(), gather=known))

    def _again(self, index: int, node: Node) -> None:
        fields = self._draft.fields("step: again", node, node.place)
        span_ms = self._draft.read.parse(fields.node("again"), read_again)
        if not any(rest.ask or rest.until for rest in self.rests):
            self._note(node.place, "again", "there is nothing to do again", "put it after other steps")
        self.round = Round(span_ms or LONG_MS, _place(fields, "again"))
        self._rest(Rest("resting", index, comes_round=True))


# ── small readings ───────────────────────────────────────────────────────────


def read_wait(text: str, dates: Sequence[str] = ()) -> Trigger:
    """Read ``for 2 weeks``, ``until 1 day after meeting`` or ``until decision ends``.

    Raises:
        Unreadable: it is none of these.
    """
    if found := _ENDED.fullmatch(text):
        return OnEnded(workflow_name(found["workflow"]), found["state"])
    if text in dates:
        return AtMoment(MomentExpr(text))
    if text.startswith("for "):
        return AtMoment(MomentExpr("entering", read_duration(text.removeprefix("for "))))
    try:
        return AtMoment(MomentExpr("entering", read_duration(text)))
    except Unreadable:
        pass
    try:
        return AtMoment(read_moment(text, dates))
    except Unreadable as error:
        date = f"`until 1 day after {dates[0]}`, " if dates else ""
        hint = f"write for example {date}`for 2 weeks` or `until decision ends`"
        raise Unreadable("wait", error.message, hint, error.offset) from error


def read_again(text: str) -> Ms:
    """Read ``every 2 weeks``.

    Raises:
        Unreadable: it is no length of time.
    """
    found = _EVERY.fullmatch(text)
    return read_duration(found["span"] if found else text)


def _has_if(step: Map) -> bool:
    return any(entry.key.value.strip() == "if" for entry in step.entries)


def both(one: Condition | None, other: Condition | None) -> Condition | None:
    """Two conditions as one; None is no condition."""
    if one is None or other is None:
        return one if other is None else other
    return AllOf((one, other))


def _place(fields: Fields, key: str) -> Place:
    node = fields.node(key)
    return node.place if node is not None else fields.place
