"""A turn: one decision worked out in a notebook, from one snapshot to the next."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from engine.core import places
from engine.core.conditions import holds
from engine.core.curtain import Curtain
from engine.core.definition import (
    KEEP_DAYS,
    NO,
    TITLE_TEXT,
    AskDef,
    AtMoment,
    BoardDef,
    Circle,
    Definition,
    DetailDef,
    MomentExpr,
    OnCommand,
    OnEnded,
    OnHolds,
    Part,
    PartDef,
    Room,
    StateDef,
    TellDef,
)
from engine.core.effect import (
    Adopt,
    Ask,
    Decision,
    Effect,
    Empower,
    Finish,
    Help,
    KeepText,
    Post,
    Settle,
    Show,
    StartOther,
    Tell,
    Urgency,
)
from engine.core.event import Facts
from engine.core.instance import AskState, Snapshot
from engine.core.limits import LimitName, Reached
from engine.core.machine import ways_of
from engine.core.message import AnySlot, Message, Occasion, Phrase, Plain, Said
from engine.core.moments import resolve
from engine.core.notebook import LONGEST_MS, TELL_USEFUL_MS
from engine.core.phrasing import detail_question, phrase, private_ask, room_ask, sentence
from engine.core.sources import chosen_by_lot, draw, lot_key, sought_parts
from engine.core.starting import (
    NOT_STARTED,
    depth_of_child,
    handed,
    id_of_child,
    lately,
)
from engine.core.unsigned import (
    FEWER,
    unsigned_among,
)
from engine.core.values import (
    DAY_MS,
    AnyValue,
    InstanceId,
    Moment,
    Ms,
    Number,
    Picked,
    Ref,
    TextId,
    Words,
)

ASK_OPEN_MS = 7 * DAY_MS
"""How long an ask stays open when its file does not say."""
DETAIL_OPEN_MS = 14 * DAY_MS
MOST_MOVES = 16
"""Moves that one event may set off before it counts as a circle in the file."""

DETAIL = "detail:"
QUESTION = "question:"


class MovesInCircles(Exception):
    """One event set off more moves than a workflow can sensibly have."""


class Turn(Curtain):
    """One event's worth of change to one instance."""

    def __init__(self, definition: Definition, snapshot: Snapshot, facts: Facts, actor: Ref | None) -> None:
        super().__init__(definition, snapshot, facts, actor)
        self._failed: str | None = None
        """The workflow that has just turned out not to begin: it is not tried again in the same breath."""
        self._born = 0
        self._seated: set[Ref] = set()
        """Those who have been told by now that a place has come free for them."""
        self._given_dates: set[Ref] = set()
        """Those who have been told a date by now that others had been told before this event."""

    # ── whose turn it is, and who is found ───────────────────────────────────

    def queue(self, ask: str, who: Ref) -> None:
        """Keep somebody's place in the queue as long as they go on wanting one, by whatever ask; whoever wants
        one anew comes last.
        """
        firsts = {name: self.definition.asks[name].choices[0].id for name in places.sharing(self, ask)}
        if not firsts:
            return
        since_ms = min(
            (at for name in firsts for at, ref in self.before.standing(name, firsts[name]) if ref == who),
            default=self.answered_ms(ask),
        )
        for name, first in firsts.items():
            if any(ref == who for _, ref in self.standing(name, first)):
                state = self._asks[name]
                answer = replace(state.answers[who], at_ms=since_ms)
                self._asks[name] = replace(state, answers={**state.answers, who: answer})

    def find(self, part: str, *, anew: bool = False, asking: str | None = None) -> None:
        """Find who a part is as something is put to it, and remember them. Those whose answers to it stand, or
        are waited for, were told who reads them: as long as that is so, it stays who it was (right 12).
        ``asking``: an ask whose answers begin afresh. ``anew``: chance is asked again.
        """
        for known in sought_parts(self.definition):
            if known.name != part:
                continue
            if part in self.facts.groups and not self._reads_answers(part, asking):
                self._groups[part] = self.facts.groups[part]
            self._draw(known, anew=anew)

    def _reads_answers(self, part: str, asking: str | None) -> bool:
        asks = self.definition.asks
        return any(
            (state.answers or not state.settled)
            and name != asking
            and name in asks
            and part in asks[name].seen_by
            for name, state in self._asks.items()
        )

    def _draw(self, part: PartDef, *, anew: bool) -> None:
        key, lots = lot_key(part), chosen_by_lot(part)
        held = any(ref not in self._gone for ref in self._groups.get(key, ()))
        if not lots or (held and not anew):
            return
        found: tuple[Ref, ...] = ()
        for lot in lots:
            left_out = {*found, *(ref for name in lot.but for ref in self.named(name))}
            among = [ref for ref in self.people(lot.part) if ref not in left_out]
            found = (*found, *draw(self.facts.seed, part.name, among))
        self._groups[key] = found

    # ── writing ──────────────────────────────────────────────────────────────

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
        for name, state in list(self._asks.items()):
            if name.startswith(FEWER) and who in state.asked:
                self._drop_wish(name)
                continue
            if state.settled or (who not in state.asked and who not in state.answers):
                continue
            answers = {ref: a for ref, a in state.answers.items() if ref != who}
            asked = tuple(ref for ref in state.asked if ref != who)
            self._asks[name] = replace(state, asked=asked, answers=answers)
            self.emit(Settle(who, name, state.round))

    def reply_to_beginning(self) -> None:
        """Whoever began it hears something at once; if nothing else comes to them, that it is on its way."""
        if any(timer.due_ms <= self.now_ms for timer in self._timers.values()):
            return  # what follows comes in a moment, and with it a reply
        heard = (e.who for e in self._effects if isinstance(e, Ask | Tell | Show | Help))
        if self.starter not in heard and not any(isinstance(e, Post) for e in self._effects):
            slots: dict[str, AnySlot] = {"title": Said(TITLE_TEXT, self.definition.digest)}
            self.tell_person(self.starter, Phrase("begun", slots=slots), "reply")

    def look_again(self) -> None:
        """Take the moves whose condition has come to hold, one after another."""
        while any(isinstance(move.on, OnHolds) for move in self.state.moves) and self.fire("changed"):
            pass

    def finish_turn(self) -> Decision:
        """Close the notebook, once no condition moves it on any more."""
        self.look_again()
        self._end_dropped_texts()
        return Decision(self._snapshot(), tuple(self._effects))

    def tell(self, tell: TellDef) -> None:
        """Say something, if its condition holds."""
        if not holds(tell.when, self):
            return
        if isinstance(tell.to, Part):
            self.find(tell.to.name)
        if isinstance(tell.to, Room):
            message = Message(lines=(phrase(self, tell.text),))
            useful_ms = self.now_ms + TELL_USEFUL_MS
            self.emit(Post(row=self._new_row(), message=message, useful_until_ms=useful_ms))
            return
        self._tell_people(tell, self.resolve_who(tell.to))

    def _tell_people(self, tell: TellDef, people: tuple[Ref, ...]) -> None:
        message = Message(lines=(phrase(self, tell.text),), occasion=self._occasion(tell))
        useful_ms = self.now_ms + TELL_USEFUL_MS
        tells = [Tell(who, message, self.urgency_for(who), useful_ms) for who in people]
        # Whoever is told the same for two reasons hears it once.
        for each in [told for told in tells if told not in self._effects]:
            self.emit(each)

    def _occasion(self, tell: TellDef) -> Occasion | None:
        """The date that goes along with what is told; None where there is none (yet)."""
        at = self.detail(tell.calendar) if tell.calendar is not None else None
        if not isinstance(at, Moment):
            return None
        return Occasion(at.at_ms, self.about(), self._old.id, self.now_ms, tell.called_off)

    def refresh(self) -> None:
        """Bring what is kept up to date up to date: boards, and the room's messages. Whatever would read as
        before is left alone, so that a protected no leaves no trace, not even an edit.
        """
        before, seen, was_seen = self.before, self.seen, self.before.seen
        for board in self.state.board:
            if not holds(board.when, seen):
                continue
            message = Message(lines=(phrase(self, board.text),))
            as_before = message.lines == (phrase(before, board.text),)
            for who in self.people(board.to):
                name = self._board_of(board, who)
                self._show(who, name, message, same=as_before and f"{name}/{who}" in self._old.boards)
        for name, state in self._asks.items():
            ask = self.definition.asks.get(name)
            if ask is None or state.row is None or state.settled:
                continue
            if seen._stands(name, ask) != was_seen._stands(name, ask):
                self.repost(ask)
        self._say_who_moved_up()
        self._bring_dates()

    def _board_of(self, board: BoardDef, who: Ref) -> str:
        """The message that a board is kept in for somebody: the one they have, if it says the same."""
        said = sentence(self.definition, board.text)
        held = (name.rpartition("/") for name in self._boards if not name.startswith("words:"))
        theirs = (name for name, _, reader in held if reader == who)
        same = [name for name in theirs if sentence(self.definition, name.rpartition("#")[0]) == said]
        return same[-1] if same else f"{board.text}#{self._entry}"

    def _carry_boards(self) -> None:
        """Of the messages kept up to date for the state before, those go on that say the same here. Where something
        is asked anew, what stood there stays as it was.
        """
        old = self._old.asks
        anew = any(name in old and old[name].round != state.round for name, state in self._asks.items())
        said = [] if anew else [sentence(self.definition, board.text) for board in self.state.board]
        self._boards = tuple(
            name
            for name in self._boards
            if name.startswith("words:")
            or sentence(self.definition, name.rpartition("/")[0].rpartition("#")[0]) in said
        )

    def _say_who_moved_up(self) -> None:
        """Tell those who waited for a place and have one now."""
        for name, ask in self.definition.asks.items():
            if ask.places is None:
                continue
            state, held = self._asks.get(name), self._old.asks.get(name)
            if state is None or held is None or state.round != held.round:
                continue
            for who in self.before.waiting(name):
                if who in self._seated or who not in self.who_said(name, ask.choices[0].id):
                    continue
                self._seated.add(who)
                slots: dict[str, AnySlot] = {"about": self._about_said()}
                self.tell_person(who, Phrase("places.free", slots=slots), self.urgency_for(who))

    def _bring_dates(self) -> None:
        """Whoever has only now come to be among those to whom a date was told gets it as they did."""
        if self._entry != self._old.entry:
            return  # it has been told as the state was entered
        for tell in self.state.tells:
            if tell.calendar is None or tell.called_off or not holds(tell.when, self):
                continue
            reached = {*self.before.resolve_who(tell.to), *self._given_dates}
            late = tuple(ref for ref in self.resolve_who(tell.to) if ref not in reached)
            if late:
                self._given_dates |= set(late)
                self._tell_people(tell, late)

    # ── asks ─────────────────────────────────────────────────────────────────

    def open_ask(self, ask: AskDef) -> None:
        """Put an ask to whom it is for; to nobody if its condition does not hold or nobody is there."""
        if not holds(ask.when, self):
            return
        before = self._asks.get(ask.name)
        closes_ms = self._ask_moment(ask, self.now_ms, changeable=False)
        changeable_ms = max(closes_ms, self._ask_moment(ask, self.now_ms, changeable=True))
        in_room = isinstance(ask.to, Room)
        if isinstance(ask.to, Part):
            self.find(ask.to.name, anew=True, asking=ask.name)
        for part in ask.seen_by:
            self.find(part, asking=ask.name)
        who = self.resolve_who(ask.to)
        for replaced in ask.replaces:
            self._replace_ask(replaced)
        who = self._as_many_as_may(ask, who)
        readers = self._readers(ask)
        unsigned = 0 if in_room else unsigned_among(ask, who, readers)
        if unsigned:
            who = tuple(ref for ref in who if ref not in readers)
        if not in_room and not who:
            return
        if before is not None:
            self._keep_answers(ask.name, before)
            self._drop_timer(f"show:{ask.name}:{before.round}")
        state = AskState(
            round=before.round + 1 if before else 1,
            opened_ms=self.now_ms,
            closes_ms=closes_ms,
            changeable_ms=closes_ms if unsigned else changeable_ms,
            asked=who,
            row=self._new_row() if in_room else None,
            unsigned=unsigned,
            shown=not unsigned and ask.hidden is None,
        )
        self._asks[ask.name] = state
        self._time_showing(ask, state)
        self._time_ask(ask, state)
        if in_room and state.row is not None:
            self.emit(Post(state.row, room_ask(self, ask, closes_ms), ask.name, state.round))
            return
        for ref in who:
            self._ask_one(ask, state, ref)

    def _as_many_as_may(self, ask: AskDef, who: tuple[Ref, ...]) -> tuple[Ref, ...]:
        """Those whom an ask may be put to: the first ones, where they are more than one instance may reach, or than
        it may still put questions to. At least one is asked, so that it goes on as if the others were silent.
        """
        limits, asks = self.facts.limits, self._asks.items()
        lying = sum(len(each.asked) for name, each in asks if name != ask.name and not each.settled)
        most = max(1, min(limits.people_per_instance, limits.prompts_per_instance - lying))
        if len(who) <= most:
            return who
        is_crowd = len(who) > limits.people_per_instance
        self.emit(Reached("people_per_instance" if is_crowd else "prompts_per_instance"))
        starter = self.starter
        if not ask.sensitive and not self.is_gone(starter):
            self.tell_person(starter, Phrase("limit.fewer_asked"), self.urgency_for(starter))
        return who[:most]

    def _ask_one(self, ask: AskDef, state: AskState, who: Ref) -> None:
        self.emit(
            Ask(
                who=who,
                ask=ask.name,
                round=state.round,
                message=private_ask(
                    self,
                    ask,
                    who,
                    state.closes_ms,
                    unsigned=state.unsigned,
                    shows_ms=self.shows_ms(ask.name),
                ),
                expects=ask.naming or ("choice" if ask.choices else "words"),
                words=ask.words or ask.question_to is not None,
                closes_ms=state.closes_ms,
                changeable_ms=state.changeable_ms,
                urgency=self.urgency_for(who),
                personal=not isinstance(ask.to, Circle) and self._is_personal(who),
                question_to=ask.question_to is not None,
                # What somebody writes for their own eyes is waited for by nobody.
                reminds=bool(ask.choices) or ask.seen_by != ("me",),
                sensitive=ask.sensitive,
            )
        )

    def _is_personal(self, who: Ref) -> bool:
        """Whether somebody invited this person, or they have just spoken: what begins by itself invites nobody."""
        return who != self.starter or not self._old.unbidden or self.urgency_for(who) == "reply"

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
        if name in self._asks:
            self.settle_ask(name)
        self.open_ask(ask)
        self.time_again(ask)

    def time_again(self, ask: AskDef) -> bool:
        """Wait until an ask that is repeated is put next; whether it is one."""
        if ask.every_ms is None:
            return False
        self._set_timer(f"again:{ask.name}:0", self.now_ms + ask.every_ms)
        return True

    def repost(self, ask: AskDef, *, closed: bool = False, over: bool = False) -> None:
        """Bring an open ask's message in the room up to date; ``over`` with the event in which it is settled."""
        state = self._asks[ask.name]
        message = room_ask(
            self,
            ask,
            state.closes_ms,
            closed=closed or not state.open,
            changeable_ms=None if state.settled or state.open else state.changeable_ms,
            outcome=self._outcome(),
        )
        # Of several edits at one time, only the last would be seen.
        older = [e for e in self._effects if isinstance(e, Post) and e.edits == state.row]
        self._effects = [e for e in self._effects if e not in older]
        ends_poll = ask.poll and (over or any(e.ends_poll for e in older))
        self.emit(Post(self._new_row(), message, ask.name, state.round, edits=state.row, ends_poll=ends_poll))

    def _outcome(self) -> Phrase | None:
        """How it has ended, if that sentence names nobody and quotes nothing: then the room may read it too."""
        key = self.state.outcome if self.state.final else None
        said = phrase(self, key) if key is not None else None
        plain = said is not None and all(isinstance(slot, Plain) for slot in said.slots.values())
        return said if plain else None

    def close_ask(self, name: str) -> None:
        """Take no new answers; those who answered may still change theirs for as long as was said."""
        state = self._asks[name]
        self._asks[name] = replace(state, open=False)
        self._drop_timer(f"close:{name}:{state.round}")
        self._show_what_closed(name)
        ask = self.definition.asks.get(name)
        if state.changeable_ms <= self.now_ms:
            self.settle_ask(name)
        elif ask is not None and state.row is not None:
            self.repost(ask)

    def _replace_ask(self, name: str) -> None:
        """Another ask takes this one's place: it is over, and its answers count no more."""
        if name in self._asks:
            # Shown, so that closing has nothing hidden to show any more.
            self._asks[name] = replace(self._asks[name], shown=True, unsigned=0)
            self.settle_ask(name)
            self._asks[name] = replace(self._asks[name], answers={})

    def settle_ask(self, name: str) -> None:
        """Nothing about this ask can change any more."""
        state = self._asks[name]
        if state.settled:
            return
        self._show_what_closed(name)
        self._asks[name] = replace(self._asks[name], open=False, settled=True)
        for kind in ("close", "fix"):
            self._drop_timer(f"{kind}:{name}:{state.round}")
        for who in dict.fromkeys((*state.asked, *state.answers)):
            self.emit(Settle(who, name, state.round))
        for who in self.waiting(name):
            slots: dict[str, AnySlot] = {"about": self._about_said()}
            self.tell_person(who, Phrase("places.none", slots=slots), "quiet")
        ask = self.definition.asks.get(name)
        if ask is not None and state.row is not None:
            self.repost(ask, closed=True, over=True)

    def show_answers(self, name: str) -> None:
        """Hidden answers are hidden no longer; a question that stands closed in the room says there who gave them."""
        was = self._asks.get(name)
        super().show_answers(name)
        if was is None or not was.settled or was.row is None or was.shown:
            return
        ask = self.definition.asks[name]
        if any(self._stands(name, ask)):
            self.repost(ask, closed=True)

    # ── the timing of asks ───────────────────────────────────────────────────

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

    def missing_details(self) -> list[DetailDef]:
        """The details this state gathers that nobody has given yet."""
        gathered = (self.definition.details[name] for name in self.state.gather)
        return [detail for detail in gathered if not detail.given and self._is_missing(detail.name)]

    def _is_missing(self, name: str) -> bool:
        return name not in self._details or (name in self.state.again and not self._is_given_anew(name))

    def _is_given_anew(self, name: str) -> bool:
        asked = self._asks.get(DETAIL + name)
        given = asked.answers.values() if asked is not None and not asked.settled else ()
        return any(answer.choice != NO for answer in given)

    def _is_being_asked(self, name: str) -> bool:
        """Whether it lies open with somebody; for us, a no is as if they had not answered yet."""
        asked = self._asks.get(DETAIL + name)
        if asked is None or not asked.open or not asked.asked:
            return False
        return all(answer.choice == NO for answer in asked.answers.values())

    def who_is_asked(self, detail: DetailDef) -> Ref | None:
        """Whom a detail is asked of; None: nobody is that yet, or they have left."""
        people = self.people(detail.asked) if detail.asked is not None else (self._old.starter,)
        return next((ref for ref in people if not self.is_gone(ref)), None)

    def ask_detail(self, detail: DetailDef, who: Ref) -> None:
        """Ask somebody for a detail. Whoever did not begin this can say no, and nobody hears of it."""
        name = DETAIL + detail.name
        before = self._asks.get(name)
        if self._is_being_asked(detail.name):
            return
        closes_ms = self._gathered_until_ms(detail.name)
        state = AskState(
            round=before.round + 1 if before else 1,
            opened_ms=self.now_ms,
            closes_ms=closes_ms,
            changeable_ms=closes_ms,
            asked=(who,),
        )
        self._asks[name] = state
        mine = who == self._old.starter
        self.emit(
            Ask(
                who=who,
                ask=name,
                round=state.round,
                message=detail_question(self, detail, None if mine else closes_ms),
                expects=detail.kind,
                words=detail.kind == "words",
                closes_ms=closes_ms,
                changeable_ms=closes_ms,
                urgency=self.urgency_for(who),
                personal=self._is_personal(who),
                optional=detail.optional,
                reminds=False,
            )
        )

    def _gathered_until_ms(self, name: str) -> Ms:
        """Until when a detail is asked for: until a state that does without it is entered by itself."""
        ways = [
            move.on.moment
            for move in self.state.moves
            if isinstance(move.on, AtMoment)
            and move.when is None
            and name not in self.definition.states[move.to].gather
        ]
        moments = [
            resolve(each, self._details, entered_ms=self._entered_ms, opened_ms=self._entered_ms)
            for each in ways
        ]
        coming = (at_ms for at_ms in moments if at_ms is not None and at_ms > self.now_ms)
        return min(coming, default=self.now_ms + DETAIL_OPEN_MS)

    def _find_who_tells(self) -> None:
        """Chance is asked again who is to know what is missing here, as it is for an ask."""
        missing = [detail for detail in self.missing_details() if not self._is_being_asked(detail.name)]
        for part in dict.fromkeys(detail.asked for detail in missing if detail.asked is not None):
            self.find(part, anew=True)

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
                self._fill_moment(name, detail.default_moment)

    def _fill_moment(self, name: str, expr: MomentExpr) -> None:
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
        for part in sought_parts(self.definition):
            self.find(part.name)
        self._find_who_tells()
        for ask in state.shows:
            self.show_answers(ask)
        for tell in state.tells:
            self.tell(tell)
        for who in dict.fromkeys(ref for each in state.help_to for ref in self.resolve_who(each)):
            self.emit(Help(who))
        self._adopt(state)
        if state.final:
            self._start_others(state)
            self._finish()
            return
        for value in self._details.values():
            if isinstance(value, Words):  # an instance may outlive the end date its words were first given
                self.emit(KeepText(value.text, self.now_ms + LONGEST_MS))
        if not state.gather:
            self.fill_defaults()
        self._start_others(state)
        mark = self.mark
        if state.gather:
            entry = self._entry
            self.gather_on()
            if self._entry != entry:
                return  # nothing was missing, and the next state has been entered already
        for each in state.asks:
            asked = self.definition.asks[each]
            if not self.time_again(asked):
                self.open_ask(asked)
        self.time_moves()
        self.empower()
        self._carry_boards()
        self.refresh()
        self._show_before_asking(mark)
        self.recall_ends()

    def _show_before_asking(self, mark: int) -> None:
        """Of what has come since then, what somebody is shown stands above what they are asked: it explains that.
        Where the question is a reply to them, so is what explains it, or it would be overtaken.
        """
        since = self._effects[mark:]
        asked = {effect.who: effect.urgency for effect in since if isinstance(effect, Ask)}
        above: list[Effect] = []
        below: list[Effect] = []
        for effect in since:
            if isinstance(effect, Show) and effect.who in asked:
                above.append(replace(effect, urgency="reply") if asked[effect.who] == "reply" else effect)
            else:
                below.append(effect)
        self._effects[mark:] = [*above, *below]

    def _adopt(self, state: StateDef) -> None:
        """What people have agreed to have in use, or to leave off, is so from here on."""
        for name, in_use in ((state.brings_in, True), (state.takes_out, False)):
            value = self._details.get(name) if name is not None else None
            if isinstance(value, Picked):
                self.emit(Adopt(value.choice, in_use))

    def _stays(self, ask: str, state: StateDef) -> bool:
        """Whether an ask goes on in a new state: it keeps it, needs the same detail, or two people are talking."""
        if ask.startswith(FEWER):
            return True  # it goes when its ask goes
        if ask.startswith(QUESTION):
            return not state.final
        if ask.startswith(DETAIL):
            name = ask.removeprefix(DETAIL)
            is_open = self._is_being_asked(name) and self._asks[ask].closes_ms > self.now_ms
            return name in state.gather and is_open
        return ask in state.keeps

    def ask_on(self) -> bool:
        """Ask for the next missing detail, unless somebody is being asked already; whether one is missing.

        What only somebody can tell who is not known yet waits: they may be what is asked for next.
        """
        missing = self.missing_details()
        for detail in missing:
            who = self.who_is_asked(detail)
            if who is not None:
                self.ask_detail(detail, who)
                break
        return bool(missing)

    def gather_on(self) -> None:
        """Ask for the next missing detail, or go on if none is missing."""
        if self.ask_on():
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
            changeable_ms = closes_ms if state.unsigned else changeable_ms
            closes_ms = closes_ms if state.open else state.closes_ms
            self._time_showing(ask, state)
            moved = replace(state, closes_ms=closes_ms, changeable_ms=changeable_ms)
            self._asks[name] = moved
            if state.open:
                self._set_timer(f"close:{name}:{state.round}", closes_ms)
            if changeable_ms > moved.closes_ms or not state.open:
                self._set_timer(f"fix:{name}:{state.round}", changeable_ms)

    # ── other workflows ──────────────────────────────────────────────────────

    def _start_others(self, state: StateDef) -> None:
        """Begin the workflows that this state starts; of each it is heard how it ended."""
        old = self._old
        for start in state.starts:
            if start.workflow == self._failed or not holds(start.when, self):
                continue
            self._born += 1
            child = id_of_child(old.id, self._version, self._born)
            depth = depth_of_child(old.depth, old.started_ms, self.now_ms)
            people = [old.starter] if start.by is None else list(self.people(start.by))
            by = next((ref for ref in people if not self.is_gone(ref)), None)
            self._started = lately(self._started, self.now_ms)
            limit = self._limit_of_starting(depth)
            if limit is not None:
                self.emit(Reached(limit))
                by = None
            else:
                self._started = (*self._started, self.now_ms)
            self._children[child] = start.workflow
            self._ended.pop(start.workflow, None)
            spoken = by is not None and by == self._actor
            unbidden = old.unbidden and by == old.starter and not spoken
            # What is still hidden here would be there to be seen in the other one.
            given = handed(self.seen, start)
            self.emit(StartOther(child, start.workflow, by, given, depth, spoken, unbidden))

    def _limit_of_starting(self, depth: int) -> LimitName | None:
        """Which limit keeps one more from being started: the next in a row, or one more within a day."""
        if depth > self.facts.limits.started_in_a_row:
            return "started_in_a_row"
        return "started_per_day" if len(self._started) >= self.facts.limits.started_per_day else None

    def hear_end(self, child: InstanceId, ended_in: str) -> None:
        """A workflow that this one started has ended. If nothing waits for that yet, it is remembered."""
        workflow = self._children.pop(child)
        self._failed = workflow if ended_in == NOT_STARTED else None
        if not self.fire(f"ended:{workflow}", ended_in):
            self._ended[workflow] = ended_in

    def recall_ends(self) -> None:
        """Take the move that waits for an end which has come already."""
        for move in self.state.moves:
            if isinstance(move.on, OnEnded) and move.on.workflow in self._ended:
                ended_in = self._ended.pop(move.on.workflow)
                if not self.fire(f"ended:{move.on.workflow}", ended_in):
                    self._ended[move.on.workflow] = ended_in
                    continue
                return

    # ── moves ────────────────────────────────────────────────────────────────

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
        self._show_what_ends(move.to)
        for tell in move.tells:
            self.tell(tell)
        self.enter(move.to)
        return True

    def _show_what_ends(self, to: str) -> None:
        """What is said on the way already knows what the next state shows, or closes by being entered."""
        state = self.definition.states[to]
        for ask, held in list(self._asks.items()):
            if not held.settled and not self._stays(ask, state):
                self._show_what_closed(ask)
        for ask in state.shows:
            self.show_answers(ask)

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
        about = self.about()
        for ref in dict.fromkeys((*self._powers, *powers)):
            if self._powers.get(ref, ()) != powers.get(ref, ()):
                self.emit(Empower(ref, powers.get(ref, ()), about))
        self._powers = powers

    def _finish(self) -> None:
        self._finished_ms = self.now_ms
        for timer in [t for t in self._timers if t.startswith("show:")]:
            self._drop_timer(timer)
        self._give({})
        self._boards = ()
        for text, days in _texts_held(self.definition, self._details, self._asks):
            if days is not None:
                self.emit(KeepText(text, self.now_ms + days * DAY_MS))
        self.emit(Finish(self._state))

    def _keep_answers(self, ask: str, state: AskState) -> None:
        """Give the words of an earlier round their end date: a new round takes its place."""
        days = days_kept(self.definition, ask)
        from_answer = is_kept_from_answer(self.definition, ask)
        written = {a.text: a.at_ms for a in state.answers.values() if a.text and from_answer}
        for text in _texts_of(state):
            self.emit(KeepText(text, written.get(text, self.now_ms) + days * DAY_MS))

    def _end_dropped_texts(self) -> None:
        """Words that were taken back, or put in other words, are kept no longer."""
        held = _texts_held(self.definition, self._old.details, self._old.asks)
        if not held:
            return
        kept = {text for text, _ in _texts_held(self.definition, self._details, self._asks)}
        ended = {effect.text for effect in self._effects if isinstance(effect, KeepText)}
        for text, _ in held:
            if text not in kept and text not in ended:
                self.emit(KeepText(text, self.now_ms))


def _texts_held(
    definition: Definition, details: Mapping[str, AnyValue], asks: Mapping[str, AskState]
) -> list[tuple[TextId, int | None]]:
    """All words an instance holds, each with the days it outlives the end; None: its own end is set already."""
    held: list[tuple[TextId, int | None]] = []
    for name, value in details.items():
        if isinstance(value, Words):
            held.append((value.text, definition.details[name].keep_days or KEEP_DAYS))
    for name, state in asks.items():
        days = None if is_kept_from_answer(definition, name) else days_kept(definition, name)
        held.extend((text, days) for text in _texts_of(state))
    return held


def is_kept_from_answer(definition: Definition, name: str) -> bool:
    """Whether the days that words are kept count from when they were written."""
    known = definition.asks.get(name.removeprefix(QUESTION).partition(":")[0])
    return known is not None and known.kept_from_answer


def kept_until_ms(definition: Definition, name: str, now_ms: Ms) -> Ms:
    """Until when words that are written now are kept, as far as that is known before the end."""
    if is_kept_from_answer(definition, name):
        return now_ms + days_kept(definition, name) * DAY_MS
    return now_ms + LONGEST_MS


def days_kept(definition: Definition, name: str) -> int:
    """How many days words outlive the end that answered something put to somebody: an ask, a detail, a question."""
    known: AskDef | DetailDef | None
    if name.startswith(DETAIL):
        known = definition.details.get(name.removeprefix(DETAIL))
    else:
        known = definition.asks.get(name.removeprefix(QUESTION).partition(":")[0])
    return (known.keep_days if known else None) or KEEP_DAYS


def _texts_of(state: AskState) -> tuple[TextId, ...]:
    """The words held by an ask, signed and released."""
    return (*(a.text for a in state.answers.values() if a.text), *state.texts)
