"""Steps: what happens one after another, made into the states and moves it stands for.

    gathering ─▶ ask_invited ───────────▶ waiting ─▶ ask_readers ─▶ done
                     │                       ▲
                  too_few ─▶ new_date ─▶ ask_invited_anew ─▶ too_few
                             between_dates

Ends: done, withdrawn, cancelled, stopped, not_this_time.
Each step that lasts becomes a state; what is told goes with the moves. Whatever an author never writes
(gathering, calling off, too few, the board) is said in the bot's own sentences, ``steps.*``.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from engine.core.check_chart import USUAL_UNTIL
from engine.core.definition import (
    TITLE_TEXT,
    AnsweredBy,
    AskDef,
    AtMoment,
    BoardDef,
    Choice,
    Condition,
    CountOf,
    DetailDef,
    MomentExpr,
    MoveDef,
    OnAnswer,
    OnCommand,
    OnEnded,
    OnGathered,
    Part,
    Room,
    StateDef,
    TellDef,
    Trigger,
)
from engine.core.values import DAY_MS, HOUR_MS, Ms
from engine.loading.draft import Draft
from engine.loading.promises import Promises
from engine.loading.rests import ENTERING, Reading, Rest, Round, both, free
from engine.loading.tree import Items, Node
from engine.loading.twice import again_of

LONGEST_WAIT_DAYS = 90
"""How long the end of another workflow is waited for."""
GATHERING_DAYS = 14
CHOOSING_DAYS = 7
"""How long the starter has to choose what becomes of too few, or another date."""
CLOSE_TO_IT_MS = 2 * HOUR_MS
"""How long before the date an open choice is closed kindly."""
LOOKING_MS = 3 * HOUR_MS
"""How long the starter may look for another date before those who had taken it up hear that it is moving."""
MOVING_MS = 5 * HOUR_MS
"""How long before the date they hear so in any case."""
FEW = (("small", "🌱"), ("new_date", "🗓️"), ("let_go", "🍃"))


def read_steps(
    draft: Draft, node: Node, public: str | None = None
) -> tuple[dict[str, AskDef], dict[str, StateDef]]:
    """Compile a file's steps; ``public`` the text key of its public line."""
    if not isinstance(node, Items) or not node.items:
        draft.read.note(node.place, "not-a-list", "steps are a list", "begin each with a dash: `- ask: …`")
        return {}, {}
    read = Reading(draft, node)
    read.all()
    if not read.rests and not read.last_tells:
        draft.read.note(node.place, "step", "nothing happens here", "begin with a step that asks or tells")
    return _Building(draft, read, public).build()


class _Building:
    """Makes states and moves of rests."""

    def __init__(self, draft: Draft, read: Reading, public: str | None) -> None:
        self._draft = draft
        self._public = public
        self._rests = read.rests
        self._round = read.round
        self._ending = read.ending
        self._last_tells = read.last_tells
        self._told_at = read.told_at
        self._host = Part(draft.starter)
        self._name = (("name", TITLE_TEXT),)
        later = {name for rest in read.rests for name in rest.gather}
        asked_for = (name for name, detail in draft.details.items() if _is_asked_for(detail))
        self._gathered = tuple(name for name in asked_for if name not in later)
        self._promises = Promises(draft, self._rests, self._gathered)
        bases = set(self._promises.bases())
        self._dates = tuple(name for name in self._gathered if name in bases)
        self._asks = dict(self._promises.asks)
        self._states: dict[str, StateDef] = {}
        self._ends: dict[str, StateDef] = {}
        self._called_off: dict[tuple[str, ...], str] = {}

    def build(self) -> tuple[dict[str, AskDef], dict[str, StateDef]]:
        """All asks and all states, the first one first, ends last."""
        first = self._first()
        for at, rest in enumerate(self._rests):
            self._rest(at, rest)
        numbers, waited = self._draft.steps, {rest.state for rest in self._rests}
        middle = sorted(
            self._states.values(),
            key=lambda s: (numbers[s.name], s.name not in waited, _rank(s.name)),
        )
        states = {
            state.name: state for state in (*([first] if first is not None else []), *middle)
        } | self._ends
        self._place(states.values())
        return self._asks, states

    # ── from one to the next ─────────────────────────────────────────────────

    def _ways(
        self, on: Trigger, to: int, when: Condition | None = None, tells: tuple[TellDef, ...] = ()
    ) -> tuple[MoveDef, ...]:
        """The moves to a rest, past those whose condition does not hold, with what is told on the way."""
        found: list[MoveDef] = []
        said = tells
        for rest in self._rests[to:]:
            said = (*said, *rest.tells)
            further = None if _surely(when, rest.when) else rest.when
            found.append(MoveDef(on, rest.state, both(when, further), said))
            if further is None:
                return tuple(found)
        return (*found, MoveDef(on, self._done(), when, (*said, *self._last_tells)))

    def _first(self) -> StateDef | None:
        """The state that gathers; or one that only begins, where something has to be told or decided first."""
        news = self._begun()
        if not self._gathered:
            simple = self._rests and self._rests[0].when is None and not self._rests[0].tells and news is None
            if simple:
                return None
            aside = self._end("stopped", (self._tell_host("stopped", self._name),))
            return StateDef("beginning", moves=self._begin(AtMoment(ENTERING), news), if_starter_leaves=aside)
        aside = self._end("withdrawn", (self._tell_host("withdrawn", self._name),))
        moves = (
            *self._begin(OnGathered(), news),
            MoveDef(self._command("cancel"), aside),
            MoveDef(AtMoment(_after(GATHERING_DAYS)), aside),
        )
        return StateDef("gathering", gather=self._gathered, moves=moves, if_starter_leaves=aside)

    def _begin(self, on: Trigger, news: TellDef | None) -> tuple[MoveDef, ...]:
        """The first moves. Whoever began it hears that a question is on its way to others."""
        asking = {rest.state for rest in self._rests if rest.ask is not None and rest.ask.to != self._host}
        moves = self._ways(on, 0)
        if news is None:
            return moves
        return tuple(replace(m, tells=(*m.tells, news)) if m.to in asking else m for m in moves)

    def _begun(self) -> TellDef | None:
        asks = [rest.ask for rest in self._rests if rest.ask is not None]
        if not asks or asks[0].to == self._host:
            return None
        key = "steps.begun_round" if self._round else "steps.begun"
        return TellDef(self._host, self._draft.speak("begun.tell", key))

    # ── states ───────────────────────────────────────────────────────────────

    def _rest(self, at: int, rest: Rest) -> None:
        self._draft.steps[rest.state] = rest.step + 1
        if rest.ask is not None:
            self._ask(at, rest, self._asks[rest.ask.name])
        elif rest.comes_round and self._round is not None:
            self._come_round(at, rest, self._round)
        elif rest.until is not None:
            self._wait(at, rest, rest.until)

    def _state(self, at: int, name: str, moves: tuple[MoveDef, ...], **more: object) -> StateDef:
        """A state in the middle: it can be called off, and shows what comes."""
        off = self._off(at)
        moves = (*moves, MoveDef(self._command("cancel"), off))
        if self._round is not None and not self._promises.promised(at):
            moves = (*moves, MoveDef(self._command("enough"), self._enough()))
        state = StateDef(name, moves=moves, if_starter_leaves=off, public=self._public)
        self._states[name] = replace(state, **more)
        return self._states[name]

    def _ask(self, at: int, rest: Rest, ask: AskDef) -> None:
        until = ask.until or USUAL_UNTIL
        closes = AtMoment(replace(until, base="entering") if until.base == "opening" else until)
        moves: tuple[MoveDef, ...] = ()
        if ask.to == self._host:
            moves = self._ways(OnAnswer(ask.name), at + 1)
        moves += self._ways(closes, at + 1, rest.needs)
        more = {"keeps": self._promises.kept(at), "starts": rest.starts}
        if rest.needs is None:
            self._state(at, rest.state, moves, asks=(ask.name,), board=self._boards(at), **more)
            return
        date = self._promises.date_of(at, ask)
        again = self._again(ask) if date is not None else None
        moves += (MoveDef(closes, self._too_few(at, rest, ask, rest.needs)),)
        self._state(at, rest.state, moves, asks=(ask.name,), board=self._boards(at), **more)
        if again is not None:
            name = self._anew_in(rest.state)
            more = {"keeps": self._promises.kept(at)}
            self._state(at, name, moves, asks=(again,), board=self._boards(at, date), **more)
            self._draft.steps[name] = rest.step + 1

    def _again(self, ask: AskDef) -> str | None:
        """The question that is put for another date to those who had taken this one up, and to nobody else; what is
        asked in the room, or of the starter, is simply asked there again.
        """
        if isinstance(ask.to, Room) or ask.to == self._host:
            return None
        draft = self._draft
        name = free(f"{ask.name}_anew", (*self._asks, *draft.details, *draft.parts))
        self._asks[name] = again_of(draft, ask, name)
        return name

    def _wait(self, at: int, rest: Rest, until: Trigger) -> None:
        moves = self._ways(until, at + 1)
        if isinstance(until, OnEnded):
            moves += self._ways(AtMoment(_after(LONGEST_WAIT_DAYS)), at + 1)
        if isinstance(until, OnGathered):
            moves += (MoveDef(AtMoment(_after(GATHERING_DAYS)), self._without(at, rest)),)
        kept, board = self._promises.kept(at), self._boards(at)
        more = {"again": rest.gather} if self._round is not None else {}
        self._state(
            at, rest.state, moves, gather=rest.gather, keeps=kept, board=board, starts=rest.starts, **more
        )

    def _without(self, at: int, rest: Rest) -> str:
        """Where it goes if nobody says what is asked for: what comes round does so again, as after a no."""
        asked = {self._draft.details[name].asked for name in rest.gather}
        resting = next((each.state for each in self._rests if each.comes_round), None)
        others = asked - {None, self._host.name}
        return resting if resting is not None and others else self._off(at)

    def _come_round(self, at: int, rest: Rest, every: Round) -> None:
        left_ms = every.span_ms - sum(self._lasts_ms(each) for each in self._rests[:at])
        if left_ms < 0:
            hint = "let it come round less often, or let the questions close sooner"
            self._draft.read.note(every.place, "again", "one time round takes longer than that", hint)
        again = AtMoment(MomentExpr("entering", max(0, left_ms)))
        if not self._dates:
            self._state(at, rest.state, self._ways(again, 0))
            return
        self._state(at, rest.state, (MoveDef(again, "next_round"),))
        later = AtMoment(_after(GATHERING_DAYS))
        moves = (*self._ways(OnGathered(), 0), MoveDef(later, self._enough()))
        self._state(at, "next_round", moves, gather=self._dates, again=self._dates)
        self._draft.steps["next_round"] = rest.step + 1

    def _lasts_ms(self, rest: Rest) -> Ms:
        """How long a rest surely lasts; 0 where that depends."""
        if rest.when is not None or (rest.ask is not None and rest.ask.to == self._host):
            return 0
        until = (rest.ask.until or USUAL_UNTIL) if rest.ask is not None else None
        if until is None and isinstance(rest.until, AtMoment):
            until = rest.until.moment
        return until.offset_ms if until is not None and until.base in ("opening", "entering") else 0

    # ── too few ──────────────────────────────────────────────────────────────

    def _too_few(self, at: int, rest: Rest, ask: AskDef, needs: CountOf) -> str:
        """The starter chooses: small, another date if there is one, or let it go."""
        name = free("too_few", self._states)
        date = self._promises.date_of(at, ask)
        choices = tuple(Choice(id, emoji) for id, emoji in FEW if date is not None or id != "new_date")
        self._few_ask(name, ask, needs, choices, self._choosing_until(ask, date)[0])
        lost = self._not_this_time(ask)
        moves = self._ways(OnAnswer(name, "small"), at + 1)
        if date is not None:
            to = self._new_date(at, rest, ask, date, lost)
            moves += (MoveDef(OnAnswer(name, "new_date"), to),)
        closes = self._choosing_until(ask, date)
        moves += (
            MoveDef(OnAnswer(name, "let_go"), lost),
            *(MoveDef(AtMoment(each), lost) for each in closes),
        )
        kept = (*self._promises.kept(at), *((ask.name,) if ask.changeable_until is not None else ()))
        self._state(at, name, moves, asks=(name,), keeps=kept)
        self._draft.steps[name] = rest.step + 1
        return name

    def _choosing_until(self, ask: AskDef, date: str | None) -> tuple[MomentExpr, ...]:
        """Until when the starter may choose: for some days, and not beyond what it is about."""
        if date is None:
            return (_after(CHOOSING_DAYS),)
        closing = self._draft.details.get(ask.until.base) if ask.until is not None else None
        before = closing.default_moment if closing is not None else None
        if before is not None and before.base == date and -before.offset_ms <= CHOOSING_DAYS * DAY_MS:
            return (MomentExpr(date, max(-CLOSE_TO_IT_MS, before.offset_ms // 2)),)
        return _after(CHOOSING_DAYS), MomentExpr(date, -CLOSE_TO_IT_MS)

    def _few_ask(
        self, name: str, ask: AskDef, needs: CountOf, choices: tuple[Choice, ...], closes: MomentExpr
    ) -> None:
        draft = self._draft
        n = str(needs.bound)
        if {draft.starter, "circle"} & {*ask.seen_by}:
            who = f"{ask.name}.{needs.terms[0][1]}"
            gaps = (("who", who), *((("n", n),) if isinstance(needs.bound, str) else ()))
            words = (*self._name, *(() if isinstance(needs.bound, str) else (("n", n),)))
            draft.speak(f"{name}.say", "steps.few", gaps, words)
        else:
            draft.speak(f"{name}.say", "steps.few_unseen", words=self._name)
        for choice in choices:
            draft.speak(f"{name}.{choice.id}", f"steps.few.{choice.id}")
        until = None if closes.base == "entering" else closes
        self._asks[name] = AskDef(name=name, to=self._host, choices=choices, until=until)
        draft.stands["asks", name] = draft.stands.get(("asks", ask.name), ("steps",))

    def _new_date(self, at: int, rest: Rest, ask: AskDef, date: str, lost: str) -> str:
        """The starter names another date. Those who had taken it up hear that it is moving if that takes a while."""
        name, between = free("new_date", self._states), free("between_dates", self._states)
        kept = (*self._promises.kept(at), ask.name)
        more = {"gather": (date,), "again": (date,), "keeps": kept}
        named = self._once_named(rest, ask, date)
        waits = (MomentExpr("entering", LOOKING_MS), MomentExpr(date, -MOVING_MS))
        looking = tuple(MoveDef(AtMoment(each), between) for each in waits)
        self._state(at, name, (*named, *looking), **more)
        said = self._draft.speak("moving.tell", "steps.moving", words=self._name)
        late = MoveDef(AtMoment(_after(CHOOSING_DAYS)), lost)
        self._state(at, between, (*named, late), tells=(TellDef(_all_of(ask), said),), **more)
        self._draft.steps |= {name: rest.step + 1, between: rest.step + 1}
        return name

    def _once_named(self, rest: Rest, ask: AskDef, date: str) -> tuple[MoveDef, ...]:
        """Those who had taken it up are asked about the new date; where nobody had, it is asked as in the beginning."""
        draft, tells = self._draft, tuple[TellDef, ...]()
        asked_there = ask.name not in draft.twins
        if asked_there or date not in draft.read.gaps.get(f"{ask.name}.say", ()):
            key = "moved_there" if asked_there else "moved"
            said = draft.speak(f"{key}.{date}.tell", f"steps.{key}", (("when", date),), self._name)
            tells = (TellDef(_all_of(ask), said),)
        if asked_there:
            return (MoveDef(OnGathered(), rest.state, None, tells),)
        somebody = CountOf(tuple((ask.name, choice.id) for choice in ask.choices), ">=", 1)
        again = MoveDef(OnGathered(), self._anew_in(rest.state), somebody, tells)
        return (again, MoveDef(OnGathered(), rest.state))

    def _anew_in(self, state: str) -> str:
        """The state in which a question is put again for another date."""
        return free(f"{state}_anew", (rest.state for rest in self._rests))

    # ── what is shown ────────────────────────────────────────────────────────

    def _boards(self, at: int, date: str | None = None) -> tuple[BoardDef, ...]:
        """For each part that sees answers, who gave which; ``date``: a new one. While a date is waited for it stands
        above them, so that what comes when a question has closed reads as what came of it.
        """
        until = self._rests[at].until
        if isinstance(until, AtMoment) and until.moment.base in self._draft.details:
            date = until.moment.base
        shown: dict[str, list[AskDef]] = {}
        own = self._rests[at].ask
        before = self._rests[at - 1].ask if at else None
        asks = [self._asks[name] for name in self._promises.kept(at)]
        if own is not None and own.hidden is None:
            asks.append(self._asks[own.name])
        if before is not None and before.hidden is not None and before.hidden.until_closed:
            asks.append(self._asks[before.name])
        for ask in asks:
            for part in ask.seen_by:
                if part not in ("me", "circle") and not (ask.to == self._host and part == self._host.name):
                    shown.setdefault(part, []).append(ask)
        boards: list[BoardDef] = []
        for part, seen in shown.items():
            lines = tuple(f"{ask.name}.{c.id}" for ask in seen if not ask.sensitive for c in ask.choices)
            if lines:
                new = ".again" if date is not None and own is not None else ""
                key = f"step.{self._rests[at].step + 1}.board.{part}{new}"
                self._draft.list_up(key, lines, date)
                boards.append(BoardDef(part, key))
        return tuple(boards)

    # ── how it ends ──────────────────────────────────────────────────────────

    def _end(self, name: str, tells: tuple[TellDef, ...], sentence: str | None = None) -> str:
        if name not in self._ends:
            outcome = self._draft.speak(f"state.{name}.outcome", f"steps.{sentence or name}.end")
            self._ends[name] = StateDef(name, tells=tells, final=True, outcome=outcome)
        return name

    def _done(self) -> str:
        tells = self._results()
        if self._ending is None:
            return self._end("done", tells)
        self._ends.setdefault("done", StateDef("done", tells=tells, final=True, outcome=self._ending))
        return "done"

    def _results(self) -> tuple[TellDef, ...]:
        """What was hidden until the last question closed, told to those who see it: no board comes any more."""
        rest = self._rests[-1] if self._rests else None
        if (
            rest is None
            or rest.ask is None
            or rest.ask.hidden is None
            or rest.ask.sensitive
            or not rest.ask.choices
        ):
            return ()
        tells: list[TellDef] = []
        for part in (each for each in rest.ask.seen_by if each not in ("me", "circle")):
            key = f"step.{rest.step + 1}.result.{part}"
            self._draft.list_up(key, tuple(f"{rest.ask.name}.{c.id}" for c in rest.ask.choices))
            tells.append(TellDef(Part(part), key, rest.when))
        return tuple(tells)

    def _enough(self) -> str:
        return self._end("enough", (self._tell_host("enough", self._name),))

    def _off(self, at: int) -> str:
        """Where calling it off leads: those who had said yes or maybe hear of it, if it still matters to them."""
        told = self._promises.told_if_off(at)
        if not told:
            return self._end("stopped", (self._tell_host("stopped", self._name),))
        if told not in self._called_off:
            self._called_off[told] = free("cancelled", self._ends)
        said = self._draft.speak("cancelled.tell", "steps.cancelled", words=self._name)
        tells = tuple(TellDef(_all_of(self._asks[name]), said) for name in told)
        return self._end(
            self._called_off[told], (*tells, self._tell_host("cancelled", self._name)), "cancelled"
        )

    def _not_this_time(self, ask: AskDef) -> str:
        key = (f"lost:{ask.name}",)
        if key not in self._called_off:
            self._called_off[key] = free("not_this_time", self._ends)
        said = self._draft.speak("not_this_time.tell", "steps.not_this_time", words=self._name)
        host = self._tell_host("not_this_time", self._name)
        return self._end(self._called_off[key], (TellDef(_all_of(ask), said), host), "not_this_time")

    def _tell_host(self, name: str, words: tuple[tuple[str, str], ...]) -> TellDef:
        return TellDef(self._host, self._draft.speak(f"{name}.tell.host", f"steps.{name}.host", words=words))

    def _command(self, word: str) -> OnCommand:
        return OnCommand(word, (self._host.name,))

    # ── where it stands in the file ──────────────────────────────────────────

    def _place(self, states: Iterable[StateDef]) -> None:
        """Tell of every generated state and move from which step it comes."""
        stands = self._draft.stands
        by_state = {rest.state: rest for rest in self._rests}
        for state in states:
            number = self._draft.steps.get(state.name)
            path = ("steps", str(number - 1)) if number is not None else ("steps",)
            stands.setdefault(("states", state.name), path)
            stands["states", state.name, "public"] = ("public",)
            rest = by_state.get(state.name)
            for index, move in enumerate(state.moves):
                here = ("states", state.name, "moves", str(index))
                to = by_state.get(move.to)
                if rest is not None:
                    stands[*here, "at"] = (*path, "until" if rest.ask is not None else "wait")
                if to is not None and to.when is not None:
                    stands[*here, "if"] = ("steps", str(to.step), "if")
                for n, tell in enumerate(move.tells):
                    at = self._told_at.get(tell.text)
                    if at is not None:
                        stands[*here, "tell", str(n)] = ("steps", str(at))
                        stands[*here, "tell", str(n), "to"] = ("steps", str(at), "tell")


def _is_asked_for(detail: DetailDef) -> bool:
    has_default = (detail.default_choice, detail.default_number, detail.default_moment) != (None, None, None)
    return not detail.given and not has_default


def _surely(known: Condition | None, further: Condition | None) -> bool:
    """Whether so many needed answers mean that somebody gave one of them."""
    if not isinstance(known, CountOf) or not isinstance(further, CountOf):
        return False
    at_least = isinstance(known.bound, int) and known.bound >= 1
    return at_least and (further.op, further.bound) == (">=", 1) and {*known.terms} <= {*further.terms}


def _rank(state: str) -> int:
    """Where a state stands among those of one step: the question, too few, another date, the question again."""
    ranks = (("too_few", 1), ("new_date", 2), ("between_dates", 3))
    return next((rank for name, rank in ranks if state.startswith(name)), 4 if state.endswith("_anew") else 0)


def _after(days: int) -> MomentExpr:
    return MomentExpr("entering", days * DAY_MS)


def _all_of(ask: AskDef) -> AnsweredBy:
    return AnsweredBy(ask.name, tuple(choice.id for choice in ask.choices))
