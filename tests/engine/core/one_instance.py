"""One instance of a made-up workflow: what happens to it, and what comes of it. ``p1`` is its starter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.core.decide import decide
from engine.core.definition import (
    AskDef,
    Choice,
    Definition,
    DetailDef,
    Part,
    PartDef,
    Source,
    Starter,
    StateDef,
)
from engine.core.effect import Ask, Confirm, Decision, Effect, Post, Refusal, Show, Tell
from engine.core.event import Answered, Commanded, Due, Event, Facts, Left, Started, TookBack
from engine.core.instance import Snapshot
from engine.core.limits import USUAL
from engine.core.message import Phrase
from engine.core.values import DAY_MS, AnyValue, Ms, Persons, Ref, TextId

NOON_MS = 1_800_273_600_000
"""Monday 2027-01-18 12:00 UTC."""
YES = (Choice("yes", "✅"), Choice("maybe", "🤔"))


def workflow(
    *states: StateDef,
    parts: dict[str, Sequence[Source]] | None = None,
    asks: Iterable[AskDef] = (),
    details: Iterable[DetailDef] = (),
    texts: dict[str, str] | None = None,
    **more: Any,
) -> Definition:
    """A definition with a part ``host`` for its starter, the state ``over``, and a text for every key."""
    known = {"host": (Starter(),)} | {name: tuple(of) for name, of in (parts or {}).items()}
    over = StateDef("over", final=True, outcome="over")
    fields: dict[str, Any] = {
        "name": "made_up",
        "title": "Made up",
        "about": "",
        "digest": "",
        "begins_with": "made up",
        "parts": tuple(PartDef(name, of) for name, of in known.items()),
        "details": {detail.name: detail for detail in details},
        "asks": {ask.name: ask for ask in asks},
        "states": {state.name: state for state in (*states, over)},
        "start": states[0].name,
        "texts": {"over": "It is over."} | (texts or {}),
        "gaps": {},
    } | more
    definition = Definition(**fields)
    digest = f"{hash(repr(definition)):x}"
    return Definition(**(fields | {"digest": digest}))


def question(name: str, to: str, **more: Any) -> AskDef:
    """An ask to a part, with a yes and a maybe unless it wants something else."""
    choices = () if more.get("words") or more.get("naming") else YES
    return AskDef(name, Part(to), **({"choices": choices} | more))


class Course:
    """What happens to one instance, event after event."""

    def __init__(self, definition: Definition, *, room: Iterable[str] = (), **groups: Sequence[str]) -> None:
        """``groups``: who the parts are that lie outside."""
        self.definition = definition
        self.now_ms = NOON_MS
        self.room = tuple(Ref(who) for who in room)
        self.groups = {part: tuple(Ref(who) for who in people) for part, people in groups.items()}
        self.seed = 0
        self.in_use: tuple[str, ...] = ()
        self.lately: dict[str, dict[Ref, Ms]] = {}
        self.limits = USUAL
        self.effects: tuple[Effect, ...] = ()
        self.refused: str | None = None
        self._snapshot: Snapshot | None = None
        self._texts = 0

    # ── what happens ─────────────────────────────────────────────────────────

    def begin(self, **details: AnyValue) -> Course:
        return self.happen(Started(Ref("p1"), dict(details)))

    def answer(self, who: str, ask: str, choice: str | None = None, *, late_ms: int = 0) -> Course:
        """Somebody chooses; ``late_ms``: so much earlier than it comes to us."""
        event = Answered(ask, self.snapshot.asks[ask].round, Ref(who), choice=choice)
        return self.happen(event, late_ms=late_ms)

    def write(self, who: str, ask: str) -> Course:
        """Somebody answers in words of their own."""
        self._texts += 1
        text = TextId(f"t{self._texts}")
        return self.happen(Answered(ask, self.snapshot.asks[ask].round, Ref(who), text=text))

    def name(self, who: str, ask: str, *people: str) -> Course:
        """Somebody answers by naming people."""
        value = Persons(people)
        return self.happen(Answered(ask, self.snapshot.asks[ask].round, Ref(who), value=value))

    def give(self, who: str, detail: str, value: AnyValue) -> Course:
        """Somebody answers the question for a detail."""
        ask = f"detail:{detail}"
        return self.happen(Answered(ask, self.snapshot.asks[ask].round, Ref(who), value=value))

    def take_back(self, who: str, ask: str) -> Course:
        return self.happen(TookBack(ask, self.snapshot.asks[ask].round, Ref(who)))

    def command(self, who: str, word: str) -> Course:
        return self.happen(Commanded(word, Ref(who)))

    def leave(self, who: str) -> Course:
        return self.happen(Left(Ref(who)))

    def ring(self, timer: str) -> Course:
        """Time passes until a timer rings."""
        waiting = self.snapshot.timers[timer]
        self.now_ms = max(self.now_ms, waiting.due_ms)
        return self.happen(Due(timer, waiting.entry))

    def pass_days(self, days: int) -> Course:
        """Time passes and nothing happens."""
        self.now_ms += days * DAY_MS
        return self

    def happen(self, event: Event, *, late_ms: int = 0) -> Course:
        facts = Facts(
            now_ms=self.now_ms,
            occurred_ms=self.now_ms - late_ms,
            room=self.room,
            instance="i1",
            circle="c1",
            seed=self.seed,
            groups=self.groups,
            in_use=self.in_use,
            lately=self.lately,
            limits=self.limits,
        )
        result = decide(self.definition, self._snapshot, event, facts)
        self.refused = result.reason if isinstance(result, Refusal) else None
        if isinstance(result, Decision):
            self._snapshot = result.snapshot
        self.effects = result.effects
        return self

    def stand(self, snapshot: Snapshot) -> Course:
        """It stands as nothing that happened could have brought it about."""
        self._snapshot = snapshot
        return self

    # ── what came of it ──────────────────────────────────────────────────────

    @property
    def snapshot(self) -> Snapshot:
        assert self._snapshot is not None, "not begun"
        return self._snapshot

    @property
    def state(self) -> str:
        return self.snapshot.state

    def asked(self, ask: str) -> list[str]:
        """Whom the last event asked this."""
        return [e.who for e in self.effects if isinstance(e, Ask) and e.ask == ask]

    def told(self, key: str) -> list[str]:
        """Whom the last event told this."""
        return [e.who for e in self.effects if isinstance(e, Tell) and e.message.lines[0].key == key]

    def shown(self, who: str) -> list[Phrase]:
        """The first lines of what the last event showed somebody."""
        return [e.message.lines[0] for e in self.effects if isinstance(e, Show) and e.who == who]

    def posted(self) -> list[list[str]]:
        """The keys of what the last event put into the room."""
        return [[line.key for line in e.message.lines] for e in self.effects if isinstance(e, Post)]

    def confirmed(self) -> Phrase:
        """How the last answer was confirmed."""
        (found,) = [e.line for e in self.effects if isinstance(e, Confirm)]
        return found
