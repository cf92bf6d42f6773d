"""The curtain before answers that are hidden or unsigned: who is shown what, and from when on."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.definition import AskDef
from engine.core.effect import Ask, Mix, Settle
from engine.core.instance import AskState
from engine.core.message import AnySlot, Names, Phrase, Text
from engine.core.moments import resolve
from engine.core.notebook import LONGEST_MS, Notebook
from engine.core.phrasing import phrase
from engine.core.unsigned import mixed_message, sort_out, wish_message, wish_of
from engine.core.values import DAY_MS, Persons, Ref, TextId


class Curtain(Notebook):
    """A notebook that knows when answers are shown to those who may see them, and unsigned ones put together."""

    def _time_showing(self, ask: AskDef, state: AskState) -> None:
        if state.shown or state.unsigned or ask.hidden is None or ask.hidden.until is None:
            return
        at_ms = resolve(
            ask.hidden.until, self._details, entered_ms=self._entered_ms, opened_ms=state.opened_ms
        )
        self._set_timer(f"show:{ask.name}:{state.round}", at_ms if at_ms is not None else state.closes_ms)

    def _show_what_closed(self, name: str) -> None:
        """An ask has closed: what was hidden until then is shown, and what is unsigned is put together."""
        ask, state = self.definition.asks.get(name), self._asks[name]
        wishes = self._take_wishes(name)
        if ask is None or state.shown:
            return
        if state.unsigned:
            self._put_together(ask, state, wishes)
        elif ask.hidden is not None and ask.hidden.until_closed:
            self.show_answers(name)

    def show_answers(self, name: str) -> None:
        """Hidden answers are hidden no longer: words are passed on, in the order in which they were written."""
        ask, state = self.definition.asks.get(name), self._asks.get(name)
        if ask is None or state is None or state.shown or state.unsigned:
            return
        self._drop_timer(f"show:{name}:{state.round}")
        self._asks[name] = replace(state, shown=True)
        self._pass_all_on(ask)

    def _pass_all_on(self, ask: AskDef) -> None:
        answers = self._asks[ask.name].answers
        for who in sorted(answers, key=lambda ref: (answers[ref].at_ms, ref)):
            self.pass_words_on(ask, who)

    def pass_words_on(self, ask: AskDef, who: Ref) -> None:
        """Let those who see an answer see somebody's words, or that they are gone; nothing while it is hidden."""
        state = self._asks.get(ask.name)
        if state is None or not state.shown:
            return
        answer = state.answers.get(who)
        for reader in self._readers(ask):
            if reader == who:
                continue
            if answer is not None and answer.text is not None:
                slots: dict[str, AnySlot] = {"who": Names((who,)), "text": Text(answer.text)}
                self.show_words(ask.name, who, reader, Phrase("words_from", slots=slots))
            elif answer is not None and isinstance(answer.value, Persons):
                slots = {"who": Names((who,)), "named": Names(answer.value.who)}
                self.show_words(ask.name, who, reader, Phrase("names_from", slots=slots))
            elif self.has_shown_words(ask.name, who, reader):
                self.show_words(ask.name, who, reader, Phrase("text.gone"))

    def _take_wishes(self, ask: str) -> dict[Ref, str | None]:
        """What each of those who wrote wishes for if too few did; it is not kept beyond this."""
        wishes: dict[Ref, str | None] = {}
        for name in [each for each in self._asks if each.startswith(wish_of(ask, Ref("")))]:
            wishes.update((who, answer.choice) for who, answer in self._asks[name].answers.items())
            self._drop_wish(name)
        return wishes

    def _put_together(self, ask: AskDef, state: AskState, wishes: dict[Ref, str | None]) -> None:
        """Unsigned answers are closed: mix them if enough have come, else keep those who show their names.

        From here on nothing leads from a mixed answer to who wrote it.
        """
        readers = self._readers(ask)
        found = sort_out(state, readers, wishes)
        if not found.mixed:
            self._asks[ask.name] = replace(state, answers=found.named, shown=True, unsigned=0)
            self._pass_all_on(ask)
            return
        under = tuple(
            TextId(f"{self._old.id}:{self._version}:{ask.name}:{n}") for n in range(len(found.mixed))
        )
        self._asks[ask.name] = replace(state, answers={}, shown=True, released=len(under), texts=under)
        kept_ms = (ask.keep_days or 0) * DAY_MS if ask.kept_from_answer else LONGEST_MS
        self.emit(Mix(found.mixed, under, self.now_ms + kept_ms))
        message = mixed_message(phrase(self, f"{ask.name}.say"), under)
        for reader in readers:
            self._show(reader, f"words:{ask.name}:{state.round}:mixed", message)

    def follow_wish(self, ask: str, who: Ref) -> None:
        """Whoever has written unsigned is asked, once, what shall happen if too few do; nobody else is."""
        state, name = self._asks[ask], wish_of(ask, who)
        if state.settled or not state.unsigned:
            return
        answer = state.answers.get(who)
        if answer is None or answer.text is None:
            if name in self._asks:
                self._drop_wish(name)
            return
        if name in self._asks:
            return
        known = self.definition.asks[ask]
        self._asks[name] = AskState(
            round=state.round,
            opened_ms=self.now_ms,
            closes_ms=state.closes_ms,
            changeable_ms=state.closes_ms,
            asked=(who,),
        )
        self.emit(
            Ask(
                who=who,
                ask=name,
                round=state.round,
                message=wish_message(state.unsigned, state.closes_ms, sensitive=known.sensitive),
                expects="choice",
                words=False,
                closes_ms=state.closes_ms,
                changeable_ms=state.closes_ms,
                urgency="reply",
                personal=True,
                reminds=False,
            )
        )

    def _drop_wish(self, name: str) -> None:
        """A wish leaves no trace: even that somebody had one would say that they wrote."""
        state = self._asks.pop(name)
        for who in state.asked:
            self.emit(Settle(who, name, state.round))
