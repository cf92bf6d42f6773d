"""A walk through a shipped workflow: people say things, days pass, and what comes out is written down."""

from __future__ import annotations

import functools
import pathlib
import re

from engine.core.decide import decide, public_line
from engine.core.definition import Definition
from engine.core.effect import Ask, Decision, Effect, Post, Refusal, Show, Tell
from engine.core.event import Answered, Commanded, Due, Event, Facts, Left, Started
from engine.core.instance import Snapshot
from engine.core.message import Count, Message, Names, Phrase, Said, Text, When
from engine.core.values import DAY_MS, HOUR_MS, AnyValue, Moment, Persons, Picked, Ref, TextId, Words
from engine.loading.load import load_definition

WORKFLOWS = pathlib.Path(__file__).parents[2] / "workflows"
NOON_MS = 1_800_000_000_000 // DAY_MS * DAY_MS + 12 * HOUR_MS


@functools.cache
def shipped(name: str) -> Definition:
    """A shipped definition; its problems, if it has any, fail the test that wanted it."""
    loaded = load_definition(WORKFLOWS / f"{name}.yaml")
    assert isinstance(loaded, Definition), "\n".join(map(str, loaded))
    return loaded


class Walk:
    """One instance, its people (p1 is the starter), its time, and what else its circle has in use."""

    def __init__(self, definition: Definition, people: int = 5, in_use: tuple[str, ...] = ()) -> None:
        self.definition = definition
        self.in_use = in_use
        self.now_ms = NOON_MS
        self.room = tuple(Ref(f"p{n}") for n in range(1, people + 1))
        self.effects: list[Effect] = []
        self.heard: dict[str, list[str]] = {ref: [] for ref in self.room} | {"room": []}
        self.refused: str | None = None
        self._snapshot: Snapshot | None = None
        self._texts = 0

    # ── what happens ─────────────────────────────────────────────────────────

    def begin(self, **details: AnyValue) -> Walk:
        """The starter begins with these details."""
        return self._happen(Started(Ref("p1"), dict(details)))

    def answer(self, who: str, ask: str, choice: str | None = None) -> Walk:
        """Somebody answers with a choice, or (without one) in words."""
        text = None if choice is not None else self.words().text
        state = self.snapshot.asks[ask]
        return self._happen(Answered(ask, state.round, Ref(who), choice=choice, text=text))

    def give(self, who: str, detail: str, value: AnyValue) -> Walk:
        """Somebody answers the question for a detail."""
        ask = f"detail:{detail}"
        state = self.snapshot.asks[ask]
        match value:
            case Picked(choice=choice):
                event = Answered(ask, state.round, Ref(who), choice=choice)
            case Words(text=text):
                event = Answered(ask, state.round, Ref(who), text=text)
            case _:
                event = Answered(ask, state.round, Ref(who), value=value)
        return self._happen(event)

    def write(self, who: str, word: str) -> Walk:
        """Somebody writes a command."""
        return self._happen(Commanded(word, Ref(who)))

    def leave(self, who: str) -> Walk:
        """Somebody leaves the circle."""
        return self._happen(Left(Ref(who)))

    def wait(self, days: float) -> Walk:
        """Days pass, and everything that comes due in them comes due, in its order."""
        until_ms = self.now_ms + int(days * DAY_MS)
        for _ in range(1_000):
            timers = sorted(
                (t.due_ms, name, t.entry) for name, t in self.snapshot.timers.items() if t.due_ms <= until_ms
            )
            if not timers or self.snapshot.finished_ms is not None:
                break
            due_ms, name, entry = timers[0]
            self.now_ms = max(self.now_ms, due_ms)
            self._happen(Due(name, entry))
        else:
            raise AssertionError("timers without end")
        self.now_ms = until_ms
        return self

    def _happen(self, event: Event) -> Walk:
        facts = Facts(self.now_ms, self.now_ms, self.room, instance="i1", circle="c1", in_use=self.in_use)
        result = decide(self.definition, self._snapshot, event, facts)
        self.refused = result.reason if isinstance(result, Refusal) else None
        if isinstance(result, Decision):
            self._snapshot = result.snapshot
        self.effects = list(result.effects)
        for effect in self.effects:
            self._hear(effect)
        return self

    # ── what is there ────────────────────────────────────────────────────────

    @property
    def snapshot(self) -> Snapshot:
        """How it stands."""
        assert self._snapshot is not None, "not begun"
        return self._snapshot

    @property
    def state(self) -> str:
        """The present state."""
        return self.snapshot.state

    def asked(self, effects: list[Effect] | None = None) -> set[tuple[str, str]]:
        """Who was asked what by the last event."""
        found = self.effects if effects is None else effects
        return {(e.who, e.ask) for e in found if isinstance(e, Ask)}

    def told(self) -> set[str]:
        """Who was told something by the last event."""
        return {e.who for e in self.effects if isinstance(e, Tell)}

    def powers(self, who: str) -> set[str]:
        """The command words somebody has now."""
        return set(self.snapshot.powers.get(Ref(who), ()))

    def public(self) -> str | None:
        """The line that the circle sees."""
        line = public_line(self.definition, self.snapshot)
        return None if line is None else self.say(line)

    def words(self) -> Words:
        """Fresh words of somebody's own."""
        self._texts += 1
        return Words(TextId(f"t{self._texts}"))

    def at(self, days: float) -> Moment:
        """A moment, days from now."""
        return Moment(self.now_ms + int(days * DAY_MS))

    def say(self, phrase: Phrase) -> str:
        """A phrase in words, with its gaps filled plainly."""
        if phrase.digest is None:
            return f"[{phrase.key}]"
        text = self.definition.texts[phrase.key]
        return re.sub(r"<([^<>]+)>", lambda found: self._fill(phrase, found[1]), text)

    def _fill(self, phrase: Phrase, gap: str) -> str:
        match phrase.slots[gap]:
            case Names(who=who):
                return " and ".join(who) or "nobody yet"
            case Text(text=text):
                return f"«{text}»"
            case When(at_ms=at_ms):
                return f"day {(at_ms - NOON_MS) / DAY_MS:g}"
            case Count(n=n):
                return str(n)
            case Said(key=key):
                return self.definition.texts.get(key, f"[{key}]")
        raise AssertionError(gap)

    def _hear(self, effect: Effect) -> None:
        match effect:
            case (
                Ask(who=who, message=message)
                | Tell(who=who, message=message)
                | Show(who=who, message=message)
            ):
                self.heard[who].append(self._said(message))
            case Post(message=message):
                self.heard["room"].append(self._said(message))
            case _:
                pass

    def _said(self, message: Message) -> str:
        return "\n".join(self.say(line) for line in message.lines)


def people(*who: str) -> Persons:
    """People by reference."""
    return Persons(who)
