"""A notebook: what one decision changes and sets off, as it is worked out.

It is mutable and lives for one call of ``decide``; nothing of it survives but the new
snapshot and the effects.
"""

from __future__ import annotations

from engine.core.definition import Definition
from engine.core.effect import DropTimer, Effect, SetTimer, Show, Tell, Urgency
from engine.core.event import Facts
from engine.core.instance import AskState, Snapshot, Timer
from engine.core.message import Message, Phrase
from engine.core.values import DAY_MS, Ms, Ref, RowId
from engine.core.view import View, travels

LONGEST_MS = 800 * DAY_MS
"""A text's end date while its instance still runs; finishing brings it forward."""
TELL_USEFUL_MS = 7 * DAY_MS


class Notebook(View):
    """An instance as it stands at this point of a decision, and the effects so far."""

    def __init__(self, definition: Definition, snapshot: Snapshot, facts: Facts, actor: Ref | None) -> None:
        super().__init__(definition, snapshot, facts)
        self._version = snapshot.version + 1
        self._actor = actor
        self._effects: list[Effect] = []
        self._rows = 0
        self._before: View | None = None

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

    def urgency_for(self, who: Ref) -> Urgency:
        """How news may travel to a person: as a reply to what they just did, as a change within 24 hours
        to what they said yes to (or began themselves), or as ordinary mail.
        """
        if who == self._actor:
            return "reply"
        # As things stood before this event: a date that has just been moved is what the change is about.
        for name, state in self._old.asks.items():
            theirs = who == self._old.starter or travels(state.answers.get(who))
            if theirs and not state.settled and self.is_promise(name) and self._is_soon(state):
                return "change"
        return "timely"

    def tell_person(
        self, who: Ref, line: Phrase, urgency: Urgency, useful_until_ms: Ms | None = None
    ) -> None:
        """Say one of the bot's own sentences to a person."""
        useful_ms = useful_until_ms or self.now_ms + TELL_USEFUL_MS
        self.emit(Tell(who, Message(lines=(line,)), urgency, useful_ms))

    @property
    def before(self) -> View:
        """Things as they stood before this event, to be compared with."""
        if self._before is None:
            self._before = View(self.definition, self._old, self.facts)
        return self._before

    def show_words(self, ask: str, who: Ref, reader: Ref, line: Phrase) -> None:
        """Let a reader see what somebody wrote: one message for each writer, edited when they edit theirs."""
        self._show(reader, f"words:{ask}:{self._asks[ask].round}:{who}", Message(lines=(line,)))

    def _show(self, who: Ref, board: str, message: Message, *, same: bool = False) -> None:
        name = f"{board}/{who}"
        if name in self._boards and same:
            return
        if name not in self._boards:
            self._boards = (*self._boards, name)
        self.emit(Show(who, board, message))

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
