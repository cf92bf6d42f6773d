"""A turn: the notebook in which one decision is worked out, from one snapshot to the next.

It is mutable and lives for one call of ``decide``; nothing of it survives but the new
snapshot and the effects.
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from engine.core.conditions import holds
from engine.core.definition import (
    NO,
    AnsweredBy,
    AskDef,
    AtMoment,
    Circle,
    Contacts,
    Definition,
    DetailDef,
    Everyone,
    HolderOf,
    NamedBy,
    NamedIn,
    OnCommand,
    OneOf,
    Part,
    Room,
    Source,
    Starter,
    StateDef,
    Stewards,
    TellDef,
    Who,
)
from engine.core.effect import (
    Ask,
    Decision,
    DropTimer,
    Effect,
    Empower,
    Finish,
    KeepText,
    Post,
    SetTimer,
    Settle,
    Show,
    Tell,
    Urgency,
)
from engine.core.event import Facts
from engine.core.instance import Answer, AskState, Snapshot, Timer
from engine.core.machine import ways_of
from engine.core.message import Message, Phrase
from engine.core.moments import resolve
from engine.core.phrasing import options, phrase, private_ask, room_ask
from engine.core.values import (
    DAY_MS,
    AnyValue,
    Moment,
    Ms,
    Number,
    Persons,
    Picked,
    Ref,
    RowId,
    TextId,
    Words,
)

ASK_OPEN_MS = 7 * DAY_MS
"""How long an ask stays open when its file does not say."""
DETAIL_OPEN_MS = 14 * DAY_MS
KEEP_DAYS = 90
"""How long a text outlives its instance when its file does not say."""
LONGEST_MS = 800 * DAY_MS
"""A text's end date while its instance still runs; finishing brings it forward."""
TELL_USEFUL_MS = 7 * DAY_MS
MOST_LINKS = 256
"""Definitions whose links are held in memory."""
MOST_MOVES = 16
"""Moves that one event may set off before it counts as a circle in the file."""

DETAIL = "detail:"
QUESTION = "question:"


class MovesInCircles(Exception):
    """One event set off more moves than a workflow can sensibly have."""


class Turn:
    """One event's worth of change to one instance."""

    def __init__(self, definition: Definition, snapshot: Snapshot, facts: Facts, actor: Ref | None) -> None:
        self.definition = definition
        self.facts = facts
        self.now_ms = facts.now_ms
        self._actor = actor
        self._old = snapshot
        self._version = snapshot.version + 1
        self._state = snapshot.state
        self._entry = snapshot.entry
        self._entered_ms = snapshot.entered_ms
        self._details = dict(snapshot.details)
        self._asks = dict(snapshot.asks)
        self._timers = dict(snapshot.timers)
        self._powers = dict(snapshot.powers)
        self._boards = snapshot.boards
        self._gone = snapshot.gone
        self._finished_ms = snapshot.finished_ms
        self._visits = dict(snapshot.visits)
        self._groups = dict(snapshot.groups)
        self._children = dict(snapshot.children)
        self._effects: list[Effect] = []
        self._rows = 0
        self._before: Turn | None = None

    # ── reading ──────────────────────────────────────────────────────────────

    @property
    def state(self) -> StateDef:
        """The present state."""
        return self.definition.states[self._state]

    def ask_state(self, name: str) -> AskState | None:
        """How an ask stands; None if it was never put."""
        return self._asks.get(name)

    def detail(self, name: str) -> AnyValue | None:
        """What a detail holds."""
        return self._details.get(name)

    def visits(self, state: str) -> int:
        """How often a state has been entered, the present time included."""
        return self._visits.get(state, 0)

    def asked(self, ask: str) -> int:
        """How many were asked."""
        state = self._asks.get(ask)
        return len(state.asked) if state else 0

    def who_said(self, ask: str, choice: str) -> tuple[Ref, ...]:
        """Those whose standing answer is this one, in the order they gave it.

        Asks that one part counts together (the room's and the 1:1 invitation) are one question: what
        somebody said to it last is what they say.
        """
        state = self._asks.get(ask)
        if state is None:
            return ()
        linked = [self._asks[name] for name in self.linked(ask) if name in self._asks]
        given = [
            (a.at_ms, who)
            for who, a in state.answers.items()
            if a.choice == choice and not any(_is_later(other.answers.get(who), a) for other in linked)
        ]
        return tuple(who for _, who in sorted(given))

    def linked(self, ask: str) -> tuple[str, ...]:
        """The other asks that some part counts together with this one."""
        return _links_of(self.definition).get(ask, ())

    def counts(self, ask: str, who: Ref) -> bool:
        """Whether somebody has an answer standing, to this ask or one counted with it, that others may hear of."""
        return any(
            who in self.who_said(name, choice.id)
            for name in (ask, *self.linked(ask))
            for choice in self.definition.asks[name].choices
        )

    def who_turned(self, ask: str) -> tuple[Ref, ...]:
        """Those who had said an answer that travels early and no longer do."""
        state = self._asks.get(ask)
        if state is None:
            return ()
        return tuple(
            who for who, a in state.answers.items() if a.was_early and a.choice in (NO, None) and not a.text
        )

    def not_joining(self, ask: str) -> int:
        """How many of those asked gave no answer that travels early: a no and a silence are one number."""
        state = self._asks.get(ask)
        if state is None:
            return 0
        return sum(1 for who in state.asked if not _travels(state.answers.get(who)))

    def people(self, part: str) -> tuple[Ref, ...]:
        """Whoever holds a part now, without those who have left."""
        return tuple(ref for ref in self.named(part) if ref not in self._gone)

    def named(self, part: str) -> tuple[Ref, ...]:
        """Whoever holds a part, as a sentence names them: those who have left are still called by their name."""
        known = next((each for each in self.definition.parts if each.name == part), None)
        if known is None:
            return ()
        found = dict.fromkeys(ref for source in known.sources for ref in self._from(source, part))
        return tuple(found)

    def _from(self, source: Source, part: str) -> tuple[Ref, ...]:
        match source:
            case Starter():
                return (self._old.starter,)
            case NamedIn(detail=name):
                value = self._details.get(name)
                return tuple(Ref(p) for p in value.who) if isinstance(value, Persons) else ()
            case AnsweredBy():
                return tuple(ref for ref in self._answerers(source) if ref not in self._gone)
            case NamedBy() | Everyone() | HolderOf() | Stewards() | Contacts() | OneOf():
                return ()
            case _:
                assert_never(source)

    def _answerers(self, by: AnsweredBy) -> tuple[Ref, ...]:
        return tuple(ref for choice in by.choices for ref in self.who_said(by.ask, choice))

    def is_gone(self, who: Ref) -> bool:
        """Whether a person has left."""
        return who in self._gone

    def resolve_who(self, who: Who) -> tuple[Ref, ...]:
        """The people an ask or a tell is for, at this moment."""
        match who:
            case Part(name=name):
                found = self.people(name)
            case AnsweredBy():
                found = self._answerers(who)
            case Circle(but=but):
                left_out = {ref for part in but for ref in self.people(part)}
                found = tuple(ref for ref in self.facts.room if ref not in left_out)
            case Room():
                found = ()
            case _:
                assert_never(who)
        return tuple(ref for ref in dict.fromkeys(found) if ref not in self._gone)

    # ── writing ──────────────────────────────────────────────────────────────

    def emit(self, effect: Effect) -> None:
        """Add an effect."""
        self._effects.append(effect)

    @property
    def mark(self) -> int:
        """The place at which the next effect will stand."""
        return len(self._effects)

    def emit_at(self, mark: int, effect: Effect) -> None:
        """Put an effect where the notebook stood earlier: what is known only now, yet comes before what followed."""
        self._effects.insert(mark, effect)

    def put_ask_state(self, name: str, state: AskState) -> None:
        """Replace how an ask stands."""
        self._asks[name] = state

    def set_detail(self, name: str, value: AnyValue) -> None:
        """Give a detail its value; what was reckoned from the old one is reckoned anew."""
        self._details[name] = value
        becomes = self.definition.details[name].becomes
        if becomes is not None:
            self._details[becomes] = value
        for other in self.definition.details.values():
            if other.default_moment is not None and other.default_moment.base in (name, becomes):
                self._details.pop(other.name, None)

    def drop_detail(self, name: str) -> None:
        """The answer to a detail was taken back."""
        self._details.pop(name, None)

    def drop_person(self, who: Ref) -> None:
        """Forget a person's open steps: whatever they had said, they are not counted any more."""
        self._gone = (*self._gone, who)
        for name, state in self._asks.items():
            if state.settled or (who not in state.asked and who not in state.answers):
                continue
            answers = {ref: a for ref, a in state.answers.items() if ref != who}
            asked = tuple(ref for ref in state.asked if ref != who)
            self._asks[name] = replace(state, asked=asked, answers=answers)
            self.emit(Settle(who, name, state.round))

    def finish_turn(self) -> Decision:
        """Close the notebook."""
        old = self._old
        self._end_dropped_texts()
        return Decision(
            Snapshot(
                id=old.id,
                circle=old.circle,
                definition=old.definition,
                state=self._state,
                version=self._version,
                entry=self._entry,
                entered_ms=self._entered_ms,
                started_ms=old.started_ms,
                starter=old.starter,
                details=self._details,
                asks=self._asks,
                timers=self._timers,
                powers=self._powers,
                boards=self._boards,
                gone=self._gone,
                finished_ms=self._finished_ms,
                visits=self._visits,
                groups=self._groups,
                parent=old.parent,
                children=self._children,
            ),
            tuple(self._effects),
        )

    def urgency_for(self, who: Ref) -> Urgency:
        """How news may travel to a person: as a reply to what they just did, as a change within 24 hours
        to what they said yes to (or began themselves), or as ordinary mail.
        """
        if who == self._actor:
            return "reply"
        # As things stood before this event: a date that has just been moved is what the change is about.
        for name, state in self._old.asks.items():
            theirs = who == self._old.starter or _travels(state.answers.get(who))
            if theirs and not state.settled and self.is_promise(name) and self._is_soon(state):
                return "change"
        return "timely"

    def is_promise(self, ask: str) -> bool:
        """Whether a yes to this ask holds beyond its closing, for something that begins later."""
        known = self.definition.asks.get(ask)
        return known is not None and known.changeable_until is not None

    def is_soon(self, ask: str) -> bool:
        """Whether what an ask is about begins within 24 hours."""
        return self._is_soon(self._asks[ask])

    def _is_soon(self, state: AskState) -> bool:
        return 0 < state.changeable_ms - self.now_ms <= DAY_MS

    def public_key(self) -> str | None:
        """The text key of the line that the circle may see now."""
        state = self.state
        return state.public if holds(state.public_when, self) else state.public_otherwise

    def tell(self, tell: TellDef) -> None:
        """Say something, if its condition holds."""
        if not holds(tell.when, self):
            return
        line = phrase(self, tell.text)
        useful_ms = self.now_ms + TELL_USEFUL_MS
        if isinstance(tell.to, Room):
            self.emit(Post(row=self._new_row(), message=Message(lines=(line,)), useful_until_ms=useful_ms))
            return
        for who in self.resolve_who(tell.to):
            self.emit(Tell(who, Message(lines=(line,)), self.urgency_for(who), useful_ms))

    def tell_person(
        self, who: Ref, line: Phrase, urgency: Urgency, useful_until_ms: Ms | None = None
    ) -> None:
        """Say one of the bot's own sentences to a person."""
        useful_ms = useful_until_ms or self.now_ms + TELL_USEFUL_MS
        self.emit(Tell(who, Message(lines=(line,)), urgency, useful_ms))

    @property
    def before(self) -> Turn:
        """Things as they stood before this event, to be compared with."""
        if self._before is None:
            self._before = Turn(self.definition, self._old, self.facts, None)
        return self._before

    def refresh(self) -> None:
        """Bring what is kept up to date up to date: boards, and the room's messages. Whatever would read as
        before is left alone, so that a protected no leaves no trace, not even an edit.
        """
        before = self.before
        for board in self.state.board:
            if not holds(board.when, self):
                continue
            message = Message(lines=(phrase(self, board.text),))
            same = self._entry == self._old.entry and message.lines == (phrase(before, board.text),)
            for who in self.people(board.to):
                self._show(who, f"{board.text}#{self._entry}", message, same=same)
        for name, state in self._asks.items():
            ask = self.definition.asks.get(name)
            if ask is None or state.row is None or state.settled:
                continue
            if any(self.who_said(name, c.id) != before.who_said(name, c.id) for c in ask.choices):
                self.repost(ask)

    def show_words(self, ask: str, who: Ref, reader: Ref, line: Phrase) -> None:
        """Let a reader see what somebody wrote: one message for each writer, edited when they edit theirs."""
        self._show(reader, f"words:{ask}:{self._asks[ask].round}:{who}", Message(lines=(line,)))

    def has_shown_words(self, ask: str, who: Ref, reader: Ref) -> bool:
        """Whether a reader has a message with what somebody wrote."""
        return f"words:{ask}:{self._asks[ask].round}:{who}/{reader}" in self._boards

    def _show(self, who: Ref, board: str, message: Message, *, same: bool = False) -> None:
        name = f"{board}/{who}"
        if name in self._boards and same:
            return
        if name not in self._boards:
            self._boards = (*self._boards, name)
        self.emit(Show(who, board, message))

    # ── asks ─────────────────────────────────────────────────────────────────

    def open_ask(self, ask: AskDef) -> None:
        """Put an ask to whom it is for; to nobody if its condition does not hold or nobody is there."""
        if not holds(ask.when, self):
            return
        before = self._asks.get(ask.name)
        closes_ms = self._ask_moment(ask, self.now_ms, changeable=False)
        changeable_ms = max(closes_ms, self._ask_moment(ask, self.now_ms, changeable=True))
        in_room = isinstance(ask.to, Room)
        who = self.resolve_who(ask.to)
        for replaced in ask.replaces:
            self._replace_ask(replaced)
        if not in_room and not who:
            return
        if before is not None:
            self._keep_answers(ask.name, before)
        state = AskState(
            round=before.round + 1 if before else 1,
            opened_ms=self.now_ms,
            closes_ms=closes_ms,
            changeable_ms=changeable_ms,
            asked=who,
            row=self._new_row() if in_room else None,
        )
        self._asks[ask.name] = state
        self._time_ask(ask, state)
        if in_room and state.row is not None:
            self.emit(Post(state.row, room_ask(self, ask, closes_ms), ask.name, state.round))
            return
        for ref in who:
            self._ask_one(ask, state, ref)

    def _ask_one(self, ask: AskDef, state: AskState, who: Ref) -> None:
        self.emit(
            Ask(
                who=who,
                ask=ask.name,
                round=state.round,
                message=private_ask(self, ask, who, state.closes_ms),
                expects="choice" if ask.choices else "words",
                words=ask.words or ask.question_to is not None,
                closes_ms=state.closes_ms,
                changeable_ms=state.changeable_ms,
                urgency=self.urgency_for(who),
                personal=not isinstance(ask.to, Circle),
                question_to=ask.question_to is not None,
                # What somebody writes for their own eyes is waited for by nobody.
                reminds=bool(ask.choices) or ask.seen_by != ("me",),
            )
        )

    def ask_words(self, name: str, who: Ref, message: Message, closes_ms: Ms, urgency: Urgency) -> None:
        """Put a question that has no definition of its own: a guest's question, carried to the host."""
        state = AskState(
            round=1,
            opened_ms=self.now_ms,
            closes_ms=closes_ms,
            changeable_ms=closes_ms,
            asked=(who,),
        )
        self._asks[name] = state
        self._set_timer(f"fix:{name}:{state.round}", closes_ms)
        self.emit(
            Ask(
                who=who,
                ask=name,
                round=state.round,
                message=message,
                expects="words",
                words=True,
                closes_ms=closes_ms,
                changeable_ms=closes_ms,
                urgency=urgency,
                personal=True,
            )
        )

    def ask_again(self, name: str) -> None:
        """Put a repeated ask once more, and wait for the next time."""
        ask = self.definition.asks[name]
        held = self._asks.get(name)
        if held is not None:
            self.settle_ask(name)
        self.open_ask(ask)
        if ask.every_ms is not None:
            self._set_timer(f"again:{name}:0", self.now_ms + ask.every_ms)

    def repost(self, ask: AskDef, *, closed: bool = False) -> None:
        """Bring an open ask's message in the room up to date."""
        state = self._asks[ask.name]
        if state.row is None:
            return
        message = room_ask(self, ask, state.closes_ms, closed=closed)
        self.emit(Post(self._new_row(), message, ask.name, state.round, edits=state.row))

    def close_ask(self, name: str) -> None:
        """Take no new answers; those who answered may still change theirs for as long as was said."""
        state = self._asks[name]
        self._asks[name] = replace(state, open=False)
        self._drop_timer(f"close:{name}:{state.round}")
        if state.changeable_ms <= self.now_ms:
            self.settle_ask(name)

    def _replace_ask(self, name: str) -> None:
        """Another ask takes this one's place: it is over, and its answers count no more."""
        if name in self._asks:
            self.settle_ask(name)
            self._asks[name] = replace(self._asks[name], answers={})

    def settle_ask(self, name: str) -> None:
        """Nothing about this ask can change any more."""
        state = self._asks[name]
        if state.settled:
            return
        self._asks[name] = replace(state, open=False, settled=True)
        for kind in ("close", "fix"):
            self._drop_timer(f"{kind}:{name}:{state.round}")
        for who in dict.fromkeys((*state.asked, *state.answers)):
            self.emit(Settle(who, name, state.round))
        ask = self.definition.asks.get(name)
        if ask is not None and state.row is not None:
            self.repost(ask, closed=True)

    def _ask_moment(self, ask: AskDef, opened_ms: Ms, *, changeable: bool) -> Ms:
        expr = ask.changeable_until if changeable else ask.until
        if expr is None and changeable:
            expr = ask.until
        at_ms = (
            resolve(expr, self._details, entered_ms=self._entered_ms, opened_ms=opened_ms) if expr else None
        )
        return at_ms if at_ms is not None else opened_ms + ASK_OPEN_MS

    def _time_ask(self, ask: AskDef, state: AskState) -> None:
        self._set_timer(f"close:{ask.name}:{state.round}", state.closes_ms)
        if state.changeable_ms > state.closes_ms:
            self._set_timer(f"fix:{ask.name}:{state.round}", state.changeable_ms)

    # ── details ──────────────────────────────────────────────────────────────

    def missing_detail(self) -> DetailDef | None:
        """The next detail this state gathers that nobody has given yet."""
        for name in self.state.gather:
            if name not in self._details or (name in self.state.again and not self._is_given_anew(name)):
                return self.definition.details[name]
        return None

    def _is_given_anew(self, name: str) -> bool:
        asked = self._asks.get(DETAIL + name)
        return asked is not None and not asked.settled and bool(asked.answers)

    def _is_being_asked(self, name: str) -> bool:
        asked = self._asks.get(DETAIL + name)
        return asked is not None and asked.open and not asked.answers

    def ask_detail(self, detail: DetailDef) -> None:
        """Ask the starter, or the part that is to know it, for a detail."""
        name = DETAIL + detail.name
        asked = self.people(detail.asked) if detail.asked is not None else ()
        who = asked[0] if asked else self._old.starter
        before = self._asks.get(name)
        if self._is_being_asked(detail.name):
            return
        closes_ms = self.now_ms + DETAIL_OPEN_MS
        state = AskState(
            round=before.round + 1 if before else 1,
            opened_ms=self.now_ms,
            closes_ms=closes_ms,
            changeable_ms=closes_ms,
            asked=(who,),
        )
        self._asks[name] = state
        message = Message(
            lines=(phrase(self, detail.name),),
            options=options(detail.name, detail.choices, self.definition.digest, with_no=False),
            footer=(Phrase("footer.optional" if detail.optional else "footer.detail"),),
            mention=True,
        )
        self.emit(
            Ask(
                who=who,
                ask=name,
                round=state.round,
                message=message,
                expects=detail.kind,
                words=detail.kind == "words",
                closes_ms=closes_ms,
                changeable_ms=closes_ms,
                urgency=self.urgency_for(who),
                personal=True,
                optional=detail.optional,
                reminds=False,
            )
        )

    def fill_defaults(self) -> None:
        """Give every detail that nobody was asked for its default."""
        for name, detail in self.definition.details.items():
            if name in self._details:
                continue
            if detail.default_choice is not None:
                self._details[name] = Picked(detail.default_choice)
            elif detail.default_number is not None:
                self._details[name] = Number(detail.default_number)
            elif detail.default_moment is not None:
                self._fill_moment(name, detail)

    def _fill_moment(self, name: str, detail: DetailDef) -> None:
        expr = detail.default_moment
        if expr is None:
            return
        at_ms = resolve(expr, self._details, entered_ms=self._entered_ms, opened_ms=self.now_ms)
        if at_ms is None:
            return
        base = self._details.get(expr.base)
        if at_ms <= self.now_ms and isinstance(base, Moment) and base.at_ms > self.now_ms:
            at_ms = (self.now_ms + base.at_ms) // 2  # too soon for the default: the middle of what is left
        self._details[name] = Moment(at_ms)

    # ── states ───────────────────────────────────────────────────────────────

    def enter(self, name: str) -> None:
        """Go into a state: close what does not stay, tell, gather, ask, and wait for its moments."""
        state = self.definition.states[name]
        self._state, self._entered_ms = name, self.now_ms
        self._entry += 1
        self._visits[name] = self.visits(name) + 1
        for timer in [t for t in self._timers if t.startswith(("at:", "again:"))]:
            self._drop_timer(timer)
        for ask, held in list(self._asks.items()):
            if not held.settled and not self._stays(ask, state):
                self.settle_ask(ask)
        for tell in state.tells:
            self.tell(tell)
        if state.final:
            self._finish()
            return
        for value in self._details.values():
            if isinstance(value, Words):  # an instance may outlive the end date its words were first given
                self.emit(KeepText(value.text, self.now_ms + LONGEST_MS))
        if state.gather:
            entry = self._entry
            self.gather_on()
            if self._entry != entry:
                return  # nothing was missing, and the next state has been entered already
        else:
            self.fill_defaults()
        for each in state.asks:
            asked = self.definition.asks[each]
            if asked.every_ms is None:
                self.open_ask(asked)
            else:
                self._set_timer(f"again:{each}:0", self.now_ms + asked.every_ms)
        self.time_moves()
        self.empower()
        self.refresh()

    def _stays(self, ask: str, state: StateDef) -> bool:
        """Whether an ask goes on in a new state: it keeps it, needs the same detail, or two people are talking."""
        if ask.startswith(QUESTION):
            return not state.final
        if ask.startswith(DETAIL):
            name = ask.removeprefix(DETAIL)
            return name in state.gather and self._is_being_asked(name)
        return ask in state.keeps

    def gather_on(self) -> None:
        """Ask for the next missing detail, or go on if none is missing."""
        missing = self.missing_detail()
        if missing is not None:
            self.ask_detail(missing)
            return
        self.fill_defaults()
        self.retime_asks()
        self.fire("gathered")

    def retime_asks(self) -> None:
        """Move the closing times of open asks to where changed details put them."""
        for name, state in list(self._asks.items()):
            ask = self.definition.asks.get(name)
            if ask is None or state.settled:
                continue
            closes_ms = self._ask_moment(ask, state.opened_ms, changeable=False)
            changeable_ms = max(closes_ms, self._ask_moment(ask, state.opened_ms, changeable=True))
            closes_ms = closes_ms if state.open else state.closes_ms
            moved = replace(state, closes_ms=closes_ms, changeable_ms=changeable_ms)
            self._asks[name] = moved
            if state.open:
                self._set_timer(f"close:{name}:{state.round}", closes_ms)
            if changeable_ms > moved.closes_ms or not state.open:
                self._set_timer(f"fix:{name}:{state.round}", changeable_ms)

    def time_moves(self) -> None:
        """Wait for the moments of the present state's moves."""
        for index, move in enumerate(self.state.moves):
            if isinstance(move.on, AtMoment):
                at_ms = resolve(
                    move.on.moment, self._details, entered_ms=self._entered_ms, opened_ms=self._entered_ms
                )
                if at_ms is not None:
                    self._set_timer(f"at:{index:02}", at_ms)

    def fire(self, trigger: str, choice: str | None = None) -> bool:
        """Take the move that a trigger allows, if any; whether one was taken."""
        if self._entry - self._old.entry > MOST_MOVES:
            raise MovesInCircles(self.definition.name)
        move = ways_of(self.definition).next_move(self._state, trigger, self, choice)
        if move is None:
            return False
        for tell in move.tells:
            self.tell(tell)
        self.enter(move.to)
        return True

    def empower(self) -> None:
        """Give the command words of the present state to those who may use them, and take back all others."""
        words: dict[Ref, list[str]] = {}
        for move in self.state.moves:
            if isinstance(move.on, OnCommand):
                for part in move.on.who:
                    for ref in self.people(part):
                        held = words.setdefault(ref, [])
                        if move.on.word not in held:
                            held.append(move.on.word)
        self._give({ref: tuple(held) for ref, held in words.items()})

    def _give(self, powers: dict[Ref, tuple[str, ...]]) -> None:
        about = phrase(self, "called") if "called" in self.definition.texts else Phrase("called.nothing")
        for ref in dict.fromkeys((*self._powers, *powers)):
            if self._powers.get(ref, ()) != powers.get(ref, ()):
                self.emit(Empower(ref, powers.get(ref, ()), about))
        self._powers = powers

    def _finish(self) -> None:
        self._finished_ms = self.now_ms
        self._give({})
        self._boards = ()
        for text, days in self._texts_held():
            self.emit(KeepText(text, self.now_ms + days * DAY_MS))
        self.emit(Finish(self._state))

    def _texts_held(self) -> list[tuple[TextId, int]]:
        held: list[tuple[TextId, int]] = []
        for name, value in self._details.items():
            if isinstance(value, Words):
                held.append((value.text, self.definition.details[name].keep_days or KEEP_DAYS))
        for name, state in self._asks.items():
            ask = self.definition.asks.get(name)
            days = (ask.keep_days if ask else None) or KEEP_DAYS
            held.extend((a.text, days) for a in state.answers.values() if a.text)
        return held

    def _keep_answers(self, ask: str, state: AskState) -> None:
        """Give the words of an earlier round their end date: a new round takes its place."""
        known = self.definition.asks.get(ask)
        days = (known.keep_days if known else None) or KEEP_DAYS
        for text in (a.text for a in state.answers.values() if a.text):
            self.emit(KeepText(text, self.now_ms + days * DAY_MS))

    def _end_dropped_texts(self) -> None:
        """Words that were taken back, or put in other words, are kept no longer."""
        held = self.before._texts_held()
        if not held:
            return
        kept = {text for text, _ in self._texts_held()}
        ended = {effect.text for effect in self._effects if isinstance(effect, KeepText)}
        for text, _ in held:
            if text not in kept and text not in ended:
                self.emit(KeepText(text, self.now_ms))

    # ── timers ───────────────────────────────────────────────────────────────

    def _set_timer(self, name: str, due_ms: Ms) -> None:
        timer = Timer(due_ms, self._entry)
        if self._timers.get(name) != timer:
            self._timers[name] = timer
            self.emit(SetTimer(name, due_ms, self._entry))

    def _drop_timer(self, name: str) -> None:
        if self._timers.pop(name, None) is not None:
            self.emit(DropTimer(name))

    def forget_timer(self, name: str) -> None:
        """The timer has come due; its row goes with the event."""
        self._timers.pop(name, None)

    def _new_row(self) -> RowId:
        self._rows += 1
        return RowId(f"{self._old.id}:{self._version}:{self._rows}")


_links: dict[str, dict[str, tuple[str, ...]]] = {}


def _links_of(definition: Definition) -> dict[str, tuple[str, ...]]:
    """Ask → the asks that some part counts together with it; found once per digest."""
    links = _links.get(definition.digest)
    if links is None:
        if len(_links) >= MOST_LINKS:
            _links.clear()
        found: dict[str, dict[str, None]] = {}
        for part in definition.parts:
            counted = dict.fromkeys(by.ask for by in part.answered)
            for ask in counted:
                found.setdefault(ask, {}).update(counted)
        links = {ask: tuple(name for name in names if name != ask) for ask, names in found.items()}
        _links[definition.digest] = links
    return links


def _is_later(other: Answer | None, answer: Answer) -> bool:
    """Whether somebody said something else, to an ask that is counted together with this one, after this answer."""
    if other is None or other.choice in (None, answer.choice):
        return False
    return other.at_ms > answer.at_ms


def _travels(answer: Answer | None) -> bool:
    """Whether an answer is one that others may hear of: not a no, and not nothing."""
    if answer is None:
        return False
    return answer.text is not None if answer.choice is None else answer.choice != NO
